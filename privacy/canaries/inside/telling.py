"""What canary gradients showed, as claims: each number beside what is declared and what could have been shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from affidavit.case import Case
from affidavit.examinations import Claim, finding_id, pending
from affidavit.records import Estimate, Finding, Interval, SignificanceTest, Verdict
from privacy.bounds.gaussian import CONDITION
from privacy.canaries.gradient import NoiseAudit
from privacy.canaries.inside.checks import N_TESTS, Checks, Declared, NoiseCheck, ReachCheck, RunCheck, sampler_p_value
from privacy.canaries.inside.measures import (
    AS_RUN_NOW,
    CEILING,
    COUNTED,
    EPSILON,
    EXACT,
    MU,
    MU_CEILING,
    NAME,
    NO_COST,
    NO_PROOF,
    NOISE,
    NOISE_SOURCE,
    ONE_SIDED,
    REACH,
    REACH_SOURCE,
    RUN_SOURCE,
    SEEDED,
    SIZES,
    SIZES_SOURCE,
    STEP_SOURCE,
    TESTED,
    UNGROUPED,
    VERSION,
)
from privacy.canaries.study import NOT_WELL_BELOW, how_guessed
from privacy.dpsgd.inspections import SamplerInspection
from privacy.dpsgd.options import PrivateOptions

CORRECTED: Final = f"refuted, corrected for {N_TESTS} instruments"
_WITHOUT_VALUE: Final = frozenset({ONE_SIDED, COUNTED, EXACT, TESTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One run, and what every number of it has to say."""

    case: Case
    run: str
    caveats: tuple[str, ...]

    @property
    def family(self) -> str:
        """The tests that are adjusted together."""
        return f"the promise of {self.run}, seen from inside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number before it is a claim."""

    metric: str
    value: float
    source: str
    n: int
    caveats: tuple[str, ...]
    interval: Interval | str
    higher_is_better: bool | None = False
    test: SignificanceTest | None = None
    because: str | None = None
    """What is refuted."""


def claims_of(told: Told, checks: Checks, declared: Declared) -> list[Claim]:
    """Return what the checks of one run say."""
    claims = [
        *run_claims(told, checks.run, refuted=checks.refutes(checks.run.p_value)),
        *step_claims(told, checks.single, confidence=checks.confidence, refuted=checks.refutes(checks.single.p_value)),
        _noise(told, checks.noise, refuted=checks.refutes(checks.noise.p_value)),
        _reach(told, checks.reach, options=declared.options),
    ]
    if checks.sampler is not None:
        refuted = checks.refutes(sampler_p_value(checks.sampler))
        claims.append(_sizes(told, checks.sampler, rate=declared.options.sample_rate, refuted=refuted))
    return claims


def run_claims(told: Told, check: RunCheck, *, refuted: bool) -> list[Claim]:
    """Return the lower bound of epsilon from one run, and its ceiling."""
    run, promise, bound = check.found.run, check.promise, check.bound
    at = f"at delta {bound.delta:g}, with {100 * bound.confidence:g} % confidence; ceiling {bound.ceiling:.2f}"
    held, test, because = ("nothing was promised that it could be held against",), None, None
    if promise is not None and check.p_value is not None:
        promised = f"epsilon {promise.epsilon:.4g} at delta {promise.delta:g}"
        weak = bound.ceiling <= promise.epsilon
        held = (
            f"accountants promise {promised} of as many steps",
            *((f"{run.n_canaries:,} canaries could not have refuted that: the ceiling is below it",) if weak else ()),
        )
        test = SignificanceTest(
            null=f"as many steps are ({promise.epsilon:.4g}, {promise.delta:g})-private, as accounted",
            p_value=check.p_value,
            method="one-run audit: right guesses at most as often as the promise allows",
        )
        because = f"the promise of {promised} is {CORRECTED}: it has failed" if refuted else None
    number = Number(
        metric=EPSILON,
        value=bound.epsilon,
        source=RUN_SOURCE,
        n=run.n_canaries,
        caveats=(at, *held, how_guessed(check.found), *_weakened(check), *told.caveats, UNGROUPED, NO_PROOF),
        interval=ONE_SIDED,
        test=test,
        because=because,
    )
    return _beside_ceiling(told, number, CEILING, bound.ceiling)


