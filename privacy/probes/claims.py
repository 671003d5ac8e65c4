"""What probes told, as findings, with intervals over units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.confusion import FloatArray, Statistic, divide, unweighted_average_recall
from affidavit.estimates import estimate_of
from affidavit.examinations import Claim, finding_id, pending
from affidavit.intervals import measure
from affidavit.records import Estimate, Finding, Interval, NullExpectation, SignificanceTest
from affidavit.statistics.jackknife import jackknife_standard_error
from affidavit.statistics.levels import normal_critical
from affidavit.statistics.permutation import permutation_p_value
from affidavit.statistics.small_samples import degenerate_rate_bounds, skew_logit_t_bounds
from affidavit.tally import Tally
from privacy.probes.attribute import Told, unit_sums
from privacy.probes.options import NAME, VERSION
from privacy.probes.panel import Panel
from privacy.probes.sources import TITLE
from privacy.probes.speaker import Identified, Lineup, Trials

IntArray = NDArray[np.int64]
Bounds = Callable[[float], Interval | str]
ADVANTAGE: Final = "leakage_advantage"
SELECTIVITY: Final = "leakage_selectivity"
BEYOND_RAW: Final = "leakage_beyond_raw"
SPEAKER: Final = "speaker_advantage"
EER: Final = "speaker_equal_error_rate"
SOURCE_OF: Final = {
    ADVANTAGE: "Song, Raghunathan 2020; probe: Fisher 1936, cross-fitted over units",
    SELECTIVITY: "after Hewitt, Liang 2019, section 2; control tasks dealt to units that the probe never met",
    BEYOND_RAW: "Song, Raghunathan 2020; beside the raw input",
    SPEAKER: "closed-set identification: Reynolds, Rose 1995",
    EER: "equal error rate: Martin et al. 1997",
}
NO_PROOF: Final = "not being told is no proof: a stronger probe, or one trained on more, may tell"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """Where in an audit a number was measured."""

    case: Case
    run: str
    condition: str
    source: str
    attribute: str | None
    """None where the unit itself was told."""
    caveats: tuple[str, ...]

    def finding(self, metric: str, estimate: Estimate, *, better: bool = False) -> Finding:
        """Return a finding without test; smaller is better unless `better`."""
        verdict, because = pending(estimate)
        name = f"{self.source}_{metric}"
        compared = () if self.attribute is None else (self.attribute,)
        return Finding(
            id=finding_id(self.run, self.condition, NAME, name, compared=compared),
            examination=NAME,
            method_version=VERSION,
            metric=name,
            higher_is_better=better,
            run=self.run,
            condition=self.condition,
            groups={},
            compared=compared or None,
            estimate=estimate,
            verdict=verdict,
            because=because,
            source=SOURCE_OF[metric],
            caveats=(f"from {TITLE[self.source]}", *self.caveats, NO_PROOF),
        )

    def estimate(self, value: float, bounds: Bounds, *, n: int, n_units: int) -> Estimate:
        """Return an estimate with the interval at the plan's level."""
        interval = bounds(self.case.statistics.level)
        return estimate_of(None if np.isnan(value) else value, interval, n=n, n_units=n_units)

    def measured(self, statistic: Statistic, unit: IntArray, sums: FloatArray) -> tuple[float, Bounds]:
        """Return a statistic of sums [U, S] of units (codes, ascending), and its intervals over units."""
        tally = Tally(
            condition=self.condition,
            features=(),
            levels=(),
            sums=sums,
            n_rows=np.ones(len(unit), dtype=np.int64),
            unit=unit.astype(np.int64),
            cell=np.zeros((len(unit), 0), dtype=np.int64),
            n_units=self.case.runs[self.run].n_units,
        )
        found = measure(self.case.book.evidence_of(self.run, tally, ()), statistic)
        return float(found.value[0]), lambda level: found.interval(0, level)


def widened(bounds: Bounds, value: float, spread: float, limits: tuple[float, float]) -> Bounds:
    """Return bounds no narrower than what cross-fitted units spread by chance.

    Units told by probes that share most of what they were fitted on are not quite independent (Bengio, Grandvalet
    2004).
    """

    def at(level: float) -> Interval | str:
        interval, half = bounds(level), normal_critical(level) * spread
        if isinstance(interval, str):
            return interval
        return Interval(
            low=max(limits[0], min(interval.low, value - half)),
            high=min(limits[1], max(interval.high, value + half)),
            level=level,
            method=f"{interval.method}, no narrower than by chance",
        )

    return at


def less(bounds: Bounds, taken: float) -> Bounds:
    """Return the bounds of a number less a constant."""

    def at(level: float) -> Interval | str:
        found = bounds(level)
        if isinstance(found, str):
            return found
        # made anew and not copied: only a record that is validated has the digits that a report keeps
        return Interval(low=found.low - taken, high=found.high - taken, level=found.level, method=found.method)

    return at


def accuracy(place: Place, panel: Panel, told: Told) -> tuple[float, Bounds]:
    """Return the balanced accuracy of a probe, and its intervals over units."""
    statistic = replace(unweighted_average_recall(), name=ADVANTAGE)
    value, bounds = place.measured(statistic, panel.unit, unit_sums(told.guessed, panel, told.given))
    return value, widened(bounds, value, told.spread, (0.0, 1.0))


