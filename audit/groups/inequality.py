"""Is the benefit of right answers shared evenly? Generalized entropy, and how much of it lies between groups.

The benefit of a row is 1 where the answer is right and 0 where not, or, by option, the probability that the model gave
the true label. That choice is a value judgement: with right answers alone the index says no more than accuracy does,
(1 - accuracy) / (2 accuracy) for GE(2); what it adds is the part that lies between groups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import numpy as np
from pydantic import Field

from affidavit.case import Case
from affidavit.claims import Place, group_claims, places_under
from affidavit.comparisons import Comparison, compare
from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.intervals import measure
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Interval, Record, Refusal
from affidavit.statistics.boxes import spread_bounds
from affidavit.tally import OutcomeCounter, Tally, outcome_columns
from audit.family_claims import TOO_FEW, Chance, FamilyNumber, family_claim, usable

NAME = "inequality"
VERSION = "2"
SOURCE: Final = "Speicher et al. 2018, eq. 1 to 3"
METRICS: Final = ("generalized_entropy", "theil_index", "generalized_entropy_between")
COUNT, BENEFIT, SQUARE, LOGARITHM = np.eye(4)


class InequalityOptions(Record):
    """The options of this examination in a plan."""

    benefit: Literal["right", "probability"] = Field(default="right")
    """What a row gets: 1 where the answer is right, or the probability that the model gave the true label."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without probabilities where they are the benefit."""
    options = read_options(InequalityOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    if options.benefit == "right" or all(f"prob_{label}" in run.columns for label in run.labels):
        return None
    return Refusal(
        examination=NAME,
        because="the option benefit: probability needs the probability of every label, and the table has not all",
        remedy="ask the supplier for prob_<label> of each label, or leave the option out",
    )


def examine(case: Case) -> Testimony:
    """Measure the inequality of everybody, of each group, and between groups, under every condition."""
    options = read_options(InequalityOptions, case.options, of=f"examination {NAME}")
    claims: list[Claim] = []
    for run in case.runs:
        tallies = _tallies(case, run, options.benefit)
        for done, (condition, counted) in enumerate(tallies.items(), start=1):
            for place in places_under(case, run, condition, examination=NAME, method_version=VERSION):
                claims += _family(place, case.book.evidence_of(run, counted, place.family))
            case.progress("measuring inequality", done, len(tallies))
    return Testimony(claims=tuple(claims))


def _tallies(case: Case, run: str, benefit: str) -> dict[str, Tally]:
    predictions = case.runs[run]
    probabilities = [f"prob_{label}" for label in predictions.labels] if benefit == "probability" else ["y_pred"]
    places = {name: predictions.conditions.index(name) for name in predictions.conditions_of_use}
    counters = {place: OutcomeCounter(predictions, case.by, condition=name) for name, place in places.items()}
    for batch in predictions.coded_batches([*outcome_columns(predictions, case.by), "y_true", *probabilities]):
        truth = batch["y_true"]
        if benefit == "probability":
            gained = np.stack([batch[name] for name in probabilities], axis=1)[np.arange(len(truth)), truth]
        else:
            gained = (batch["y_pred"] == truth).astype(np.float64)
        sums = benefit_sums(gained)
        for i, counter in counters.items():
            if (chosen := batch["condition"] == i).any():
                counter.add({name: values[chosen] for name, values in batch.items()}, sums[chosen])
    return {counter.condition: counter.tally() for counter in counters.values()}


def benefit_sums(benefit: FloatArray) -> FloatArray:
    """Return [N, 4]: one, b, b squared, b ln b (0 at b = 0)."""
    logarithms = benefit * np.log(np.where(benefit > 0, benefit, 1.0))
    return np.stack([np.ones(len(benefit)), benefit, benefit**2, logarithms], axis=1)


def generalized_entropy() -> Statistic:
    """Return GE(2) = (mean b^2 / (mean b)^2 - 1) / 2, half the squared coefficient of variation."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return (divide((sums @ SQUARE) * (sums @ COUNT), (sums @ BENEFIT) ** 2) - 1) / 2

    return Statistic(name=METRICS[0], value=value, high=None, higher_is_better=False, source=SOURCE)


def theil_index() -> Statistic:
    """Return GE(1) = mean (b / mu) ln (b / mu)."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        mean = divide(sums @ BENEFIT, sums @ COUNT)
        return divide(sums @ LOGARITHM, sums @ BENEFIT) - np.log(np.where(mean > 0, mean, np.nan))

    return Statistic(name=METRICS[1], value=value, high=None, higher_is_better=False, source=SOURCE)


def mean_benefit() -> Statistic:
    """Return the mean benefit of a row."""
    return ratio_statistic("mean_benefit", BENEFIT, COUNT, source=SOURCE)


def _family(place: Place, evidence: Evidence) -> list[Claim]:
    claims = [
        claim
        for statistic in (generalized_entropy(), theil_index())
        for claim in group_claims(place, measure(evidence, statistic), caveats={})
    ]
    return [*claims, family_claim(place, evidence, between(evidence))] if place.family else claims


def between(evidence: Evidence) -> FamilyNumber:
    """Return the part of GE(2) between groups, 1/2 sum_g (n_g / n) ((mu_g / mu)^2 - 1), over the compared groups."""
    comparison = compare(evidence, mean_benefit())
    compared = comparison.compared
    enough = len(compared) > 1
    value = float(part_between(evidence.totals[compared])) if enough else float("nan")
    chance = _chance(evidence, comparison) if enough else None
    return FamilyNumber(
        metric=METRICS[2],
        value=value,
        interval_at=_bounds(comparison),
        higher_is_better=False,
        source=SOURCE,
        groups=compared,
        chance=None if chance is None else chance.expectation(bad_end=0.95),
        test=None if chance is None or np.isnan(value) else chance.test(value),
    )


def part_between(sums: FloatArray) -> FloatArray:
    """Return the part between groups for sums [..., G, 4], each group with the share of rows that it has there.

    Where units are dealt anew to groups, rows go with them: held at the shares of the table, the number would be no
    function of the arrangement, and a test by permutation would reject equals more often than it says.
    """
    rows, gained = sums @ COUNT, sums @ BENEFIT
    everybody = divide(gained.sum(-1), rows.sum(-1))
    shares = divide(rows, rows.sum(-1, keepdims=True))
    return np.asarray((divide((shares * divide(gained, rows) ** 2).sum(-1), everybody**2) - 1) / 2)


def _chance(evidence: Evidence, comparison: Comparison) -> Chance | None:
    dealt = evidence.permuted
    if dealt is None:
        return None
    return usable(Chance(draws=part_between(dealt.sums[:, comparison.compared]), exact=dealt.exact))


def _bounds(comparison: Comparison) -> Callable[[float], Interval | str]:
    """Return bounds of sum w (mu_g - mu)^2 / (2 mu^2): the spread over its box, over the largest and least mean."""

    def at(level: float) -> Interval | str:
        n_groups = len(comparison.compared)
        if n_groups < 2:
            return TOO_FEW
        rows = comparison.measured.evidence.totals[comparison.compared] @ COUNT
        weights = rows / rows.sum()
        bounds = comparison.group_bounds((1 - level) / n_groups)
        spread = spread_bounds(bounds, weights)
        least, most = float(bounds.low @ weights), float(bounds.high @ weights)
        if np.isnan(spread.low) or np.isnan(spread.high) or least <= 0:
            return "a compared group gives no standard error, or its mean benefit may be zero"
        low, high = float(spread.low) / (2 * most**2), float(spread.high) / (2 * least**2)
        return Interval(low=low, high=high, level=level, method="box of simultaneous intervals over units")

    return at


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Inequality of right answers",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=frozenset(METRICS),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
