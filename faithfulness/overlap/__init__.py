"""How much does a rationale share with what people wrote of the same utterance: the clues, and the emotions?

This is *plausibility*: a rationale may say what people say without having caused anything. After EMER, with what its
own scores lack: its clue score compares emotional states, not clues, and its reply "1-10" reads as a 1.
"""
