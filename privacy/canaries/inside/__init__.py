"""What does a private training do, seen from inside? Canary gradients in steps of the very code that trains.

Steps are taken again, now, with the options of a training that is over: what is found is true of the mechanism as it
runs with these options, and not of the run that was.
"""
