"""Attacks what was released: which withheld counts follow from the tables that an attacker would hold?

It shares no decision with `affidavit.disclosure`, which makes releases: it reads what is told, writes down every linear
statement that follows from it, and asks for each withheld count which whole numbers are left.
"""
