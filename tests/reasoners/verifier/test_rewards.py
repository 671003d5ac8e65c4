"""The explanation reward against its slow twin, its traps one by one, and the variant that does not pay for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoners.verifier.emotions import EMOTIONS, NEUTRAL, index_of
from reasoners.verifier.explanation_reward import explanation_reward
from reasoners.verifier.guarded_reward import guarded_reward, said_once
from reasoners.verifier.masking import label_words, masked, says_something
from reasoners.verifier.reading import spoken
from reasoners.verifier.sentences import sentences, statements
from tests.reasoners.verifier.conftest import Table

JOY, SADNESS = EMOTIONS.index("joy"), EMOTIONS.index("sadness")
HONEST = "Joy. The voice has a raised pitch. The words say that the tests are over; the face stays neutral."
READER = Table(
    {
        "Joy.": {"joy": 0.95},
        "The voice has a raised pitch.": {"joy": 0.7, "surprise": 0.2},
        "The voice has a raised pitch": {"joy": 0.7, "surprise": 0.2},
        "The words say that the tests are over": {"joy": 0.6},
        "The words say that the tests are over; the face stays neutral.": {"joy": 0.6},
        "She is so happy, joyful and delighted.": {"joy": 0.99},
        "Everything is light today and full of colour.": {"joy": 0.8},
        "The voice is low and slow.": {"sadness": 0.8},
        "The voice is flat and says little.": {"neutral": 0.9},
        "The voice tells it all.": {"sadness": 0.36, "joy": 0.34, "fear": 0.3},
    }
)


def slow_set(row: np.ndarray) -> set[int]:
    """What the released code does, word by word."""
    found = [k for k in range(28) if row[k] > 0.1]
    if len(found) == 0:
        return {max(range(28), key=lambda k: row[k])}
    if len(found) > 2:
        return set(sorted(found, key=lambda k: row[k], reverse=True)[:2])
    return set(found)


def slow_reward(rows: np.ndarray, g: int) -> float:
    """The formula, by counting."""
    if len(rows) == 0:
        return 0.0
    hits, counted = 0, 0
    for row in rows:
        found = slow_set(row)
        if g == NEUTRAL or found != {NEUTRAL}:
            counted += 1
            hits += g in found
    return 0.0 if counted == 0 else hits / counted


@settings(max_examples=200, deadline=None)
@given(
    n=st.integers(0, 6),
    g=st.sampled_from([JOY, SADNESS, NEUTRAL]),
    seed=st.integers(0, 2**16),
    scale=st.sampled_from([0.05, 0.15, 0.4]),
)
def test_the_reward_equals_its_slow_twin(n: int, g: int, seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    rows = np.clip(rng.exponential(scale, (n, 28)), 0, 1) * (rng.random((n, 28)) < 0.2)
    rows[:, NEUTRAL] += rng.random(n) * (rng.random(n) < 0.5)
    told = [f"Sentence {'abcdef'[i]}." for i in range(n)]

    class Fixed:
        def probabilities(self, texts: object) -> np.ndarray:
            assert list(texts) == told  # type: ignore[call-overload]
            return rows

    assert [spoken(row) for row in rows] == [slow_set(row) for row in rows]
    assert explanation_reward(" ".join(told), g, reader=Fixed()) == pytest.approx(slow_reward(rows, g))


def test_the_target_map_is_ervs() -> None:
    named = ("happiness", "anger", "disgust", "fear", "sadness", "surprise", "neutral", "anxiety", "helplessness")
    found = [index_of(word) for word in (*named, "disappointment", "contempt")]
    assert found == [17, 2, 11, 14, 25, 26, 27, 19, 16, 9, 10]
    assert len(EMOTIONS) == len(set(EMOTIONS)) == 28


@pytest.mark.parametrize(
    ("trap", "text", "plain", "guarded"),
    [
        ("one word that names the label", "Joy.", 1.0, 0.0),
        ("one emotive sentence", "She is so happy, joyful and delighted.", 1.0, 0.0),
        ("neutral sentences leave the denominator", "Joy. " + "The form has two pages. " * 9, 1.0, 0.0),
        ("the label hides a contradiction half of the time", "Joy. The voice is low and slow.", 0.5, 0.0),
        ("mood without evidence", "Everything is light today and full of colour.", 1.0, 0.0),
        ("the same cue again and again", "The voice has a raised pitch. " * 6, 1.0, 0.5),
        ("one cue, and padding", "The voice has a raised pitch. The voice is flat and says little. " * 3, 1.0, 0.5),
        ("a vague sentence is read as two emotions, and paid for either", "The voice tells it all.", 1.0, 0.0),
        ("honest, with two cues", HONEST, 1.0, 1.0),
        ("honest, without the label's name", HONEST.removeprefix("Joy. "), 1.0, 1.0),
        ("nothing", "", 0.0, 0.0),
    ],
)
def test_what_the_plain_reward_pays_for_and_the_guarded_one_does_not(
    trap: str, text: str, plain: float, guarded: float
) -> None:
    assert explanation_reward(text, JOY, reader=READER) == plain, trap
    assert guarded_reward(text, JOY, reader=READER) == guarded, trap


def test_more_neutral_statements_than_cues_lower_the_guarded_reward_and_leave_the_plain_one() -> None:
    cues = "The voice has a raised pitch. The words say that the tests are over."
    reader = Table({**READER.known, "The words say that the tests are over.": {"joy": 0.6}})
    padding = [f"The page at number {number} has a picture." for number in ("one", "two", "three", "four", "five")]
    told = [" ".join([cues, *padding[:n]]) for n in range(6)]
    assert [explanation_reward(text, JOY, reader=reader) for text in told] == [1.0] * 6
    earned = [guarded_reward(text, JOY, reader=reader) for text in told]
    assert earned == pytest.approx([1, 1, 1, 2 / 3, 2 / 3, 1 / 2])


def test_a_neutral_label_is_rewarded_over_all_statements() -> None:
    text = "The voice is flat and says little. The voice has a raised pitch. The face stays neutral."
    assert explanation_reward(text, NEUTRAL, reader=READER) == pytest.approx(2 / 3)
    assert guarded_reward(text, NEUTRAL, reader=READER) == pytest.approx(1 / 2)
    assert explanation_reward("", NEUTRAL, reader=READER) == guarded_reward("", NEUTRAL, reader=READER) == 0.0


def test_no_form_of_any_of_the_emotions_is_left_after_masking() -> None:
    named = " ".join(f"It is {name}." for name in EMOTIONS) + " Furiously happy, 很愤怒, over-joyed and ANXIOUS."
    hidden = masked(named)
    assert label_words(hidden) == 0
    assert not [name for name in EMOTIONS if name in hidden.lower()]
    assert label_words(named) >= 28
    assert masked("The voice is low.") == "The voice is low."


def test_a_text_is_cut_where_it_is_said_to_be() -> None:
    assert sentences("Pitch rose 3.5 tones! Why? ... Because") == ["Pitch rose 3.5 tones!", "Why?", "Because"]
    assert statements("One; two\nthree") == ["One", "two", "three"]
    assert sentences("") == sentences("?! 12.") == []
    assert said_once("The voice is low; THE VOICE IS LOW. Joy and joy.") == ["The voice is low"]
    assert says_something("声音很低沉")
    assert not says_something("她")


def test_a_long_text_is_read_in_time_proportional_to_its_length() -> None:
    long = "a" * 200_000 + "." * 200_000 + " b; " * 50_000
    assert len(statements(long)) > 40_000
    assert label_words(long) == 0
