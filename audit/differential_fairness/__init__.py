"""By what factor does belonging to a group change the chance of a label?"""
