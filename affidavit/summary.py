"""The main answers of a report as sentences, and the caveats that hold for all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from affidavit.plan import Task
from affidavit.policy import Policy
from affidavit.predictions import Predictions
from affidavit.records import Estimate, Finding, Verdict
from affidavit.report import Decision

_LEADING: Final = ("accuracy", "word_error_rate", "agreement_with_fullest", "rationale_rate")
_PERFORMANCE: Final = ("accuracy", "word_error_rate")
_WITHOUT_LABELS: Final = ("demographic_parity_difference_max",)
_BORNE: Final = "accuracy_difference_borne_by_"
_WORDS: Final = {
    "accuracy": "accuracy",
    "word_error_rate": "word error rate",
    "agreement_with_fullest": "agreement with the fullest condition",
    "rationale_rate": "share of judgements with a rationale",
    "demographic_parity_difference_max": "selection rate",
}


def summary(findings: Sequence[Finding], decision: Decision) -> tuple[str, ...]:
    """Return the leading value and gaps of each run under its fullest condition, then the decisions."""
    return (*_values_and_gaps(findings), *_decisions(findings, decision))


def _values_and_gaps(findings: Sequence[Finding]) -> list[str]:
    sentences = []
    for run in dict.fromkeys(finding.run for finding in findings):
        mine = [finding for finding in findings if finding.run == run]
        leading = next((m for m in _LEADING if any(f.metric == m for f in mine)), None)
        everybody = [f for f in mine if f.metric == leading and not f.groups and f.compared is None]
        sentences += [_value(finding) for finding in everybody[:1]]
        told = [f"{leading}_difference"] if leading in _PERFORMANCE else [*_WITHOUT_LABELS, f"{leading}_difference"]
        sentences += [_gap(f) for metric in told for f in _first_condition([g for g in mine if g.metric == metric])]
        sentences += _borne(mine) + _lost(mine) + _absent_citations(mine)
    return sentences


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
            f"{spoken(most.estimate, 'points')} come through the {most.metric.removeprefix(_BORNE)}."
        )
    return sentences


def _lost(findings: Sequence[Finding]) -> list[str]:
    """Return the degraded condition that costs everybody most."""
    losses = [f for f in findings if f.metric == "accuracy_loss" and not f.groups and f.compared is None]
    worst = max(losses, key=lambda f: f.estimate.value or 0.0, default=None)
    if worst is None or worst.estimate.value is None or worst.estimate.value <= 0:
        return []
    return [f"{worst.run}, {worst.condition}: accuracy of everybody falls by {spoken(worst.estimate, 'points')}."]


def _absent_citations(findings: Sequence[Finding]) -> list[str]:
    """Return the condition under which rationales cite most often what was not shown."""
    cited = [f for f in findings if f.metric == "cites_absent_modality_rate" and not f.groups and f.compared is None]
    worst = max((f for f in cited if f.estimate.value), key=lambda f: f.estimate.value or 0.0, default=None)
    if worst is None:
        return []
    share = spoken(worst.estimate, "%")
    return [f"{worst.run}, {worst.condition}: {share} of the rationales cite a modality that was not shown."]


def _first_condition(gaps: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in gaps if finding.condition == gaps[0].condition]


def _value(finding: Finding) -> str:
    what = _WORDS.get(finding.metric, finding.metric)
    return f"{finding.run}, {finding.condition}: {what} of everybody is {spoken(finding.estimate, '%')}."


def _gap(finding: Finding) -> str:
    what = _WORDS.get(finding.metric, _WORDS.get(finding.metric.removesuffix("_difference"), finding.metric))
    where = f"{finding.run}, {finding.condition}, by {' x '.join(finding.compared or ())}"
    between = f", lowest for {finding.lowest} and highest for {finding.highest}" if finding.lowest else ""
    what = f"{what} of {finding.label}" if finding.label else what
    chance = ""
    if finding.null_expectation is not None:
        chance = f"; chance alone gives {100 * finding.null_expectation.value:.1f} on average"
    test = (
        f" (adjusted p = {finding.test.p_adjusted:.2g})" if finding.test and finding.test.p_adjusted is not None else ""
    )
    return f"{where}: the widest gap in {what} is {spoken(finding.estimate, 'points')}{between}{chance}{test}."


def spoken(estimate: Estimate, unit: str) -> str:
    """Return a rate or a gap of rates with its interval in one phrase, in `%` or `points` (hundredths)."""
    if estimate.value is None:
        return f"undefined ({estimate.why_no_interval})"
    value = f"{100 * estimate.value:.1f} {unit}"
    if estimate.interval is None:
        return f"{value} (no interval: {estimate.why_no_interval})"
    return f"{value} ({100 * estimate.interval.low:.1f} to {100 * estimate.interval.high:.1f})"


def _decisions(findings: Sequence[Finding], decision: Decision) -> list[str]:
    if decision is Decision.NONE:
        return ["No decision: no policy was given."]
    decided = [finding for finding in findings if finding.criterion is not None]
    counts = {verdict: sum(f.verdict is verdict for f in decided) for verdict in Verdict}
    return [
        f"Of {len(decided)} decisions {counts[Verdict.PASS]} pass, {counts[Verdict.FAIL]} fail and "
        f"{counts[Verdict.INCONCLUSIVE]} are inconclusive."
    ]


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
