"""What canary gradients measure: names, sources, and what each number is not."""

from __future__ import annotations

from typing import Final

NAME: Final = "gradient-canaries"
VERSION: Final = "1"
EPSILON: Final = "gradient_canary_epsilon_lower_bound"
CEILING: Final = f"{EPSILON}_ceiling"
MU: Final = "gradient_canary_mu_lower_bound"
MU_CEILING: Final = f"{MU}_ceiling"
NOISE: Final = "noise_multiplier_ratio"
REACH: Final = "largest_contribution_ratio"
SIZES: Final = "batch_size_dispersion"
METRICS: Final = frozenset({EPSILON, CEILING, MU, MU_CEILING, NOISE, REACH, SIZES})
RUN_SOURCE: Final = "one-run audit: Steinke, Nasr, Jagielski 2023"
STEP_SOURCE: Final = "gradient canaries, every step seen: Nasr et al. 2023; canaries in one run: Andrew et al. 2024"
NOISE_SOURCE: Final = "standard deviation of normal variables with mean 0: chi-square"
REACH_SOURCE: Final = "norm of a unit's clipped gradient: Abadi et al. 2016"
SIZES_SOURCE: Final = "dispersion of binomial counts; shuffling accounted as Poisson: Chua et al. 2024"
ONE_SIDED: Final = "a one-sided bound: the value is its low end, and it has no high end"
COUNTED: Final = "what perfect guesses of as many trials would have shown: set by their number, and not estimated"
EXACT: Final = "computed without noise, not estimated from a sample"
TESTED: Final = "four counts of the draws are tested together; the number itself is not estimated"
AS_RUN_NOW: Final = (
    "of the mechanism as it ran now with the options of the training's card, and not of the run that made the model: "
    "what was done then, and by other code, this cannot see"
)
SEEDED: Final = (
    "draws are from the plan's seed, by the code that otherwise draws from a secret: whether the secret is one is not "
    "tested"
)
UNGROUPED: Final = "canaries are gradients and nobody's: there are no groups of them"
NO_PROOF: Final = "a bound under the promise does not prove it: another attack, or more canaries, may show more"
NO_COST: Final = "what patients added is taken off before anything is scored, so that the number tells nothing of them"
