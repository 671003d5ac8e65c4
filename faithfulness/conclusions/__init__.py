"""What emotion does a rationale conclude with, read alone, and does it agree with the answer and with the label?

This is *coherence*, not causal faithfulness: nobody looks at sound or pictures, and a rationale may agree with the
answer without having caused it. A judge that cannot tell abstains; an abstention is counted and is never `neutral`.
"""
