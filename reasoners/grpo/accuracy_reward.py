"""The accuracy reward: 1 where the answer between its tags is the label, whatever its case and the marks around it.

An answer in a sentence, a word that stands for the label, and two answers earn nothing: unlike judging, which mends
what it can read, training rewards what was asked for.

Source: Rha et al. 2026 (ERV), as R1-Omni (Zhao et al. 2025).
"""

from __future__ import annotations

import re
from typing import Final

_ANSWER: Final = re.compile(r"<answer>([^<]*)</answer>")
_AROUND: Final = re.compile(r"^[\W_]+|[\W_]+$")


def accuracy_reward(completion: str, label: str) -> float:
    """Return 1 or 0.

    >>> [accuracy_reward(f"<answer>{said}</answer>", "joy") for said in ("joy", " Joy. ", "It is joy", "happy")]
    [1.0, 1.0, 0.0, 0.0]
    """
    answers = _ANSWER.findall(completion)
    return float(len(answers) == 1 and _plain(answers[0]) == _plain(label))


def _plain(text: str) -> str:
    return " ".join(_AROUND.sub("", text).casefold().replace("_", " ").split())
