"""Which emotion does a word name? English and Chinese words by cluster, openly licensed, from one readable file.

The words were written for this project (Apache-2.0), in place of the emotion wheels whose licence forbids reuse. A
word has one place; where readers may choose another, the file names it, so that the ambiguity of a text can be counted.
Whoever has a better list brings it as a file of the same layout (`load_lexicon`).
"""
