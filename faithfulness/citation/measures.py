"""What the citation examination measures: for each number its metric, its direction and its range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from affidavit.conditions import MODALITIES
from affidavit.confusion import Statistic
from faithfulness.citation import statistics as formulas
from faithfulness.citation.statistics import Formula, Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A mean over modalities."""

    metric: str
    formula: Formula
    low: float
    higher_is_better: bool | None
    compared: bool = False
    """Whether groups are compared in it."""


PHI: Final = "citation_phi"
SHUFFLED: Final = "citation_phi_shuffled"
NOISE: Final = "repeat_flip_rate"
MEASURES: Final = (
    Measure(metric=PHI, formula=formulas.phi, low=-1.0, higher_is_better=True, compared=True),
    Measure(metric=SHUFFLED, formula=formulas.shuffled_phi, low=-1.0, higher_is_better=None),
    Measure(metric="citation_phi_excess", formula=formulas.phi_beyond_shuffled, low=-2.0, higher_is_better=True),
    Measure(metric="citation_informedness", formula=formulas.informedness, low=-1.0, higher_is_better=True),
    Measure(metric="over_claim_rate", formula=formulas.over_claim, low=0.0, higher_is_better=False, compared=True),
    Measure(metric="omission_rate", formula=formulas.omission, low=0.0, higher_is_better=False, compared=True),
    Measure(metric="modality_citation_rate", formula=formulas.citation_rate, low=0.0, higher_is_better=None),
    Measure(metric="modality_effect_rate", formula=formulas.effect_rate, low=0.0, higher_is_better=None),
)
OF_PROBABILITIES: Final = Measure(
    metric="citation_effect_contrast", formula=formulas.contrast_of_effects, low=-1.0, higher_is_better=True
)
OF_REPEATS: Final = (
    Measure(metric=NOISE, formula=formulas.repeat_flip_rate, low=0.0, higher_is_better=None),
    Measure(metric="modality_effect_excess", formula=formulas.effect_beyond_noise, low=-1.0, higher_is_better=None),
)
ALL: Final = (*MEASURES, OF_PROBABILITIES, *OF_REPEATS)


def means(layout: Layout, measures: Sequence[Measure]) -> list[Statistic]:
    """Return each measure as a statistic: its mean over modalities."""
    return [
        layout.mean(measure.metric, measure.formula, low=measure.low, better=measure.higher_is_better)
        for measure in measures
    ]


def of_modality(layout: Layout, letters: Sequence[str], modality: int) -> list[Statistic]:
    """Return the numbers of one modality: phi, and four rates as ratios of sums."""
    name = MODALITIES[letters[modality]]
    return [
        layout.one(f"{PHI}_{name}", formulas.phi, modality, low=-1.0, better=True),
        layout.rate(
            f"over_claim_rate_{name}", formulas.CITED_FOR_NOTHING, formulas.DID_NOT_MATTER, modality, better=False
        ),
        layout.rate(
            f"omission_rate_{name}", formulas.NOT_CITED_THOUGH_IT_MATTERED, formulas.MATTERED, modality, better=False
        ),
        layout.rate(f"modality_citation_rate_{name}", formulas.CITED, formulas.JUDGED, modality, better=None),
        layout.rate(f"modality_effect_rate_{name}", formulas.MATTERED, formulas.JUDGED, modality, better=None),
    ]


METRICS: Final = frozenset(
    {measure.metric for measure in ALL}
    | {f"{measure.metric}_difference" for measure in ALL if measure.compared}
    | {
        f"{metric}_{name}"
        for metric in (PHI, "over_claim_rate", "omission_rate", "modality_citation_rate", "modality_effect_rate")
        for name in MODALITIES.values()
    }
)
"""Every metric that the examination may report."""
