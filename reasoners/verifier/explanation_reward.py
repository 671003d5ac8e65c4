"""The explanation reward of ERV: which share of an explanation's sentences speaks of the label's emotion?

With g the label's index and a sentence neutral if it speaks of exactly {neutral}:

| label | reward | where the denominator is empty |
|---|---|---|
| not neutral | sentences that speak of g / sentences that are not neutral | 0 |
| neutral | sentences that speak of g / sentences | 0 |

It sees neither sound nor pictures: it rewards agreement with the *label*, which is coherence and no causal
faithfulness. It pays for more than it means to (docs/verifier.md has the table): one emotive sentence earns 1, neutral
sentences cost nothing, and the label's own name is the shortest way. `guarded_reward` does not pay for these.

Source: Rha et al. 2026 (ERV), released code (`think_step`).
"""

from __future__ import annotations

from collections.abc import Sequence

from reasoners.verifier.emotions import NEUTRAL
from reasoners.verifier.reading import Reader, spoken
from reasoners.verifier.sentences import sentences


def explanation_reward(explanation: str, label: int, *, reader: Reader) -> float:
    """Return the reward of what stands between the thinking tags, 0 to 1; `label` is an index of the verifier."""
    told = sentences(explanation)
    sets = [spoken(row) for row in reader.probabilities(told)] if told else []
    return share_of(sets, label)


def share_of(sets: Sequence[frozenset[int]], label: int) -> float:
    """Return the reward of sentences whose emotions are known.

    >>> share_of([frozenset({17}), frozenset({27}), frozenset({25, 17}), frozenset({2})], 17)
    0.6666666666666666
    >>> share_of([frozenset({27}), frozenset({17})], 27), share_of([frozenset({27})], 17)
    (0.5, 0.0)
    """
    counted = [found for found in sets if label == NEUTRAL or found != {NEUTRAL}]
    return sum(label in found for found in counted) / len(counted) if counted else 0.0
