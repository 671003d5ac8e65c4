"""The first accountant: privacy random variables, convolved by Opacus (Gopi et al. 2021).

Opacus knows adding and removing. Replacing is told to it here as a variable of its own: with P = (1-q) N(0, s^2) +
q N(1, s^2) and Q = (1-q) N(0, s^2) + q N(-1, s^2), in clip norms, the loss log P/Q rises with the outcome x, and with
u = exp(x / s^2) and c = exp(-1 / (2 s^2)) it has the value t where  q c u^2 + (1-q)(1 - e^t) u - e^t q c = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from affidavit.provenance import package_version
from privacy.accounting.answers import Account
from privacy.accounting.mechanisms import Neighbours, SubsampledGaussian
from privacy.accounting.renyi import renyi_bound
from privacy.extra import require_extra

NAME: Final = "Opacus PRV"
SHARE_OF_DELTA: Final = 1e-3
"""What of delta the discretisation may take up, as Opacus has it."""
COARSEST: Final = 0.01
"""The error of epsilon that is allowed and added; less where epsilon is small."""
FINEST: Final = 1e-5
SHARE_OF_EPSILON: Final = 0.004
LOOSE: Final = 0.7
MOST_POINTS: Final = 4_000_000
"""Of the discretisation; where a finer one would be needed, the error grows instead, and is added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacePRV:
    """The privacy loss of one Poisson-subsampled Gaussian when a unit is replaced; satisfies what Opacus convolves."""

    sample_rate: float
    scale: float
    """Standard deviation over the clip norm."""

    def cdf(self, t: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the probability of a loss of at most `t`."""
        q, s, t = self.sample_rate, self.scale, np.asarray(t, dtype=np.float64)
        grown, c = np.exp(t), math.exp(-1 / (2 * s * s))
        linear = (1 - q) * np.expm1(t)
        root = np.sqrt(linear**2 + 4 * grown * (q * c) ** 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            above, below = (linear + root) / (2 * q * c), 2 * grown * q * c / (root - linear)
        x = s * s * np.log(np.where(linear > 0, above, below))
        return np.asarray((1 - q) * ndtr(x / s) + q * ndtr((x - 1) / s))


def prv_epsilon(steps: tuple[SubsampledGaussian, ...], *, neighbours: Neighbours, delta: float, rdp: float) -> Account:
    """Return Opacus' upper bound of epsilon; `rdp` is a coarser one, by which the error is chosen."""
    version = package_version("opacus") or "unknown"
    try:
        epsilon = _composed(steps, neighbours=neighbours, delta=delta, rdp=rdp)
        if 0 < epsilon < LOOSE * rdp and SHARE_OF_EPSILON * rdp < COARSEST:  # small, and the error chosen by too much
            epsilon = min(epsilon, _composed(steps, neighbours=neighbours, delta=delta, rdp=LOOSE * epsilon))
    except (RuntimeError, ValueError, MemoryError) as error:
        return Account(accountant=NAME, version=version, epsilon=None, why_none=str(error))
    if not math.isfinite(epsilon):
        return Account(accountant=NAME, version=version, epsilon=None, why_none="its numbers overflow")
    return Account(accountant=NAME, version=version, epsilon=max(epsilon, 0.0))


def _composed(steps: tuple[SubsampledGaussian, ...], *, neighbours: Neighbours, delta: float, rdp: float) -> float:
    require_extra()
    from opacus.accountants.analysis.prv import (
        Domain,
        TruncatedPrivacyRandomVariable,
        compose_heterogeneous,
        discretize,
    )

    variables = [_variable(step, neighbours) for step in steps]
    counts, error = [step.n_times for step in steps], delta * SHARE_OF_DELTA
    wanted = min(COARSEST, max(FINEST, SHARE_OF_EPSILON * rdp))
    spread = math.sqrt(sum(counts) * math.log(12 / error) / 2)
    with np.errstate(all="ignore"):  # of log(1 - q) where q is 1
        reach = max(_reach(steps, neighbours, error), wanted) + 3
        wanted = max(wanted, 2 * reach * spread / MOST_POINTS)
        domain = Domain.create_aligned(-reach, reach, wanted / spread)
        discrete = [
            discretize(TruncatedPrivacyRandomVariable(variable, domain.t_min, domain.t_max), domain)
            for variable in variables
        ]
        composed = compose_heterogeneous(dprvs=discrete, num_self_compositions=counts)
        _, _, upper = composed.compute_epsilon(delta, error, wanted)
    return float(upper)


def _reach(steps: tuple[SubsampledGaussian, ...], neighbours: Neighbours, error: float) -> float:
    """Return a loss that all steps together, and each alone, hardly ever exceed (Gopi et al. 2021, remark 5.6).

    Opacus takes Renyi losses for it too, but knows none of replacing.
    """
    total = sum(step.n_times for step in steps)
    bounds = [renyi_bound(steps, neighbours=neighbours, delta=error / 4)]
    bounds += [renyi_bound((step.alike,), neighbours=neighbours, delta=error / (8 * total)) for step in steps]
    if any(bound is None for bound in bounds):
        raise ValueError("nothing bounds the loss")
    return max(bound for bound in bounds if bound is not None)


def _variable(step: SubsampledGaussian, neighbours: Neighbours) -> Any:  # noqa: ANN401 - Opacus has no protocol
    require_extra()
    from opacus.accountants.analysis.prv import PoissonSubsampledGaussianPRV

    if neighbours == "replace":
        return ReplacePRV(sample_rate=step.sample_rate, scale=step.noise_multiplier)
    return PoissonSubsampledGaussianPRV(step.sample_rate, step.noise_multiplier)