def attribute_claims(place: Place, panel: Panel, told: Told) -> list[Claim]:
    """Return the advantage over the commonest guess with its test, and the selectivity that is its control."""
    value, bounds = accuracy(place, panel, told)
    n, guess, control = len(panel.place), 1 / len(panel.levels), float(told.chance.mean())
    said = replace(place, caveats=(_whom(panel), *place.caveats, *panel.caveats, *_left_out(panel)))
    selective = less(bounds, control)
    estimate = said.estimate(value - control, selective, n=n, n_units=len(panel.unit))
    beside = said.finding(SELECTIVITY, estimate)
    advantage = less(bounds, guess)
    estimate = said.estimate(value - guess, advantage, n=n, n_units=len(panel.unit))
    many = f"{len(told.chance)} control tasks, {panel.attribute} dealt anew to units and the probe fitted anew"
    null = NullExpectation(value=control - guess, high=float(np.quantile(told.chance, 0.95)) - guess, method=many)
    test = SignificanceTest(
        null=f"{TITLE[place.source]} tells nothing of {panel.attribute}",
        p_value=permutation_p_value(value, told.chance, exact=False),
        method=many,
    )
    first = said.finding(ADVANTAGE, estimate).model_copy(
        update={"null_expectation": null, "test": test, "controls": (beside.id,)}
    )
    return [
        Claim(finding=first, interval_at=advantage, unassessed=panel.left_out),
        Claim(finding=beside, interval_at=selective, unassessed=panel.left_out),
    ]


def beyond_raw_claim(place: Place, panel: Panel, told: Told, raw: Told) -> Claim:
    """Return how much better the attribute is told than from the raw input, of the same utterances."""
    k = len(panel.levels)
    ours, theirs = (unit_sums(one.guessed, panel, one.given) for one in (told, raw))
    statistic = Statistic(name=BEYOND_RAW, value=_difference, low=-1.0, high=1.0, source=SOURCE_OF[BEYOND_RAW])
    sums = np.concatenate([ours[:, :k], theirs[:, :k], ours[:, k : 2 * k]], axis=1)
    value, bounds = place.measured(statistic, panel.unit, sums)
    bounds = widened(bounds, value, float(np.hypot(told.spread, raw.spread)), (-1.0, 1.0))
    said = replace(place, caveats=(_whom(panel), *place.caveats, *panel.caveats))
    estimate = said.estimate(value, bounds, n=len(panel.place), n_units=len(panel.unit))
    return Claim(finding=said.finding(BEYOND_RAW, estimate), interval_at=bounds, unassessed=panel.left_out)


def _difference(sums: FloatArray, reference: FloatArray) -> FloatArray:
    ours, theirs, true = np.split(sums, 3, axis=-1)
    return np.asarray(divide(ours - theirs, true).mean(axis=-1))


def _whom(panel: Panel) -> str:
    return f"{len(panel.levels)} groups, each counting alike; units that the probe never met"


def _left_out(panel: Panel) -> tuple[str, ...]:
    return (f"too small to be told: {', '.join(panel.left_out)}",) if panel.left_out else ()


def told_apart(found: Identified, lineup: Lineup) -> tuple[float, Bounds]:
    """Return the share of utterances whose unit was told, and its intervals over units.

    A unit that is told is told instead of another, so that units are not independent: leaving one out of the jackknife
    takes it from those who can be told, too.
    """
    value = found.accuracy()
    return value, _rate_bounds(value, [found.accuracy(without=unit) for unit in range(len(lineup.unit))])


def speaker_claims(place: Place, lineup: Lineup, found: Identified, trials: Trials) -> list[Claim]:
    """Return how well units are told apart, closed-set and open-set."""
    said = replace(place, caveats=(*place.caveats, *lineup.caveats))
    value, bounds = told_apart(found, lineup)
    n, n_units, guess = len(lineup.place), len(lineup.unit), 1 / len(lineup.unit)
    advantage = less(bounds, guess)
    named = replace(said, caveats=(f"{n_units} enrolled units; by chance one in {n_units} is told", *said.caveats))
    first = named.finding(SPEAKER, named.estimate(value - guess, advantage, n=n, n_units=n_units))
    error = trials.equal_error_rate()
    between = _rate_bounds(error, [trials.equal_error_rate(without=unit) for unit in range(n_units)])
    pairs = f"{int(trials.same.sum()):,} pairs of one unit, {int(trials.different.sum() / 2):,} of two; chance is 0.5"
    said = replace(said, caveats=(pairs, *said.caveats))
    second = said.finding(EER, said.estimate(error, between, n=n, n_units=n_units), better=True)
    return [Claim(finding=first, interval_at=advantage), Claim(finding=second, interval_at=between)]


def _rate_bounds(value: float, left_out: Sequence[float]) -> Bounds:
    """Return intervals of a rate: logit t on the jackknife over units."""
    n_units, error = len(left_out), float(jackknife_standard_error(np.array(left_out)))

    def at(level: float) -> Interval | str:
        if np.isnan(value) or np.isnan(error):
            return "there are no pairs of one unit in different dialogues, or none of two units"
        if 0 < value < 1 and error == 0:
            return "leaving out any unit changes nothing: all vectors are on one line, or all alike"
        if value in (0.0, 1.0):
            found = degenerate_rate_bounds(value, n_units=n_units, level=level)
        else:
            found = skew_logit_t_bounds(value, error, degrees_of_freedom=n_units - 1, level=level)
        low, high = min(float(found.low), value), max(float(found.high), value)
        return Interval(low=low, high=high, level=level, method="logit t over units")

    return at
