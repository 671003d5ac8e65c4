"""Does citing a modality go with that modality mattering? From judgements and rationales in a table alone."""
