"""Probabilities of labels from tokens: told where they are known, and not where they are not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoners.served.label_shares import MOST_UNPLACED, label_shares
from reasoners.served.patience import retry_after_s
from reasoners.served.replies import Token

LABELS = ("joy", "sadness", "surprise", "surprised")
TAG = ("<answer>", {"<answer>": 1.0})


def listed(*items: tuple[str, Mapping[str, float]]) -> list[Token]:
    return [
        Token(content=text.encode(), alternatives=tuple((other.encode(), share) for other, share in shares.items()))
        for text, shares in items
    ]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([TAG, ("joy", {"joy": 0.7, "sad": 0.3})], {"joy": 0.7, "sadness": 0.3}),
        ([TAG, (" Joy", {" Joy": 0.5, "joy": 0.2, "SAD": 0.3})], {"joy": 0.7, "sadness": 0.3}),
        ([TAG, ("joy", {"joy": 0.4, "boredom": 0.5, "sad": 0.1})], {"joy": 0.8, "sadness": 0.2}),
        # what follows parts the labels that begin alike
        (
            [TAG, ("s", {"s": 1.0}), ("urprise", {"urprise": 0.9, "ad": 0.1}), ("<", {"<": 0.8, "d": 0.2})],
            {"sadness": 0.1, "surprise": 0.72, "surprised": 0.18},
        ),
        # the answer begins within a token: what does not begin as it does is no answer
        ([("<answer>joy", {"<answer>joy": 0.3, "<answer>sad": 0.1, "Hm": 0.6})], {"joy": 0.75, "sadness": 0.25}),
        # the last answer counts
        ([TAG, ("sad", {"sad": 1.0}), TAG, ("joy", {"joy": 1.0})], {"joy": 1.0}),
    ],
)
def test_shares(tokens: list[tuple[str, Mapping[str, float]]], expected: Mapping[str, float]) -> None:
    found = label_shares(listed(*tokens), LABELS)
    assert found == pytest.approx({**dict.fromkeys(LABELS, 0.0), **expected})


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        [("joy", {"joy": 1.0})],  # no answer begins
        [TAG],
        [TAG, ("joy", {"joy": 0.9})],  # a tenth is not listed
        [TAG, ("joy", {"joy": 0.9, "s": 0.1})],  # a tenth begins several labels
        [TAG, ("boredom", {"boredom": 1.0})],
        [TAG, ("s", {"s": 1.0})],  # the answer ends before it is told which
    ],
)
def test_what_is_not_told_is_unknown(tokens: list[tuple[str, Mapping[str, float]]]) -> None:
    assert label_shares(listed(*tokens), LABELS) is None


def test_characters_cut_between_tokens_are_put_together() -> None:
    first, second = "高".encode()[:2], "高".encode()[2:]
    tokens = [
        *listed(TAG),
        Token(content=first, alternatives=((first, 0.6), ("悲".encode(), 0.4))),
        Token(content=second, alternatives=((second, 1.0),)),
    ]
    assert label_shares(tokens, ["高兴", "悲伤"]) == pytest.approx({"高兴": 0.6, "悲伤": 0.4})


@given(st.dictionaries(st.sampled_from(["joy", "s", "sad", "sur", "x", "", " "]), st.floats(0, 1), min_size=1))
def test_shares_are_a_distribution_or_nothing(weights: dict[str, float]) -> None:
    whole = sum(weights.values()) or 1.0
    shares = {text: weight / whole for text, weight in weights.items()}
    found = label_shares(listed(TAG, (next(iter(shares)), shares)), LABELS)
    if found is not None:
        assert sum(found.values()) == pytest.approx(1)
        assert shares.get("", 0) + shares.get(" ", 0) <= 1
    assert 0 < MOST_UNPLACED < 0.5


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "inf"}, None),
        (
            {"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
            10.0,
        ),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT"}, None),
    ],
)
def test_retry_after(headers: Mapping[str, str], expected: float | None) -> None:
    assert retry_after_s(headers) == expected
