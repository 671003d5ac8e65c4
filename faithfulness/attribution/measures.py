"""What the examination `attributions` tells: for each number its metric, its range, its direction and its source."""

from __future__ import annotations

from typing import Final

from affidavit.conditions import MODALITIES
from affidavit.records import ExplanationProperty
from faithfulness.attribution.averages import Average, Block

CC_SHAP: Final = "Parcalabescu, Frank 2024 (CC-SHAP): 1 less the cosine distance of signed shares"
MM_SHAP: Final = "Parcalabescu, Frank 2023 (MM-SHAP): share of absolute attributions"
SHAPLEY: Final = "Shapley 1953, exact over modalities (SHAPE)"
TOKENS: Final = "after OPPO (arXiv:2606.25325): AUROC of a token's fall without a modality against citing it"
ERASER: Final = (
    "DeYoung et al. 2020 (ERASER), equations 1 and 2, mean over 1, 5, 10, 20 and 50 % of the spans, one at least"
)
DELTA: Final = "Sundararajan, Taly, Yan 2017: completeness missed by more than 10 %"
SELF_CONSISTENT: Final = (
    "self-consistency: answer and rationale rest on the same inputs, whether or not on the right ones"
)
ABSOLUTE: Final = "absolute shares grow with the number of spans and forget the sign: read the Shapley values beside it"
UNLIKE_TRAINING: Final = "inputs with parts erased are unlike those of training: read it beside the random control"

CONSISTENCY: Final = Block(
    averages=(
        Average(metric="cc_shap", source=CC_SHAP, low=-1.0, better=True),
        Average(metric="cc_shap_excess", source=CC_SHAP, low=-2.0, high=2.0, better=True),
        Average(metric="cc_shap_shuffled", source=CC_SHAP, low=-1.0),
        Average(metric="cc_shap_template", source=CC_SHAP, low=-1.0),
        Average(metric="cc_shap_random", source=CC_SHAP, low=-1.0),
        Average(metric="cc_shap_randomised", source=CC_SHAP, low=-1.0),
    ),
    property=ExplanationProperty.SELF_CONSISTENCY,
    by_group=("cc_shap", "cc_shap_excess", "cc_shap_shuffled"),
    compared=frozenset({"cc_shap"}),
    controls=("cc_shap_shuffled", "cc_shap_template", "cc_shap_random", "cc_shap_randomised"),
    remarks={"cc_shap": (SELF_CONSISTENT,)},
)
EVIDENCE: Final = Block(
    averages=(
        Average(metric="evidence_token_auroc", source=TOKENS, better=True),
        Average(metric="evidence_token_auroc_excess", source=TOKENS, low=-1.0, better=True),
        Average(metric="evidence_token_auroc_shuffled", source=TOKENS),
        Average(metric="evidence_token_auroc_template", source=TOKENS),
        Average(metric="evidence_token_auroc_randomised", source=TOKENS),
    ),
    property=ExplanationProperty.CAUSAL,
    by_group=("evidence_token_auroc", "evidence_token_auroc_excess", "evidence_token_auroc_shuffled"),
    compared=frozenset({"evidence_token_auroc"}),
    controls=("evidence_token_auroc_shuffled", "evidence_token_auroc_template", "evidence_token_auroc_randomised"),
)
UNMOVED: Final = Block(
    averages=(
        Average(
            metric="rationale_unmoved_rate",
            source="share of judgements none of whose rationale's tokens any input moves",
            better=False,
        ),
    ),
    property=ExplanationProperty.CAUSAL,
)
CONVERGED: Final = tuple(
    Block(averages=(Average(metric=metric, source=DELTA, better=False),), property=ExplanationProperty.CAUSAL)
    for metric in ("unconverged_rate", "unconverged_token_rate")
)
"""Told where the method promises a sum."""


def of_modality(name: str) -> Block:
    """Return the share and the Shapley value of one modality, over the judgements that have it."""
    return Block(
        averages=(
            Average(metric=f"mm_shap_{name}", source=MM_SHAP),
            Average(metric=f"score_shapley_{name}", source=SHAPLEY, low=-float("inf"), high=None),
        ),
        property=ExplanationProperty.CAUSAL,
        remarks={f"mm_shap_{name}": (ABSOLUTE,)},
    )


def _erasure(test: str, ending: str) -> Block:
    """Return one test under one filling."""
    better, name = test == "comprehensiveness", f"attribution_{test}{ending}"
    normalised = Average(
        metric=f"{name}_normalised",
        source=f"{ERASER}, over p(x) - p(empty)",
        above=name,
        below="without_all",
        low=-float("inf"),
        high=None,
        better=better,
    )
    return Block(
        averages=(
            Average(metric=name, source=ERASER, low=-1.0, better=better),
            Average(metric=f"{name}_beyond_random", source=ERASER, low=-2.0, high=2.0, better=better),
            Average(metric=f"{name}_random", source=ERASER, low=-1.0),
            *(() if ending else (normalised,)),
        ),
        property=ExplanationProperty.CAUSAL,
        by_group=(f"{name}_beyond_random",) if better and not ending else (),
        controls=(f"{name}_random",),
        remarks={name: (UNLIKE_TRAINING,)},
    )


FILLINGS: Final = {"": "its baseline", "_resampled": "another utterance's input"}
"""Ending of a metric to what is put in the place of what is erased."""
ERASURES: Final = tuple(_erasure(test, ending) for test in ("comprehensiveness", "sufficiency") for ending in FILLINGS)
BLOCKS: Final = (
    CONSISTENCY,
    EVIDENCE,
    UNMOVED,
    *(of_modality(name) for name in MODALITIES.values()),
    *ERASURES,
    *CONVERGED,
)
METRICS: Final = frozenset(
    {average.metric for block in BLOCKS for average in block.averages}
    | {f"{metric}_difference" for block in BLOCKS for metric in block.compared}
)
