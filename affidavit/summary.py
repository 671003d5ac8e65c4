"""The main answers of a report as sentences, and the caveats that hold for all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from affidavit.changes import ALPHA, COMPARISON, changes_in_words
from affidavit.decisions import decisions_in_words
from affidavit.phrases import ends, name_in_sentence, plain_number, told
from affidavit.plan import Task
from affidavit.policy import Policy
from affidavit.predictions import Predictions
from affidavit.privacy_summary import privacy_in_words
from affidavit.records import Finding
from affidavit.report import Decision

_LEADING: Final = ("accuracy", "word_error_rate", "agreement_with_fullest", "rationale_rate")
_PERFORMANCE: Final = ("accuracy", "word_error_rate")
_WITHOUT_LABELS: Final = ("demographic_parity_difference_max",)
_BORNE: Final = "accuracy_difference_borne_by_"
_MODALITIES: Final = "modality-disparity"
STANDING: Final = 4
"""Examinations of a run whose standing gaps are told before the rest is named."""
_WORDS: Final = {
    "accuracy": "accuracy",
    "word_error_rate": "word error rate",
    "agreement_with_fullest": "agreement with the fullest condition",
    "rationale_rate": "share of judgements with a rationale",
    "demographic_parity_difference_max": "selection rate",
}


def summary(findings: Sequence[Finding], decision: Decision) -> tuple[str, ...]:
    """Return what each run shows, what changed between runs, and what was decided.

    Of a run: the leading value and its gaps under the fullest condition, of each other examination the gap that stands
    after adjustment, and what modalities, inputs and citations have to do with it. Then what is said of privacy.
    """
    return (
        *_values_and_gaps(findings),
        *privacy_in_words(findings),
        *changes_in_words(findings),
        *decisions_in_words(findings, decision),
    )


def _values_and_gaps(findings: Sequence[Finding]) -> list[str]:
    sentences = []
    for run in dict.fromkeys(finding.run for finding in findings):
        mine = [finding for finding in findings if finding.run == run]
        leading = next((m for m in _LEADING if any(f.metric == m for f in mine)), None)
        everybody = [f for f in mine if f.metric == leading and not f.groups and f.compared is None]
        sentences += [_value(finding) for finding in everybody[:1]]
        gaps = [f"{leading}_difference"] if leading in _PERFORMANCE else [*_WITHOUT_LABELS, f"{leading}_difference"]
        sentences += [_gap(f) for metric in gaps for f in _first_condition([g for g in mine if _is_gap(g, metric)])]
        told = {finding.examination for finding in mine if finding.metric in gaps}
        sentences += _standing([finding for finding in mine if finding.examination not in told])
        sentences += _borne(mine) + _lost(mine) + _absent_citations(mine)
    return sentences


def _standing(findings: Sequence[Finding]) -> list[str]:
    """Return of each examination the gap that stands most firmly after adjustment under its fullest condition.

    What modalities bear is told in its own words. Beyond a few, the rest of the examinations is named.
    """
    gaps = [f for f in findings if f.compared is not None and f.examination not in (COMPARISON, _MODALITIES)]
    by_examination = [[f for f in gaps if f.examination == name] for name in dict.fromkeys(f.examination for f in gaps)]
    firmest = [min(_first_condition(own), key=_p_adjusted) for own in by_examination]
    standing = [finding for finding in firmest if _p_adjusted(finding) <= ALPHA]
    sentences = [_gap(finding) for finding in standing[:STANDING]]
    if rest := [finding.examination for finding in standing[STANDING:]]:
        sentences.append(f"{standing[0].run}: gaps stand after adjustment also in {', '.join(rest)}.")
    return sentences


def _p_adjusted(finding: Finding) -> float:
    return 1.0 if finding.test is None or finding.test.p_adjusted is None else finding.test.p_adjusted


def _borne(findings: Sequence[Finding]) -> list[str]:
    """Return which modality bears most of a gap in accuracy, for each feature where that is beyond doubt."""
    sentences = []
    for total in (f for f in findings if f.metric == "accuracy_difference_all_modalities" and f.estimate.value):
        shares = [f for f in findings if f.compared == total.compared and f.metric.startswith(_BORNE)]
        most = max(shares, key=lambda f: f.estimate.value or 0.0, default=None)
        if most is None or most.estimate.interval is None or most.estimate.interval.low <= 0:
            continue
        sentences.append(
            f"{total.run}, {total.condition}, by {' x '.join(total.compared or ())}: of the "
            f"{100 * (total.estimate.value or 0.0):.1f} points between {total.lowest} and {total.highest}, "
            f"{told(most.estimate, most.metric)} come through the {most.metric.removeprefix(_BORNE)}."
        )
    return sentences


def _lost(findings: Sequence[Finding]) -> list[str]:
    """Return the degraded condition that costs everybody most."""
    losses = [f for f in findings if f.metric == "accuracy_loss" and not f.groups and f.compared is None]
    worst = max(losses, key=lambda f: f.estimate.value or 0.0, default=None)
    if worst is None or worst.estimate.value is None or worst.estimate.value <= 0:
        return []
    return [f"{worst.run}, {worst.condition}: accuracy of everybody falls by {told(worst.estimate, worst.metric)}."]


def _absent_citations(findings: Sequence[Finding]) -> list[str]:
    """Return the condition under which rationales cite most often what was not shown."""
    cited = [f for f in findings if f.metric == "cites_absent_modality_rate" and not f.groups and f.compared is None]
    worst = max((f for f in cited if f.estimate.value), key=lambda f: f.estimate.value or 0.0, default=None)
    if worst is None:
        return []
    share = told(worst.estimate, worst.metric)
    return [f"{worst.run}, {worst.condition}: {share} of the rationales cite a modality that was not shown."]


def _is_gap(finding: Finding, metric: str) -> bool:
    """Say whether it is a difference between groups; one between models compares nobody by anything."""
    return finding.metric == metric and finding.compared is not None


def _first_condition(gaps: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in gaps if finding.condition == gaps[0].condition]


def _value(finding: Finding) -> str:
    what = _WORDS.get(finding.metric, finding.metric)
    return f"{finding.run}, {finding.condition}: {what} of everybody is {told(finding.estimate, finding.metric)}."


def _gap(finding: Finding) -> str:
    known = _WORDS.get(finding.metric, _WORDS.get(finding.metric.removesuffix("_difference")))
    what = f"the widest gap in {known}" if known else name_in_sentence(finding.metric)
    where = f"{finding.run}, {finding.condition}, by {' x '.join(finding.compared or ())}"
    between = f", {ends(finding)}" if ends(finding) else ""
    if finding.label:
        what = f"{what} of {_label(finding.label)}" if known else f"{what} (label {finding.label})"
    chance = ""
    if finding.null_expectation is not None:
        chance = f"; chance alone gives {plain_number(finding.null_expectation.value, finding.metric)} on average"
    test = (
        f" (adjusted p = {finding.test.p_adjusted:.2g})" if finding.test and finding.test.p_adjusted is not None else ""
    )
    return f"{where}: {what} is {told(finding.estimate, finding.metric)}{between}{chance}{test}."


def _label(label: str) -> str:
    """Return a label as a sentence names it; one that is a number would be read as one."""
    return f"the label {label}" if label.replace(".", "", 1).isdigit() else label


def caveats(runs: Mapping[str, Predictions], policy: Policy | None) -> tuple[str, ...]:
    """Return what a reader must know before any number."""
    said = ["Nothing in this report proves that the deployed model produced the tables it was made from."]
    for name, run in runs.items():
        if run.unit == "row":
            said.append(
                f"{name}: the table has no speaker or patient ids, so rows count as independent; "
                "intervals may be too narrow."
            )
        if run.unit == "utterance_id":
            said.append(
                f"{name}: the table has no speaker or patient ids, so utterances count as independent; "
                "intervals may be too narrow."
            )
        if run.conditions == ("as-supplied",):
            said.append(f"{name}: the table does not say which modalities the model was shown.")
        if run.task is Task.MULTICLASS and not run.labelled:
            said.append(f"{name}: audited without reference labels; nothing is said of right and wrong.")
    if policy is not None and not policy.frozen_before_results:
        said.append("The criteria were not frozen before results were seen.")
    return tuple(said)
