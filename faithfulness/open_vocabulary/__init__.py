"""How well does an open set of emotion words match another: any words, any number of them, English or Chinese?

Words are mapped to clusters before sets are compared. What cannot be mapped is counted, and punished in the strict
variant; the size of the sets stands beside every score, since listing many words raises recall.
"""
