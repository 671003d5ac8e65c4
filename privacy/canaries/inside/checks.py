"""What was observed, held against what is promised: five numbers, each with what it could and could not have shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded
from privacy.accounting.mechanisms import SubsampledGaussian
from privacy.bounds.gaussian import GaussianBound
from privacy.bounds.records import EpsilonBound
from privacy.canaries.audited import Audited, audited
from privacy.canaries.gradient import CanaryTrials, NoiseAudit, noise_audit
from privacy.canaries.guessing import Game, Rule
from privacy.canaries.inside.games import Observed
from privacy.canaries.options import Promise
from privacy.dpsgd.accounts import sampler_of
from privacy.dpsgd.clipping import shares
from privacy.dpsgd.inspections import Inspection, SamplerInspection, inspect_noise, inspect_sampler
from privacy.dpsgd.options import PrivateOptions

FloatArray = NDArray[np.float64]
GUESSED: Final = 0.1
"""Share of the canaries that is guessed in, and as many out: fixed before anybody looks."""
N_TESTS: Final = 4
"""One run, single steps, noise, sampler: what a refutation is corrected for."""
ROUNDING: Final = 1e-4
"""By how much a clipped norm may lie over its bound: sums of patients are single precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the training says of itself."""

    options: PrivateOptions
    noise_multiplier: float
    """Of gradients and count together, as the ledger has it."""
    delta: float

    @property
    def on_gradients(self) -> float:
        """The noise on the summed gradients alone, in clip norms: more where a count takes part of the precision."""
        return shares(self.noise_multiplier, self.options.adaptive_clipping).gradients

    def promised(self, n_steps: int) -> Promise | None:
        """Return what accountants say of so many steps; None where nothing bounds them."""
        steps = SubsampledGaussian(
            noise_multiplier=self.noise_multiplier,
            sample_rate=self.options.sample_rate,
            sampler=sampler_of(self.options),
            neighbours="add-remove",
            n_times=n_steps,
        )
        answer = account((steps,), delta=self.delta)
        return Promise(epsilon=answer.epsilon, delta=self.delta) if isinstance(answer, Bounded) else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunCheck:
    """What one run of canaries shows, beside what is promised of as many steps."""

    found: Audited
    confidence: float
    promise: Promise | None

    @property
    def bound(self) -> EpsilonBound:
        """The lower bound of epsilon, for any mechanism."""
        return self.found.bound(self.confidence)

    @property
    def gaussian(self) -> GaussianBound | None:
        """The same for a Gaussian mechanism, conditional."""
        return self.found.gaussian(self.confidence)

    @property
    def p_value(self) -> float | None:
        """Of the promise; None where there is none."""
        return None if self.promise is None else self.found.p_value(self.promise.epsilon, self.promise.delta)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NoiseCheck:
    """The noise of all steps, coordinate by coordinate, beside the declared."""

    noise: FloatArray
    declared: float

    def at(self, level: float) -> Inspection:
        """Return the noise multiplier with its bounds."""
        return inspect_noise(self.noise, clip_norm=1.0, claimed=self.declared, level=level)

    @property
    def p_value(self) -> float:
        """Of noise at least as large as declared, one-sided."""
        total = float((self.noise**2).sum()) / self.declared**2
        return float(stats.chi2.cdf(total, self.noise.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachCheck:
    """How far the units reach, in clip norms."""

    largest: float
    n_units: int
    n_patients: int

    @property
    def broken(self) -> bool:
        """Whether somebody moves a sum further than the clip norm."""
        return not self.largest <= 1 + ROUNDING


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checks:
    """Everything that is told of one run's mechanism."""

    run: RunCheck
    single: NoiseAudit
    noise: NoiseCheck
    reach: ReachCheck
    sampler: SamplerInspection | None
    """None where every unit is in every step."""
    confidence: float
    n_run_steps: int
    n_single_steps: int

    def refutes(self, p_value: float | None) -> bool:
        """Say whether a p-value refutes what it was held against, corrected for the instruments."""
        return p_value is not None and N_TESTS * p_value <= 1 - self.confidence


def checked(observed: Observed, declared: Declared, *, confidence: float, rng: np.random.Generator) -> Checks:
    """Return what was observed beside what is declared.

    Raises:
        ValueError: the noise that was released is no number, or no canary was in, or none was out.
    """
    n_steps, rate = len(observed.drawn), declared.options.sample_rate
    return Checks(
        run=RunCheck(
            found=guessed(observed.run, delta=declared.delta, confidence=confidence),
            confidence=confidence,
            promise=declared.promised(n_steps),
        ),
        single=noise_audit(
            observed.single,
            noise_multiplier=declared.on_gradients,
            delta=declared.delta,
            confidence=confidence,
            rng=rng,
        ),
        noise=NoiseCheck(noise=observed.noise, declared=declared.on_gradients),
        reach=ReachCheck(
            largest=float(observed.reach.max()), n_units=len(observed.reach), n_patients=observed.n_patients
        ),
        sampler=None if rate == 1 else inspect_sampler(observed.drawn, sample_rate=rate, level=confidence),
        confidence=confidence,
        n_run_steps=n_steps,
        n_single_steps=len(observed.noise) - n_steps,
    )


def guessed(trials: CanaryTrials, *, delta: float, confidence: float) -> Audited:
    """Return what guesses of one run's canaries show: a tenth of them guessed in, a tenth out, fixed beforehand."""
    n = len(trials.scores)
    each = max(1, round(GUESSED * n))
    game = Game(
        planted=trials.included,
        score=trials.scores,
        digests=tuple(f"{i:09d}" for i in range(n)),  # scores are continuous: nothing is tied
        baseline=None,
        groups={},
        paired=False,
        guessed=False,
    )
    return audited(game, Rule(n_in=each, n_out=each), delta=delta, confidence=confidence)


def sampler_p_value(found: SamplerInspection) -> float:
    """Return the p-value of independent draws at the rate: the least of four, corrected for them."""
    return min(1.0, 4 * min(found.sizes_p, found.turns_p, found.overlaps_p, found.rate_p))
