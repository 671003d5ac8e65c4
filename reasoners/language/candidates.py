"""The labels of a label space as what a model could write next, scored all at once behind one reading of the prompt.

The score of a label is the log probability of its tokens and of the tag that closes the answer, so that no label is
favoured for being the beginning of another. Probabilities are the scores' softmax over the label space: what the model
would write else is left out.

One generation per label reads the prompt once for each label. Here it is read once, and the labels' tokens together
behind as many copies of what was read: the same numbers (bench/judging.py compares them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from reasoners.language.prefix import Prefix, head

CLOSES: Final = "</answer>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """K labels as tokens."""

    labels: tuple[str, ...]
    ids: Tensor
    """`int[K, L]`, filled up with 0 at the end."""
    known: Tensor
    """`bool[K, L]`"""

    @classmethod
    def of(cls, tokenizer: Any, labels: Sequence[str]) -> Candidates:  # noqa: ANN401 - of any class
        """Return what a model writes that answers with each label."""
        tokens = [tokenizer(label + CLOSES, add_special_tokens=False)["input_ids"] for label in labels]
        return cls.from_tokens(labels, tokens)

    @classmethod
    def from_tokens(cls, labels: Sequence[str], tokens: Sequence[Sequence[int]]) -> Candidates:
        """Return labels whose tokens are known; each has one or more."""
        width = max(map(len, tokens))
        ids = torch.tensor([[*some, *[0] * (width - len(some))] for some in tokens])
        known = torch.arange(width)[None] < torch.tensor([len(some) for some in tokens])[:, None]
        return cls(labels=tuple(labels), ids=ids, known=known)


def scores(model: Any, prefix: Prefix, candidates: Candidates, *, at_once: int = 64) -> Tensor:  # noqa: ANN401
    """Return the log probability of each candidate behind each row, `[N, K]`; at most `at_once` rows are copies."""
    step = max(1, at_once // len(candidates.labels))
    pieces = [
        _scores(model, prefix.rows(slice(start, start + step)), candidates) for start in range(0, len(prefix), step)
    ]
    return torch.cat(pieces)


def _scores(model: Any, prefix: Prefix, candidates: Candidates) -> Tensor:  # noqa: ANN401
    ids, known = candidates.ids.to(prefix.mask.device), candidates.known.to(prefix.mask.device)
    n, k = len(prefix), len(ids)
    first = prefix.last.log_softmax(-1)[:, ids[:, 0]]
    if ids.shape[1] == 1:
        return first
    # the last token of a candidate is predicted and never read
    read, there = ids[:, :-1].repeat(n, 1), known[:, 1:].repeat(n, 1)
    _, hidden = prefix.repeated(k).continued(model, read, there)
    wanted = there.nonzero(as_tuple=True)
    following = ids[:, 1:].repeat(n, 1)[wanted]
    said = head(model)(hidden[wanted]).float().log_softmax(-1)
    rest = torch.zeros(there.shape, dtype=said.dtype, device=said.device)
    rest = rest.index_put(wanted, said.gather(1, following[:, None]).squeeze(1))
    return first + rest.sum(1).view(n, k)


def probabilities(scored: Tensor) -> Tensor:
    """Return each row's shares over the label space, `[N, K]`, in double precision: they sum to one."""
    shares: Tensor = scored.double().softmax(-1)
    return shares
