"""Puts any function on the stand: `judge(predict, corpus)` asks it about every utterance under every condition.

    def predict(utterance, modalities, seed):
        ...
        return Judgement(label="joy")

    predictions = af.judge(predict, corpus)

The function is handed an utterance from which the modalities that it may not use have been taken away, the names of
those that are left, and a seed of its own for each utterance, condition and repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from affidavit.conditions import MODALITIES, Condition, modality_subsets
from affidavit.corpus import Corpus
from affidavit.errors import MediaError, PlanError
from affidavit.judgements import Judged, Unjudged, asked_conditions, side_tables, to_judge, told, why_not_available
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress, silent
from affidavit.seeds import seed_of
from affidavit.tables import from_arrow
from affidavit.utterances import Judgement, Utterance

Predict = Callable[[Utterance, tuple[str, ...], int], Judgement]
ALL: Final = tuple(str(condition) for condition in modality_subsets())


def judge(
    predict: Predict,
    corpus: Corpus,
    *,
    conditions: Sequence[str] = ALL,
    by: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = silent,
) -> Predictions:
    """Return what a function says of a corpus, as a validated table.

    `predict(utterance, modalities, seed)` gets an utterance with only those modalities (of `text`, `audio`, `video`)
    and returns a `Judgement`. A `MediaError` that it raises is kept as an utterance that could not be judged; any other
    error ends the run. `by` names the sensitive features that the table is to be audited by.

    Raises:
        PlanError: a condition asks for what no utterance has, or degrades its input (a function degrades its own).
        RowError: a judgement does not fit the label space.
    """
    chosen = to_judge(corpus.utterances)
    wanted = asked_conditions(conditions, chosen)
    _refuse_operators(wanted)
    name = getattr(predict, "__name__", type(predict).__name__)
    judged, unjudged = _asked(predict, chosen, wanted, seed=seed, progress=progress)
    if not judged:
        raise PlanError(
            "nothing could be judged",
            slug="plan-impossible",
            where=name,
            found="; ".join(told(unjudged, n_judged=0)),
            remedy="look at the files named above",
        )
    space = corpus.label_space or None
    tables = side_tables(judged, unjudged, reasoner=name, label_space=corpus.label_space)
    raw = from_arrow(tables["judgements"], name=corpus.name, format_name="judged")
    predictions = predictions_from(raw, Reading(run=name, by=tuple(by), label_space=space), progress=progress)
    said = (*told(unjudged, n_judged=len(judged)), *predictions.assumptions)
    return replace(predictions, assumptions=said, side_tables=tables)


def shown(utterance: Utterance, condition: Condition) -> Utterance:
    """Return the utterance with only what the condition shows; its label and reference rationale go too."""
    return replace(
        utterance,
        text=utterance.text if "T" in condition.modalities else None,
        audio=utterance.audio if "A" in condition.modalities else None,
        video=utterance.video if "V" in condition.modalities else None,
        label=None,
        soft_label={},
        intensity=None,
        rationales={},
        cues=(),
        evidence=None,
    )


def _asked(
    predict: Predict,
    utterances: Sequence[Utterance],
    conditions: Sequence[Condition],
    *,
    seed: int,
    progress: Progress,
) -> tuple[list[Judged], list[Unjudged]]:
    judged: list[Judged] = []
    unjudged: list[Unjudged] = []
    total = len(utterances) * len(conditions)
    for utterance in utterances:
        for condition in conditions:
            answer = _answer(predict, utterance, condition, seed=seed)
            if isinstance(answer, Unjudged):
                unjudged.append(answer)
            else:
                judged.append(Judged(utterance=utterance, condition=str(condition), judgement=answer))
            progress("judging", len(judged) + len(unjudged), total)
    return judged, unjudged


def _answer(predict: Predict, utterance: Utterance, condition: Condition, *, seed: int) -> Judgement | Unjudged:
    if (because := why_not_available(utterance, condition)) is not None:
        return Unjudged(utterance_id=utterance.utterance_id, condition=str(condition), because=because)
    names = tuple(name for letter, name in MODALITIES.items() if letter in condition.modalities)
    own_seed = seed_of(seed, utterance.utterance_id, str(condition))
    try:
        return predict(shown(utterance, condition), names, own_seed)
    except MediaError as error:
        return Unjudged(
            utterance_id=utterance.utterance_id,
            condition=str(condition),
            because="media that cannot be used",
            detail=f"{error.where}: {error.what}" if error.where else error.what,
        )


def _refuse_operators(conditions: Sequence[Condition]) -> None:
    degraded = [str(condition) for condition in conditions if condition.operator is not None]
    if degraded:
        raise PlanError(
            "a function is handed files and cannot be handed a degraded input",
            slug="plan-impossible",
            found=", ".join(degraded),
            allowed="conditions of modalities alone, such as TAV or A",
            remedy="degrade inside the function (affidavit.degradations), or use a reasoner of the registry",
        )
