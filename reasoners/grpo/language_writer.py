"""Completions of a language model (`smollm2`, `omni`): tokens behind the prompt, up to the closing tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from affidavit.utterances import Utterance
from reasoners.grpo.writing import Completion, Said, Sampling
from reasoners.language.candidates import CLOSES
from reasoners.language.encoding import words
from reasoners.language.prefix import Prefix, body, head, prefilled
from reasoners.language.prompts import ANSWER, THINK, THOUGHT
from reasoners.language.reasoner import LanguageReasoner

_TAIL: Final = 12
"""Tokens that a closing tag has at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageWriter:
    """Implements `Writes` for a language reasoner that thinks before it answers."""

    reasoner: LanguageReasoner

    @torch.no_grad()
    def sampled(
        self, turns: Sequence[Utterance], *, each: int, sampling: Sampling, rng: np.random.Generator
    ) -> list[list[Completion]]:
        """Return `each` completions of every turn, drawn token by token; prompts are read once."""
        own = self.reasoner
        prompts = [own.prompt(own.shown(turn)) for turn in turns]
        prefix = prefilled(own.model, own.encoder.inputs(prompts, own.device)).repeated(each)
        tokens, ended = self._drawn(prefix, sampling, rng)
        found = [
            Completion(text=THINK + self._text(row), choices=tuple(row), ended=end)
            for row, end in zip(tokens, ended, strict=True)
        ]
        return [found[start : start + each] for start in range(0, len(found), each)]

    def log_probabilities(self, turn: Utterance, completions: Sequence[Completion], *, temperature: float) -> Said:
        """Return how likely the tokens are behind the prompt, in one pass."""
        own = self.reasoner
        prompt = own.prompt(own.shown(turn))
        rows = [replace(prompt, ids=(*prompt.ids, *completion.choices)) for completion in completions]
        batch = own.encoder.inputs(rows, own.device)
        core = body(own.model)
        places = hasattr(core, "rope_deltas")  # such a model finds the places of sound and pictures by itself
        at = {} if places else {"position_ids": (batch["attention_mask"].cumsum(1) - 1).clamp(min=0)}
        hidden = core(**batch, **at, use_cache=False).last_hidden_state
        sizes = [len(completion.choices) for completion in completions]
        longest = max(sizes)
        scores = head(own.model)(hidden[:, -longest - 1 : -1]).float() / temperature
        every = scores.log_softmax(-1).gather(2, batch["input_ids"][:, -longest:, None]).squeeze(2)
        return _from_the_left(every, sizes)

    def reference(self, turn: Utterance) -> Completion | None:
        """Return the first reference rationale and the label, each token as judging reads them."""
        told = next(iter(turn.rationales.values()), None)
        if told is None or turn.label not in self.reasoner.labels:
            return None
        tokenizer = self.reasoner.encoder.tokenizer
        place = self.reasoner.labels.index(str(turn.label))
        candidates = self.reasoner.candidates
        answer = candidates.ids[place][candidates.known[place]].tolist()
        choices = (*words(tokenizer, told), *words(tokenizer, f"{THOUGHT}{ANSWER}"), *answer)
        return Completion(text=f"{THINK}{told}{THOUGHT}{ANSWER}{turn.label}{CLOSES}", choices=choices)

    def _drawn(
        self, prefix: Prefix, sampling: Sampling, rng: np.random.Generator
    ) -> tuple[list[list[int]], list[bool]]:
        tokenizer, ends = self.reasoner.encoder.tokenizer, self._ends()
        tokens: list[list[int]] = [[] for _ in range(len(prefix))]
        open_ = torch.ones(len(prefix), dtype=torch.bool)
        for _ in range(sampling.max_tokens):
            chosen = _chosen(prefix.last, sampling.temperature, rng)
            for row, token in enumerate(chosen):
                if open_[row]:
                    tokens[row].append(token)
                    open_[row] = token not in ends and CLOSES not in tokenizer.decode(tokens[row][-_TAIL:])
            if not open_.any():
                break
            device = prefix.mask.device
            ids = torch.tensor(chosen, device=device)[:, None]
            prefix, _ = prefix.continued(self.reasoner.model, ids, open_[:, None].to(device))
        return tokens, [not bool(row) for row in open_]

    def _text(self, tokens: Sequence[int]) -> str:
        text: str = self.reasoner.encoder.tokenizer.decode([token for token in tokens if token not in self._ends()])
        return text

    def _ends(self) -> frozenset[int]:
        told = getattr(getattr(self.reasoner.model, "generation_config", None), "eos_token_id", None)
        listed = told if isinstance(told, list) else [told]
        own = self.reasoner.encoder.tokenizer.eos_token_id
        return frozenset(int(token) for token in (*listed, own) if token is not None)


def _chosen(last: Tensor, temperature: float, rng: np.random.Generator) -> list[int]:
    """Return one token a row, drawn at a temperature."""
    shares = (last.double() / temperature).softmax(-1).cpu().numpy()
    draws = rng.random(len(shares))
    return [
        min(int(np.searchsorted(np.cumsum(row), draw * row.sum(), side="right")), len(row) - 1)
        for row, draw in zip(shares, draws, strict=True)
    ]


def _from_the_left(values: Tensor, sizes: Sequence[int]) -> Said:
    """Return rows `[N, L]` that are filled up on the left with what they have at the beginning."""
    longest = values.shape[1]
    at = torch.arange(longest, device=values.device)
    size = torch.tensor(sizes, device=values.device)[:, None]
    known = at[None] < size
    place = (at[None] + longest - size).clamp(max=longest - 1)
    return Said(values=values.gather(1, place) * known, known=known)
