"""What a report has to say of privacy, in sentences: what was promised, what attacks showed at least, what was refuted.

An upper bound and a lower bound stand side by side, the lower one beside the ceiling of what could have been shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from affidavit.changes import ALPHA
from affidavit.phrases import told
from affidavit.privacy_promises import LEDGER
from affidavit.records import Finding

COST: Final = "accuracy_lost"
BOUND: Final = "_epsilon_lower_bound"
"""How metrics end that bound epsilon from below; the same with `_ceiling` is what a perfect attack would have shown."""
INSIDE: Final = "gradient-canaries"
"""The examination that runs a training's steps again: what it shows is of the mechanism, and not of the model."""
TESTED: Final = (BOUND, "_mu_lower_bound", "noise_multiplier_ratio", "batch_size_dispersion")
"""How metrics end that are tested against a promise."""
REACH: Final = "largest_contribution_ratio"
"""Computed, and so without a test."""


def privacy_in_words(findings: Sequence[Finding]) -> list[str]:
    """Return the sentences, run by run; runs of which the same is true share one. None where nothing was asked."""
    runs: dict[str, list[str]] = {}
    for run in dict.fromkeys(finding.run for finding in findings):
        for sentence in _of_run([finding for finding in findings if finding.run == run]):
            runs.setdefault(sentence, []).append(run)
    return [f"{', '.join(dict.fromkeys(of))}: {sentence}" for sentence, of in runs.items()]


def _of_run(findings: Sequence[Finding]) -> Iterator[str]:
    everybody = [finding for finding in findings if not finding.groups and finding.compared is None]
    for finding in everybody:
        if finding.examination == LEDGER:
            yield _promised(finding)
        elif finding.metric == COST:
            yield f"privacy costs {told(finding.estimate, COST)} of accuracy."
        elif finding.metric.endswith(BOUND) and finding.estimate.value is not None:
            yield _shown(finding, everybody)
    for finding in findings:
        if _refuted(finding):
            yield f"{finding.because}."


def _promised(finding: Finding) -> str:
    """Return the epsilon of a ledger with its first caveat: delta, unit, neighbours."""
    what = finding.caveats[0] if finding.caveats else "of what is not said"
    if finding.estimate.value is None:
        return f"the ledger promises nothing: {finding.estimate.why_no_interval} ({what})."
    return f"by its ledger the model has spent epsilon {finding.estimate.value:.3g} ({what})."


def _shown(finding: Finding, beside: Sequence[Finding]) -> str:
    ceiling = next((f.estimate.value for f in beside if f.metric == f"{finding.metric}_ceiling"), None)
    most = "" if ceiling is None else f", of {ceiling:.3g} that a perfect one could have shown"
    of = " of the steps as they run now" if finding.examination == INSIDE else ""
    return f"{finding.examination} shows epsilon at least {finding.estimate.value:.3g}{most}{of}."


def _refuted(finding: Finding) -> bool:
    """Whether a test of a promise against a lower bound says that it has failed, after adjustment."""
    if finding.metric == REACH:
        return finding.because is not None
    test = finding.test
    if not finding.metric.endswith(TESTED) or test is None or finding.because is None:
        return False
    return (test.p_value if test.p_adjusted is None else test.p_adjusted) <= ALPHA
