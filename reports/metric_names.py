"""What metrics are called and how their numbers are printed: a stem (accuracy) and what was made of it (difference).

A name is read from its end: `accuracy_difference_borne_by_audio` is the stem `accuracy`, its difference between groups,
and the part of that which the audio bears. A stem that is a rate is printed in percent, what is made of it by
subtraction in points, ratios and whatever is not known in plain numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Final


class Kind(Enum):
    """What a number is."""

    RATE = "a share of something, 0 to 1"
    DIFFERENCE = "a difference of rates"
    PLAIN = "anything else"


@dataclass(frozen=True, slots=True)
class Made:
    """What an ending says was made of a stem."""

    words: str
    kind: Kind | None = None
    """What becomes of a rate; None where it stays one."""


_OF_RATES: Final = ("_rate", "_share")
"""A stem with one of these endings is a rate, whatever it is of."""
RATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accuracy": "Accuracy",
        "unweighted_average_recall": "Unweighted average recall",
        "weighted_average_recall": "Weighted average recall",
        "weighted_f1": "Weighted F1",
        "macro_f1": "Macro F1",
        "balanced_accuracy": "Balanced accuracy",
        "selection_rate": "Selection rate",
        "recall": "Recall",
        "precision": "Precision",
        "false_positive_rate": "False positive rate",
        "true_positive_rate": "True positive rate",
        "word_error_rate": "Word error rate",
        "demographic_parity": "Demographic parity",
        "equalized_odds": "Equalised odds",
        "equal_opportunity": "Equal opportunity",
        "base_rate": "Base rate",
        "agreement_with_fullest": "Agreement with the fullest condition",
        "rationale_rate": "Share with a rationale",
        "worst_group_accuracy": "Accuracy of the worst group",
        "worst_group_unweighted_average_recall": "Unweighted average recall of the worst group",
        "worst_group_macro_f1": "Macro F1 of the worst group",
        "annotator_agreement": "Annotators' agreement",
        "model_annotator_agreement": "Model's agreement with annotators",
        "unread_rate": "Rationales not read",
        "own_identity_rate": "Mentions the speaker's own group",
        "identity_rate": "Mentions an identity",
        "names_predicted_rate": "Names the predicted emotion",
        "names_true_rate": "Names the true emotion",
        "character_rate": "Speaks of character",
        "stereotype_rate": "Holds a stereotype",
        "hedging_rate": "Hedges",
        "cites_absent_modality_rate": "Cites a modality that was not shown",
        "subset_accuracy": "All labels right",
        "hamming_loss": "Labels wrong (Hamming loss)",
        "jaccard_index": "Jaccard index",
        "micro_f1": "Micro F1",
        "expected_calibration_error": "Expected calibration error",
    }
)
DIFFERENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "overconfidence": "Over-confidence",
        "excess_agreement": "Agreement beyond the annotators' own",
        "label_distance": "Distance of labels from everybody's",
        "subgroup_violation": "Subgroup violation",
        "subgroup_rate": "Subgroup's rate",
        "multicalibration_violation": "Multicalibration violation",
        "multicalibration_excess": "Multicalibration excess",
    }
)
NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "demographic_parity_ratio": "Demographic parity ratio (impact ratio)",
        "attack_auroc": "Attack AUROC",
        "tpr_at_fpr": "TPR at fixed FPR",
        "krippendorff_alpha": "Krippendorff's alpha",
        "jensen_shannon_divergence": "Jensen-Shannon divergence",
        "soft_cross_entropy": "Cross-entropy against annotators (bits)",
        "annotator_entropy": "Entropy of annotators (bits)",
        "generalized_entropy": "Inequality of benefit, GE(2)",
        "generalized_entropy_between": "Inequality of benefit between groups, GE(2)",
        "theil_index": "Inequality of benefit, Theil",
        "differential_fairness_epsilon": "Differential fairness, epsilon",
        "differential_fairness_epsilon_labels": "Differential fairness of the labels, epsilon",
        "differential_fairness_amplification": "Differential fairness, what the model adds",
        "quadratic_weighted_kappa": "Quadratic weighted kappa",
    }
)
ENDINGS: Final[Mapping[str, Made]] = MappingProxyType(
    {
        "_per_unit": Made(", mean over units"),
        "_shrunken": Made(", shrunken"),
        "_standardised": Made(", at equal accuracy"),
        "_adjusted": Made(", adjusted for annotators' entropy"),
        "_right": Made(", of right answers"),
        "_wrong": Made(", of wrong answers"),
        "_mean": Made(", mean over groups"),
        "_searched": Made(", search half"),
        "_learned": Made(", learned subgroup"),
        "_ccc": Made(", concordance (CCC)"),
        "_mean_absolute_error": Made(", mean absolute error"),
        "_root_mean_squared_error": Made(", root mean squared error"),
        "_bias": Made(", bias (predicted less true)"),
        "_mean_shift": Made(", mean shift from everybody"),
        "_ratio": Made(" ratio", Kind.PLAIN),
        "_difference": Made(" difference", Kind.DIFFERENCE),
        "_difference_max": Made(" difference, widest class", Kind.DIFFERENCE),
        "_difference_macro": Made(" difference, mean over classes", Kind.DIFFERENCE),
        "_total_variation": Made(", total variation", Kind.DIFFERENCE),
        "_strict": Made(", strict (whole rows of the confusion matrix)", Kind.DIFFERENCE),
        "_spread": Made(", spread between groups", Kind.DIFFERENCE),
        "_deviation": Made(", widest deviation from everybody", Kind.DIFFERENCE),
        "_chance_threshold": Made(", 95 % of models without bias", Kind.DIFFERENCE),
        "_over_chance": Made(", over that of models without bias", Kind.DIFFERENCE),
        "_loss": Made(" lost to the worse input", Kind.DIFFERENCE),
        "_widening": Made(", widening under the worse input", Kind.DIFFERENCE),
        "_shortfall": Made(" short of everybody else", Kind.DIFFERENCE),
        "_all_modalities": Made(", all modalities", Kind.DIFFERENCE),
        "_without_modalities": Made(", without any modality", Kind.DIFFERENCE),
        **{f"_borne_by_{m}": Made(f", borne by {m}", Kind.DIFFERENCE) for m in ("text", "audio", "video")},
        **{f"_cost_without_{m}": Made(f" lost without {m}", Kind.DIFFERENCE) for m in ("text", "audio", "video")},
        **{f"_change_without_{m}": Made(f", change without {m}", Kind.DIFFERENCE) for m in ("text", "audio", "video")},
    }
)


@dataclass(frozen=True, slots=True)
class Read:
    """A metric's name, read."""

    label: str
    kind: Kind


