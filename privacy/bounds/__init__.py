"""How much must a mechanism have leaked, given how well an attack did? Lower bounds of epsilon beside their ceilings.

A bound speaks against a promise and never for one: an attack that fails shows only that this attack failed. Every bound
has its ceiling beside it, the most that so many canaries could have shown if the attack were perfect.
"""
