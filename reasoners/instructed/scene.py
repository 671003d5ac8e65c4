"""A batch of dialogues whose states are known, and the judgements of its turns with something changed in each.

| what is changed | by |
|---|---|
| the judged turn's state of a modality | a donor's, the mean, an empty input's, that of other words |
| the turns before | fewer of them, or another order |
| the instruction | other words, for the whole dialogue |

Dialogues are read by a transformer, so a turn's judgement rests on the turns before it. Only the judged turn is
changed; the turns before keep their own states, as they would if the fault lay in one turn of a conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import torch
from torch import Tensor

from affidavit.interventions.operators import Intervention
from affidavit.interventions.transcripts import rewritten
from affidavit.seeds import seed_of
from affidavit.utterances import Judgement
from reasoners.instructed.baselines import emptied
from reasoners.instructed.batches import Batch, Row
from reasoners.instructed.inputs import Perceived
from reasoners.instructed.model import Encoded
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.rewordings import reworded
from reasoners.instructed.shards import Answers
from reasoners.instructed.windows import Place, Windows, pieces, windows

Change = Callable[[Windows, Sequence[str]], Windows]
TOO_LONG: Final = "its transcript is too long for the added words to be read"
UNREAD: Final = "the model reads none of the words to be erased: its transcript is too long for that, or has no words"
NO_OTHER_ORDER: Final = "it has fewer than two turns before it, and they have no other order"
_TURNS: Final = 32
"""Turns that are encoded at a time."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Rows of turns and what the encoders made of them."""

    reasoner: InstructedReasoner
    rows: Sequence[Row]
    batch: Batch
    encoded: Encoded
    met: Mapping[str, Perceived]
    """What is perceived of each turn, by id; empty where no input is changed before it is encoded."""
    seed: int

    @cached_property
    def places(self) -> dict[str, Place]:
        """Where each turn stands, by id."""
        return {turn.utterance_id: (p, u) for p, row in enumerate(self.rows) for u, turn in enumerate(row)}

    def before(self, name: str) -> list[int]:
        """Return the turns before one; none where the model reads no dialogue."""
        return list(range(self.places[name][1])) if self.reasoner.model.config.dialogue_layers else []

    def judged(
        self,
        names: Sequence[str],
        item: Intervention,
        *,
        explained: bool,
        change: Change = lambda found, _: found,
        before: Callable[[str], list[int]] | None = None,
    ) -> Answers:
        """Return the judgements of some turns, each with its own history, after a change of their windows."""
        said: dict[str, Judgement | str] = {}
        earlier = {name: (before or self.before)(name) for name in names}
        longest = 1 + max((len(turns) for turns in earlier.values()), default=0)
        for piece in pieces(len(names), longest=longest):
            some = names[piece]
            found = self.windows(some, [earlier[name] for name in some])
            found = change(found, some)
            shown = found.encoded.restricted(item.condition.modalities)
            answers = self.reasoner.answers_at(found.places, found.batch, shown, explained=explained)
            said.update(zip(some, answers, strict=True))
        return said

    def windows(self, names: Sequence[str], before: Sequence[Sequence[int]]) -> Windows:
        """Return some turns, each behind the turns named for it."""
        return windows(self.encoded, self.batch, [self.places[name] for name in names], before)

    def under_history(self, item: Intervention, names: Sequence[str], *, explained: bool) -> Answers:
        """Judge with only so many turns before, or with them in another order; of fewer than two there is none."""
        shuffles = item.operator == "history-shuffled" and self.reasoner.model.config.dialogue_layers > 0
        lacking = {name: NO_OTHER_ORDER for name in names if shuffles and len(self.before(name)) < 2}

        def before(name: str) -> list[int]:
            turns = self.before(name)
            if item.operator == "history":
                return turns[len(turns) - min(item.turns, len(turns)) :]
            return another_order(turns, np.random.default_rng(seed_of(self.seed, name, item.operator)))

        possible = [name for name in names if name not in lacking]
        return {**lacking, **self.judged(possible, item, explained=explained, before=before)}

    def under_instruction(self, item: Intervention, names: Sequence[str], *, explained: bool) -> Answers:
        """Judge under other words of the instruction; the judgements keep its name."""
        reasoner, turn = self.reasoner, self.rows[0][0]
        nothing = {turn.utterance_id: Perceived(utterance_id=turn.utterance_id)}
        words = reworded(reasoner.instruction, item.operator)
        with torch.no_grad():
            told = reasoner.model.told(reasoner.batch([(turn,)], instructions=[words], perceived=nothing))
        encoded = replace(self.encoded, instruction=told.expand_as(self.encoded.instruction))
        return reasoner.answers(
            self.rows,
            self.batch,
            encoded.restricted(item.condition.modalities),
            wanted=frozenset(names),
            explained=explained,
        )

    def under_empty(self, item: Intervention, names: Sequence[str], *, explained: bool) -> Answers:
        """Judge with the baseline input in the place of some modalities."""
        empty = {letter: self._encoded_anew(names, self.met, letter, empty=True) for letter in sorted(item.letters)}

        def change(found: Windows, some: Sequence[str]) -> Windows:
            there = torch.ones(len(some), dtype=torch.bool)
            for letter, states in empty.items():
                found = found.exchanged(letter, torch.stack([states[name] for name in some]), there)
            return found

        return self.judged(names, item, explained=explained, change=change)

    def under_words(
        self, item: Intervention, names: Sequence[str], base: Mapping[str, Judgement], *, explained: bool
    ) -> Answers:
        """Judge with another transcript; one that was emptied is not there. Only changed words are encoded."""
        because: dict[str, Judgement | str] = {}
        texts: dict[str, str] = {}
        for name in names:
            told = self.met[name].text or ""
            text, why = rewritten(told, item, utterance_id=name, answer=base.get(name), seed=self.seed)
            if why is None and not self._reads(told, text):
                why = TOO_LONG if item.words else UNREAD
            if why is None:
                texts[name] = text
            else:
                because[name] = why
        read = {name: Perceived(utterance_id=name, text=text) for name, text in texts.items() if text.strip()}
        states = self._encoded_anew(list(read), read, "T", empty=False)
        nothing = torch.zeros(self.encoded.states.shape[-1], device=self.encoded.states.device)

        def change(found: Windows, some: Sequence[str]) -> Windows:
            there = torch.tensor([name in states for name in some])
            return found.exchanged("T", torch.stack([states.get(name, nothing) for name in some]), there)

        return {**because, **self.judged(list(texts), item, explained=explained, change=change)}

    def _reads(self, told: str, text: str) -> bool:
        """Say whether the model, which cuts long texts, meets anything of what was added or erased."""
        config = self.reasoner.model.config.text
        ids = self.reasoner.tokenizers.read([told, text], max_tokens=0 if config is None else config.max_tokens).ids
        return bool((ids[0] != ids[1]).any())

    def _encoded_anew(
        self, names: Sequence[str], met: Mapping[str, Perceived], letter: str, *, empty: bool
    ) -> dict[str, Tensor]:
        """Return states `[D]` of one modality of some turns, from other inputs than their own."""
        found: dict[str, Tensor] = {}
        turns = [self.rows[p][u] for p, u in (self.places[name] for name in names)]
        for start in range(0, len(turns), _TURNS):
            row = tuple(turns[start : start + _TURNS])
            batch = self.reasoner.batch([row], perceived=met)
            with torch.no_grad():
                states = self.reasoner.model.states(emptied(self.reasoner, batch, letter) if empty else batch, letter)
            found |= {turn.utterance_id: state for turn, state in zip(row, states[0], strict=True)}
        return found


def another_order(turns: Sequence[int], rng: np.random.Generator) -> list[int]:
    """Return turns in an order that is not theirs; one turn has no other."""
    while len(turns) > 1:
        order = rng.permutation(len(turns))
        if (order != np.arange(len(turns))).any():
            return [turns[i] for i in order]
    return list(turns)
