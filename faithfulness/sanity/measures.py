"""What the examination `attribution-sanity` tells: for each number its metric, its range, its direction, its source."""

from __future__ import annotations

from typing import Final

from affidavit.records import ExplanationProperty
from faithfulness.attribution.averages import Average, Block
from faithfulness.attribution.measures import DELTA

ADEBAYO: Final = "Adebayo et al. 2018, cascading randomisation of parameters; Spearman's rank correlation"
YEH: Final = "Yeh et al. 2019, definition 2.1 (infidelity, spans removed at random)"
STEADY: Final = "Yeh et al. 2019, definition 3.1 (max-sensitivity)"
SEEDS: Final = "Spearman's rank correlation of two attributions of the same judgement under two seeds"
SHOULD_FALL: Final = (
    "an explanation of the model loses its order with the model's parameters; one of the input keeps it"
)
NOT_TRUTH: Final = "steady is not right: a constant explanation is perfectly steady"
CONSTANT: Final = "the same value for every input foretells that more is lost the more is removed: read it beside"

RANDOMISED: Final = Block(
    averages=(
        Average(metric="randomisation_rank_correlation", source=ADEBAYO, low=-1.0, better=False),
        Average(metric="randomisation_rank_correlation_absolute", source=ADEBAYO, low=-1.0, better=False),
        Average(metric="randomisation_rank_correlation_random", source=ADEBAYO, low=-1.0),
    ),
    property=ExplanationProperty.CAUSAL,
    by_group=("randomisation_rank_correlation",),
    controls=("randomisation_rank_correlation_random",),
    remarks={"randomisation_rank_correlation": (SHOULD_FALL,)},
)


def _unexplained(ending: str) -> Average:
    """Return the share of the squared falls that the attribution, scaled at best, does not foretell."""
    return Average(
        metric=f"infidelity_unexplained{ending}",
        source=f"{YEH}, scaled at best, over the mean square of what happened",
        above=f"infidelity_normalised{ending}",
        below="removal_square",
        better=None if ending else False,
    )


FIDELITY: Final = Block(
    averages=(
        *(_unexplained(ending) for ending in ("", "_random", "_constant")),
        *(
            Average(metric=f"infidelity{kind}{ending}", source=YEH, high=None, better=None if ending else False)
            for kind in ("", "_normalised")
            for ending in ("", "_random", "_constant")
        ),
    ),
    property=ExplanationProperty.CAUSAL,
    by_group=("infidelity_unexplained", "infidelity_unexplained_random"),
    compared=frozenset({"infidelity_unexplained"}),
    controls=("infidelity_unexplained_random", "infidelity_unexplained_constant"),
    remarks={"infidelity_unexplained": (CONSTANT,)},
)
STEADINESS: Final = Block(
    averages=(
        Average(metric="max_sensitivity", source=STEADY, high=None, better=False),
        Average(metric="max_sensitivity_random", source=STEADY, high=None),
    ),
    property=ExplanationProperty.CAUSAL,
    by_group=("max_sensitivity",),
    controls=("max_sensitivity_random",),
    remarks={"max_sensitivity": (NOT_TRUTH,)},
)
SEEDED: Final = Block(
    averages=(Average(metric="seed_rank_correlation", source=SEEDS, low=-1.0, better=True),),
    property=ExplanationProperty.CAUSAL,
)
CONVERGED: Final = Block(
    averages=(
        Average(metric="unconverged_rate", source=DELTA, better=False),
        Average(metric="relative_delta", source=DELTA, high=None, better=False),
    ),
    property=ExplanationProperty.CAUSAL,
)
BLOCKS: Final = (RANDOMISED, FIDELITY, STEADINESS, SEEDED, CONVERGED)
METRICS: Final = frozenset(
    {average.metric for block in BLOCKS for average in block.averages}
    | {f"{metric}_difference" for block in BLOCKS for metric in block.compared}
)
