"""Puts any function on the stand: `judge(predict, corpus)` asks it about every utterance under every condition.

    def predict(utterance, modalities, seed):
        ...
        return Judgement(label="joy")

    predictions = af.judge(predict, corpus)

The function is handed an utterance from which the modalities that it may not use have been taken away, the names of
those that are left, and a seed of its own for each utterance and condition. Ids and files have opaque names,
since real ones often tell the label (`1001_DFA_ANG_XX.wav`), and a file holds only what may be used: of a video with
sound, under `V`, a copy without the sound (`affidavit.media.single_streams`).

Conditions may intervene on what is handed over (`affidavit.interventions`): under `TAV/resampled=V` the function gets
another utterance's pictures, under `TAV/insert=tired` other words. What was changed and what was not never lie in one
file then: of a donor's video its sound is left out, and of a video whose sound was exchanged its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from affidavit.admission import WITHHELD, admitted, somebody_withdrew
from affidavit.cache import kept_folder
from affidavit.conditions import MODALITIES, Condition, modality_subsets
from affidavit.corpus import Corpus
from affidavit.degradations.operators import OPERATORS
from affidavit.digests import digest_of
from affidavit.errors import MediaError, PlanError
from affidavit.interventions import canonical
from affidavit.interventions.handing import Handing
from affidavit.interventions.remarks import remarks
from affidavit.judgements import (
    Judged,
    Unjudged,
    asked_conditions,
    require_answer,
    side_tables,
    to_judge,
    told,
    why_not_available,
)
from affidavit.media.single_streams import handed
from affidavit.model_origins import Basis, ModelOrigin
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress, silent
from affidavit.seeds import seed_of
from affidavit.tables import from_arrow
from affidavit.utterances import Judgement, Utterance
from affidavit.withdrawals import LEFT_OUT, withdrew_meanwhile

Predict = Callable[[Utterance, tuple[str, ...], int], Judgement]
ALL: Final = tuple(str(condition) for condition in modality_subsets())
_TRACKS: Final = {"T": "subtitle", "A": "audio", "V": "video"}
_DIGITS: Final = 16


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
    error ends the run, and with it what was answered before: keep costly answers yourself. So does an answer that is
    no judgement, at once and by name. `by` names the sensitive features that the table is to be audited by.

    A condition that exchanges modalities or rewrites the transcript changes what is handed over: see
    `affidavit.interventions.handing`. Donors are judged utterances, drawn by `seed`.

    Raises:
        PlanError: a condition asks for what no utterance has, degrades its input (a function degrades its own), or
            intervenes on what a function keeps to itself.
        TableError: somebody withdrew meanwhile.
        RowError: an answer is no judgement, or does not fit the label space.
        MissingPartError: a container with several tracks is to be shown in part, and the extra `media` is missing.
    """
    corpus = admitted(corpus)
    chosen = to_judge(corpus.utterances)
    parsed = [Condition.parse(condition) for condition in conditions]
    _refuse_operators(parsed)
    wanted = asked_conditions([str(canonical(c, label_space=corpus.label_space)) for c in parsed], chosen)
    name = getattr(predict, "__name__", type(predict).__name__)
    stand = _Stand(
        predict=predict,
        label_space=corpus.label_space,
        seed=seed,
        folder=kept_folder("single-streams"),
        handing=Handing.of(wanted, chosen, labels=corpus.label_space, seed=seed),
    )
    judged, unjudged = _asked(stand, chosen, wanted, progress=progress)
    if not judged:
        raise PlanError(
            "nothing could be judged",
            slug="plan-impossible",
            where=name,
            found="; ".join(told(unjudged, n_judged=0)),
            remedy="look at the files named above",
        )
    if somebody_withdrew(corpus):
        raise withdrew_meanwhile(f"corpus {corpus.name}")
    space = corpus.label_space or None
    tables = side_tables(judged, unjudged, reasoner=name, label_space=corpus.label_space)
    raw = from_arrow(tables["judgements"], name=corpus.name, format_name="judged")
    predictions = predictions_from(raw, Reading(run=name, by=tuple(by), label_space=space), progress=progress)
    changed = remarks(list(stand.handing.interventions.values()))
    taken = [line for line in (LEFT_OUT, WITHHELD) if line in corpus.assumptions]
    said = (*changed, *taken, *told(unjudged, n_judged=len(judged)), *predictions.assumptions)
    model = ModelOrigin(name=name, source="a function of the caller's", licence=None, digest=None, basis=Basis.CODE)
    return replace(predictions, assumptions=said, side_tables=tables, models=(model,))


