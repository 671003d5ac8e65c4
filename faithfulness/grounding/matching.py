"""Holds what rationales state against what was there, and adds it up by aspect.

| the rationale | somebody looked, and it was there | it was not there | its contrary was | nobody looked |
|---|---|---|---|---|
| states a cue | supported | unsupported | contradicted | unknown |
| denies a cue | contradicted | supported | supported | unknown |

What is contradicted is unsupported too. A cue of a modality that the condition does not show, or of turns before the
first, is unsupported whether or not it was there: the reasoner cannot have seen it. Unknown is neither: it is counted
apart and is in no rate but its own.

Recall counts salient cues (seen, and shown) that are stated, or one akin to them is. Words have no recall: nobody says
which of them had to be quoted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.conditions import Condition
from affidavit.confusion import FloatArray
from affidavit.measured_cues import ASPECTS
from faithfulness.grounding.evidence import Evidence
from faithfulness.grounding.judged import NOBODY, Judged, Told
from faithfulness.grounding.transcripts import Words, said_in
from faithfulness.grounding.vocabulary import BoolArray, IntArray

SHOWN_BY: Final = {"face": "V", "tone": "A", "content": "TA", "scene": "AV"}
"""Letters of the modalities that show an aspect: words can be read or heard, a scene seen or heard."""
_CONTENT: Final = ASPECTS.index("content")
_AT_ONCE: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matched:
    """Counts by judgement and aspect, [N, 4] each."""

    checked: FloatArray
    supported: FloatArray
    contradicted: FloatArray
    unknown: FloatArray
    salient: FloatArray
    recalled: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scales:
    """What atoms are held against: evidence, rationales, and what the condition shows."""

    evidence: Evidence
    judged: Judged
    told: Told
    unshown: BoolArray
    """[C]: cues of modalities that the condition does not show."""
    words_shown: bool


def scales_of(evidence: Evidence, judged: Judged, told: Told, condition: str) -> Scales:
    """Return the scales of a condition; one that names no modality shows everything."""
    letters = Condition.parse(condition).modalities
    hidden = [aspect for aspect in ASPECTS if letters and not letters & set(SHOWN_BY[aspect])]
    unshown = np.zeros(len(evidence.vocabulary.entries), dtype=bool)
    for aspect in hidden:
        unshown |= evidence.vocabulary.of(aspect)
    return Scales(evidence=evidence, judged=judged, told=told, unshown=unshown, words_shown="content" not in hidden)


def matched(scales: Scales, text: IntArray) -> Matched:
    """Return what rationales `text` [N] get beside the evidence of the judged utterances; `NOBODY` states nothing."""
    found = [_some(scales, text[part], part) for part in _parts(len(text))]
    return Matched(
        **{name: np.concatenate([getattr(each, name) for each in found]) for name in Matched.__dataclass_fields__}
    )


def _parts(n: int) -> Iterator[slice]:
    yield from (slice(start, start + _AT_ONCE) for start in range(0, max(n, 1), _AT_ONCE))


def _some(scales: Scales, text: IntArray, part: slice) -> Matched:
    evidence, who = scales.evidence, scales.judged.utterance[part]
    there = (text != NOBODY)[:, None]
    stated, denied = scales.told.stated[text] & there, scales.told.denied[text] & there
    hidden = evidence.unshown[who] | scales.unshown
    known, present = evidence.known[who] & ~hidden, evidence.present[who]
    either = stated.astype(np.int8) + denied
    salient = evidence.salient[who] & ~scales.unshown
    akin = (stated.astype(np.float32) @ evidence.vocabulary.akin.astype(np.float32)) > 0
    agreed = (stated & present & known).astype(np.int8) + (denied & known & ~present)
    against = (stated & known & ~present & evidence.contradicted[who]).astype(np.int8) + (denied & known & present)
    quoted = _quoted(scales, text, who)
    unread = scales.told.unread[text] * there
    by_aspect = _by_aspect(scales)
    return Matched(
        checked=(either * (known | hidden)) @ by_aspect + quoted[0],
        supported=agreed @ by_aspect + quoted[1],
        contradicted=against @ by_aspect + quoted[2],
        unknown=(either * ~(known | hidden)) @ by_aspect + quoted[3] + unread,
        salient=salient @ by_aspect,
        recalled=(salient & akin) @ by_aspect,
    )


def _by_aspect(scales: Scales) -> FloatArray:
    """Return which cue [C] is of which aspect [4]."""
    return np.eye(len(ASPECTS))[scales.evidence.vocabulary.aspect]


def _quoted(scales: Scales, text: IntArray, who: IntArray) -> FloatArray:
    """Return quotations checked, supported, contradicted and unknown, [4, N, 4]: in the column of content."""
    counts = np.zeros((4, len(text), len(ASPECTS)))
    for i, (place, utterance) in enumerate(zip(text, who, strict=True)):
        quotes = () if place == NOBODY else scales.told.atoms[place].quotes
        if not quotes:
            continue
        said = scales.evidence.said.get(int(utterance))
        for quote in quotes:
            counts[:, i, _CONTENT] += _one_quote(quote.words, said, denied=quote.denied, shown=scales.words_shown)
    return counts


def _one_quote(quote: Words, said: Sequence[Words] | None, *, denied: bool, shown: bool) -> tuple[int, int, int, int]:
    if not shown:
        return 1, 0, 0, 0
    if said is None:
        return 0, 0, 0, 1
    there = any(said_in(quote, words) for words in said)
    return 1, int(there != denied), int(there and denied), 0
