"""The emotion verifier: which emotions a sentence speaks of, and what an explanation earns by it (ERV)."""
