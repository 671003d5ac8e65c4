"""Transparent reasoners: which modality an answer rests on is written in their code, so its truth needs no model.

Their law: an answer is a function of a finite pattern (what each modality tells, which modality leads, what is shown,
who speaks), computed once for every pattern. What was used is therefore known for each utterance, and every expected
rate is a sum over patterns.
"""
