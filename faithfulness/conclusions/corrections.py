"""Rates of coherence without the judge's errors, from the judgements that people have read as well.

Each rate is a yes or no about a judgement (its rationale concludes with its answer). Where people read the rationale
too, their yes or no is known, so that the judge's sensitivity and specificity are, and the rate over all judgements is
corrected for them (Rogan, Gladen 1978). Sums add over rows and units: replicates draw a unit's judgements and its
gold together, so that intervals hold the uncertainty of the judge's errors too.

A corrected rate near 0 or 1 may come out beyond. Intervals are made of it as it came out and cut to 0 and 1 at the end:
what is cut first does not vary where it matters (simulated at level 0.95, rates of 0.9 and 0.95, judge right 8 times of
10, people's readings of a quarter of 12 to 40 speakers: 0.81 to 0.88 cut first, 0.94 to 0.97 cut last).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, Statistic
from affidavit.examinations import Claim, pending
from affidavit.records import Interval
from faithfulness.conclusions.consistency import Answers
from faithfulness.conclusions.gold import CANNOT_TELL, NONE
from faithfulness.conclusions.judge import ABSTAINED
from faithfulness.conclusions.reliability import agreement_sums, binary_sums, cohen_kappa, corrected_rate
from faithfulness.conclusions.sums import EEA, EPC, FCR, WRONG_REASON

KAPPA: Final = "judge_kappa"
KAPPA_SOURCE: Final = "Cohen 1960, over judgements that people read and the judge concluded from"
CORRECTED_SOURCE: Final = "Rogan, Gladen 1978"
DRAWN: Final = (
    "it takes the judge's errors from the rationales that people read, some right and some wrong, drawn at random"
)
BEYOND: Final = "the judge's errors explain more than what was seen: no rate from 0 to 1 fits"
WIDTH: Final = 6
"""Sums of one rate: yes and all, then `binary_sums`."""
_Codes = NDArray[np.integer]
_Bools = NDArray[np.bool_]
_Reading = Callable[[Answers, _Codes], _Bools]


def _is_right(answers: Answers, concluded: _Codes) -> _Bools:
    return np.asarray(concluded == answers.truth)


def _is_consistent(answers: Answers, concluded: _Codes) -> _Bools:
    return np.asarray(concluded == answers.predicted)


def _is_both(answers: Answers, concluded: _Codes) -> _Bools:
    return _is_right(answers, concluded) & _is_consistent(answers, concluded)


def _is_wrong_reason(answers: Answers, concluded: _Codes) -> _Bools:
    """A rationale from which people conclude nothing gives no wrong explanation."""
    return np.asarray((answers.predicted == answers.truth) & (concluded != answers.truth) & (concluded >= 0))


READINGS: Final[Mapping[str, _Reading]] = MappingProxyType(
    {EEA: _is_right, EPC: _is_consistent, FCR: _is_both, WRONG_REASON: _is_wrong_reason}
)
CORRECTED: Final = tuple(f"{name}_corrected" for name in READINGS)
GAPS: Final = frozenset({f"{EPC}_corrected", f"{WRONG_REASON}_corrected"})
"""Corrected rates in which groups are compared."""


def kappa(n_labels: int) -> Statistic:
    """Return the agreement of the judge with people as a function of `kappa_sums`."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return cohen_kappa(sums, n_labels + 1)

    return Statistic(name=KAPPA, value=value, low=-1.0, higher_is_better=True, source=KAPPA_SOURCE)


def kappa_sums(gold: _Codes, concluded: _Codes, n_labels: int) -> FloatArray:
    """Return what each row adds to agreement; see `reliability.agreement_sums`.

    That nothing can be concluded is one label more, which people can give; a judge that abstains is left out.
    """
    return agreement_sums(np.where(gold == CANNOT_TELL, n_labels, gold), concluded, n_labels + 1)


def corrected_sums(answers: Answers, concluded: _Codes, gold: _Codes) -> FloatArray:
    """Return what each row adds, [N, R * 6]: a rate's observed yes and all, and its judge's errors where gold is."""
    judged = (answers.predicted >= 0) & (concluded != ABSTAINED)
    blocks = []
    for name, reading in READINGS.items():
        counted = judged if name == EPC else judged & (answers.truth >= 0)
        said = reading(answers, concluded) & counted
        known = counted & (gold != NONE)
        observed = np.stack([said, counted], axis=1).astype(np.float64)
        blocks += [observed, binary_sums(reading(answers, gold), reading(answers, concluded), known)]
    return np.concatenate(blocks, axis=1)


def corrected_statistics(*, labelled: bool) -> tuple[Statistic, ...]:
    """Return the corrected rates as functions of `corrected_sums`; NaN where the judge is no better than a coin.

    They are as the formula gives them, possibly beyond 0 and 1: claims of them go through `cut`.
    """
    return tuple(
        Statistic(
            name=f"{name}_corrected",
            value=partial(_corrected, WIDTH * i),
            low=-np.inf,
            high=None,
            higher_is_better=name != WRONG_REASON,
            source=CORRECTED_SOURCE,
        )
        for i, name in enumerate(READINGS)
        if labelled or name == EPC
    )


def cut(claims: Sequence[Claim]) -> list[Claim]:
    """Return claims of corrected rates, and of gaps in them, with values and intervals within 0 and 1."""
    return [_cut(claim) for claim in claims]


def _cut(claim: Claim) -> Claim:
    estimate, interval_at = claim.finding.estimate, claim.interval_at
    inner = BEYOND if estimate.interval is None else _within(estimate.interval)
    told = {
        "value": None if estimate.value is None else float(np.clip(estimate.value, 0.0, 1.0)),
        "interval": inner if isinstance(inner, Interval) else None,
        "why_no_interval": estimate.why_no_interval or (inner if isinstance(inner, str) else None),
    }
    estimate = estimate.model_copy(update=told)
    verdict, because = pending(estimate)
    finding = claim.finding.model_copy(update={"estimate": estimate, "verdict": verdict, "because": because})
    at = None if interval_at is None else lambda level: _within(interval_at(level))
    return replace(claim, finding=finding, interval_at=at)


def _within(interval: Interval | str) -> Interval | str:
    if isinstance(interval, str):
        return interval
    if interval.low >= 1 or interval.high < 0:
        return BEYOND
    return interval.model_copy(update={"low": max(interval.low, 0.0), "high": min(interval.high, 1.0)})


def _corrected(start: int, sums: FloatArray, reference: FloatArray) -> FloatArray:
    return corrected_rate(sums[..., start : start + 2], sums[..., start + 2 : start + WIDTH]).unclipped