@lru_cache(maxsize=4096)
def read(metric: str) -> Read:
    """Return what a metric is called and what its number is; an unknown one goes by its own name.

    >>> read("accuracy_difference_borne_by_audio").label
    'Accuracy difference, borne by audio'
    >>> read("surprise_index").kind.name
    'PLAIN'
    """
    if metric in NAMES:
        return Read(NAMES[metric], Kind.PLAIN)
    if metric in RATES:
        return Read(RATES[metric], Kind.RATE)
    if metric in DIFFERENCES:
        return Read(DIFFERENCES[metric], Kind.DIFFERENCE)
    ending = max((e for e in ENDINGS if metric.endswith(e) and metric != e), key=len, default=None)
    if ending is None:
        return Read(sentence_case(metric), Kind.RATE if metric.endswith(_OF_RATES) else Kind.PLAIN)
    stem, made = read(metric.removesuffix(ending)), ENDINGS[ending]
    return Read(stem.label + made.words, _kind(stem.kind, made))


def _kind(stem: Kind, made: Made) -> Kind:
    if made.kind is None or stem is Kind.PLAIN:
        return stem
    return made.kind


def sentence_case(name: str) -> str:
    """Return a name as words.

    >>> sentence_case("membership_inference")
    'Membership inference'
    """
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]
