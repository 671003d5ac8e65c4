"""Judges a corpus with a language model, or any other that answers items, some utterances at a time.

A run that was killed goes on where it was: a shard is a number of utterances under all conditions. What was written
and how it read is kept beside each shard, so that an interrupted run counts what an uninterrupted one would.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from affidavit.conditions import MODALITIES, Condition
from affidavit.corpus import Corpus, require_distinct
from affidavit.engines import end_of_part, own_part
from affidavit.errors import PlanError
from affidavit.judgements import Judged, Unjudged, side_tables, to_judge, told
from affidavit.model_origins import ModelOrigin
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress
from affidavit.tables import from_arrow
from affidavit.utterances import Judgement, Utterance
from reasoners.completions import Parsed, told_completions
from reasoners.grpo.rewarded import reward_origins
from reasoners.instructed.inputs import words_of
from reasoners.instructed.pool import SEED
from reasoners.instructed.scope import whom_to_judge
from reasoners.instructed.shards import Shard, Shards
from reasoners.language.conditions import Asked, on_reasoning, read_conditions, takes
from reasoners.language.items import Answered, Item
from reasoners.language.options import Scope
from reasoners.language.perceiving import Senses, given
from reasoners.language.prompts import Given
from reasoners.language.rewriting import Rewriter
from reasoners.language.thoughts import NO_REASONING, Thought, thoughts_of, told_rewriting
from reasoners.trained_origin import trained_origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasoners.language.cards import ModelCard

_TOGETHER: Final = 32
"""Utterances of a shard."""


class Judge(Protocol):
    """A model that answers items; `LanguageReasoner` is one, and so is a network that only looks at faces."""

    name: str
    labels: tuple[str, ...]
    weights: ModelCard | None
    card: Mapping[str, Any]
    """What its checkpoint says of its training; empty where it has none."""

    @property
    def before(self) -> Mapping[str, tuple[Utterance, ...]]:
        """Turns before each turn, once it is prepared."""

    @property
    def modalities(self) -> frozenset[str]:
        """Letters of what it takes in."""

    @property
    def senses(self) -> Senses:
        """What of a turn is read."""

    @property
    def thinks(self) -> bool:
        """Whether it writes reasoning before it answers."""

    @property
    def rewriter(self) -> Rewriter | None:
        """Who writes its reasoning anew, where a plan names somebody."""

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        """Learn which turns stand before which."""

    def answers(self, items: Sequence[Item]) -> list[Answered]:
        """Return what is said of each item, in their order."""


def judge_corpus(
    reasoner: Judge,
    corpus: Corpus,
    options: Scope,
    *,
    reading: Reading,
    shards: Shards,
    progress: Progress,
) -> Predictions:
    """Return the predictions table of a corpus; it says where the weights are from, so that the report repeats it.

    Raises:
        PlanError: nobody is left to judge, or a condition is impossible.
    """
    require_distinct(corpus)
    chosen, assumptions = _whom(corpus, reasoner, options)
    judged_turns, drawn = _subset(to_judge(chosen), options)
    rewriter = reasoner.rewriter
    asked = read_conditions(
        options.conditions,
        judged_turns,
        modalities=reasoner.modalities,
        labels=reasoner.labels,
        on_reasoning=on_reasoning(thinks=reasoner.thinks, writer=None if rewriter is None else rewriter.name),
        seed=SEED,
    )
    reasoner.prepare(corpus.utterances, progress=progress)
    stand = _Stand(reasoner=reasoner, asked=asked, vocabulary=words_of(corpus.utterances))
    judged, unjudged, wrote = _all(stand, judged_turns, shards, progress)
    if not judged:
        raise PlanError(
            "nothing could be judged",
            slug="plan-impossible",
            where=f"corpus {corpus.name}",
            found="; ".join(told(unjudged, n_judged=0)),
            remedy="look at the reasons, or judge under other conditions",
        )
    tables = side_tables(judged, unjudged, reasoner=reasoner.name, label_space=reasoner.labels)
    raw = from_arrow(tables["judgements"], name=corpus.name, format_name="judged")
    space = reading.label_space or reasoner.labels
    predictions = predictions_from(raw, replace(reading, label_space=space), progress=progress)
    said = (
        *assumptions,
        *drawn,
        *asked.said,
        *told_rewriting(asked.reasoning, judged, rewriter),
        *_said_of_writing(wrote),
        *told(unjudged, n_judged=len(judged)),
        *predictions.assumptions,
    )
    shards.discard()
    return replace(predictions, assumptions=said, side_tables=tables, models=_models(reasoner))


def _models(reasoner: Judge) -> tuple[ModelOrigin, ...]:
    """Return the weights beneath, and the adapters where some were trained."""
    beneath = () if reasoner.weights is None else (reasoner.weights.described(),)
    adapters = (trained_origin(reasoner.card, name=reasoner.name, part="adapters"),) if reasoner.card else ()
    return (*beneath, *adapters, *reward_origins(reasoner.card))


def _whom(corpus: Corpus, reasoner: Judge, options: Scope) -> tuple[tuple[Utterance, ...], tuple[str, ...]]:
    if not reasoner.card:
        return tuple(corpus.utterances), ()
    return whom_to_judge(corpus, reasoner.card, everybody=getattr(options, "utterances", "all") == "all")


def _subset(turns: Sequence[Utterance], options: Scope) -> tuple[tuple[Utterance, ...], tuple[str, ...]]:
    """Return the utterances that are drawn, in the order of the corpus, and the sentence that says so."""
    if options.subset is None or options.subset >= len(turns):
        return tuple(turns), ()
    rng = np.random.default_rng(options.subset_seed)
    places = np.sort(rng.choice(len(turns), options.subset, replace=False))
    drawn = f"{options.subset} of {len(turns)} utterances were judged, drawn with seed {options.subset_seed}"
    return tuple(turns[i] for i in places), (drawn,)


def _said_of_writing(wrote: Sequence[tuple[Parsed, bool | None]]) -> tuple[str, ...]:
    if not wrote:
        return ()
    named = [agrees for _, agrees in wrote if agrees is not None]
    other = sum(not agrees for agrees in named)
    against = f"{other} of {len(named)} completions that name a label name another one than has the highest score"
    return (*told_completions([parsed for parsed, _ in wrote]), *([against] if named else []))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """One model under the conditions of one plan."""

    reasoner: Judge
    asked: Asked
    vocabulary: tuple[str, ...]

    def shard(self, turns: Sequence[Utterance]) -> tuple[Shard, list[tuple[Parsed, bool | None]]]:
        """Return the judgements of some turns under every condition."""
        found: dict[tuple[str, Condition], Judgement] = {}
        refused: list[Unjudged] = []
        wrote: list[tuple[Parsed, bool | None]] = []
        for condition in self.asked.conditions:
            items, silent = self._items(turns, condition, found)
            refused += silent
            for item, answered in zip(items, self.reasoner.answers(items), strict=True):
                if isinstance(answered.said, Judgement):
                    found[item.utterance_id, condition] = answered.said
                else:
                    refused.append(answered.said)
                wrote += _written(answered)
        answers = tuple((name, str(condition), said) for (name, condition), said in found.items())
        return Shard(answers=answers, unjudged=tuple(refused)), wrote

    def _items(
        self, turns: Sequence[Utterance], condition: Condition, found: Mapping[tuple[str, Condition], Judgement]
    ) -> tuple[list[Item], list[Unjudged]]:
        thoughts = self._thoughts(turns, condition, found)
        made = [self._item(turn, condition, found, thoughts) for turn in turns]
        return [m for m in made if isinstance(m, Item)], [m for m in made if isinstance(m, Unjudged)]

    def _thoughts(
        self, turns: Sequence[Utterance], condition: Condition, found: Mapping[tuple[str, Condition], Judgement]
    ) -> Mapping[str, Thought | str]:
        """Return, under a condition that changes the reasoning, what stands in its place, or why nothing does."""
        item = self.asked.reasoning.get(condition)
        if item is None:
            return {}
        bases = {turn.utterance_id: found.get((turn.utterance_id, item.base)) for turn in turns}
        reasons = {name: base.rationale or "" for name, base in bases.items() if base is not None}
        return thoughts_of(item, reasons, rewriter=self.reasoner.rewriter, labels=self.reasoner.labels)

    def _item(
        self,
        turn: Utterance,
        condition: Condition,
        found: Mapping[tuple[str, Condition], Judgement],
        thoughts: Mapping[str, Thought | str],
    ) -> Item | Unjudged:
        """Return what is asked of one turn, or why nothing is."""
        name, told_as = turn.utterance_id, str(condition)
        if not takes(condition, self.reasoner.modalities):
            lacking = next((m for k, m in MODALITIES.items() if k in condition.modalities - self._letters), None)
            because = "it names no modality" if lacking is None else f"the model takes in no {lacking}"
            return Unjudged(utterance_id=name, condition=told_as, because=because)
        thought = thoughts.get(name, NO_REASONING) if condition in self.asked.reasoning else Thought(text=None)
        if isinstance(thought, str):
            return Unjudged(utterance_id=name, condition=told_as, because=thought)
        item = self.asked.handing.interventions.get(condition)
        base = None if item is None else found.get((name, item.base))
        changed = turn if thought.text is not None else self.asked.handing.changed(turn, condition, answer=base)
        if isinstance(changed, str):
            return Unjudged(utterance_id=name, condition=told_as, because=changed)
        seen = self._seen(changed, condition)
        if isinstance(seen, Unjudged):
            return seen
        return Item(utterance_id=name, condition=told_as, given=seen, thought=thought.text, goes_on=thought.goes_on)

    @property
    def _letters(self) -> frozenset[str]:
        return self.reasoner.modalities

    def _seen(self, turn: Utterance, condition: Condition) -> Given | Unjudged:
        before = self.reasoner.before.get(turn.utterance_id, ())
        return given(turn, before, condition, self.reasoner.senses, vocabulary=self.vocabulary)


def _all(
    stand: _Stand, turns: Sequence[Utterance], shards: Shards, progress: Progress
) -> tuple[list[Judged], list[Unjudged], list[tuple[Parsed, bool | None]]]:
    """Return everything that was said, in the order of the utterances; conditions in theirs."""
    batches = own_part([turns[at : at + _TOGETHER] for at in range(0, len(turns), _TOGETHER)])
    answers: list[tuple[str, str, Judgement]] = []
    unjudged: list[Unjudged] = []
    wrote: list[tuple[Parsed, bool | None]] = []
    for i, batch in enumerate(batches):
        shard, kept = shards.load([batch]), _kept(shards.load_arrays([batch]))
        if shard is None or kept is None:
            shard, kept = stand.shard(batch)
            shards.store_arrays([batch], _to_keep(kept))
            shards.store([batch], shard)
        answers += shard.answers
        unjudged += shard.unjudged
        wrote += kept
        progress("judging", i + 1, len(batches))
    end_of_part()
    place = {turn.utterance_id: i for i, turn in enumerate(turns)}
    order = {str(condition): i for i, condition in enumerate(stand.asked.conditions)}
    answers.sort(key=lambda answer: (place[answer[0]], order[answer[1]]))
    unjudged.sort(key=lambda item: (place[item.utterance_id], order[item.condition]))
    judged = [Judged(utterance=turns[place[n]], condition=c, judgement=said) for n, c, said in answers]
    return judged, unjudged, wrote


def _written(answered: Answered) -> list[tuple[Parsed, bool | None]]:
    return [] if answered.parsed is None else [(answered.parsed, answered.agrees)]


def _to_keep(wrote: Sequence[tuple[Parsed, bool | None]]) -> dict[str, Any]:
    text = json.dumps([[asdict(parsed), agrees] for parsed, agrees in wrote])
    return {"wrote": np.frombuffer(text.encode(), dtype=np.uint8)}


def _kept(arrays: dict[str, Any] | None) -> list[tuple[Parsed, bool | None]] | None:
    if arrays is None or "wrote" not in arrays:
        return None
    rows = json.loads(arrays["wrote"].tobytes().decode())
    return [(Parsed(**{**parsed, "mended": tuple(parsed["mended"])}), agrees) for parsed, agrees in rows]
