"""What each judgement adds to the sums, and the statistics that are functions of them.

Sums are [..., 1 + 4 x 14]: the judgements, then for each aspect what the rationale itself gets (checked, supported,
contradicted, unknown, salient, recalled) and what its controls would: rationales of other utterances with the same
answer (checked, supported, salient, recalled; the mean over the stand-ins), as many cues drawn at random (checked,
supported), and a rationale that mentions everything (checked, supported).

| control | what it states | formula |
|---|---|---|
| shuffled | what others with the same answer stated | the mean over up to 8 of them |
| random | as many cues as were stated and denied, of all that were looked for | expected: share that was there |
| template | every cue that was looked for | supported: all that was there; its recall is 1 |

Random and template have no words to quote, so their numbers are of face, tone and scene.

Source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from affidavit.measured_cues import ASPECTS
from faithfulness.grounding.judged import NOBODY, SHUFFLES
from faithfulness.grounding.matching import Scales, matched
from faithfulness.grounding.vocabulary import IntArray

OWN: Final = ("checked", "supported", "contradicted", "unknown", "salient", "recalled")
_DEALT: Final = ("checked", "supported", "salient", "recalled")
PARTS: Final = (
    *OWN,
    *(f"{part}_shuffled" for part in _DEALT),
    *("checked_random", "supported_random", "checked_template", "supported_template"),
)
WIDTH: Final = 1 + len(ASPECTS) * len(PARTS)
SOURCE: Final = "cue grounding"
SHUFFLED: Final = "rationales of other utterances with the same answer"
RANDOM: Final = "as many cues drawn at random, in expectation"
TEMPLATE: Final = "a rationale that mentions everything"


def sums_of(scales: Scales, partners: IntArray) -> FloatArray:
    """Return what each judgement adds, [N, WIDTH]; `partners` are the stand-ins of each [N, SHUFFLES]."""
    own = matched(scales, scales.judged.text)
    parts = {name: getattr(own, name) for name in OWN}
    parts |= _shuffled(scales, partners) | _constant(scales)
    stacked = np.stack([parts[name] for name in PARTS], axis=2)  # [N, 4, parts]
    return np.concatenate([np.ones((len(stacked), 1)), stacked.reshape(len(stacked), -1)], axis=1)


def _shuffled(scales: Scales, partners: IntArray) -> dict[str, FloatArray]:
    totals = {name: np.zeros((len(partners), len(ASPECTS))) for name in _DEALT}
    often = (partners != NOBODY).sum(axis=1)
    for shift in range(SHUFFLES):
        other = partners[:, shift]
        if (other == NOBODY).all():
            continue
        there = other != NOBODY
        found = matched(scales, np.where(there, scales.judged.text[other], NOBODY))
        for name in _DEALT:
            totals[name] += getattr(found, name) * there[:, None]
    share = np.where(often > 0, 1.0 / np.maximum(often, 1), 0.0)[:, None]
    return {f"{name}_shuffled": total * share for name, total in totals.items()}


def _constant(scales: Scales) -> dict[str, FloatArray]:
    """Return what random rationales get in expectation, and what the template gets."""
    evidence, told, who = scales.evidence, scales.told, scales.judged.utterance
    by_aspect = np.eye(len(ASPECTS))[evidence.vocabulary.aspect]
    asked = evidence.known & evidence.vocabulary.base & ~scales.unshown
    n_asked = (asked @ by_aspect)[who]
    n_there = ((asked & evidence.present) @ by_aspect)[who]
    share = np.where(n_asked > 0, n_there / np.maximum(n_asked, 1), 0.0)
    text = scales.judged.text
    countable = evidence.vocabulary.countable[:, None] * by_aspect
    stated, denied = told.stated @ countable, told.denied @ countable
    drawn = n_asked > 0
    return {
        "checked_random": (stated + denied)[text] * drawn,
        "supported_random": (stated[text] * share + denied[text] * (1 - share)) * drawn,
        "checked_template": n_asked,
        "supported_template": n_there,
    }


def rate(
    name: str, part: Sequence[str], whole: Sequence[str], *, better: bool | None, aspects: Sequence[str] = ASPECTS
) -> Statistic:
    """Return a rate over atoms: sums of parts (`-part` is taken away) over sums of others."""
    plain = ratio_statistic(
        name, _weights(part, aspects), _weights(whole, aspects), source=_source(name), higher_is_better=better
    )
    return replace(plain, counts_rows=False)  # the denominator counts atoms, and a rationale has several


def excess(name: str) -> Statistic:
    """Return cue precision less that of the stand-ins."""
    supported, checked = _weights(["supported"], ASPECTS), _weights(["checked"], ASPECTS)
    dealt, held = _weights(["supported_shuffled"], ASPECTS), _weights(["checked_shuffled"], ASPECTS)

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return divide(sums @ supported, sums @ checked) - divide(sums @ dealt, sums @ held)

    return Statistic(name=name, value=value, low=-1.0, high=1.0, higher_is_better=True, source=SHUFFLED)


def per_rationale(name: str, part: Sequence[str], *, aspects: Sequence[str] = ASPECTS) -> Statistic:
    """Return how many atoms a rationale has."""
    one = np.eye(WIDTH)[0]
    return ratio_statistic(name, _weights(part, aspects), one, source=SOURCE, higher_is_better=None, high=None)


def _source(name: str) -> str:
    endings = {"_shuffled": SHUFFLED, "_random": RANDOM, "_template": TEMPLATE}
    return next((source for ending, source in endings.items() if name.endswith(ending)), SOURCE)


def _weights(parts: Sequence[str], aspects: Sequence[str]) -> FloatArray:
    blocks = np.zeros((len(ASPECTS), len(PARTS)))
    for part in parts:
        sign = -1.0 if part.startswith("-") else 1.0
        for aspect in aspects:
            blocks[ASPECTS.index(aspect), PARTS.index(part.removeprefix("-"))] += sign
    return np.concatenate([[0.0], blocks.ravel()])