def shown(
    utterance: Utterance, condition: Condition, *, folder: Path, changed: frozenset[str] = frozenset()
) -> Utterance:
    """Return the utterance with only what the condition shows; its label and reference rationale go too.

    Its id and those of its dialogue and files are opaque; what the files have beyond the condition is not in them, nor
    is a track of what was `changed` (letters of modalities) in a file that was not, or the other way round. Links and
    copies lie in `folder`.

    Raises:
        MediaError: a container cannot be opened, so nobody knows what it holds.
    """
    alike = {True: condition.modalities & changed, False: condition.modalities - changed}
    audio, video = (
        None
        if span is None or letter not in condition.modalities
        else handed(span, allowed=frozenset(_TRACKS[each] for each in alike[letter in changed]), folder=folder)
        for letter, span in (("A", utterance.audio), ("V", utterance.video))
    )
    return replace(
        utterance,
        utterance_id=_opaque(utterance.utterance_id),
        dialogue_id=None if utterance.dialogue_id is None else _opaque(utterance.dialogue_id),
        text=utterance.text if "T" in condition.modalities else None,
        audio=audio,
        video=video,
        label=None,
        soft_label={},
        intensity=None,
        rationales={},
        cues=(),
        evidence=None,
    )


def _opaque(name: str) -> str:
    """Return a name that is the same each time and tells nothing."""
    return digest_of(["handed", name]).removeprefix("sha256:")[:_DIGITS]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """A function that is asked, and how."""

    predict: Predict
    label_space: tuple[str, ...]
    seed: int
    folder: Path
    handing: Handing

    def answer(self, utterance: Utterance, condition: Condition, *, base: Judgement | None) -> Judgement | Unjudged:
        """Return what the function says, or why it could not say anything; `base` is what it said without operator."""
        changed: Utterance | str | None = why_not_available(utterance, condition)
        if changed is None:
            changed = self.handing.changed(utterance, condition, answer=base)
        if isinstance(changed, str):
            return Unjudged(utterance_id=utterance.utterance_id, condition=str(condition), because=changed)
        names = tuple(name for letter, name in MODALITIES.items() if letter in condition.modalities)
        own_seed = seed_of(self.seed, utterance.utterance_id, str(condition))
        where = f"utterance {utterance.utterance_id}, condition {condition}"
        given = changed
        try:
            letters = self.handing.letters(condition)
            given = shown(changed, condition, folder=self.folder, changed=letters)
            said = self.predict(given, names, own_seed)
        except MediaError as error:
            return Unjudged(
                utterance_id=utterance.utterance_id,
                condition=str(condition),
                because="media that cannot be used",
                detail=f"{_named(error.where, given, changed)}: {error.what}" if error.where else error.what,
            )
        except Exception as error:
            error.add_note(f"affidavit was asking about {where}")
            raise
        return require_answer(said, where=where, label_space=self.label_space)


def _named(where: str, given: Utterance, known: Utterance) -> str:
    """Return where a fault lies by the names that the caller knows."""
    for opaque, span in ((given.audio, known.audio), (given.video, known.video)):
        if opaque is not None and span is not None:
            where = where.replace(str(opaque.path), str(span.path)).replace(opaque.path.name, span.path.name)
    return where


def _asked(
    stand: _Stand, utterances: Sequence[Utterance], conditions: Sequence[Condition], *, progress: Progress
) -> tuple[list[Judged], list[Unjudged]]:
    judged: list[Judged] = []
    unjudged: list[Unjudged] = []
    total, done = len(utterances) * len(conditions), 0
    # an answer before what rests on it
    order = sorted(conditions, key=lambda condition: condition.operator is not None)
    for utterance in utterances:
        said: dict[Condition, Judgement | Unjudged] = {}
        for condition in order:
            base = said.get(Condition(modalities=condition.modalities))
            base = None if isinstance(base, Unjudged) else base
            said[condition] = stand.answer(utterance, condition, base=base)
            done += 1
            progress("judging", done, total)
        for condition in conditions:
            answer = said[condition]
            if isinstance(answer, Unjudged):
                unjudged.append(answer)
            else:
                judged.append(Judged(utterance=utterance, condition=str(condition), judgement=answer))
    return judged, unjudged


def _refuse_operators(conditions: Sequence[Condition]) -> None:
    degraded = [str(condition) for condition in conditions if condition.operator in OPERATORS]
    if degraded:
        raise PlanError(
            "a function is handed files and cannot be handed a degraded input",
            slug="plan-impossible",
            found=", ".join(degraded),
            allowed="conditions of modalities, such as TAV or A, and interventions such as TAV/resampled=V",
            remedy="degrade inside the function (affidavit.degradations), or use a reasoner of the registry",
        )
