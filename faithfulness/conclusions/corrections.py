"""Rates of coherence without the judge's errors, from the judgements that people have read as well.

Each rate is a yes or no about a judgement (its rationale concludes with its answer). Where people read the rationale
too, their yes or no is known, so that the judge's sensitivity and specificity are, and the rate over all judgements is
corrected for them (Rogan, Gladen 1978). Sums add over rows and units: replicates draw a unit's judgements and its
gold together, so that intervals hold the uncertainty of the judge's errors too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, Statistic
from faithfulness.conclusions.consistency import Answers
from faithfulness.conclusions.judge import ABSTAINED
from faithfulness.conclusions.reliability import agreement_sums, binary_sums, cohen_kappa, corrected_rate
from faithfulness.conclusions.sums import EEA, EPC, FCR, WRONG_REASON

KAPPA: Final = "judge_kappa"
KAPPA_SOURCE: Final = "Cohen 1960, over judgements that people read and the judge concluded from"
CORRECTED_SOURCE: Final = "Rogan, Gladen 1978"
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
    return np.asarray((answers.predicted == answers.truth) & (concluded != answers.truth))


READINGS: Final[Mapping[str, _Reading]] = MappingProxyType(
    {EEA: _is_right, EPC: _is_consistent, FCR: _is_both, WRONG_REASON: _is_wrong_reason}
)
CORRECTED: Final = tuple(f"{name}_corrected" for name in READINGS)


def kappa(n_labels: int) -> Statistic:
    """Return the agreement of the judge with people as a function of `agreement_sums`."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return cohen_kappa(sums, n_labels)

    return Statistic(name=KAPPA, value=value, low=-1.0, higher_is_better=True, source=KAPPA_SOURCE)


def kappa_sums(gold: _Codes, concluded: _Codes, n_labels: int) -> FloatArray:
    """Return what each row adds to agreement; see `reliability.agreement_sums`."""
    return agreement_sums(gold, concluded, n_labels)


def corrected_sums(answers: Answers, concluded: _Codes, gold: _Codes) -> FloatArray:
    """Return what each row adds, [N, R * 6]: a rate's observed yes and all, and its judge's errors where gold is."""
    judged = (answers.predicted >= 0) & (concluded != ABSTAINED)
    blocks = []
    for name, reading in READINGS.items():
        counted = judged if name == EPC else judged & (answers.truth >= 0)
        said = reading(answers, concluded) & counted
        known = counted & (gold >= 0)
        observed = np.stack([said, counted], axis=1).astype(np.float64)
        blocks += [observed, binary_sums(reading(answers, gold), reading(answers, concluded), known)]
    return np.concatenate(blocks, axis=1)


def corrected_statistics(*, labelled: bool) -> tuple[Statistic, ...]:
    """Return the corrected rates as functions of `corrected_sums`; NaN where the judge is no better than a coin."""
    return tuple(
        Statistic(
            name=f"{name}_corrected",
            value=partial(_corrected, WIDTH * i),
            higher_is_better=name != WRONG_REASON,
            source=CORRECTED_SOURCE,
        )
        for i, name in enumerate(READINGS)
        if labelled or name == EPC
    )


def _corrected(start: int, sums: FloatArray, reference: FloatArray) -> FloatArray:
    return corrected_rate(sums[..., start : start + 2], sums[..., start + 2 : start + WIDTH]).value
