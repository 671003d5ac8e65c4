"""Does a mechanism that sums gradients hide whether one more was among them? Canaries put into its sums.

A canary is a unit whose gradient is a direction of length `clip_norm`; its score is <direction, noisy sum> over the
clip norm. In one step over all units the scores are N(0, z^2) without it and N(1, z^2) with it, if z is the noise
multiplier: the step is (1 / z)-GDP, and `noise_audit` tests just that. It sees noise and sensitivity, and is blind to
how units are sampled (`privacy.canaries.instruments`).

Source: Nasr, Hayes, Steinke, Balle, Tramer, Jagielski, Carlini, Terzis 2023 (gradient canaries, every step seen).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from privacy.bounds.counts import error_bounds
from privacy.bounds.gaussian import GaussianBound, gdp_bound, mu_of
from privacy.bounds.thresholds import AttackCounts, held_out_counts

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
Mechanism = Callable[[Sequence[FloatArray]], FloatArray]
"""One step: each unit's gradients, one row an utterance [k, D], to the noisy sum of what is left of them after clipping
[D], in the gradients' own scale (not divided by a batch size)."""
Kind = Literal["dirac", "random"]
CHOOSING: Final = 0.2
"""Share of the trials that the threshold is chosen on."""
THRESHOLDS: Final = 61
_LEAST_LOG_ALPHA: Final = -30.0
"""Below which no p-value is told: 1e-13."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CanaryTrials:
    """Scores of trials, or of canaries, and whether the canary was in."""

    scores: FloatArray
    """The higher, the more like one that was in; in clip norms."""
    included: BoolArray

    def __post_init__(self) -> None:
        if without := int((~np.isfinite(self.scores)).sum()):
            raise ValueError(
                f"{without} of {len(self.scores)} scores are not finite: the mechanism gave sums that are no numbers, "
                "and what it hides cannot be told from them"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseAudit:
    """What trials show of the noise of one step."""

    bound: GaussianBound
    promised_mu: float
    """1 / noise multiplier."""
    counts: AttackCounts
    """Of the trials that did not choose the threshold."""

    @property
    def p_value(self) -> float:
        """The least alpha at which the promise would have been refuted, to four digits; 1 where at none.

        The promise is refuted at alpha where the bound at confidence 1 - alpha exceeds it; the bound rises with alpha.
        """
        return _least_refuting(self.counts, self.promised_mu)

    @property
    def exceeds(self) -> bool:
        """Whether the promise is refuted: there is less noise, or more sensitivity, than was said."""
        return self.bound.mu > self.promised_mu

    @property
    def could_tell(self) -> bool:
        """Whether so many trials could have refuted the promise at all."""
        return self.bound.ceiling > self.promised_mu


def directions(n: int, dimension: int, *, kind: Kind, rng: np.random.Generator) -> FloatArray:
    """Return unit vectors [n, D]: distinct axes (`dirac`), or drawn evenly from the sphere (`random`).

    Axes are best where few units have gradients; of random ones, two overlap by about D^-1/2.

    Raises:
        ValueError: more axes than dimensions.
    """
    if kind == "random":
        drawn = rng.normal(size=(n, dimension))
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))
    if n > dimension:
        raise ValueError(f"{n} axes in {dimension} dimensions")
    found = np.zeros((n, dimension))
    found[np.arange(n), rng.choice(dimension, n, replace=False)] = 1.0
    return found


def gradient_trials(
    mechanism: Mechanism, background: Sequence[FloatArray], *, canary: FloatArray, include: BoolArray
) -> CanaryTrials:
    """Return the scores of steps over the background, one for each of `include` [n], with the canary's unit where true.

    `canary` [k, D] are the gradients of the canary's unit; the score is along the first, over its length. Steps have to
    be independent: a mechanism that keeps a state (adaptive clipping) starts each anew.

    Raises:
        ValueError: the canary has no length, or a step gave a sum that is no number.
    """
    length = float(np.linalg.norm(canary[0]))
    if not length > 0:
        raise ValueError(f"the canary's gradient has length {length}, and no direction to score along")
    direction = canary[0] / length
    steps = [[*background, canary] if included else list(background) for included in include]
    scores = np.array([float(mechanism(step) @ direction) / length for step in steps])
    return CanaryTrials(scores=scores, included=include)


def one_run_trials(
    mechanism: Mechanism, background: Sequence[FloatArray], *, canaries: FloatArray, n_steps: int, include: BoolArray
) -> CanaryTrials:
    """Return one score a canary [m, D] of a run of `n_steps` steps, in which the same canaries take part throughout.

    The mechanism samples its units itself, if it does. Scores are sums over steps, in clip norms.

    Raises:
        ValueError: a step gave a sum that is no number.
    """
    present = [*background, *(row[None] for row in canaries[include])]
    total = np.sum([mechanism(present) for _ in range(n_steps)], axis=0)
    lengths = np.linalg.norm(canaries, axis=1)
    return CanaryTrials(scores=canaries @ total / lengths**2, included=include)


def noise_audit(
    trials: CanaryTrials, *, noise_multiplier: float, delta: float, confidence: float, rng: np.random.Generator
) -> NoiseAudit:
    """Return the bound of mu beside 1 / noise_multiplier; a fifth of the trials choose the threshold.

    Raises:
        ValueError: fewer than two trials with the canary or without it, or a noise multiplier that is not above 0.
    """
    if not noise_multiplier > 0:
        raise ValueError(f"noise_multiplier={noise_multiplier}")

    def choose(scores: FloatArray, included: BoolArray) -> float:
        return _between_gaussians(scores, included, n=len(trials.scores), alpha=1 - confidence)

    counts = held_out_counts(trials.scores, trials.included, choose=choose, share=CHOOSING, rng=rng)
    parts = (counts.tp, counts.n_members, counts.fp, counts.n_non_members)
    bound = gdp_bound(*parts, delta=delta, confidence=confidence)
    return NoiseAudit(bound=bound, promised_mu=1 / noise_multiplier, counts=counts)


def _least_refuting(counts: AttackCounts, promised: float) -> float:
    """Return the alpha at which the bound of mu meets what was promised."""

    def excess(log_alpha: float) -> float:
        parts = (counts.tp, counts.n_members, counts.fp, counts.n_non_members)
        return mu_of(error_bounds(*parts, alpha=math.exp(log_alpha))) - promised

    if excess(0.0) <= 0:
        return 1.0
    if excess(_LEAST_LOG_ALPHA) > 0:
        return math.exp(_LEAST_LOG_ALPHA)
    return min(1.0, math.exp(float(brentq(excess, _LEAST_LOG_ALPHA, 0.0, rtol=1e-6))))


def _between_gaussians(scores: FloatArray, included: BoolArray, *, n: int, alpha: float) -> float:
    """Return the threshold that would show most if scores were two Gaussians with the means and spread of these.

    Counts themselves would choose one far out, where a handful of lucky trials looks best.
    """
    inside, outside = scores[included], scores[~included]
    within = np.concatenate([inside - inside.mean(), outside - outside.mean()])
    spread = float(np.sqrt((within**2).sum() / max(len(within) - 2, 1))) or 1.0
    half = n // 2

    def shown(at: float) -> float:
        tp, fp = (round(half * float(ndtr((part.mean() - at) / spread))) for part in (inside, outside))
        return mu_of(error_bounds(tp, half, fp, half, alpha=alpha))

    low, high = sorted((float(inside.mean()), float(outside.mean())))
    places = np.linspace(low - 2 * spread, high + 2 * spread, THRESHOLDS)
    return float(max(places, key=lambda at: shown(float(at))))
