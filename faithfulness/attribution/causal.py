"""A causal language model that answers a prompt, as a turn that can be attributed: its prompt's tokens are the text.

The prompt may begin with tokens that nobody attributes to (a system prompt, an instruction). They come before all that
is changed, so what the model keeps of them is computed once, and every perturbation goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from affidavit.attributable import EmbeddedTokens, Features
from affidavit.attributions import JudgementKey, Span

TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt and what was answered to it, as tokens."""

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    answer_ids: tuple[int, ...]
    answer_texts: tuple[str, ...]
    baseline_id: int
    """What stands in the place of a token that is taken away."""
    n_fixed: int = 0
    """Tokens at the beginning that are not attributed to; fewer than there are."""

    def __post_init__(self) -> None:
        if not 0 <= self.n_fixed < len(self.ids):
            raise ValueError(f"n_fixed is 0 to {len(self.ids) - 1}, got {self.n_fixed}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CausalTurn:
    """Implements `AttributableTurn`; it has tokens and no labels."""

    key: JudgementKey
    model: Any
    prompt: Prompt
    features: tuple[Features, ...]
    embedded: EmbeddedTokens
    answer: Tensor
    """The answer's embeddings `[1, R, W]`; kept, so that the embedding is called for the text alone."""
    fixed: Any
    """What the model keeps of the fixed beginning; None where there is none."""

    @property
    def labels(self) -> tuple[str, ...]:
        """It scores none."""
        return ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """Those of the answer."""
        return self.prompt.answer_texts

    @property
    def modalities(self) -> tuple[str, ...]:
        """It reads."""
        return (TEXT,)

    @property
    def module(self) -> nn.Module:
        """The language model; it scores no labels, so nothing that wants a module can attribute to it."""
        module: nn.Module = self.model
        return module

    @property
    def layers(self) -> tuple[str, ...]:
        """Its parts, the last first."""
        return tuple(reversed([name for name, _ in self.model.named_children()]))

    def anew(self) -> CausalTurn:
        """Return the same prompt and answer, as the model reads them now."""
        return causal_turn(self.model, self.prompt, key=self.key)

    def encoded(self, modality: str, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return the embeddings `[N, L, W]` as they are: the model has no encoder before its own layers."""
        if modality != TEXT:
            raise ValueError(f"this turn has no {modality}")
        return inputs[self.features[0].name]

    def concluded(self, states: Mapping[str, Tensor], *, rationale: bool) -> Tensor:
        """Return the answer's log-probabilities `[N, R]`, all tokens from one pass; `[N, 0]` without the rationale."""
        embedded = states.get(TEXT, self.features[0].values)
        n_rows = len(embedded)
        if not rationale:
            return embedded.new_zeros(n_rows, 0)
        answer = torch.tensor([self.prompt.answer_ids], device=embedded.device).expand(n_rows, -1)
        sequence = torch.cat([embedded, self.answer.expand(n_rows, -1, -1)], dim=1)
        scores = self.model(
            inputs_embeds=sequence,
            past_key_values=self._begun(n_rows),
            use_cache=self.fixed is not None,
            logits_to_keep=answer.shape[1] + 1,
        ).logits[:, :-1]
        scores = scores.float()
        log_probs: Tensor = scores.gather(-1, answer.unsqueeze(-1)).squeeze(-1) - scores.logsumexp(-1)
        return log_probs

    def under(self, shown: Sequence[frozenset[str]], *, rationale: bool) -> Tensor:
        """Return a row for each set of modalities; without the text, all its tokens are the baseline's."""
        feature = self.features[0]
        rows = [feature.values if TEXT in some else feature.baseline for some in shown]
        return self.concluded({TEXT: torch.cat(rows)}, rationale=rationale)

    def _begun(self, n_rows: int) -> Any:  # noqa: ANN401 - a cache of transformers
        """Return a copy of what is kept of the beginning for each row; the model writes into what it is given."""
        if self.fixed is None:
            return None
        copied = deepcopy(self.fixed)
        copied.batch_repeat_interleave(n_rows)
        return copied


def causal_turn(model: Any, prompt: Prompt, *, key: JudgementKey) -> CausalTurn:  # noqa: ANN401 - of transformers
    """Return a prompt and its answer as a turn of a causal language model of transformers."""
    model.eval()
    layer = model.get_input_embeddings()
    ids = torch.tensor([prompt.ids], device=layer.weight.device)
    fixed, own = ids[:, : prompt.n_fixed], ids[:, prompt.n_fixed :]
    baseline_ids = torch.full_like(own, prompt.baseline_id)
    with torch.no_grad():
        values, baseline = layer(own), layer(baseline_ids)
        answer = layer(torch.tensor([prompt.answer_ids], device=own.device))
        begun = model(input_ids=fixed, use_cache=True).past_key_values if prompt.n_fixed else None
    features = Features(
        name="tokens",
        modality=TEXT,
        values=values,
        baseline=baseline,
        groups=torch.arange(own.shape[1], device=own.device)[None, :, None].expand_as(values).contiguous(),
        spans=_spans(prompt),
        window=(1, values.shape[2]),
    )
    return CausalTurn(
        key=key,
        model=model,
        prompt=prompt,
        features=(features,),
        embedded=EmbeddedTokens(features="tokens", layer=layer, ids=own, baseline_ids=baseline_ids),
        answer=answer,
        fixed=begun,
    )


def _spans(prompt: Prompt) -> tuple[Span, ...]:
    """Return the attributed tokens, with their characters in the whole prompt's text."""
    spans, start = [], 0
    for text in prompt.texts:
        spans.append(Span(modality=TEXT, name=text, start_char=start, end_char=start + len(text)))
        start += len(text)
    return tuple(spans[prompt.n_fixed :])
