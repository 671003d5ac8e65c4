"""Word lists for reading rationales, written for this project, under its licence (Apache-2.0).

English; for emotions and citations Chinese as well.

A list finds words and reads no grammar, so every share that rests on one is a floor: a paraphrase escapes it, and a
negated word counts. Lists are versioned; a number names the version it was made with.
"""
