"""What canaries show, as claims: of everybody and of groups, each beside what it could have shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.special import expit
from scipy.stats import binom

from affidavit.examinations import Claim, finding_id, pending
from affidavit.records import Estimate, Finding, Interval, NullExpectation, SignificanceTest, Verdict
from affidavit.statistics.levels import alpha_of
from affidavit.statistics.proportions import clopper_pearson_bounds
from affidavit.statistics.types import FloatArray
from privacy.canaries.audited import Audited, paired_difference_bounds, paired_drop
from privacy.canaries.measures import (
    ACCURACY,
    ACCURACY_SOURCE,
    CEILING,
    COUNTED,
    DROP,
    DROP_SOURCE,
    EPSILON,
    MODEL_ONLY,
    NAME,
    NO_PROOF,
    NOBODY,
    OF_ITSELF,
    ONE_SIDED,
    OVER,
    OVER_SOURCE,
    SOURCE,
    VERSION,
)
from privacy.canaries.options import Promise
from privacy.canaries.study import Study, how_guessed

METHOD: Final = "Clopper-Pearson"


@dataclass(frozen=True, kw_only=True, eq=False)
class Number:
    """A number before it is a claim."""

    metric: str
    value: float | None
    source: str
    n: int
    caveats: tuple[str, ...]
    interval: Interval | str
    groups: Mapping[str, str] = field(default_factory=dict)
    compared: tuple[str, ...] | None = None
    higher_is_better: bool | None = False


def finding_of(study: Study, number: Number) -> Finding:
    """Return the finding of a number, without a verdict of a policy."""
    found = number.interval if isinstance(number.interval, Interval) and number.value is not None else None
    estimate = Estimate(
        value=number.value,
        interval=found,
        why_no_interval=None if found else (number.interval if isinstance(number.interval, str) else NOBODY),
        n=number.n,
        n_clusters=number.n,
    )
    verdict, because = pending(estimate)
    if number.interval in (ONE_SIDED, COUNTED):
        verdict, because = Verdict.INFORMATIVE, None
    return Finding(
        id=finding_id(
            study.run, study.condition, NAME, number.metric, groups=number.groups, compared=number.compared or ()
        ),
        examination=NAME,
        method_version=VERSION,
        metric=number.metric,
        higher_is_better=number.higher_is_better,
        run=study.run,
        condition=study.condition,
        groups=number.groups,
        compared=number.compared,
        estimate=estimate,
        verdict=verdict,
        because=because,
        source=number.source,
        caveats=number.caveats,
    )


def everybodys_bound(study: Study) -> list[Claim]:
    """Return the lower bound from all canaries, tested against the promise, and its ceiling beside it."""
    found, said = study.everybody, _at(study, study.everybody)
    ceiling = finding_of(
        study,
        Number(
            metric=CEILING,
            value=found.bound(study.options.confidence).ceiling,
            source=SOURCE,
            n=found.run.n_canaries,
            caveats=(said,),
            interval=COUNTED,
            higher_is_better=None,
        ),
    )
    bound = _bound(study, found, {}, (said, *study.caveats())).model_copy(update={"controls": (ceiling.id,)})
    return [_tested(study, bound, found, n_tests=1, of="everybody"), Claim(finding=ceiling)]


def bounds_by_group(study: Study, feature: str, found: Sequence[tuple[str, Audited]]) -> list[Claim]:
    """Return each group's lower bound from its own canaries; what is promised is promised to each of them."""
    n_tests = sum(one.n_made > 0 for _, one in found)
    claims = []
    for level, one in found:
        game = study.game.of_group(feature, level)
        reserves = (OF_ITSELF, study.coins_said(one), how_guessed(one), *study.weakened(one), *study.abstained(game))
        caveats = (_at(study, one), *reserves) if game.n else ()
        bound = _bound(study, one, {feature: level}, caveats)
        claims.append(_tested(study, bound, one, n_tests=n_tests, of=f"groups of {feature}"))
    return claims


def _at(study: Study, found: Audited) -> str:
    bound = found.bound(study.options.confidence)
    return f"at delta {found.delta:g}, with {100 * bound.confidence:g} % confidence; ceiling {bound.ceiling:.2f}"


def _bound(study: Study, found: Audited, groups: Mapping[str, str], caveats: tuple[str, ...]) -> Finding:
    """Return the lower bound, undefined where nothing was guessed: that no attack was tried shows nothing, not 0."""
    number = Number(
        metric=EPSILON,
        value=found.bound(study.options.confidence).epsilon if found.n_made else None,
        source=SOURCE,
        n=found.run.n_canaries,
        caveats=caveats,
        interval=ONE_SIDED if found.n_made else NOBODY,
        groups=groups,
    )
    return finding_of(study, number)


