"""What evidence says of every cue of one utterance: asked of `cue-grounding`, as the report's plan has it asked.

The desk judges no cue. Where the examination refuses, no cue is judged and its reason is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from affidavit.case import Case, EvidenceBook
from affidavit.corpus import Corpus
from affidavit.errors import AffidavitError
from affidavit.live import Live
from affidavit.plan import AuditPlan, Choice
from affidavit.predictions import Predictions
from affidavit.registry import Door, load
from dashboards.media.judged import Row
from dashboards.media.marks import Verdict, read_verdict
from dashboards.media.origins import leads_outside
from dashboards.media.run_corpus import RunCorpus

EXAMINATION: Final = "cue-grounding"
EXHIBIT: Final = "cue-grounding-utterance"
_RATIONALE: Final = "rationale"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedCue:
    """A cue that a rationale states or denies, or that the reasoner listed beside it."""

    aspect: str
    cue: str
    denied: bool
    verdict: Verdict
    start: int | None = None
    """Characters of the trimmed rationale; None where it has no place there."""
    end: int | None = None
    number: int | None = None
    """Which of the listed cues of its judgement; None of a rationale's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Every cue of one utterance by judgement, or why none was judged."""

    cues: Mapping[tuple[str, str, str, int], tuple[JudgedCue, ...]]
    """By `Row.key`."""
    in_report: bool
    """Whether the report's plan asked `cue-grounding` too."""
    refused: str | None = None

    def of(self, row: Row) -> tuple[JudgedCue, ...]:
        """Return the cues of a judgement's rationale."""
        return tuple(cue for cue in self.cues.get(row.key, ()) if cue.number is None)

    def listed(self, row: Row) -> Mapping[int, JudgedCue]:
        """Return the cues that were listed beside it, by their number."""
        return {cue.number: cue for cue in self.cues.get(row.key, ()) if cue.number is not None}


def verdicts_of(
    plan: AuditPlan, predictions: Predictions, behind: RunCorpus, utterance_id: str, places: Sequence[Path]
) -> Verdicts:
    """Return what evidence says of the cues of one utterance."""
    chosen = next((one for one in plan.examinations or () if one.name == EXAMINATION), None)
    in_report = chosen is not None or plan.examinations is None
    options = dict(chosen.options) if isinstance(chosen, Choice) else {}
    try:
        case = _case(plan, predictions, behind, {**options, "utterance": utterance_id})
        outside = leads_outside(options, behind.folder, places)
        refused = f"its option {outside!r} leads out of what this desk may open" if outside else _refusal(case)
        if refused is not None:
            return Verdicts(cues={}, in_report=in_report, refused=refused)
        testimony = load(Door.EXAMINATIONS, EXAMINATION).examine(case)
    except AffidavitError as error:
        return Verdicts(cues={}, in_report=in_report, refused=" ".join(str(error).split()))
    rows: list[Mapping[str, Any]] = next(
        (one.table().to_pylist() for one in testimony.exhibits if one.id == EXHIBIT), []
    )
    found: dict[tuple[str, str, str, int], list[JudgedCue]] = {}
    for row in rows:
        key = row["condition"], row["reasoner"], row["instruction"], row["repeat"]
        found.setdefault(key, []).append(_cue(row))
    return Verdicts(cues={key: tuple(cues) for key, cues in found.items()}, in_report=in_report)


def _case(plan: AuditPlan, predictions: Predictions, behind: RunCorpus, options: Mapping[str, Any]) -> Case:
    runs = {predictions.run: predictions}
    return Case(
        runs=runs,
        by=plan.by,
        depth=plan.depth,
        statistics=plan.statistics,
        book=EvidenceBook(runs=runs, by=plan.by, statistics=plan.statistics, seed=plan.seed),
        rng=np.random.default_rng(plan.seed),
        live={predictions.run: _evidence_alone(behind.corpus)},
        options=options,
        folder=behind.folder,
    )


def _evidence_alone(corpus: Corpus) -> Live:
    """Return the corpus without a reasoner: nobody is asked anything here."""

    def nobody() -> Any:  # noqa: ANN401
        raise LookupError("the desk asks no reasoner while it draws a page")

    return Live(corpus=corpus, reasoner=nobody)


def _refusal(case: Case) -> str | None:
    refusal = load(Door.EXAMINATIONS, EXAMINATION).refuses(case)
    return None if refusal is None else str(refusal.because)


def _cue(row: Mapping[str, Any]) -> JudgedCue:
    return JudgedCue(
        aspect=row["aspect"],
        cue=row["cue"],
        denied=bool(row["denied"]),
        verdict=read_verdict(row["verdict"]),
        start=row["start_char"] if row["source"] == _RATIONALE else None,
        end=row["end_char"] if row["source"] == _RATIONALE else None,
        number=row["number"],
    )
