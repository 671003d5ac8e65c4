"""Affidavit puts emotion-reasoning AI on the stand: fair, private, honest? It swears to the answers in a signed report.

    import affidavit as af

    report = af.audit(frame, by=["age", "accent"])
    report.to_frame()

Names are loaded when they are first used, so that importing affidavit costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from affidavit.bundle import read_bundle as read_bundle
    from affidavit.bundle import write_bundle as write_bundle
    from affidavit.case import Case as Case
    from affidavit.conditions import Condition as Condition
    from affidavit.corpus import Corpus as Corpus
    from affidavit.errors import AffidavitError as AffidavitError
    from affidavit.examinations import Claim as Claim
    from affidavit.examinations import Testimony as Testimony
    from affidavit.examinations import examination as examination
    from affidavit.judging import judge as judge
    from affidavit.plan import AuditPlan as AuditPlan
    from affidavit.plan import read_plan as read_plan
    from affidavit.policy import Policy as Policy
    from affidavit.policy import read_policy as read_policy
    from affidavit.predictions import Predictions as Predictions
    from affidavit.predictions import Reading as Reading
    from affidavit.predictions import read_predictions as read_predictions
    from affidavit.records import Estimate as Estimate
    from affidavit.records import Exhibit as Exhibit
    from affidavit.records import Finding as Finding
    from affidavit.records import Interval as Interval
    from affidavit.records import Refusal as Refusal
    from affidavit.records import Verdict as Verdict
    from affidavit.report import AuditReport as AuditReport
    from affidavit.run import audit as audit
    from affidavit.run import run_plan as run_plan
    from affidavit.sources import load_corpus as load_corpus
    from affidavit.utterances import Cue as Cue
    from affidavit.utterances import Judgement as Judgement
    from affidavit.utterances import MediaSpan as MediaSpan
    from affidavit.utterances import Utterance as Utterance

_HOME = {
    "AffidavitError": "errors",
    "AuditPlan": "plan",
    "AuditReport": "report",
    "Case": "case",
    "Claim": "examinations",
    "Condition": "conditions",
    "Corpus": "corpus",
    "Cue": "utterances",
    "Estimate": "records",
    "Exhibit": "records",
    "Finding": "records",
    "Interval": "records",
    "Judgement": "utterances",
    "Policy": "policy",
    "MediaSpan": "utterances",
    "Predictions": "predictions",
    "Reading": "predictions",
    "Refusal": "records",
    "Testimony": "examinations",
    "Utterance": "utterances",
    "Verdict": "records",
    "audit": "run",
    "examination": "examinations",
    "judge": "judging",
    "load_corpus": "sources",
    "read_bundle": "bundle",
    "read_plan": "plan",
    "read_policy": "policy",
    "read_predictions": "predictions",
    "run_plan": "run",
    "write_bundle": "bundle",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the export is
    if name not in _HOME:
        raise AttributeError(f"module 'affidavit' has no attribute {name!r}")
    value = getattr(import_module(f"affidavit.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
