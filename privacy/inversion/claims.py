"""What inversion found, as findings with intervals over units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

from affidavit.case import Case
from affidavit.claims import Place, place_finding
from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from affidavit.examinations import Claim
from affidavit.intervals import Measured, measure
from affidavit.records import Estimate, Finding, NullExpectation
from affidavit.tally import Tally
from privacy.inversion.exhibits import RANGES
from privacy.inversion.options import BATCHES, NAME, VERSION
from privacy.inversion.study import STARTS, Outcome, Setting

SOURCE: Final = (
    "Phong et al. 2018; Dimitrov et al. 2024; Geiping et al. 2020; iDLG: Zhao, Mopuri, Bilen 2020; Melis et al. 2019"
)
TOGETHER: Final = "turns of one update are found or lost together: the interval, over units, may be too narrow"
INPUT: Final = "inversion_input_match_rate"
_KINDS: Final = ("", "_clipped_noised")
METRICS: Final = frozenset(
    [
        INPUT,
        *(
            f"inversion_batch_{n}{kind}_{what}"
            for n in BATCHES
            for kind in _KINDS
            for what in ("match_rate", "word_recall")
        ),
        *(f"inversion_batch_1{kind}_label_recovery" for kind in _KINDS),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Teller:
    """One run under one condition."""

    case: Case
    run: str
    condition: str
    caveats: tuple[str, ...]

    def measured(self, name: str, units: NDArray[np.int64], values: FloatArray) -> Measured:
        """Return the mean over targets that define a value, one a unit."""
        defined = np.isfinite(values)
        low, high = RANGES[name]
        plain = ratio_statistic(name, np.array([1.0, 0.0]), np.array([0.0, 1.0]), source=SOURCE, high=high)
        rate = (low, high) == (0.0, 1.0) and bool(np.isin(values[defined], (0, 1)).all())
        statistic = Statistic(
            name=name, value=_mean, low=low, high=high, ratio=plain.ratio, counts_rows=rate, source=SOURCE
        )
        tally = Tally(
            condition=self.condition,
            features=(),
            levels=(),
            sums=np.stack([values, np.ones(len(values))], axis=1)[defined],
            n_rows=np.ones(int(defined.sum()), dtype=np.int64),
            unit=units[defined],
            cell=np.zeros((int(defined.sum()), 0), dtype=np.int64),
            n_units=self.case.runs[self.run].n_units,
        )
        return measure(self.case.book.evidence_of(self.run, tally, ()), statistic)

    def estimate(self, found: Measured) -> Estimate:
        """Return the estimate at the plan's level."""
        return found.estimate(0, self.case.statistics.level, has_units=True)

    def estimated(self, name: str, units: NDArray[np.int64], values: FloatArray) -> Estimate:
        """Return the mean of a metric of an exhibit."""
        return self.estimate(self.measured(name, units, values))

    def claims(self, outcome: Outcome, *, controls: tuple[str, ...]) -> list[Claim]:
        """Return who was recognised, which words were found, and of updates of one turn whether the label was."""
        n, setting = len(outcome.units), outcome.setting
        control = max(float(outcome.control.mean()), 1 / n)
        chance = f"{STARTS} starting points a target without an attack, no less than one in {n}; binomial"
        null = _binomial(control, n, chance)
        found = [self._claim(outcome, "match_rate", outcome.matched, null, controls)]
        if np.isfinite(outcome.words).any():
            found.append(self._claim(outcome, "word_recall", outcome.words, _usual_words(outcome), ()))
        if setting.batch == 1 and np.isfinite(outcome.labels).any():
            usual = _binomial(float(np.nanmean(outcome.control_labels)), n, "the label that others have most; binomial")
            found.append(self._claim(outcome, "label_recovery", outcome.labels, usual, ()))
        return found

    def _claim(
        self, outcome: Outcome, what: str, values: FloatArray, null: NullExpectation, controls: tuple[str, ...]
    ) -> Claim:
        found = self.measured(what, outcome.units, values)
        finding = self._finding(metric_of(outcome.setting, what), self.estimate(found), _said(outcome))
        finding = finding.model_copy(update={"null_expectation": null, "controls": controls})
        return Claim(finding=finding, interval_at=lambda level: found.interval(0, level))

    def input_claim(self, units: NDArray[np.int64], matched: FloatArray) -> Claim:
        """Return the share of units that are recognised in the true input: no attack can be believed to do better."""
        found = self.measured("match_rate", units, matched)
        finding = self._finding(INPUT, self.estimate(found), ("of the true inputs: what a perfect attack would reach",))
        return Claim(finding=finding, interval_at=lambda level: found.interval(0, level))

    def _finding(self, metric: str, estimate: Estimate, said: tuple[str, ...]) -> Finding:
        place = Place(
            examination=NAME,
            method_version=VERSION,
            run=self.run,
            condition=self.condition,
            family=(),
            has_units=True,
            level=self.case.statistics.level,
        )
        better = None if metric == INPUT else False
        found = place_finding(place, metric, estimate, groups={}, higher_is_better=better, source=SOURCE)
        return found.model_copy(update={"caveats": (*said, *self.caveats)})


def _mean(sums: FloatArray, reference: FloatArray) -> FloatArray:
    return divide(sums[..., 0], sums[..., 1])


def metric_of(setting: Setting, what: str) -> str:
    """Return the name of a metric of a setting."""
    return f"inversion_batch_{setting.batch}{'' if setting.protection is None else '_clipped_noised'}_{what}"


def _binomial(control: float, n: int, method: str) -> NullExpectation:
    return NullExpectation(value=control, high=float(binom.ppf(0.95, n, control)) / n, method=method)


def _usual_words(outcome: Outcome) -> NullExpectation:
    guessed = outcome.control_words[np.isfinite(outcome.control_words)]
    value, spread = float(guessed.mean()), float(guessed.std()) / len(guessed) ** 0.5
    return NullExpectation(
        value=value,
        high=min(1.0, value + float(norm.ppf(0.95)) * spread),
        method="as many words as were found, those that others say most; normal",
    )


def _said(outcome: Outcome) -> tuple[str, ...]:
    """Return what is to be said of a setting."""
    setting, given, n = outcome.setting, outcome.n_given, len(outcome.units)
    return (
        f"{n // setting.batch} updates of {setting.batch} turns, of {n} units",
        *((TOGETHER,) if setting.batch > 1 else ()),
        *_protected(setting),
        *((f"labels were given to the attacker in {given:,} updates: no layer tells them",) if given else ()),
    )


def _protected(setting: Setting) -> tuple[str, ...]:
    if setting.protection is None:
        return ()
    clip = setting.protection.clip_norm
    norm_told = "the median norm of its batch" if clip is None else f"norm {clip:g}"
    return (
        f"each turn's gradient clipped to {norm_told}, noise of {setting.protection.noise_multiplier:g} times that, "
        "simulated from a seed: it carries no epsilon",
        "the attack does not model the clipping",
    )
