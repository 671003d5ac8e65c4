"""Transcripts have as many word errors as asked for, by a counter of the tests' own."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from affidavit.degradations.transcripts import mishear, word_distance

TEXT = "I never said, honestly, that the ferry would leave the old harbour before nine - and it did not."
VOCABULARY = (
    *("ladder", "cherry", "winter", "garden", "possibly", "Tuesday"),
    *("seven", "heather", "arbour", "letter", "fairly", "wine"),
)


def counted(reference: str, heard: str) -> int:
    """Word errors by plain recursion over the definition, punctuation aside."""
    one, two = (
        [w for token in text.lower().split() if (w := "".join(c for c in token if c.isalnum()))]
        for text in (reference, heard)
    )

    @cache
    def errors(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        if one[i - 1] == two[j - 1]:
            return errors(i - 1, j - 1)
        return 1 + min(errors(i - 1, j - 1), errors(i - 1, j), errors(i, j - 1))

    return errors(len(one), len(two))


@pytest.mark.parametrize("n_errors", [0, 1, 5, 9, 18])
def test_whole_numbers_of_errors_are_exact(n_errors: int) -> None:
    n_words = 18
    assert counted(TEXT, "") == n_words
    for seed in range(40):
        heard = mishear(TEXT, n_errors / n_words, np.random.default_rng(seed), VOCABULARY)
        assert counted(TEXT, heard) == n_errors


def test_the_rate_is_exact_in_expectation() -> None:
    counts = [
        counted("just three words", mishear("just three words", 0.2, np.random.default_rng(s), VOCABULARY))
        for s in range(2_000)
    ]
    assert set(counts) == {0, 1}
    assert np.mean(counts) / 3 == pytest.approx(0.2, abs=0.012)


def test_all_three_kinds_of_error_occur() -> None:
    lengths = {
        len(mishear("one two three four", 0.25, np.random.default_rng(s), VOCABULARY).split()) for s in range(60)
    }
    assert lengths == {3, 4, 5}


def test_repeated_words_do_not_make_errors_vanish() -> None:
    text = "no no no no yes yes no no"
    for seed in range(40):
        assert counted(text, mishear(text, 0.5, np.random.default_rng(seed), VOCABULARY)) == 4


def test_substitutes_look_like_what_was_said() -> None:
    heard = [mishear("harbour", 1.0, np.random.default_rng(seed), VOCABULARY) for seed in range(100)]
    single = [word for word in heard if len(word.split()) == 1 and word != "harbour"]
    assert single.count("arbour") > 0.7 * len(single)


def test_without_new_words_errors_are_deletions() -> None:
    for vocabulary in ([], ["ferry", "Nine", "-"]):
        heard = mishear(TEXT, 0.5, np.random.default_rng(1), vocabulary)
        assert counted(TEXT, heard) == 9
        assert set(heard.split()) <= set(TEXT.split())


@pytest.mark.parametrize("text", ["", "   ", "- !", "..."])
def test_a_text_without_words_stays(text: str) -> None:
    assert mishear(text, 1.0, np.random.default_rng(0), VOCABULARY) == text


def test_distance_by_hand() -> None:
    assert word_distance([], ["a", "b"]) == 2
    assert word_distance("abc", "axcd") == 2
    assert word_distance("ab", "ba") == 2
