"""Word errors against a slow and obvious twin."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.word_errors import Normalisation, word_errors

WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=7)


def slow_word_errors(reference: tuple[str, ...], transcript: tuple[str, ...]) -> int:
    @cache
    def errors(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        same = reference[i - 1] == transcript[j - 1]
        return min(errors(i - 1, j - 1) + (not same), errors(i - 1, j) + 1, errors(i, j - 1) + 1)

    return errors(len(reference), len(transcript))


@given(WORDS, WORDS)
def test_the_twin_agrees(reference: list[str], transcript: list[str]) -> None:
    assert word_errors(reference, transcript) == slow_word_errors(tuple(reference), tuple(transcript))


@given(WORDS, WORDS)
def test_laws(one: list[str], other: list[str]) -> None:
    errors = word_errors(one, other)
    assert errors == word_errors(other, one)
    assert abs(len(one) - len(other)) <= errors <= max(len(one), len(other))
    assert (errors == 0) == (one == other)


@pytest.mark.parametrize(
    ("reference", "transcript", "errors"),
    [("", "", 0), ("a b c", "", 3), ("", "a b", 2), ("a b c", "a x c", 1), ("a b", "b a", 2), ("a", "a a a", 2)],
)
def test_by_hand(reference: str, transcript: str, errors: int) -> None:
    assert word_errors(reference.split(), transcript.split()) == errors


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("DON'T stop", ["don't", "stop"]),
        ("\u2018Don\u2019t stop\u2019 \u201cnow\u201d", ["don't", "stop", "now"]),
        ("rock 'n' roll's ' end", ["rock", "n", "roll's", "end"]),
        ("well-known, e.g. 3.5%", ["well", "known", "e", "g", "3", "5"]),
        ("Straße ﬁne", ["strasse", "fine"]),
        ("हिन्दी", ["हिन्दी"]),
        (" \t\n", []),
    ],
)
def test_normalisation(text: str, words: list[str]) -> None:
    assert Normalisation().words(text) == words


def test_normalisation_can_be_off() -> None:
    plain = Normalisation(case_fold=False, strip_punctuation=False)
    assert plain.words("Don't, STOP") == ["Don't,", "STOP"]
    assert plain.described() != Normalisation().described()
