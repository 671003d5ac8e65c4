"""What the examination measures: names, sources, and what each number is not."""

from __future__ import annotations

from typing import Final

NAME: Final = "membership"
VERSION: Final = "1"
LEAST_UNITS: Final = 10
"""Members, and non-members, that are attacked at all."""
AUROC: Final = "attack_auroc"
GAP: Final = f"{AUROC}_difference"
CHANGE: Final = f"{AUROC}_change"
EPSILON: Final = "membership_epsilon_lower_bound"
CEILING: Final = f"{EPSILON}_ceiling"
SHIFT: Final = "shift_auroc"
UNSEEN: Final = "unseen_auroc"
RATES: Final = {"1_percent": 0.01, "0_1_percent": 0.001}
"""False positive rates at which members found are told, by the ending of the metric."""
BY_GROUP_RATE: Final = "1_percent"
"""Of which findings by group are made; the other stands in the exhibit."""
TPR: Final = "tpr_at_fpr"
TPR_COMMON: Final = "tpr_at_common_threshold"
FPR_COMMON: Final = "fpr_at_common_threshold"
METRICS: Final = frozenset(
    {
        *(AUROC, GAP, CHANGE, EPSILON, CEILING, SHIFT, UNSEEN),
        *(f"{stem}_{rate}" for stem in (TPR, TPR_COMMON, FPR_COMMON) for rate in RATES),
    }
)
ATTACK_SOURCE: Final = {
    "lira-online": "LiRA, online: Carlini et al. 2022",
    "lira-offline": "LiRA, offline: Carlini et al. 2022",
    "rmia": "RMIA: Zarifzadeh, Liu, Shokri 2024",
    "loss": "loss threshold: Yeom et al. 2018",
}
EPSILON_SOURCE: Final = "counts into epsilon: Kairouz, Oh, Viswanath 2015; Jagielski, Ullman, Oprea 2020"
SHIFT_SOURCE: Final = "blind baselines: Das, Zhang, Tramer 2024"
NO_EVIDENCE: Final = "an attack that fails is no evidence of privacy: another may succeed"
ONE_SIDED: Final = "a one-sided bound: the value is its low end, and it has no high end"
COUNTED: Final = "what a perfect attack on as many units would have shown: set by their number, and not estimated"
REFITTED: Final = "cross-fitted scores are no sample of independent units: held against chance by permutation instead"
MODEL_ONLY: Final = "of the model's training, and not of this table: what conditions and rows show has no part in it"
COMMON: Final = (
    "threshold of all non-members; what is found of members stands beside what is of the group's non-members"
)
OF_ITSELF: Final = "each group's bound by itself: over several groups one may lie too high by chance"
VACUOUS: Final = "delta is no less than one in the members: whoever publishes one of them whole would keep to it"
OWN: Final = "threshold of the group's own non-members"
