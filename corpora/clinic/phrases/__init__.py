"""What is said in the clinic: one file of phrases per emotion, and one each for plain answers and for clinicians.

In a phrase, square brackets hold the words that carry the emotion; braces name a slot of `corpora.clinic.slots`. For
each topic there are mild, clear and strong phrases.
"""
