"""One utterance asked of the reasoner that judged it: its corpus and model opened as a plan's run opens them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affidavit.conditions import Condition
from affidavit.corpus import Corpus
from affidavit.errors import InputError, PlanError
from affidavit.explanations import Answer, ToldCue
from affidavit.judgements import why_not_available
from affidavit.live import Live, live_run
from affidavit.plan import AuditPlan, RunSource
from affidavit.protocols import Ablatable, Progress, Reasoner
from affidavit.registry import Door, load
from affidavit.sources import load_corpus, reading_of
from affidavit.training import checkpoint_of
from affidavit.utterances import Judgement, Utterance
from affidavit.yaml_files import did_you_mean
from faithfulness.attribution.opening import dialogue_rows

SEVEN: Final = ("TAV", "TA", "TV", "AV", "T", "A", "V")
NOBODY: Final = "this reasoner cannot be asked again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An utterance, its dialogue, and whoever judged it."""

    run: str
    live: Live
    turn: Utterance
    dialogue: tuple[Utterance, ...]


def opened(plan: AuditPlan, run: str, utterance_id: str, *, folder: Path, progress: Progress) -> Asked:
    """Return an utterance of a run with its model, which is opened when it is first asked.

    Raises:
        PlanError: the run is a table, its model is not trained yet, or its corpus has no such utterance.
        AffidavitError: whatever is wrong with the corpus.
    """
    source = plan.runs[run]
    corpus = _corpus(source, run, folder, progress)
    rows = dialogue_rows(corpus)
    if utterance_id not in rows:
        raise PlanError(
            "there is no such utterance",
            slug="plan-impossible",
            where=f"run {run}",
            found=f"{utterance_id}{did_you_mean(utterance_id, list(rows))}",
            remedy="name an utterance of the corpus; whoever withdrew is not in it",
        )
    dialogue = rows[utterance_id]
    turn = next(one for one in dialogue if one.utterance_id == utterance_id)
    return Asked(run=run, live=_live(plan, source, run, corpus, folder), turn=turn, dialogue=dialogue)


def _corpus(source: RunSource, run: str, folder: Path, progress: Progress) -> Corpus:
    if source.reasoner is None or source.corpus is None:
        raise PlanError(
            "there is nobody to ask: the run has no reasoner that judges a corpus",
            slug="plan-impossible",
            where=f"run {run}",
            found="a table" if source.table is not None else "no corpus",
            remedy="name a run that has both",
        )
    return load_corpus(source.corpus.name, source.corpus.options, folder=folder, progress=progress)


def _live(plan: AuditPlan, source: RunSource, run: str, corpus: Corpus, folder: Path) -> Live:
    if source.reasoner is None:
        raise ValueError(f"run {run} has no reasoner")
    door: Reasoner = load(Door.REASONERS, source.reasoner.name)
    options = dict(source.reasoner.options)
    if source.trained is not None:
        checkpoint = checkpoint_of(source.trained.name, plan, folder, seed=source.trained.seed)
        if not checkpoint.is_dir():
            raise PlanError(
                "the model of this run is not here",
                slug="plan-impossible",
                where=f"run {run}",
                found=f"no checkpoint of the training {source.trained.name}",
                remedy="train it (affidavit train), or name the folder of the plan with --folder",
            )
        options["checkpoint"] = str(checkpoint.absolute())
    return live_run(corpus, door, options, reading_of(run, source, plan, folder))


def conditions_of(asked: Sequence[str]) -> tuple[str, ...]:
    """Return conditions in canonical form, each once; the seven of modalities where none is asked for.

    Raises:
        RowError: one does not parse.
    """
    return tuple(dict.fromkeys(str(Condition.parse(text)) for text in asked or SEVEN))


def answers(asked: Asked, conditions: Sequence[str], *, progress: Progress) -> tuple[Answer, ...]:
    """Return what the reasoner says under each condition, or why it cannot be asked."""
    reasoner = asked.live.reasoner() if "callable" in asked.live.offers else None
    told = []
    for done, condition in enumerate(conditions, start=1):
        told.append(_under(reasoner, asked, condition))
        progress("asking the reasoner", done, len(conditions))
    return tuple(told)


def _under(reasoner: object, asked: Asked, condition: str) -> Answer:
    why = why_not_available(asked.turn, Condition.parse(condition))
    if why is not None or not isinstance(reasoner, Ablatable):
        return Answer(condition=condition, because=why or NOBODY)
    return _answer(reasoner, asked, condition)


def _answer(reasoner: Ablatable, asked: Asked, condition: str) -> Answer:
    try:
        judgements = reasoner.judge_under(asked.dialogue, condition=condition)
    except (InputError, PlanError) as error:
        return Answer(condition=condition, because=error.what)
    place = [one.utterance_id for one in asked.dialogue].index(asked.turn.utterance_id)
    return _told(judgements[place], condition)


def _told(judgement: Judgement, condition: str) -> Answer:
    return Answer(
        condition=condition,
        label=judgement.label,
        probabilities={label: float(share) for label, share in judgement.probabilities.items()},
        intensity=None if judgement.intensity is None else float(judgement.intensity),
        rationale=judgement.rationale,
        cues=tuple(
            ToldCue(modality=cue.modality, quote=cue.quote, start_s=cue.start_s, end_s=cue.end_s)
            for cue in judgement.cues
        ),
    )
