"""How often is each label said, and wrongly said, in every group: parity, odds, and whole distributions of answers."""
