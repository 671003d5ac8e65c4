"""What a completion earns, R = R_format + R_accuracy + R_explanation without weights, and what is told beside it.

A reward that rises says that the reward rises. Told with it: how long reasons are, how many of their sentences are
emotive, and how often they name an emotion outright, so that a policy that learnt to please the verifier is seen.

Source: Rha et al. 2026 (ERV).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

import numpy as np

from reasoners.grpo.accuracy_reward import accuracy_reward
from reasoners.grpo.format_reward import format_reward
from reasoners.verifier.emotions import NEUTRAL, targets_of
from reasoners.verifier.explanation_reward import explanation_reward
from reasoners.verifier.guarded_reward import guarded_reward
from reasoners.verifier.masking import label_words
from reasoners.verifier.reading import Reader, spoken
from reasoners.verifier.sentences import sentences

Explained = Literal["plain", "guarded", "none"]
_THOUGHT: Final = re.compile(r"<think>(.*?)</think>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What one completion earned, and how it earned it."""

    format: float
    accuracy: float
    explanation: float
    words: int
    """Words of the reasons."""
    emotive_sentences: int
    """Sentences that do not read as neutral alone."""
    emotion_words: int
    """Words of the reasons that name an emotion."""

    @property
    def total(self) -> float:
        """The sum, without weights."""
        return self.format + self.accuracy + self.explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewards:
    """The three rewards of a training."""

    reader: Reader | None
    """The verifier; None where explanations are not rewarded."""
    explanation: Explained
    targets: Mapping[str, int]
    """From label to the verifier's index."""

    @classmethod
    def of(cls, labels: Sequence[str], *, reader: Reader | None, explanation: Explained) -> Rewards:
        """Return the rewards for a label space.

        Raises:
            RowError: explanations are rewarded, and the verifier has no index for a label.
        """
        targets = {} if explanation == "none" else targets_of(labels, where="the labels that are rewarded")
        return cls(reader=reader, explanation=explanation, targets=targets)

    def of_one(self, completion: str, label: str) -> Reward:
        """Return what a completion about a turn with this label earns."""
        reasons = thought(completion)
        told = sentences(reasons)
        sets = [] if self.reader is None or not told else [spoken(row) for row in self.reader.probabilities(told)]
        return Reward(
            format=format_reward(completion),
            accuracy=accuracy_reward(completion, label),
            explanation=self._explained(reasons, label),
            words=len(reasons.split()),
            emotive_sentences=sum(found != {NEUTRAL} for found in sets),
            emotion_words=label_words(reasons),
        )

    def _explained(self, reasons: str, label: str) -> float:
        if self.reader is None or self.explanation == "none":
            return 0.0
        reward = explanation_reward if self.explanation == "plain" else guarded_reward
        return reward(reasons, self.targets[label], reader=self.reader)


def thought(completion: str) -> str:
    """Return what stands between the first pair of thinking tags; nothing where there is none.

    >>> thought("<think>It laughs.</think><answer>joy</answer>"), thought("<think>It")
    ('It laughs.', '')
    """
    found = _THOUGHT.search(completion)
    return "" if found is None else found[1].strip()


def told_rewards(rewards: Sequence[Reward]) -> dict[str, float]:
    """Return the means over completions, under the names that a card and a log use."""
    rows = [{"reward": reward.total, **asdict(reward)} for reward in rewards]
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]} if rows else {}