def _tested(study: Study, finding: Finding, found: Audited, *, n_tests: int, of: str) -> Claim:
    """Return the claim with its test against the promise; it says refuted where that holds of all of `n_tests`."""
    promise = study.promise
    if promise is None or not found.n_made:
        return Claim(finding=finding)
    test = SignificanceTest(
        null=f"the training is ({promise.epsilon:g}, {promise.delta:g})-private, as promised",
        p_value=found.p_value(promise.epsilon, promise.delta),
        method="one-run audit: right guesses at most as often as the promise allows",
    )
    refuted = min(1.0, n_tests * test.p_value) <= 1 - study.options.confidence
    corrected = f", corrected for {n_tests} {of}" if n_tests > 1 else ""
    said = f"the promise of epsilon {promise.epsilon:.4g} at delta {promise.delta:.3g} is refuted{corrected}"
    because = f"{said}: it has failed" if refuted else finding.because
    family = f"the promise of {study.run}, by the canaries of {of}"
    return Claim(finding=finding.model_copy(update={"test": test, "because": because}), family=family)


def accuracy_interval(right: FloatArray, n_rules: int, level: float) -> Interval | str:
    """Return the interval of the share of right guesses, corrected for the rules that were tried."""
    n = int(np.isfinite(right).sum())
    if not n:
        return NOBODY
    bounds = clopper_pearson_bounds(float(np.nansum(right)), n, level=1 - alpha_of(level) / n_rules)
    return Interval(low=float(bounds.low), high=float(bounds.high), level=level, method=METHOD)


def accuracy_claim(study: Study, right: FloatArray, groups: Mapping[str, str]) -> Claim:
    """Return the share of right guesses, beside what guessing without the model gives."""
    n, n_rules = int(np.isfinite(right).sum()), study.everybody.n_rules
    of_group = f"{int(np.nansum(right)):,} of {n:,} guesses right, under the numbers of guesses of everybody"
    number = Number(
        metric=ACCURACY,
        value=float(np.nanmean(right)) if n else None,
        source=ACCURACY_SOURCE,
        n=n,
        caveats=((of_group,) if n else ()) if groups else (how_guessed(study.everybody), MODEL_ONLY),
        interval=accuracy_interval(right, n_rules, study.case.statistics.level),
        groups=groups,
    )
    finding = finding_of(study, number)
    if n:
        high = float(binom.ppf(1 - 0.05 / n_rules, n, 0.5)) / n
        null = NullExpectation(value=0.5, high=high, method="binomial: coins that nobody saw")
        finding = finding.model_copy(update={"null_expectation": null})
    return Claim(finding=finding, interval_at=lambda level: accuracy_interval(right, n_rules, level))


def most_right(promise: Promise, *, n_canaries: int, n_made: int) -> float:
    """Return the largest share of right guesses that a promise allows in the mean, in [1/2, 1].

    q + (1 - q) m delta / r, q = e^epsilon / (1 + e^epsilon): of each coin, P[right] <= e^epsilon P[wrong] + delta,
    whatever the others show; summed over the m coins, of which r are guessed.

    >>> round(most_right(Promise(epsilon=1.0, delta=1e-3), n_canaries=1000, n_made=100), 5)
    0.73375
    """
    q = float(expit(promise.epsilon))
    return min(1.0, q + (1 - q) * n_canaries * promise.delta / max(n_made, 1))


def over_promise_claim(study: Study, promise: Promise) -> Claim:
    """Return by how much more is guessed right than the promise allows in the mean, and its interval."""
    found = study.everybody
    allowed = most_right(promise, n_canaries=found.run.n_canaries, n_made=found.n_made)

    def interval_at(level: float) -> Interval | str:
        interval = accuracy_interval(found.right, found.n_rules, level)
        if isinstance(interval, str):
            return interval
        return Interval(low=interval.low - allowed, high=interval.high - allowed, level=level, method=METHOD)

    n = found.n_made
    number = Number(
        metric=OVER,
        value=float(np.nanmean(found.right)) - allowed if n else None,
        source=OVER_SOURCE,
        n=n,
        caveats=(f"{100 * allowed:.1f} % right is what the promise allows in the mean", how_guessed(found), NO_PROOF),
        interval=interval_at(study.case.statistics.level),
    )
    return Claim(finding=finding_of(study, number), interval_at=interval_at)


def drop_claim(study: Study) -> Claim | None:
    """Return how much more was guessed right of the baseline training than of this one, canary by canary."""
    paired = paired_drop(study.game)
    if paired is None:
        return None
    before, after = paired

    def interval_at(level: float) -> Interval | str:
        bounds = paired_difference_bounds(before, after, level=level)
        return Interval(
            low=float(bounds.low), high=float(bounds.high), level=level, method="Bonett-Price, paired by canary"
        )

    number = Number(
        metric=DROP,
        value=float(before.mean() - after.mean()),
        source=DROP_SOURCE,
        n=len(before),
        caveats=(
            f"{_percent(before)} guessed right of the baseline training, {_percent(after)} of this one; "
            f"every one of {len(before):,} {study.coins} guessed, as many in as were planted",
            "of these two trainings and these canaries: others of either would differ",
        ),
        interval=interval_at(study.case.statistics.level),
        higher_is_better=True,
    )
    return Claim(finding=finding_of(study, number), interval_at=interval_at)


def _percent(right: FloatArray) -> str:
    return f"{100 * right.mean():.1f} %"
