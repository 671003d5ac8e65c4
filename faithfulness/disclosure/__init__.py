"""Does a rationale disclose what moved the answer? Words put in, hints given, and whether they are owned up to."""
