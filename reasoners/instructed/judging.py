"""Judges a corpus shard by shard: encoders once per modality, every condition from their states, finished shards kept.

A shard is a batch of whole dialogues. Its judgements are written under the digest of all that went in; a run that was
killed finds them and goes on with the next.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import torch

from affidavit.conditions import MODALITIES, Condition
from affidavit.corpus import Corpus
from affidavit.degradations import degradation
from affidavit.errors import PlanError
from affidavit.judgements import (
    Judged,
    Unjudged,
    asked_conditions,
    available,
    side_tables,
    to_judge,
    told,
    why_not_available,
)
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress
from affidavit.tables import from_arrow
from affidavit.utterances import Judgement, Utterance
from reasoners.instructed.batches import Batch, Row, batched
from reasoners.instructed.config import ModelConfig
from reasoners.instructed.inputs import Perceived, Refused, perceive_again, senses_of, words_of
from reasoners.instructed.model import Encoded
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.reasons import explained_conditions, untaught, why_no_reasons
from reasoners.instructed.scope import require_distinct, require_labels, require_takeable, takes, whom_to_judge
from reasoners.instructed.shards import Shard, Shards

if TYPE_CHECKING:
    from reasoners.instructed.door import JudgingOptions

_LETTERS = {name: letter for letter, name in MODALITIES.items()}


def judge_corpus(
    reasoner: InstructedReasoner,
    corpus: Corpus,
    options: JudgingOptions,
    *,
    reading: Reading,
    shards: Shards,
    progress: Progress,
) -> Predictions:
    """Return the predictions table of a corpus.

    Raises:
        PlanError: nobody is left to judge, a condition is impossible, or the labels are not the model's.
    """
    config = reasoner.model.config
    require_distinct(corpus)
    require_labels(corpus, config)
    chosen, assumptions = whom_to_judge(corpus, reasoner.card, everybody=options.utterances == "all")
    asked = asked_conditions(options.conditions, to_judge(chosen))
    require_takeable(asked, config)
    explained, on_reasons = _explained(reasoner, options, asked, chosen)
    stand = _Stand(
        reasoner=reasoner,
        conditions=asked,
        explained=explained,
        batch_turns=options.batch_turns,
        vocabulary=words_of(corpus.utterances),
        progress=progress,
    )
    judged, unjudged = stand.judged(chosen, shards)
    if not judged:
        raise PlanError(
            "nothing could be judged",
            slug="plan-impossible",
            where=f"corpus {corpus.name}",
            found="; ".join(told(unjudged, n_judged=0)),
            remedy="look at the files named above, or judge under conditions that they allow",
        )
    tables = side_tables(judged, unjudged, reasoner=_name(reasoner), label_space=config.label_space)
    raw = from_arrow(tables["judgements"], name=corpus.name, format_name="judged")
    space = reading.label_space or config.label_space
    predictions = predictions_from(raw, replace(reading, label_space=space), progress=progress)
    unheard = told(unjudged, n_judged=len(judged))
    said = (*assumptions, *on_reasons, *unheard, *_cut(to_judge(chosen), reasoner), *predictions.assumptions)
    shards.discard()
    return replace(predictions, assumptions=said, side_tables=tables)


def _name(reasoner: InstructedReasoner) -> str:
    return f"instructed-{reasoner.model.config.size}"


def _explained(
    reasoner: InstructedReasoner, options: JudgingOptions, asked: Sequence[Condition], chosen: Sequence[Utterance]
) -> tuple[frozenset[Condition], list[str]]:
    """Return the conditions under which reasons are written, and what is to be said of them."""
    config, card = reasoner.model.config, reasoner.card
    if options.rationales == "none":
        return frozenset(), []
    if (because := why_no_reasons(config, card)) is not None:
        return frozenset(), [because]
    possible = [condition for condition in asked if takes(config, condition)]
    return explained_conditions(possible, to_judge(chosen), options.rationales), untaught(config, card)


def _cut(utterances: Sequence[Utterance], reasoner: InstructedReasoner) -> list[str]:
    """Say how many transcripts are longer than the model reads."""
    reads = reasoner.model.config.text
    texts = [u.text for u in utterances if u.text and "T" in available(u)]
    if reads is None or not texts:
        return []
    longer = sum(length > reads.max_tokens for length in reasoner.tokenizers.lengths(texts))
    return [f"{longer} transcripts were cut after {reads.max_tokens} tokens"] if longer else []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """One model under the conditions of one plan."""

    reasoner: InstructedReasoner
    conditions: tuple[Condition, ...]
    explained: frozenset[Condition]
    """Those under which a rationale is written."""
    batch_turns: int
    vocabulary: tuple[str, ...]
    """Of the whole corpus, whatever is left to judge: an interrupted run mishears what it would have misheard."""
    progress: Progress

    @property
    def _config(self) -> ModelConfig:
        return self.reasoner.model.config

    def judged(self, utterances: Sequence[Utterance], shards: Shards) -> tuple[list[Judged], list[Unjudged]]:
        """Return the judgements of all shards in the order of the utterances; conditions in theirs."""
        by_id = {utterance.utterance_id: utterance for utterance in utterances}
        wanted = frozenset(utterance.utterance_id for utterance in to_judge(utterances))
        batches = [batch for batch in batched(utterances, turns=self.batch_turns) if _any(batch, wanted)]
        finished = [shards.load(batch) for batch in batches]
        missing = [batch for batch, kept in zip(batches, finished, strict=True) if kept is None]
        done: list[Shard] = []
        with closing(self._perceived([turn for batch in missing for row in batch for turn in row])) as perceived:
            for batch, kept in zip(batches, finished, strict=True):
                if kept is None:
                    done.append(self._shard(batch, wanted, perceived))
                    shards.store(batch, done[-1])
                else:
                    done.append(kept)
                self.progress("judging", len(done), len(batches))
        place = {name: i for i, name in enumerate(by_id)}
        answered = [
            Judged(utterance=by_id[name], condition=condition, judgement=judgement)
            for shard in done
            for name, condition, judgement in shard.answers
        ]
        order = {str(condition): i for i, condition in enumerate(self.conditions)}
        answered.sort(key=lambda item: (place[item.utterance.utterance_id], order[item.condition]))
        refused = [item for shard in done for item in shard.unjudged]
        return answered, sorted(refused, key=lambda item: (place[item.utterance_id], order[item.condition]))

    @property
    def _degraded(self) -> tuple[str, ...]:
        """Conditions with an operator, each with all modalities: what is degraded does not depend on what is shown."""
        possible = [c for c in self.conditions if c.operator is not None and takes(self._config, c)]
        return tuple(dict.fromkeys(map(_operated, possible)))

    def _perceived(self, utterances: Sequence[Utterance]) -> Generator[tuple[Perceived, ...], None, None]:
        """Yield what is perceived of each utterance, in order: as it is, and under each degradation.

        One crew of workers, and one decoding of each file, however many degradations there are.
        """
        return perceive_again(
            utterances,
            senses_of(self.reasoner.model.config),
            conditions=self._degraded,
            vocabulary=self.vocabulary,
            workers=self.reasoner.workers if len(utterances) > 1 else 0,
            progress=self.progress,
        )

    def _shard(self, batch: Sequence[Row], wanted: frozenset[str], stream: Iterator[tuple[Perceived, ...]]) -> Shard:
        turns = [turn for row in batch for turn in row]
        perceived = list(islice(stream, len(turns)))
        met = {
            name: {item[i].utterance_id: item[i] for item in perceived} for i, name in enumerate(("", *self._degraded))
        }
        refused = {
            (turn.utterance_id, condition): self._refusal(turn, condition, met)
            for condition in self.conditions
            for turn in turns
            if turn.utterance_id in wanted
        }
        possible = {
            condition: [name for (name, asked), no in refused.items() if asked == condition and no is None]
            for condition in self.conditions
        }
        answers: list[tuple[str, str, Judgement]] = []
        for condition, encoded, tensors in self._encoded(batch, met, [c for c, names in possible.items() if names]):
            said = self.reasoner.answers(
                batch,
                tensors,
                encoded,
                wanted=frozenset(possible[condition]),
                explained=condition in self.explained,
            )
            answers += [(name, str(condition), said[name]) for name in possible[condition]]
        return Shard(answers=tuple(answers), unjudged=tuple(no for no in refused.values() if no is not None))

    def _refusal(
        self, turn: Utterance, condition: Condition, met: Mapping[str, Mapping[str, Perceived]]
    ) -> Unjudged | None:
        """Return why a turn is not judged under a condition: not taken in, not there, not consented to, not usable."""
        because: str | None
        detail: str | None
        if not takes(self._config, condition):
            lacking = [
                name
                for letter, name in MODALITIES.items()
                if letter in condition.modalities - set(self._config.modalities)
            ]
            because, detail = f"the model takes in no {lacking[0]}" if lacking else "it names no modality", None
        else:
            because, detail = _why_not(turn, condition, met)
        if because is None:
            return None
        return Unjudged(utterance_id=turn.utterance_id, condition=str(condition), because=because, detail=detail)

    def _encoded(
        self,
        batch: Sequence[Row],
        met: Mapping[str, Mapping[str, Perceived]],
        conditions: Sequence[Condition],
    ) -> Iterator[tuple[Condition, Encoded, Batch]]:
        """Yield each condition with what it shows; each modality goes through its encoder once."""
        if not conditions:
            return
        self.reasoner.model.eval()
        tensors = self.reasoner.batch(batch, perceived=met[""])
        with torch.no_grad():
            base = self.reasoner.encoded(tensors)
            for condition in conditions:
                encoded = base
                operator = degradation(condition)
                if operator is not None:
                    again = self.reasoner.batch(batch, perceived=_merged(met, _operated(condition), operator.modality))
                    encoded = self.reasoner.replaced(base, again, _LETTERS[operator.modality])
                yield condition, encoded.restricted(condition.modalities), tensors


def _any(batch: Sequence[Row], wanted: frozenset[str]) -> bool:
    return any(turn.utterance_id in wanted for row in batch for turn in row)


def _operated(condition: Condition) -> str:
    """Return the condition with all modalities: what is degraded does not depend on what else is shown."""
    return str(replace(condition, modalities=frozenset(MODALITIES)))


def _merged(met: Mapping[str, Mapping[str, Perceived]], name: str, modality: str) -> dict[str, Perceived]:
    """Return what was perceived, with one modality degraded."""
    parts = {"text": ("text",), "audio": ("mel", "functionals"), "video": ("frames",)}[modality]
    return {
        key: replace(plain, **{part: getattr(met[name][key], part) for part in parts}) for key, plain in met[""].items()
    }


def _why_not(
    turn: Utterance, condition: Condition, met: Mapping[str, Mapping[str, Perceived]]
) -> tuple[str | None, str | None]:
    """Return the reason and its detail, such as the file; None where the turn can be judged."""
    because = why_not_available(turn, condition)
    if because is not None:
        return because, None
    streams = [""] if condition.operator is None else ["", _operated(condition)]
    refused = [r for name in streams for r in met[name][turn.utterance_id].refused if _shown(r, condition)]
    return (f"{refused[0].modality} that cannot be used", refused[0].because) if refused else (None, None)


def _shown(refused: Refused, condition: Condition) -> bool:
    return _LETTERS[refused.modality] in condition.modalities
