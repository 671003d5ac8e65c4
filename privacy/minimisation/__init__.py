"""Which modalities could be left away: what is lost without each, and what each tells of people."""
