"""Reference rationales of RECCON: sentences that name the label and quote what annotators marked as its cause.

They say no more than the annotation does, in few and steady words, so that a small writer can learn to quote. A turn of
which nothing was marked has none: nobody said why it is neutral.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.utterances import Cue

MOST_QUOTES: Final = 2
MOST_QUOTED: Final = 8
"""Words of a quote."""


def quoting_rationale(label: str, cues: Sequence[Cue], turns: Sequence[str]) -> str | None:
    """Return the rationale of the last of `turns` (ids, the first one first), or None where there is nothing to quote.

    Cues of later turns are not quoted.

    >>> cue = Cue(modality="text", quote="I passed !")
    >>> quoting_rationale("happiness", [cue], ["d-1"])
    'Happiness. The words of this turn say "I passed".'
    >>> quoting_rationale("neutral", [], ["d-1"])
    """
    known = [cue for cue in cues if cue.utterance_id is None or cue.utterance_id in turns]
    said = [f'the words of {_where(cue, turns)} say "{_short(cue.quote)}"' for cue in known[:MOST_QUOTES]]
    why = " and ".join(said)
    return f"{label.capitalize()}. {why[0].upper()}{why[1:]}." if said else None


def _where(cue: Cue, turns: Sequence[str]) -> str:
    if cue.utterance_id is None or cue.utterance_id == turns[-1]:
        return "this turn"
    return "the turn before" if cue.utterance_id == turns[-2] else "an earlier turn"


def _short(quote: str) -> str:
    return " ".join(quote.replace('"', "'").split()[:MOST_QUOTED]).rstrip(" ,.;!?")
