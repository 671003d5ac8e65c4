"""Noise at the server, or added by the sites for it: for whom, how much, and what its ledger says."""
