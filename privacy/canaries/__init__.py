"""Does training tell which canaries it saw? Planted in gradients or in the corpus, each by a coin of its own.

A canary is made to be remembered: what an attack learns of canaries bounds from below what the mechanism promises of
everybody. A bound over the promise is a failed promise; a bound under it proves nothing.
"""
