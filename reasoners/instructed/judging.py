"""Judges a corpus shard by shard: encoders once per modality, every condition from their states, finished shards kept.

A shard is a batch of whole dialogues. Its judgements are written under the digest of all that went in; a run that was
killed finds them and goes on with the next. Conditions that take their input from other utterances are judged in a
second pass, from the states of the first.
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
from affidavit.engines import end_of_part, own_part
from affidavit.errors import PlanError
from affidavit.interventions.operators import REASONING
from affidavit.interventions.transcripts import REWRITES
from affidavit.judgements import Judged, Unjudged, available, side_tables, to_judge, told
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress
from affidavit.tables import from_arrow
from affidavit.utterances import Judgement, Utterance
from reasoners.grpo.rewarded import reward_origins
from reasoners.instructed.asked import Asked, read_conditions, said_of, with_reasons
from reasoners.instructed.batches import Row, batched
from reasoners.instructed.config import ModelConfig
from reasoners.instructed.degraded import LETTERS, degrades, merged, operated, why_not
from reasoners.instructed.inputs import Perceived, perceive_again, senses_of, words_of
from reasoners.instructed.model import Encoded
from reasoners.instructed.origins import part_origins
from reasoners.instructed.pool import SEED, from_arrays, to_arrays
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.scene import Scene
from reasoners.instructed.scope import require_distinct, require_labels, takes, whom_to_judge
from reasoners.instructed.second_pass import Exchange, Read, second_pass
from reasoners.instructed.shards import Answers, Shard, Shards
from reasoners.trained_origin import trained_origin

if TYPE_CHECKING:
    from reasoners.instructed.options import JudgingOptions


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
    asked = read_conditions(options.conditions, chosen, config, instruction=reasoner.instruction)
    explained, on_reasons = with_reasons(asked, chosen, config, reasoner.card, wanted=options.rationales)
    stand = _Stand(
        reasoner=reasoner,
        asked=asked,
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
    changed = said_of(asked, config, instruction=reasoner.instruction, n_judged=len(to_judge(chosen)))
    cut = _cut(to_judge(chosen), reasoner)
    said = (*assumptions, *on_reasons, *changed, *unheard, *cut, *predictions.assumptions)
    own = trained_origin(reasoner.card, name=_name(reasoner))
    models = (own, *part_origins(config, reasoner.card), *reward_origins(reasoner.card))
    shards.discard()
    return replace(predictions, assumptions=said, side_tables=tables, models=models)


def _name(reasoner: InstructedReasoner) -> str:
    return f"instructed-{reasoner.model.config.size}"


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
    asked: Asked
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
        every = [batch for batch in batched(utterances, turns=self.batch_turns) if _any(batch, wanted)]
        batches = own_part(every)
        done, kept = self._first_pass(batches, wanted, shards)
        end_of_part()
        if kept:
            done += second_pass(
                self.reasoner,
                [
                    Read(rows=rows, shard=shard, encoded=states)
                    for rows, shard, states in zip(batches, done, kept, strict=True)
                ],
                self._exchanges,
                wanted,
                shards=shards,
                progress=self.progress,
            )
        place = {name: i for i, name in enumerate(by_id)}
        answered = [
            Judged(utterance=by_id[name], condition=condition, judgement=judgement)
            for shard in done
            for name, condition, judgement in shard.answers
        ]
        order = {str(condition): i for i, condition in enumerate(self.asked.conditions)}
        answered.sort(key=lambda item: (place[item.utterance.utterance_id], order[item.condition]))
        refused = [item for shard in done for item in shard.unjudged]
        return answered, sorted(refused, key=lambda item: (place[item.utterance_id], order[item.condition]))

    def _first_pass(
        self, batches: Sequence[list[Row]], wanted: frozenset[str], shards: Shards
    ) -> tuple[list[Shard], list[Encoded]]:
        """Return each batch under conditions that rest on itself alone; the states of all where others rest on them."""
        pooled = bool(self.asked.pooled)
        finished = [(shards.load(batch), shards.load_arrays(batch) if pooled else None) for batch in batches]
        ready = [shard is not None and (arrays is not None or not pooled) for shard, arrays in finished]
        missing = [batch for batch, there in zip(batches, ready, strict=True) if not there]
        done: list[Shard] = []
        kept: list[Encoded] = []
        with closing(self._perceived([turn for batch in missing for row in batch for turn in row])) as perceived:
            for batch, (shard, arrays), there in zip(batches, finished, ready, strict=True):
                if not there or shard is None:
                    shard, encoded = self._shard(batch, wanted, perceived)
                    if encoded is not None:
                        arrays = to_arrays(encoded)
                        shards.store_arrays(batch, arrays)
                    shards.store(batch, shard)
                done.append(shard)
                kept += [] if arrays is None else [from_arrays(arrays)]
                self.progress("judging", len(done), len(batches))
        return done, kept

    @property
    def _exchanges(self) -> list[Exchange]:
        return [
            Exchange(item=self.asked.interventions[condition], explained=condition in self.explained)
            for condition in self.asked.pooled
        ]

    @property
    def _degraded(self) -> tuple[str, ...]:
        """Degrading conditions, each with all modalities: what is degraded does not depend on what is shown."""
        possible = [c for c in self.asked.conditions if degrades(c) and takes(self._config, c)]
        return tuple(dict.fromkeys(map(operated, possible)))

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

    def _shard(
        self, batch: Sequence[Row], wanted: frozenset[str], stream: Iterator[tuple[Perceived, ...]]
    ) -> tuple[Shard, Encoded | None]:
        """Return a shard, and its states where others rest on them."""
        turns = [turn for row in batch for turn in row]
        perceived = list(islice(stream, len(turns)))
        met = {
            name: {item[i].utterance_id: item[i] for item in perceived} for i, name in enumerate(("", *self._degraded))
        }
        refused = {
            (turn.utterance_id, condition): self._refusal(turn, condition, met)
            for condition in self.asked.conditions
            for turn in turns
            if turn.utterance_id in wanted
        }
        possible = {
            condition: [name for (name, asked), no in refused.items() if asked == condition and no is None]
            for condition in self.asked.conditions
        }
        pooled = self.asked.pooled
        own = {condition: names for condition, names in possible.items() if names and condition not in pooled}
        found: dict[Condition, Answers] = {}
        encoded: Encoded | None = None
        if own or pooled:
            self.reasoner.model.eval()
            tensors = self.reasoner.batch(batch, perceived=met[""])
            with torch.no_grad():
                encoded = self.reasoner.encoded(tensors)
            scene = Scene(reasoner=self.reasoner, rows=batch, batch=tensors, encoded=encoded, met=met[""], seed=SEED)
            # an answer comes before what rests on it
            for condition in sorted(own, key=lambda condition: condition.operator is not None):
                found[condition] = self._answers(scene, condition, own[condition], found, met)
        said = {condition: found[condition] for condition in own}
        return Shard.of(said, [no for no in refused.values() if no is not None]), encoded if pooled else None

    def _answers(
        self,
        scene: Scene,
        condition: Condition,
        names: Sequence[str],
        found: Mapping[Condition, Answers],
        met: Mapping[str, Mapping[str, Perceived]],
    ) -> Answers:
        """Return what is said of some turns of a batch under a condition that rests on the batch alone."""
        item, reasons = self.asked.interventions.get(condition), condition in self.explained
        if item is None:
            return self._plain(scene, condition, names, met, explained=reasons)
        base = {name: answer for name, answer in found.get(item.base, {}).items() if isinstance(answer, Judgement)}
        if item.operator in REASONING and base:
            return {name: base[name] if reasons else replace(base[name], rationale=None, cues=()) for name in names}
        if item.operator in REASONING:
            return self._plain(scene, item.base, names, met, explained=reasons)
        if item.operator in REWRITES:
            return scene.under_words(item, names, base, explained=reasons)
        if item.operator == "zeroed":
            return scene.under_empty(item, names, explained=reasons)
        if item.operator.startswith("instruction-"):
            return scene.under_instruction(item, names, explained=reasons)
        return scene.under_history(item, names, explained=reasons)

    def _plain(
        self,
        scene: Scene,
        condition: Condition,
        names: Sequence[str],
        met: Mapping[str, Mapping[str, Perceived]],
        *,
        explained: bool,
    ) -> Answers:
        """Judge whole dialogues as they are, or with one modality of all their turns degraded."""
        encoded = scene.encoded
        operator = degradation(condition)
        if operator is not None:
            again = self.reasoner.batch(scene.rows, perceived=merged(met, operated(condition), operator.modality))
            with torch.no_grad():
                encoded = self.reasoner.replaced(encoded, again, LETTERS[operator.modality])
        return self.reasoner.answers(
            scene.rows,
            scene.batch,
            encoded.restricted(condition.modalities),
            wanted=frozenset(names),
            explained=explained,
        )

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
            because, detail = why_not(turn, condition, met)
        if because is None:
            return None
        return Unjudged(utterance_id=turn.utterance_id, condition=str(condition), because=because, detail=detail)


def _any(batch: Sequence[Row], wanted: frozenset[str]) -> bool:
    return any(turn.utterance_id in wanted for row in batch for turn in row)