def _weakened(check: RunCheck) -> tuple[str, ...]:
    """Say where delta takes much of the bound away."""
    m, delta = check.found.run.n_canaries, check.found.delta
    if delta * m <= NOT_WELL_BELOW:
        return ()
    return (f"delta {delta:g} is not well below 1 / {m:,}, which weakens the bound: option delta, such as 1e-5",)


def step_claims(told: Told, found: NoiseAudit, *, confidence: float, refuted: bool) -> list[Claim]:
    """Return the lower bound of mu from single steps, conditional on Gaussian noise, and its ceiling."""
    bound, z = found.bound, 1 / found.promised_mu
    counts = found.counts
    at = (
        f"with {100 * confidence:g} % confidence; mu {found.promised_mu:.3g} is what a noise multiplier of {z:.3g} "
        f"promises; ceiling {bound.ceiling:.2f}"
    )
    weak = () if found.could_tell else ("so few trials could not have refuted that: the ceiling is not above it",)
    conditional = (
        f"conditional: it {CONDITION}; epsilon of one step would then be at least {bound.epsilon.epsilon:.3g} at delta "
        f"{bound.epsilon.delta:g}"
    )
    number = Number(
        metric=MU,
        value=bound.mu,
        source=STEP_SOURCE,
        n=counts.n_members + counts.n_non_members,
        caveats=(at, *weak, conditional, *told.caveats, UNGROUPED, NO_PROOF),
        interval=ONE_SIDED,
        test=SignificanceTest(
            null=f"a step over everybody is {found.promised_mu:.3g}-GDP, as its noise multiplier promises",
            p_value=found.p_value,
            method="Clopper-Pearson bounds of both error rates on a Gaussian trade-off curve",
        ),
        because=f"that a step is {found.promised_mu:.3g}-GDP is {CORRECTED}: less noise, or more reach, than declared"
        if refuted
        else None,
    )
    return _beside_ceiling(told, number, MU_CEILING, bound.ceiling)


def _beside_ceiling(told: Told, number: Number, metric: str, ceiling: float) -> list[Claim]:
    most = _claim(
        told,
        Number(
            metric=metric,
            value=ceiling,
            source=number.source,
            n=number.n,
            caveats=number.caveats[:1],
            interval=COUNTED,
            higher_is_better=None,
        ),
    )
    bound = _claim(told, number)
    finding = bound.finding.model_copy(update={"controls": (most.finding.id,)})
    return [Claim(finding=finding, family=bound.family), most]


def _noise(told: Told, check: NoiseCheck, *, refuted: bool) -> Claim:
    found = check.at(told.case.statistics.level)

    def interval_at(level: float) -> Interval:
        at = check.at(level)
        return Interval(
            low=at.low / check.declared,
            high=at.high / check.declared,
            level=level,
            method="chi-square, normal noise with mean 0",
        )

    said = f"a noise multiplier of {found.measured:.4g} was found, and {check.declared:.4g} is declared"
    number = Number(
        metric=NOISE,
        value=found.measured / check.declared,
        source=NOISE_SOURCE,
        n=found.n,
        caveats=(
            said,
            f"n counts coordinates of steps, at a few of every parameter; blind to {found.blind_to}",
            NO_COST,
            *told.caveats,
        ),
        interval=interval_at(told.case.statistics.level),
        higher_is_better=True,
        test=SignificanceTest(
            null="the noise is at least as large as declared",
            p_value=check.p_value,
            method="chi-square, one-sided",
        ),
        because=f"that the noise is as large as declared is {CORRECTED}" if refuted else None,
    )
    return _claim(told, number, interval_at=interval_at)


