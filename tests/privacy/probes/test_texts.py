"""Any text becomes a vector: empty, endless, in another language, or full of markup."""

from __future__ import annotations

import numpy as np
import pytest

from privacy.probes.texts import READ, counted, text_vectors

HOSTILE = (
    "",
    "   ",
    "x" * 200_000,
    "她的声音很低，眉头紧皱",
    "<b>&amp;<script>alert(1)</script>",
    "\x00\u202e",
    "🙂" * 50,
)


def test_any_text_has_a_vector_and_the_empty_one_is_nothing() -> None:
    found = text_vectors([*HOSTILE, "the voice is low", "the face is calm"], components=8)
    assert np.isfinite(found).all()
    assert np.allclose(found[0], 0)
    assert np.allclose(found[1], 0)
    assert not np.allclose(found[3], 0)


def test_of_a_long_text_the_beginning_is_read() -> None:
    assert counted("a " * READ + "zebra") == counted("a " * READ)


def test_words_for_who_somebody_is_are_counted_beside_words() -> None:
    assert counted("An elderly woman")["i:elderly"] == 1
    assert counted("An elderly woman")["i:woman"] == 1


def test_texts_that_are_all_the_same_say_nothing() -> None:
    assert text_vectors(["the same"] * 5, components=4).shape == (5, 0)
    assert text_vectors([""] * 5, components=4).shape == (5, 0)
    assert text_vectors(["alone"], components=4).shape == (1, 0)


def test_texts_that_share_words_are_nearer_to_each_other() -> None:
    texts = ["the brow is low and tense", "the brow is low and calm", "laughter rings through every sentence"] * 4
    found = text_vectors(texts, components=6)
    assert np.linalg.norm(found[0] - found[1]) < np.linalg.norm(found[0] - found[2])


def test_the_same_texts_give_the_same_numbers() -> None:
    texts = [f"word{i % 7} and {i % 3}" for i in range(40)]
    np.testing.assert_array_equal(text_vectors(texts, components=5), text_vectors(texts, components=5))


def test_the_components_are_those_of_the_whole_decomposition() -> None:
    rng = np.random.default_rng(0)
    words = [f"word{chr(97 + i)}" for i in range(12)]
    texts = [" ".join(rng.choice(words, 6)) for _ in range(60)]
    few, all_of_them = (text_vectors(texts, components=k) for k in (5, 59))
    values = np.linalg.norm(all_of_them, axis=0)
    assert np.linalg.norm(few, axis=0) == pytest.approx(values[:5], rel=1e-2)
    assert (np.linalg.norm(all_of_them, axis=1) <= 1 + 1e-9).all()
