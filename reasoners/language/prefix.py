"""A prompt that a language model has read, kept as keys and values, so that what comes after it is read alone.

    prefix = prefilled(model, inputs)              # one pass over the prompts, sound and pictures included
    prefix = prefix.repeated(7)                    # each prompt seven times, without reading it again
    reading = prefix.continued(model, ids, known)  # a few tokens more

Rows may differ in length anywhere: what is not known is masked, and takes no position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

KeysValues = tuple[tuple[Tensor, Tensor], ...]
"""Of each layer, keys and values `[N, heads, T, width]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """N rows that were read; never changed, so that it can be continued in several ways."""

    states: KeysValues
    mask: Tensor
    """`int[N, T]`: 1 where there is a token."""
    shift: Tensor
    """`[N, 1]`: how far positions run ahead of the number of tokens (behind pictures they do, by fractions too)."""
    last: Tensor
    """`float[N, V]`: scores of the token that comes next."""
    axes: int
    """Axes of a position: 1, or 3 where pictures have places."""

    def __len__(self) -> int:
        return len(self.mask)

    def repeated(self, times: int) -> Prefix:
        """Return it with each row so many times, one behind the other."""
        return replace(
            self,
            states=tuple((k.repeat_interleave(times, 0), v.repeat_interleave(times, 0)) for k, v in self.states),
            mask=self.mask.repeat_interleave(times, 0),
            shift=self.shift.repeat_interleave(times, 0),
            last=self.last.repeat_interleave(times, 0),
        )

    def rows(self, which: slice) -> Prefix:
        """Return some of its rows."""
        return replace(
            self,
            states=tuple((k[which], v[which]) for k, v in self.states),
            mask=self.mask[which],
            shift=self.shift[which],
            last=self.last[which],
        )

    def continued(self, model: Any, ids: Tensor, known: Tensor) -> tuple[Prefix, Tensor]:  # noqa: ANN401
        """Read `ids` `[N, L]` where `known` behind it; return what was read then, and states `[N, L, D]` of each token.

        A row's known tokens come first. A row without any keeps what comes next.
        """
        mask = torch.cat([self.mask, known.to(self.mask.dtype)], dim=1)
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :] + self.shift
        cache = _cache(self.states)
        hidden = body(model)(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions if self.axes == 1 else positions.expand(self.axes, -1, -1),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        n_known = known.sum(1)
        final = hidden[torch.arange(len(ids), device=ids.device), (n_known - 1).clamp(min=0)]
        scores = head(model)(final).float()
        last = torch.where(n_known[:, None] > 0, scores, self.last)
        return replace(self, states=_states(cache), mask=mask, last=last), hidden


def prefilled(model: Any, inputs: Mapping[str, Tensor]) -> Prefix:  # noqa: ANN401 - a model of any class
    """Read prompts `input_ids` `[N, T]`, filled up on the left, with whatever media stand among the inputs."""
    from transformers import DynamicCache

    mask, core = inputs["attention_mask"], body(model)
    places = hasattr(core, "rope_deltas")
    own = {} if places else {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    cache = DynamicCache()
    read = core(**inputs, **own, past_key_values=cache, use_cache=True)
    shift = core.rope_deltas.view(-1, 1).to(mask.device) if places else torch.zeros_like(mask[:, :1])
    return Prefix(
        states=_states(cache),
        mask=mask,
        shift=shift,
        last=head(model)(read.last_hidden_state[:, -1]).float(),
        axes=3 if places else 1,
    )


def body(model: Any) -> Any:  # noqa: ANN401
    """Return the part of a causal model that makes states, without the layer that makes scores of them."""
    return unwrapped(model).model


def head(model: Any) -> Any:  # noqa: ANN401
    """Return the layer that makes scores of states."""
    return unwrapped(model).get_output_embeddings()


def unwrapped(model: Any) -> Any:  # noqa: ANN401
    """Return the model of its genuine class: adapters sit inside it, whoever holds it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _cache(states: KeysValues) -> Any:  # noqa: ANN401 - transformers has no types
    """Return a cache that begins with states and leaves them as they are: it grows by new tensors."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    cache = DynamicCache()
    for keys, values in states:
        layer = DynamicLayer()
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys, values
        cache.layers.append(layer)
    return cache


def _states(cache: Any) -> KeysValues:  # noqa: ANN401
    return tuple((layer.keys, layer.values) for layer in cache.layers)
