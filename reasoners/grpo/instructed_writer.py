"""Completions of the instructed reasoner: it writes its reason token by token and draws the label from its head.

Both are drawn from what it perceived of the dialogue: the reason from the writer behind its soft prefix, the label from
the emotion head. So a completion is the reason's tokens with the one that ends them, and then the label, and its log
probability is their sum. The tags are put around them here: the form is always kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from affidavit.splits import dialogue_of, dialogues
from affidavit.utterances import Utterance
from reasoners.grpo.writing import Completion, Said, Sampling
from reasoners.instructed.model import Concluded
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.reasons import references_of
from reasoners.language.candidates import CLOSES
from reasoners.language.prompts import ANSWER, THINK, THOUGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructedWriter:
    """Implements `Writes` for an instructed reasoner that has a writer of rationales."""

    reasoner: InstructedReasoner
    dialogues: Mapping[str, tuple[Utterance, ...]] = field(repr=False)
    """Every turn is perceived in its dialogue."""

    @classmethod
    def of(cls, reasoner: InstructedReasoner, utterances: Sequence[Utterance]) -> InstructedWriter:
        """Return a writer that knows the dialogues of these utterances."""
        return cls(reasoner=reasoner, dialogues=dialogues(utterances))

    @torch.no_grad()
    def sampled(
        self, turns: Sequence[Utterance], *, each: int, sampling: Sampling, rng: np.random.Generator
    ) -> list[list[Completion]]:
        """Return `each` completions of every turn."""
        return [self._of_one(turn, each, sampling, rng) for turn in turns]

    def log_probabilities(self, turn: Utterance, completions: Sequence[Completion], *, temperature: float) -> Said:
        """Return how likely tokens and label are, `[N, R + 1]`: the label stands behind the last token of its row."""
        prefix, scores = self._seen(turn)
        sizes = [len(completion.choices) for completion in completions]
        device, longest = prefix.device, max(sizes)
        rows = [[*c.choices, *[0] * (longest - len(c.choices))] for c in completions]
        choices = torch.tensor(rows, device=device)
        at, last = torch.arange(longest, device=device)[None], torch.tensor(sizes, device=device)[:, None] - 1
        is_label, is_token = at == last, at < last
        tokens = choices.masked_fill(~is_token, 0)
        said = self._explain.logits(prefix.expand(len(rows), 1, -1, -1), tokens[:, None], is_token[:, None]).squeeze(1)
        words = (said.float() / temperature).log_softmax(-1).gather(2, tokens[..., None]).squeeze(2)
        labels = (scores.float() / temperature).log_softmax(-1)[choices.masked_fill(~is_label, 0)]
        return Said(values=torch.where(is_label, labels, words * is_token), known=at <= last)

    def reference(self, turn: Utterance) -> Completion | None:
        """Return the reference rationale of the reasoner's own instruction, or its first one, and the label."""
        told = references_of(turn)
        labels = self.reasoner.model.config.label_space
        if not told or turn.label not in labels:
            return None
        text = told.get(self.reasoner.instruction, next(iter(told.values())))
        codes = self.reasoner.tokenizers.written([text], max_tokens=self._longest)
        tokens = codes.ids[0][codes.known[0]].tolist()
        return _completion(text, [*tokens, labels.index(str(turn.label))], str(turn.label), ended=True)

    def _of_one(self, turn: Utterance, each: int, sampling: Sampling, rng: np.random.Generator) -> list[Completion]:
        prefix, scores = self._seen(turn)
        rows = self._drawn(prefix[0].expand(each, -1, -1), sampling, rng)
        texts = self.reasoner.tokenizers.said(np.array(_filled(rows, self._end)))
        labels = self.reasoner.model.config.label_space
        shares = (scores.double() / sampling.temperature).softmax(-1).cpu().numpy()
        drawn = [_draw(shares, rng.random()) for _ in range(each)]
        return [
            _completion(text, [*row, label], labels[label], ended=row[-1] == self._end)
            for text, row, label in zip(texts, rows, drawn, strict=True)
        ]

    def _drawn(self, prefix: Tensor, sampling: Sampling, rng: np.random.Generator) -> list[list[int]]:
        """Return tokens drawn behind prefixes `[N, 6, W]`, each row up to its end."""
        model: Any = self._explain.model
        dtype = model.get_input_embeddings().weight.dtype
        read = model(inputs_embeds=prefix.to(dtype), use_cache=True)
        rows: list[list[int]] = [[] for _ in range(len(prefix))]
        open_ = [True] * len(rows)
        for _ in range(min(sampling.max_tokens, self._longest)):
            shares = (read.logits[:, -1].double() / sampling.temperature).softmax(-1).cpu().numpy()
            chosen = [_draw(row, draw) for row, draw in zip(shares, rng.random(len(rows)), strict=True)]
            for row, token in enumerate(chosen):
                if open_[row]:
                    rows[row].append(token)
                    open_[row] = token != self._end
            if not any(open_):
                break
            ids = torch.tensor(chosen, device=prefix.device)[:, None]
            read = model(input_ids=ids, past_key_values=read.past_key_values, use_cache=True)
        return rows

    def _seen(self, turn: Utterance) -> tuple[Tensor, Tensor]:
        """Return the soft prefix `[1, 6, W]` and the scores of the labels `[K]` of a turn in its dialogue."""
        row = self.dialogues[dialogue_of(turn)]
        place = next(i for i, other in enumerate(row) if other.utterance_id == turn.utterance_id)
        batch = self.reasoner.batch([row])
        concluded: Concluded = self.reasoner.model.conclude(self.reasoner.encoded(batch), batch)
        if concluded.prefix is None:
            raise LookupError("the model has no writer of rationales")
        return concluded.prefix[0, place][None], concluded.logits[0, place]

    @property
    def _explain(self) -> Any:  # noqa: ANN401 - the writer, which `writer_of` found to be there
        return self.reasoner.model.explain

    @property
    def _end(self) -> int:
        return self.reasoner.tokenizers.end

    @property
    def _longest(self) -> int:
        backbone = self.reasoner.model.config.backbone
        return 1 if backbone is None else backbone.max_tokens


def _completion(reason: str, choices: Sequence[int], label: str, *, ended: bool) -> Completion:
    text = f"{THINK}{reason}{THOUGHT}{ANSWER}{label}{CLOSES}"
    return Completion(text=text, choices=tuple(int(choice) for choice in choices), ended=ended)


def _filled(rows: Sequence[Sequence[int]], end: int) -> list[list[int]]:
    longest = max(map(len, rows))
    return [[*row, *[end] * (longest - len(row))] for row in rows]


def _draw(shares: np.ndarray[Any, Any], draw: float) -> int:
    """Return the place that a number in [0, 1) falls into."""
    return min(int(np.searchsorted(np.cumsum(shares), draw * shares.sum(), side="right")), len(shares) - 1)
