"""What inversion found, as findings and rows of an exhibit, with intervals over units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from affidavit.case import Case
from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from affidavit.examinations import Claim, finding_id, pending
from affidavit.exhibit_columns import ESTIMATE, PLACE
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.intervals import Measured, measure
from affidavit.records import Estimate, ExhibitColumn, Finding, NullExpectation
from affidavit.tally import Tally
from privacy.inversion.options import BATCHES, NAME, VERSION
from privacy.inversion.study import STARTS, Outcome, Setting

SOURCE: Final = "Geiping et al. 2020; DLG: Zhu, Liu, Han 2019; iDLG: Zhao, Mopuri, Bilen 2020"
TOGETHER: Final = "turns of one update are found or lost together: the interval, over units, may be too narrow"
INPUT: Final = "inversion_input_match_rate"
METRICS: Final = frozenset(
    [INPUT, *(f"inversion_batch_{n}{kind}_match_rate" for n in BATCHES for kind in ("", "_clipped_noised"))]
)
_RANGE: Final[Mapping[str, tuple[float, float | None]]] = {
    "psnr": (-np.inf, None),
    "ssim": (-1.0, 1.0),
    "match_rate": (0.0, 1.0),
    "control_match_rate": (0.0, 1.0),
    "control_psnr": (-np.inf, None),
    "labels_recovered": (0.0, 1.0),
    "match_rate_drop": (-1.0, 1.0),
}
COLUMNS: Final = (
    *PLACE[:2],
    ExhibitColumn(name="input", type="text", description="the input that was to be found out"),
    ExhibitColumn(name="batch", type="integer", unit="turns", description="turns behind one update"),
    ExhibitColumn(name="update", type="text", description="plain, or clipped by turn and noised"),
    ExhibitColumn(
        name="metric",
        type="text",
        description="psnr (dB; of vectors, each place by its own spread), ssim, match_rate, control_psnr and "
        "control_match_rate (no attack), labels_recovered (over updates), and match_rate_drop: plain less clipped and "
        "noised, of the same targets",
    ),
    *ESTIMATE,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Teller:
    """One run under one condition."""

    case: Case
    run: str
    condition: str
    input: str
    caveats: tuple[str, ...]

    def measured(self, name: str, units: NDArray[np.int64], values: FloatArray) -> Measured:
        """Return the mean over targets that define a value, one a unit."""
        defined = np.isfinite(values)
        low, high = _RANGE[name]
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

    def rate_claim(self, outcome: Outcome, *, controls: tuple[str, ...]) -> Claim:
        """Return the share of targets whose unit was recognised in what was found."""
        found = self.measured("match_rate", outcome.units, outcome.matched)
        n = len(outcome.units)
        control = max(float(outcome.control.mean()), 1 / n)
        null = NullExpectation(
            value=control,
            high=float(binom.ppf(0.95, n, control)) / n,
            method=f"{STARTS} starting points a target without an attack, no less than one in {n}; binomial",
        )
        setting, given = outcome.setting, outcome.n_given
        said = (
            f"{n // setting.batch} updates of {setting.batch} turns, of {n} units",
            *((TOGETHER,) if setting.batch > 1 else ()),
            *_protected(setting),
            *((f"labels were given to the attacker in {given:,} updates: no layer tells them",) if given else ()),
        )
        finding = self._finding(rate_name(setting), self.estimate(found), said)
        finding = finding.model_copy(update={"null_expectation": null, "controls": controls})
        return Claim(finding=finding, interval_at=lambda level: found.interval(0, level))

    def input_claim(self, units: NDArray[np.int64], matched: FloatArray) -> Claim:
        """Return the share of units that are recognised in the true input: no attack can be believed to do better."""
        found = self.measured("match_rate", units, matched)
        finding = self._finding(INPUT, self.estimate(found), ("of the true inputs: what a perfect attack would reach",))
        return Claim(finding=finding, interval_at=lambda level: found.interval(0, level))

    def _finding(self, metric: str, estimate: Estimate, said: tuple[str, ...]) -> Finding:
        verdict, because = pending(estimate)
        return Finding(
            id=finding_id(self.run, self.condition, NAME, metric),
            examination=NAME,
            method_version=VERSION,
            metric=metric,
            higher_is_better=None if metric == INPUT else False,
            run=self.run,
            condition=self.condition,
            groups={},
            estimate=estimate,
            verdict=verdict,
            because=because,
            source=SOURCE,
            caveats=(*said, *self.caveats),
        )

    def rows(self, outcomes: Sequence[Outcome]) -> list[dict[str, Cell]]:
        """Return the exhibit's rows of all settings."""
        rows = []
        for outcome in outcomes:
            values = {
                "psnr": outcome.psnr,
                "ssim": outcome.ssim,
                "match_rate": outcome.matched,
                "control_psnr": outcome.control_psnr,
                "control_match_rate": outcome.control,
                "labels_recovered": outcome.labels,
            }
            rows += [self._row(outcome, name, of) for name, of in values.items() if np.isfinite(of).any()]
        plain = {outcome.setting.batch: outcome for outcome in outcomes if outcome.setting.protection is None}
        for outcome in outcomes:
            before = plain.get(outcome.setting.batch)
            if before is not None and before is not outcome:
                rows.append(self._row(outcome, "match_rate_drop", before.matched - outcome.matched))
        return rows

    def _row(self, outcome: Outcome, name: str, values: FloatArray) -> dict[str, Cell]:
        estimate = self.estimate(self.measured(name, outcome.units, values))
        interval = estimate.interval
        return {
            "run": self.run,
            "condition": self.condition,
            "input": self.input,
            "batch": outcome.setting.batch,
            "update": "plain" if outcome.setting.protection is None else "clipped and noised",
            "metric": name,
            "value": estimate.value,
            "low": None if interval is None else interval.low,
            "high": None if interval is None else interval.high,
            "method": None if interval is None else interval.method,
            "n": estimate.n,
            "n_clusters": estimate.n_clusters,
        }


def _mean(sums: FloatArray, reference: FloatArray) -> FloatArray:
    return divide(sums[..., 0], sums[..., 1])


def rate_name(setting: Setting) -> str:
    """Return the name of a setting's match rate."""
    return f"inversion_batch_{setting.batch}{'' if setting.protection is None else '_clipped_noised'}_match_rate"


def _protected(setting: Setting) -> tuple[str, ...]:
    if setting.protection is None:
        return ()
    clip = setting.protection.clip_norm
    norm = "the median norm of its batch" if clip is None else f"norm {clip:g}"
    return (
        f"each turn's gradient clipped to {norm}, noise of {setting.protection.noise_multiplier:g} times that, "
        "simulated from a seed: it carries no epsilon",
        "the attack does not model the clipping",
    )


def exhibit_of(rows: Sequence[Mapping[str, Cell]]) -> ExhibitTable:
    """Return the exhibit of all settings."""
    return ExhibitTable(
        id="inversion-by-setting",
        title="What gradient inversion finds, by batch and protection",
        columns=COLUMNS,
        values={column.name: [row[column.name] for row in rows] for column in COLUMNS},
    )
