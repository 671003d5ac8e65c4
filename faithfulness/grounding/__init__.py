"""Was what a rationale says it saw and heard really there? Cues of rationales against measured evidence."""
