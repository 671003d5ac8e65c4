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
    COUNT = "how many, a whole number"
    PLAIN = "anything else"


@dataclass(frozen=True, slots=True)
class Made:
    """What an ending says was made of a stem."""

    words: str
    kind: Kind | None = None
    """What becomes of a rate; None where it stays one."""
    whatever: bool = False
    """Whether that is so of any stem: an intervention is no number, the change that it brings is one."""


_OF_RATES: Final = ("_rate", "_share")
"""A stem with one of these endings is a rate, whatever it is of."""
_TOLD_FROM: Final[Mapping[str, str]] = MappingProxyType(
    {
        "rationale": "the rationale",
        "embedding": "the embedding",
        "text": "the state of the words",
        "audio": "the state of the voice",
        "video": "the state of the face",
    }
)
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
        "leakage_balanced_accuracy": "Groups told from answers, balanced accuracy",
        "agreement_between_repeats": "Agreement between repetitions",
        "also_in_training_share": "Audited units that are in the training data",
        "explanation_emotion_accuracy": "Rationale names the true emotion (EEA)",
        "explanation_prediction_consistency": "Rationale names the answer (EPC)",
        "faithful_consistency_rate": "Rationale, answer and label agree (FCR)",
        "right_answer_right_explanation_rate": "Right answer, right explanation",
        "right_answer_wrong_explanation_rate": "Right answer, wrong explanation",
        "wrong_answer_right_explanation_rate": "Wrong answer, right explanation",
        "wrong_answer_wrong_explanation_rate": "Wrong answer, wrong explanation",
        "abstention_rate": "No emotion concluded",
        "over_claim_rate": "Over-claims (cited, did not matter)",
        "omission_rate": "Omissions (mattered, not cited)",
        "modality_citation_rate": "Modality cited",
        "modality_effect_rate": "Modality mattered",
        "repeat_flip_rate": "Answer changes on repetition",
        "early_answering_aoc": "Early answering, area over the curve",
        "added_mistakes_aoc": "Added mistakes, area over the curve",
        "filler_change_rate": "Answer changes under filler",
        "paraphrase_change_rate": "Answer changes under paraphrase",
        "answer_change_rate": "Answer changes",
        "insertion_flip_rate": "Answer flips by a word put in",
        "insertion_disclosure_rate": "Mentions the word that flipped the answer",
        "insertion_mention_without_flip_rate": "Mentions a word that flipped nothing",
        "insertion_mention_before_rate": "Mentions the word before it was put in",
        "hint_follow_rate": "Follows the hint",
        "hint_acknowledgement_rate": "Owns up to the hint it followed",
        "f_auroc": "Mentions against flips over verbosity (F-AUROC)",
        "answer_probability": "Probability of the answer under the base",
        "emap_model_accuracy": "Accuracy beside its projection",
        "emap_accuracy": "Accuracy of the projection without interactions (EMAP)",
        "hidden_identity_rate": "Identity moves the answer and the rationale does not say so",
        "hidden_influence_rate": "Not stated where it moved the answer",
        "stated_without_influence_rate": "Identity stated though the answer stays",
        "concept_flip_rate": "Answer changes with the concept",
        "concept_stated_rate": "Rationale states the concept",
        "set_f1": "F1 of sets of words",
        "set_f1_strict": "F1 of sets, unknown words wrong",
        "set_f1_template": "F1 of sets, every cluster listed",
        "set_f1_shuffled": "F1 of sets, words dealt anew",
        "set_precision": "Precision of sets",
        "set_recall": "Recall of sets (hit rate of one label)",
        "set_average_of_synonyms": "Precision and recall of synonyms, mean",
        "out_of_vocabulary_rate": "Words outside the list",
        "set_repeat_change_rate": "Set changes on repetition",
        "overlap_abstention_rate": "Overlap not scored",
        "clue_overlap_half_rate": "Clue overlap of at least 5",
        "label_overlap_half_rate": "Label overlap of at least 5",
        "evidence_token_f1": "Words pointed at and marked, F1",
        "evidence_token_precision": "Words pointed at that are marked",
        "evidence_token_recall": "Marked words that are pointed at",
        "evidence_iou_f1": "Passages pointed at and marked, IOU-F1",
        "evidence_pointing_rate": "Points at words",
        "misquotation_rate": "Quotes what nobody said",
        "attribution_auprc": "Attributions beside marked words (AUPRC)",
        "plausible_rate": "Found plausible by people",
        "reviewer_self_agreement_rate": "Reviewers agree with themselves",
        "review_completion_rate": "Cards reviewed, of those given out",
        "mm_shap": "Share of absolute attributions (MM-SHAP)",
        "evidence_token_auroc": "Words fall with what they cite (AUROC)",
        "rationale_unmoved_rate": "Rationales that no input moves",
        "unconverged_rate": "Attributions that miss their sum",
        "unconverged_token_rate": "Attributions of rationales that miss their sum",
        "infidelity_unexplained": "Removals that attributions do not foretell",
        "roar_accuracy": "Accuracy, trained again",
        "roar_accuracy_without_attributed": "Accuracy without the words ranked first, trained again",
        "roar_accuracy_without_random": "Accuracy without as many random words, trained again",
        "roar_accuracy_without_first": "Accuracy without as many first words, trained again",
        "unsupported_cue_rate": "Unsupported cues",
        "contradicted_cue_rate": "Contradicted cues",
        "cue_precision": "Cues supported (precision)",
        "cue_recall": "Salient cues told (recall)",
        "unknown_cue_share": "Cues that nobody could check",
        "modality_weight_mean": "Mean weight of a modality",
        "modality_weight_within_share": "Variation of weights within people's own utterances",
        "modality_weights_differ_rate": "Other weights than the most common ones",
        "consent_violation_rate": "Judgements against a speaker's consent",
        "consent_unknown_rate": "Shown without anybody having been asked",
        "clipped_gradient_share": "Patients whose gradient is clipped",
        "canary_guess_accuracy": "Canaries guessed right",
        "tpr_at_fpr_1_percent": "Members found at 1 % false alarms",
        "tpr_at_fpr_0_1_percent": "Members found at 0.1 % false alarms",
        "tpr_at_common_threshold_1_percent": "Members found, everybody's threshold of 1 %",
        "tpr_at_common_threshold_0_1_percent": "Members found, everybody's threshold of 0.1 %",
        "fpr_at_common_threshold_1_percent": "False alarms, everybody's threshold of 1 %",
        "fpr_at_common_threshold_0_1_percent": "False alarms, everybody's threshold of 0.1 %",
        **{f"{s}_speaker_equal_error_rate": f"Speakers confused from {w} (EER)" for s, w in _TOLD_FROM.items()},
        "gradient_canary_epsilon_lower_bound": "Epsilon at least (canary gradients, lower bound)",
        "gradient_canary_epsilon_lower_bound_ceiling": "Epsilon that perfect guesses of gradients would have shown",
        "gradient_canary_mu_lower_bound": "Mu of one step at least, if its noise is Gaussian",
        "gradient_canary_mu_lower_bound_ceiling": "Mu that perfect guesses of single steps would have shown",
        "noise_multiplier_ratio": "Noise found over noise declared",
        "largest_contribution_ratio": "Furthest that one unit moves a sum (clip norms)",
        "batch_size_dispersion": "Spread of batch sizes over that of independent draws",
        "inversion_input_match_rate": "Speaker recognised in the true input",
        **{f"inversion_batch_{n}_match_rate": f"Speaker recognised in an update of {n}" for n in (1, 4, 16)},
        **{
            f"inversion_batch_{n}_clipped_noised_match_rate": f"Speaker recognised in an update of {n}, protected"
            for n in (1, 4, 16)
        },
        **{f"inversion_batch_{n}_word_recall": f"Words read off an update of {n}" for n in (1, 4, 16)},
        **{
            f"inversion_batch_{n}_clipped_noised_word_recall": f"Words read off an update of {n}, protected"
            for n in (1, 4, 16)
        },
        "inversion_batch_1_label_recovery": "Labels read off an update of 1",
        "inversion_batch_1_clipped_noised_label_recovery": "Labels read off an update of 1, protected",
        "federated_reply_rate": "Asks that a site answered",
    }
)
COUNTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "least_units_per_label": "Least units per label",
        "units_in_training": "Units in the training data",
        "thin_groups_in_training": "Groups absent or thin in the training data",
        "smallest_modality_set_size": "Modalities in the smallest set that is enough",
        "federated_rounds_planned": "Rounds planned",
        "federated_rounds_done": "Rounds that happened",
        "federated_rounds_lost": "Rounds lost",
        "federated_dropouts": "Sites missing from rounds that happened",
        "federated_attempts_aborted": "Secure sums aborted",
        "federated_record_breaches": "Lines that cannot have happened",
        "federated_record_contradictions": "Contradictions between logs",
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
        "leakage_balanced_accuracy_change": "Groups told from answers, balanced accuracy, change",
        "modality_shapley": "Accuracy owed to a modality (Shapley)",
        "modality_shapley_recall": "Average recall owed to a modality (Shapley)",
        "modality_shapley_probability": "Probability of the answer owed to a modality (Shapley)",
        "modality_ablation": "Accuracy lost by removing a modality",
        "modality_ablation_recall": "Average recall lost by removing a modality",
        "modality_ablation_probability": "Probability of the answer lost by removing a modality",
        "modality_interaction": "Interaction of modalities, accuracy",
        "modality_interaction_recall": "Interaction of modalities, average recall",
        "modality_interaction_probability": "Interaction of modalities, probability of the answer",
        "modality_interaction_index": "Interaction index of modalities, accuracy",
        "modality_interaction_index_recall": "Interaction index of modalities, average recall",
        "modality_interaction_index_probability": "Interaction index of modalities, probability of the answer",
        "modality_operator_difference": "Accuracy owed to a modality, second operator less first",
        "emap_interaction_gain": "Accuracy that interactions bring (less EMAP)",
        "roar_loss_beyond_random": "Accuracy lost without the words ranked first, beyond random ones",
        "modality_set_accuracy_loss": "Accuracy lost with fewer modalities",
        "accuracy_lost": "Accuracy lost to privacy",
        "macro_f1_lost": "Macro F1 lost to privacy",
        "accuracy_lost_per_doubling": "Accuracy lost to privacy, change with each doubling of epsilon",
        "macro_f1_lost_per_doubling": "Macro F1 lost to privacy, change with each doubling of epsilon",
        "canary_guess_accuracy_over_promise": "Canaries guessed right, beyond what the promise allows",
        "canary_guess_accuracy_drop": "Canaries guessed right, drop from the baseline training",
        **{f"{s}_leakage_advantage": f"Group told from {w}, beyond the commonest guess" for s, w in _TOLD_FROM.items()},
        **{f"{s}_leakage_selectivity": f"Group told from {w}, beyond control tasks" for s, w in _TOLD_FROM.items()},
        **{f"{s}_leakage_beyond_raw": f"Group told from {w}, beyond the raw input" for s, w in _TOLD_FROM.items()},
        **{f"{s}_speaker_advantage": f"Speaker told from {w}, beyond chance" for s, w in _TOLD_FROM.items()},
    }
)
NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "demographic_parity_ratio": "Demographic parity ratio (impact ratio)",
        "attack_auroc": "Attack AUROC",
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
        "citation_phi": "Citing and mattering (phi)",
        "citation_informedness": "Citing and mattering (informedness)",
        "citation_effect_contrast": "Effect where cited less where not",
        "phi_cct": "Mentioning and flipping (phi-CCT)",
        "cct": "Mentioning and moving (CCT)",
        "comprehensiveness": "Comprehensiveness",
        "sufficiency": "Sufficiency",
        "answer_distance": "Probabilities moved (total variation)",
        "modality_weight_shift": "Weights of modalities moved",
        "modality_operator_rank_agreement": "Order of modalities under two operators (Kendall's tau)",
        "perceptual_score": "Perceptual score",
        "perceptual_score_of_task": "Perceptual score, of the task",
        "perceptual_score_within_label": "Perceptual score, permuted within labels",
        "perceptual_score_within_speaker": "Perceptual score, permuted within speakers",
        "perceptual_score_of_task_within_label": "Perceptual score of the task, permuted within labels",
        "perceptual_score_of_task_within_speaker": "Perceptual score of the task, permuted within speakers",
        "concept_effect": "Effect of the concept on probabilities (KL, nats)",
        "causal_concept_faithfulness": "Stating what moves the answer (causal concept faithfulness)",
        "flip_concept_faithfulness": "Stating what changes the answer (concept faithfulness by changed answers)",
        "words_per_prediction": "Words per prediction",
        "clue_overlap": "Clue overlap (0 to 10)",
        "label_overlap": "Label overlap (0 to 10)",
        "clue_overlap_repeat_change": "Clue overlap, change on repetition",
        "judge_kappa": "Judge's agreement with people (kappa)",
        "clue_judge_kappa": "Judge's agreement with people on clues (kappa)",
        "label_judge_kappa": "Judge's agreement with people on labels (kappa)",
        "human_plausibility": "Plausibility by people, 1 to 4",
        "human_plausibility_other_reviewers": "Plausibility by people, 1 to 4, for other reviewers too",
        "reviewer_krippendorff_alpha": "Agreement of reviewers (Krippendorff's alpha)",
        "automatic_human_rank_correlation": "Automatic score beside people, rank correlation",
        "automatic_human_auroc": "Automatic score beside people, AUROC",
        "cc_shap": "Answer and rationale on the same inputs (CC-SHAP)",
        "score_shapley": "Answer's score owed to a modality (Shapley, nats)",
        "attribution_comprehensiveness": "Comprehensiveness of attributions",
        "attribution_sufficiency": "Sufficiency of attributions",
        "randomisation_rank_correlation": "Order kept when parameters are drawn anew",
        "infidelity": "Infidelity",
        "max_sensitivity": "Max-sensitivity",
        "seed_rank_correlation": "Order kept under another seed",
        "relative_delta": "Convergence delta over the score's movement",
        "cue_atoms_per_rationale": "Cues per rationale",
        "modality_weight_variation": "Weights of modalities, variation over judgements",
        "weight_effect_concordance": "More weight on what matters (concordance)",
        "weight_effect_concordance_shuffled": "More weight on what matters, weights dealt anew",
        "weight_effect_concordance_template": "More weight on what matters, mean weights for all",
        "weight_effect_auroc": "More weight where it matters (AUROC)",
        **{
            f"{prefix}{part}": f"{label}{of}"
            for prefix, of in (("", " (bits)"), ("label_", " about the reference (bits)"))
            for first, second in (("text", "audio"), ("text", "video"), ("audio", "video"))
            for part, label in (
                (f"redundancy_{first}_{second}", f"Information in either of {first} and {second}"),
                (f"unique_information_{first}_beside_{second}", f"Information in {first} that {second} lacks"),
                (f"unique_information_{second}_beside_{first}", f"Information in {second} that {first} lacks"),
                (f"synergy_{first}_{second}", f"Information in {first} and {second} only together"),
            )
        },
        "evidence_token_f1_corrected": "Words pointed at and marked, F1 corrected for chance",
        "weight_effect_concordance_excess_difference": "More weight on what matters than dealt anew, difference",
        "accounted_epsilon": "Epsilon, accounted",
        "gradient_norm": "Norm of a patient's gradient, mean",
        "canary_epsilon_lower_bound": "Epsilon at least (canaries, lower bound)",
        "canary_epsilon_lower_bound_ceiling": "Epsilon that perfect guesses would have shown (ceiling)",
        "shift_auroc": "Members told without the model (AUROC)",
        "unseen_auroc": "Members told by models that saw neither (AUROC)",
        "membership_epsilon_lower_bound": "Epsilon at least (membership, lower bound)",
        "membership_epsilon_lower_bound_ceiling": "Epsilon that a perfect attack would have shown (ceiling)",
    }
)
ENDINGS: Final[Mapping[str, Made]] = MappingProxyType(
    {
        " less everybody's": Made(", less everybody's", Kind.DIFFERENCE),
        "_per_unit": Made(", mean over units"),
        "_random_effects": Made(", over sites (random effects)"),
        "_tau": Made(", standard deviation between sites", Kind.DIFFERENCE),
        "_i_squared": Made(", share of the variance that is between sites"),
        "_change": Made(", change", Kind.DIFFERENCE),
        "_change_difference": Made(", how far apart groups' changes are", Kind.DIFFERENCE),
        "_gap_change": Made(", change of the gap", Kind.DIFFERENCE),
        "_rank": Made(", place among the runs", Kind.COUNT),
        **{
            f"_{what}_change": Made(f": {words}, change", Kind.DIFFERENCE, whatever=True)
            for what, words in (
                ("accuracy", "accuracy"),
                ("worst_group_accuracy", "accuracy of the worst group"),
                ("demographic_parity", "demographic parity"),
                ("equalized_odds", "equalised odds"),
            )
        },
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
        "_in_training": Made(", in the training data"),
        "_shuffled": Made(", rationales dealt anew"),
        "_masked": Made(", label words masked"),
        "_floor": Made(", if abstentions disagreed"),
        "_ceiling": Made(", if abstentions agreed"),
        "_excess": Made(", beyond its control", Kind.DIFFERENCE),
        "_noise": Made(", by repetition alone"),
        "_beyond_noise": Made(", beyond repetition", Kind.DIFFERENCE),
        "_random": Made(", at random"),
        **{f"_{aspect}": Made(f", {aspect}") for aspect in ("face", "tone", "content", "scene")},
        "_beyond_random": Made(", beyond random", Kind.DIFFERENCE),
        "_normalised": Made(", normalised"),
        "_at_level": Made(", at this level"),
        "_at_size": Made(", at this size"),
        "_without_following": Made(", not followed"),
        "_without_hint": Made(", without any hint"),
        **{f"_{m}": Made(f", {m}") for m in ("text", "audio", "video")},
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
        "_template": Made(", of a template"),
        "_corrected": Made(", without the judge's errors"),
        "_first_sentence": Made(", of the first sentence"),
        "_randomised": Made(", model drawn anew"),
        "_beyond_shuffled": Made(", beyond shuffled", Kind.DIFFERENCE),
        "_constant": Made(", the same for every input"),
        "_absolute": Made(", of absolute values"),
        "_resampled": Made(", another utterance's input in its place"),
        "_corrected_difference": Made(" difference, without the judge's errors", Kind.DIFFERENCE),
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
    if metric in COUNTS:
        return Read(COUNTS[metric], Kind.COUNT)
    if metric in DIFFERENCES:
        return Read(DIFFERENCES[metric], Kind.DIFFERENCE)
    ending = max((e for e in ENDINGS if metric.endswith(e) and metric != e), key=len, default=None)
    if ending is None:
        return Read(sentence_case(metric), Kind.RATE if metric.endswith(_OF_RATES) else Kind.PLAIN)
    stem, made = read(metric.removesuffix(ending)), ENDINGS[ending]
    return Read(stem.label + made.words, _kind(stem.kind, made))


def _kind(stem: Kind, made: Made) -> Kind:
    if made.whatever and made.kind is not None:
        return made.kind
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
