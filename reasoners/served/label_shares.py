"""Probabilities of labels from what an endpoint tells of each token of the answer.

The answer begins behind the last `<answer>`. At its first token every alternative that can only be the beginning of one
label gives that label its probability. Where the token that was written could begin several (`s` of `sadness` and
`surprise`), the next token parts them. What is left is of three kinds:

| mass | becomes |
|---|---|
| of alternatives that begin no label | left out: probabilities are those of an answer that is a label |
| of alternatives not written that could begin several labels | unplaced |
| of what the endpoint does not list | unplaced |

With more than `MOST_UNPLACED` unplaced there are no probabilities: what is unknown is not zero.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reasoners.served.replies import Token

MOST_UNPLACED: Final = 0.05
_ANSWER: Final = re.compile(rb"<answer>", re.IGNORECASE)


@dataclass(slots=True)
class _Mass:
    """Where probability went."""

    labels: dict[str, float]
    unplaced: float = 0.0
    outside: float = 0.0


def label_shares(tokens: Sequence[Token], labels: Sequence[str]) -> Mapping[str, float] | None:
    """Return the probability of each label; None where the tokens do not tell."""
    start = _answer(tokens)
    if start is None:
        return None
    place, offset = start
    mass = _Mass(dict.fromkeys(labels, 0.0))
    said, weight = b"", 1.0
    for token in tokens[place:]:
        head, own = token.content[:offset], token.content[offset:]
        offset = 0
        part = _place(mass, said, own, token, head, weight)
        if part is None:
            return _normalised(mass)
        said, weight = said + own, weight * part
    mass.unplaced += weight  # the answer ends before it is told which label it is
    return _normalised(mass)


def _answer(tokens: Sequence[Token]) -> tuple[int, int] | None:
    """Return the token in which the answer begins, and how many of its bytes stand before it."""
    found = list(_ANSWER.finditer(b"".join(token.content for token in tokens)))
    if not found:
        return None
    before = 0
    for place, token in enumerate(tokens):
        if before + len(token.content) > found[-1].end():
            return place, found[-1].end() - before
        before += len(token.content)
    return None


def _place(mass: _Mass, said: bytes, own: bytes, token: Token, head: bytes, weight: float) -> float | None:
    """Give each alternative's probability to whom it belongs; return that of the token where the next one decides."""
    listed = [(content, share) for content, share in token.alternatives if content.startswith(head)]
    unlisted = max(0.0, 1.0 - sum(share for _, share in token.alternatives))
    within = sum(share for _, share in listed) + unlisted  # given the bytes that stand before the answer
    following: float | None = None
    for content, share in listed:
        part = weight * share / within
        rest = content[len(head) :]
        fits = _fits(said + rest, list(mass.labels))
        if len(fits) == 1:
            mass.labels[fits[0]] += part
        elif not fits:
            mass.outside += part
        elif rest == own:
            following = share / within
        else:
            mass.unplaced += part
    mass.unplaced += weight * unlisted / within
    return following


def _fits(said: bytes, labels: Sequence[str]) -> list[str]:
    """Return the labels that an answer may be that begins so."""
    begun = said.decode("utf-8", "ignore").lstrip(" \t\r\n\"'`*").casefold()
    return [label for label in labels if _may_be(begun, label.casefold())]


def _may_be(begun: str, label: str) -> bool:
    if label.startswith(begun):
        return True
    return begun.startswith(label) and not begun[len(label)].isalnum()


def _normalised(mass: _Mass) -> Mapping[str, float] | None:
    whole = sum(mass.labels.values())
    if whole <= 0 or mass.unplaced > MOST_UNPLACED:
        return None
    return {label: share / whole for label, share in mass.labels.items()}