def _reach(told: Told, check: ReachCheck, *, options: PrivateOptions) -> Claim:
    """Return the largest contribution: canaries are always of one clip norm, so that it tells nothing of patients."""
    unit = options.unit
    whole = (
        ("the training protects one turn: a patient with k turns moves a sum by up to k clip norms",)
        if unit == "utterance"
        else ("a canary patient has several clips that agree: clipped each for itself, they would add up",)
    )
    said = f"the largest of {check.n_units:,} claimed units ({unit}s), {check.n_patients:,} patients among them"
    number = Number(
        metric=REACH,
        value=check.largest,
        source=REACH_SOURCE,
        n=check.n_units,
        caveats=(said, *whole, "blind to noise, to who is in a step, and to everybody else", *told.caveats),
        interval=EXACT,
        because=f"a {unit} moves a sum by {check.largest:.3g} clip norms, and one is claimed: the promise has failed"
        if check.broken
        else None,
    )
    return _claim(told, number, interval_at=partial(_exactly, check.largest))


def _exactly(value: float, level: float) -> Interval:
    return Interval(low=value, high=value, level=level, method="computed, not estimated")


def _sizes(told: Told, found: SamplerInspection, *, rate: float, refuted: bool) -> Claim:
    number = Number(
        metric=SIZES,
        value=found.size_dispersion,
        source=SIZES_SOURCE,
        n=found.n_steps,
        caveats=(
            f"variance of the sizes of {found.n_steps:,} steps over that of independent draws at rate {rate:g}: about "
            "1 where units are drawn by coins of their own, 0 where batches have one size",
            "tested with it: how often each unit came, whom steps in a row share, and how many came in all",
            f"blind to {found.blind_to}",
            *told.caveats,
        ),
        interval=TESTED,
        higher_is_better=None,
        test=SignificanceTest(
            null=f"every unit is drawn by a coin of its own, at rate {rate:g}",
            p_value=sampler_p_value(found),
            method="dispersion of sizes and of turns, overlaps, total; Bonferroni over the four",
        ),
        because=f"that units are drawn independently at rate {rate:g} is {CORRECTED}: amplification by sampling is "
        "not what was accounted"
        if refuted
        else None,
    )
    return _claim(told, number)


def general_caveats(said: str, *, n_patients: int) -> tuple[str, ...]:
    """Return what is to be said of every number from steps that were taken now."""
    among = (
        f"canaries among {n_patients:,} patients whom no training of the model met"
        if n_patients
        else "canaries alone: the run judged nobody whom the model had not met, and no patient's gradient is in it"
    )
    return (*((said,) if said else ()), among, AS_RUN_NOW, SEEDED)


def _claim(told: Told, number: Number, *, interval_at: Callable[[float], Interval | str] | None = None) -> Claim:
    interval = number.interval if isinstance(number.interval, Interval) else None
    why = number.interval if isinstance(number.interval, str) else None
    estimate = Estimate(value=number.value, interval=interval, why_no_interval=why, n=number.n, n_clusters=number.n)
    verdict, because = pending(estimate)
    if why in _WITHOUT_VALUE:
        verdict, because = Verdict.INFORMATIVE, None
    condition = told.case.runs[told.run].conditions[0]
    finding = Finding(
        id=finding_id(told.run, condition, NAME, number.metric),
        examination=NAME,
        method_version=VERSION,
        metric=number.metric,
        higher_is_better=number.higher_is_better,
        run=told.run,
        condition=condition,
        groups={},
        estimate=estimate,
        test=number.test,
        verdict=verdict,
        because=number.because or because,
        source=number.source,
        caveats=number.caveats,
    )
    return Claim(finding=finding, interval_at=interval_at, family=None if number.test is None else told.family)
