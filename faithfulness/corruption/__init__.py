"""Does the answer hang on the reasoning that was written before it? Reasoning cut, spoilt, reworded and emptied."""
