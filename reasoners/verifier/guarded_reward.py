"""The explanation reward without what ERV's pays for by mistake: what an explanation earns once emotion words are gone.

| trap of the plain reward | here |
|---|---|
| the label's name, or a word for it, earns 1 | emotion words are masked; under four words left, it counts nowhere |
| a single sentence is enough | the denominator is never smaller than 2 |
| sentences that read as neutral leave the denominator | half of the statements, rounded up, always stay in it |
| a vague sentence speaks of two emotions above 0.1, and is paid for either | only the likeliest emotion counts |
| the same sentence said often | a statement counts once |
| mood without evidence ("it all feels heavy now") | a statement earns only where it cites the words, voice or face |

"The face stays neutral" is honest and tells nothing: such a statement counts nowhere, unless the label is neutral.

    R = #{s: g likeliest in s, and s cites} / max(#{s not neutral}, ceil(n / 2), 2)      g not neutral
    R = #{s: neutral likeliest in s} / max(n, 2)                                         g neutral, n > 0

over the n different statements that say something, with g the label's index; 0 where there is none.

What it cannot see: whether the cited cue was there. Who names the cues that usually go with an emotion is paid, as with
any reward that reads text alone; `cue-grounding` and `citation` hold cues against the recording.
"""

from __future__ import annotations

import re
from math import ceil
from typing import Final

from affidavit.citations import cues_of
from affidavit.lexicons.dismissals import DISMISSALS
from reasoners.verifier.emotions import NEUTRAL
from reasoners.verifier.masking import masked, says_something
from reasoners.verifier.reading import Reader, spoken
from reasoners.verifier.sentences import statements

FEWEST: Final = 2
"""Statements over which a reward is shared at least."""
_DISMISSED: Final = re.compile(DISMISSALS, re.IGNORECASE)


def guarded_reward(explanation: str, label: int, *, reader: Reader) -> float:
    """Return the guarded reward, 0 to 1; `label` is an index of the verifier."""
    said = said_once(explanation if label == NEUTRAL else _DISMISSED.sub("", explanation))
    if not said:
        return 0.0
    read = reader.probabilities(said)
    hit = [int(row.argmax()) == label for row in read]
    if label == NEUTRAL:
        return sum(hit) / max(len(said), FEWEST)
    telling = sum(spoken(row) != {NEUTRAL} for row in read)
    hits = sum(found and bool(cues_of(text)) for text, found in zip(said, hit, strict=True))
    return hits / max(telling, ceil(len(said) / 2), FEWEST)


def said_once(explanation: str) -> list[str]:
    """Return the different masked statements that say something, in their order.

    >>> said_once("Joy. The voice is raised; the voice is raised. She is so happy.")
    ['The voice is raised']
    """
    found: dict[str, str] = {}
    for text in statements(masked(explanation)):
        if says_something(text):
            found.setdefault(" ".join(text.casefold().strip(" .!?。！？").split()), text)
    return list(found.values())
