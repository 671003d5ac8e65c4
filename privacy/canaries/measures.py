"""What the examination measures: names, sources, and what each number is not."""

from __future__ import annotations

from typing import Final

NAME: Final = "one-run-audit"
VERSION: Final = "1"
EPSILON: Final = "canary_epsilon_lower_bound"
CEILING: Final = f"{EPSILON}_ceiling"
ACCURACY: Final = "canary_guess_accuracy"
GAP: Final = f"{ACCURACY}_difference"
OVER: Final = f"{ACCURACY}_over_promise"
DROP: Final = f"{ACCURACY}_drop"
METRICS: Final = frozenset({EPSILON, CEILING, ACCURACY, GAP, OVER, DROP})
SOURCE: Final = "one-run audit: Steinke, Nasr, Jagielski 2023"
GAUSSIAN_SOURCE: Final = "Mahloujifar, Melis, Chaudhuri 2024"
ACCURACY_SOURCE: Final = "share of right guesses: Steinke, Nasr, Jagielski 2023; intervals: Clopper, Pearson 1934"
OVER_SOURCE: Final = f"{SOURCE}; intervals: Clopper, Pearson 1934"
DROP_SOURCE: Final = "paired canaries of two trainings; interval: Bonett, Price 2012"
GAP_SOURCE: Final = "largest less smallest group: Zou, Donner 2008 (MOVER)"
ONE_SIDED: Final = "a one-sided bound: the value is its low end, and it has no high end"
COUNTED: Final = "what perfect guesses of as many canaries would have shown: set by their number, and not estimated"
NOBODY: Final = "nothing was guessed"
OF_ITSELF: Final = "each group's bound by itself: of several groups' bounds one may lie too high by chance"
NO_PROOF: Final = "a bound under the promise does not prove it: another attack, or more canaries, may show more"
ATTESTED: Final = (
    "that each was planted by a fair coin of its own, and in one patient only, is attested by who planted them, and "
    "cannot be seen"
)
MODEL_ONLY: Final = "of the model's training, and not of this table: what conditions and rows show has no part in it"
