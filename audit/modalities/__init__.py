"""Through which modality does a gap come: a game over the modalities, its shares and its costs."""
