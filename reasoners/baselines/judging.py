"""Judges a corpus batch by batch: encoders once, every condition from their states, finished batches kept.

A batch is some whole dialogues. Its judgements are written under the digest of all that went in; a run that was killed
finds them and goes on with the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice

import torch

from affidavit.conditions import MODALITIES, Condition
from affidavit.corpus import Corpus
from affidavit.degradations import degradation
from affidavit.engines import end_of_part, own_part
from affidavit.errors import PlanError
from affidavit.judgements import Judged, Unjudged, asked_conditions, available, side_tables, to_judge, told
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress
from affidavit.tables import from_arrow
from affidavit.utterances import Utterance
from reasoners.baselines.options import BaselineJudgingOptions
from reasoners.baselines.reasoner import BaselineReasoner
from reasoners.instructed.batches import Row, batched
from reasoners.instructed.config import ModelConfig
from reasoners.instructed.degraded import LETTERS, degrades, merged, operated, why_not
from reasoners.instructed.inputs import Perceived, perceive_again, senses_of, words_of
from reasoners.instructed.origins import part_origins
from reasoners.instructed.scope import require_distinct, require_labels, require_takeable, takes, whom_to_judge
from reasoners.instructed.shards import Answers, Shard, Shards
from reasoners.trained_origin import trained_origin

AHEAD = "it reads the turns after the judged one too, which a model that listens live does not have"


def judge_corpus(
    reasoner: BaselineReasoner,
    corpus: Corpus,
    options: BaselineJudgingOptions,
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
    require_labels(corpus, config.perception)
    chosen, assumptions = whom_to_judge(corpus, reasoner.card, everybody=options.utterances == "all")
    conditions = asked_conditions(options.conditions, to_judge(chosen))
    require_takeable(conditions, config.perception)
    stand = _Stand(reasoner=reasoner, conditions=conditions, vocabulary=words_of(corpus.utterances), progress=progress)
    judged, unjudged = stand.judged(chosen, shards, batch_turns=options.batch_turns)
    if not judged:
        raise PlanError(
            "nothing could be judged",
            slug="plan-impossible",
            where=f"corpus {corpus.name}",
            found="; ".join(told(unjudged, n_judged=0)),
            remedy="look at the files named above, or judge under conditions that they allow",
        )
    name = f"{config.architecture}-{config.perception.size}"
    tables = side_tables(judged, unjudged, reasoner=name, label_space=reasoner.labels)
    raw = from_arrow(tables["judgements"], name=corpus.name, format_name="judged")
    space = reading.label_space or reasoner.labels
    predictions = predictions_from(raw, replace(reading, label_space=space), progress=progress)
    ahead = [AHEAD] if config.reads_ahead else []
    unheard = told(unjudged, n_judged=len(judged))
    said = (*assumptions, *ahead, *unheard, *_cut(to_judge(chosen), reasoner), *predictions.assumptions)
    shards.discard()
    models = (trained_origin(reasoner.card, name=name), *part_origins(config.perception, reasoner.card))
    return replace(predictions, assumptions=said, side_tables=tables, models=models)


def _cut(utterances: Sequence[Utterance], reasoner: BaselineReasoner) -> list[str]:
    """Say how many transcripts are longer than the model reads."""
    reads = reasoner.model.config.perception.text
    texts = [u.text for u in utterances if u.text and "T" in available(u)]
    if reads is None or not texts:
        return []
    longer = sum(length > reads.max_tokens for length in reasoner.tokenizers.lengths(texts))
    return [f"{longer} transcripts were cut after {reads.max_tokens} tokens"] if longer else []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """One model under the conditions of one plan."""

    reasoner: BaselineReasoner
    conditions: tuple[Condition, ...]
    vocabulary: tuple[str, ...]
    """Of the whole corpus, whatever is left to judge: an interrupted run mishears what it would have misheard."""
    progress: Progress

    @property
    def _config(self) -> ModelConfig:
        return self.reasoner.model.config.perception

    @property
    def _degraded(self) -> tuple[str, ...]:
        """Degrading conditions, each with all modalities: what is degraded does not depend on what is shown."""
        possible = [c for c in self.conditions if degrades(c) and takes(self._config, c)]
        return tuple(dict.fromkeys(map(operated, possible)))

    def judged(
        self, utterances: Sequence[Utterance], shards: Shards, *, batch_turns: int
    ) -> tuple[list[Judged], list[Unjudged]]:
        """Return the judgements of all batches in the order of the utterances; conditions in theirs."""
        by_id = {utterance.utterance_id: utterance for utterance in utterances}
        wanted = frozenset(utterance.utterance_id for utterance in to_judge(utterances))
        batches = [
            batch
            for batch in batched(utterances, turns=batch_turns)
            if any(turn.utterance_id in wanted for row in batch for turn in row)
        ]
        done = self._shards(own_part(batches), wanted, shards)
        end_of_part()
        place = {name: i for i, name in enumerate(by_id)}
        order = {str(condition): i for i, condition in enumerate(self.conditions)}
        answered = [
            Judged(utterance=by_id[name], condition=condition, judgement=judgement)
            for shard in done
            for name, condition, judgement in shard.answers
        ]
        answered.sort(key=lambda item: (place[item.utterance.utterance_id], order[item.condition]))
        refused = [item for shard in done for item in shard.unjudged]
        return answered, sorted(refused, key=lambda item: (place[item.utterance_id], order[item.condition]))

    def _shards(self, batches: Sequence[list[Row]], wanted: frozenset[str], shards: Shards) -> list[Shard]:
        finished = [shards.load(batch) for batch in batches]
        missing = [batch for batch, shard in zip(batches, finished, strict=True) if shard is None]
        turns = [turn for batch in missing for row in batch for turn in row]
        stream = perceive_again(
            turns,
            senses_of(self._config),
            conditions=self._degraded,
            vocabulary=self.vocabulary,
            workers=self.reasoner.workers if len(turns) > 1 else 0,
            progress=self.progress,
        )
        done: list[Shard] = []
        with closing(stream) as perceived:
            for batch, kept in zip(batches, finished, strict=True):
                shard = self._shard(batch, wanted, perceived) if kept is None else kept
                if kept is None:
                    shards.store(batch, shard)
                done.append(shard)
                self.progress("judging", len(done), len(batches))
        return done

    def _shard(self, batch: Sequence[Row], wanted: frozenset[str], stream: Iterator[tuple[Perceived, ...]]) -> Shard:
        turns = [turn for row in batch for turn in row]
        perceived = list(islice(stream, len(turns)))
        met = {
            name: {item[i].utterance_id: item[i] for item in perceived} for i, name in enumerate(("", *self._degraded))
        }
        judged = [turn for turn in turns if turn.utterance_id in wanted]
        refused = {(c, turn.utterance_id): self._refusal(turn, c, met) for c in self.conditions for turn in judged}
        found: dict[Condition, Answers] = {}
        for condition in self.conditions:
            names = frozenset(name for (asked, name), no in refused.items() if asked == condition and no is None)
            if names:
                found[condition] = self._answers(batch, condition, names, met)
        return Shard.of(found, [no for no in refused.values() if no is not None])

    def _answers(
        self,
        batch: Sequence[Row],
        condition: Condition,
        names: frozenset[str],
        met: Mapping[str, Mapping[str, Perceived]],
    ) -> Answers:
        """Judge whole dialogues as they are, or with one modality of all their turns degraded."""
        self.reasoner.model.eval()
        operator = degradation(condition)
        seen = met[""] if operator is None else merged(met, operated(condition), operator.modality)
        given = self.reasoner.dialogues(batch, perceived=seen)
        with torch.no_grad():
            encoded = self.reasoner.model.encode(given.batch).restricted(condition.modalities)
        return self.reasoner.answers(given, encoded, wanted=names)

    def _refusal(
        self, turn: Utterance, condition: Condition, met: Mapping[str, Mapping[str, Perceived]]
    ) -> Unjudged | None:
        """Return why a turn is not judged under a condition: not taken in, not there, not consented to, not usable."""
        because: str | None
        detail: str | None
        if not takes(self._config, condition):
            lacking = [MODALITIES[letter] for letter in MODALITIES if letter in condition.modalities]
            lacking = [name for name in lacking if LETTERS[name] not in self._config.modalities]
            because, detail = f"the model takes in no {lacking[0]}" if lacking else "it names no modality", None
        else:
            because, detail = why_not(turn, condition, met)
        if because is None:
            return None
        return Unjudged(utterance_id=turn.utterance_id, condition=str(condition), because=because, detail=detail)
