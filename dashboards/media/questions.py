"""Questions to a live reasoner about one utterance: each a job of `affidavit explain`, in a folder of the workspace.

WORKSPACE/asked/JOB/explained.json      what came of it (`affidavit.explanations`)

A job answers for the plan it was started with, the run and the utterance: another audit's answers are never shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affidavit.errors import AffidavitError
from affidavit.explanations import Explanation, read_explanation
from affidavit.plan import AuditPlan, read_plan
from dashboards.access.people import Person
from dashboards.jobs.job import COMMAND, PLAN, Job
from dashboards.jobs.starting import JobBoard

FOLDER: Final = "asked"
EXPLAINED: Final = "explained.json"
METHODS: Final = (
    "feature-ablation",
    "integrated-gradients",
    "kernel-shap",
    "occlusion",
    "modality-shapley",
    "layer-integrated-gradients",
    "partition-shap",
    "deep-lift",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of whom."""

    plan: AuditPlan
    run: str
    utterance_id: str
    folder: Path
    """Where the plan's relative paths start."""
    conditions: Sequence[str]
    methods: Sequence[str]


def ask(board: JobBoard, question: Question, *, by: Person) -> Job:
    """Start a job that asks; it goes on without the page."""
    return board.start(question.plan, by=by, arguments=lambda folder: _arguments(question, folder))


def asked_before(board: JobBoard, plan: AuditPlan, run: str, utterance_id: str) -> tuple[Job, ...]:
    """Return the jobs that asked this run of this plan about an utterance, the latest first."""
    named = {_flag("run", run), _flag("utterance", utterance_id)}
    return tuple(job for job in board.jobs() if named <= set(_command(job)) and _same_plan(job, plan))


def explanation_of(job: Job, corpus_digest: str) -> Explanation | None:
    """Return what came of a job; None where there is nothing, or it is of another corpus."""
    try:
        found = read_explanation(job.folder / EXPLAINED)
    except AffidavitError:
        return None
    return found if found.corpus_digest == corpus_digest else None


def _arguments(question: Question, folder: Path) -> list[str]:
    """Return the command; every value stands behind its flag, so that none is read as a flag."""
    return [
        "explain",
        str(folder / PLAN),
        _flag("run", question.run),
        _flag("utterance", question.utterance_id),
        _flag("folder", str(question.folder)),
        _flag("out", str(folder / EXPLAINED)),
        *(_flag("condition", condition) for condition in question.conditions),
        *(_flag("method", method) for method in question.methods),
    ]


def _flag(name: str, value: str) -> str:
    return f"--{name}={value}"


def _command(job: Job) -> list[str]:
    try:
        told = json.loads((job.folder / COMMAND).read_bytes())
    except (OSError, ValueError):
        return []
    return [str(argument) for argument in told] if isinstance(told, list) else []


def _same_plan(job: Job, plan: AuditPlan) -> bool:
    try:
        return read_plan(job.folder / PLAN).claims() == plan.claims()
    except AffidavitError:
        return False
