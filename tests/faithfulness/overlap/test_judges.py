"""Clues as atoms, in two languages; the built-in judge of overlap; and a served one whose replies are read strictly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from affidavit.lexicons.open_emotions.lexicon import open_emotions
from faithfulness.conclusions.served_judge import Endpoint
from faithfulness.overlap import served
from faithfulness.overlap.atoms import AtomReader, shared
from faithfulness.overlap.judge import LexiconOverlapJudge, Outcome, Overlap
from faithfulness.overlap.served import ServedOverlapJudge, score_of
from faithfulness.overlap.templates import CHINESE, ENGLISH

READER = AtomReader(lexicon=open_emotions())
REFERENCE = "The voice is trembling and quiet. The brows are furrowed, the corners of the mouth drop. He is sad."


def scores(predicted: str | None, reference: str | None = REFERENCE) -> Overlap:
    return LexiconOverlapJudge().score(pa.array([predicted], pa.string()), pa.array([reference], pa.string()))


def clue(predicted: str | None, reference: str | None = REFERENCE) -> float:
    return float(scores(predicted, reference).clue[0])


def test_the_same_observations_score_ten_and_none_of_them_nothing() -> None:
    assert clue(REFERENCE) == 10.0
    assert clue("Her hands rest on the table. She is sad.") == 0.0
    assert scores(REFERENCE).label[0] == 10.0


def test_other_forms_of_a_word_are_the_word() -> None:
    assert clue("Quietly the voice trembles; a furrowed brow; the corner of the mouth drops.") == 10.0


def test_clues_do_not_know_the_emotion_and_emotions_do_not_know_the_clues() -> None:
    wrong = REFERENCE.replace("sad", "delighted")
    assert clue(wrong) == 10.0
    assert scores(wrong).label[0] == 0.0
    bare = scores("He is sad, grieving, in sorrow.")
    assert bare.clue[0] == 0.0
    assert bare.label[0] == 10.0


def test_a_clue_of_another_aspect_is_another_clue() -> None:
    assert clue("The hands tremble in front of the face.", "The voice trembles.") == 0.0
    assert clue("There is a tremble.", "The voice trembles.") > 0.0


def test_a_denied_clue_is_another_clue() -> None:
    assert clue("There are no tears.", "There are tears.") == 0.0
    assert clue("She isn't frowning.", "She doesn't frown.") == 10.0
    assert clue("没有泪水。", "有泪水。") == 0.0


def test_precision_and_recall_by_hand() -> None:
    found = scores("The brows are furrowed; the hands are clenched.", "Furrowed brows, a quiet voice.")
    assert (found.precision[0], found.recall[0]) == (0.5, 2 / 3)
    assert found.clue[0] == pytest.approx(10 * 2 * 2 / (4 + 3))


def test_chinese_is_compared_with_chinese() -> None:
    reference = "他的声音颤抖，眉头紧皱。因此他感到悲伤。"
    assert clue(reference, reference) == 10.0
    assert 0 < clue("眉头紧皱，双手握拳。他很生气。", reference) < 10
    other = scores(REFERENCE, reference)
    assert other.outcome[0] == Outcome.OTHER_LANGUAGE
    assert np.isnan(other.clue[0])
    assert other.label[0] == 10.0, "emotions are of the same clusters in both languages"


@pytest.mark.parametrize(
    ("predicted", "reference", "outcome"),
    [
        (None, REFERENCE, Outcome.EMPTY),
        ("<answer>sad</answer>", REFERENCE, Outcome.EMPTY),
        (REFERENCE, None, Outcome.EMPTY),
        ("Il est triste et les larmes sont dans ses yeux", REFERENCE, Outcome.UNREADABLE),
        ("彼は悲しいようです。", REFERENCE, Outcome.UNREADABLE),
        (REFERENCE, "He is sad.", Outcome.NOTHING_TO_FIND),
    ],
)
def test_what_cannot_be_compared_is_an_abstention(
    predicted: str | None, reference: str | None, outcome: Outcome
) -> None:
    found = scores(predicted, reference)
    assert found.outcome[0] == outcome
    assert np.isnan(found.clue[0])


@pytest.mark.parametrize(
    "text", ["x" * 100_000, "trembling " * 5_000, "<think>" * 2_000, "😀" * 5_000, "不" * 10_000, '"' * 999, "\x00a"]
)
def test_hostile_texts_are_read_and_never_a_crash(text: str) -> None:
    for one, other in ((text, REFERENCE), (REFERENCE, text)):
        found = scores(one, other)
        assert np.isnan(found.clue[0]) or 0 <= found.clue[0] <= 10


def test_overlap_is_what_a_slow_reader_counts() -> None:
    rng = np.random.default_rng(0)
    words = ["furrow", "drop", "trembl", "quiet", "clench", "blink", "sway", "pale"]
    for _ in range(200):
        one, other = (set(rng.choice(words, size=int(rng.integers(1, 6)), replace=False)) for _ in range(2))
        found = shared(READER.atoms(" ".join(one)), READER.atoms(", ".join(other)))
        both = len(one & other)
        assert found.precision == both / len(one)
        assert found.recall == both / len(other)
        assert found.f1 == pytest.approx(2 * both / (len(one) + len(other)))


def test_a_pair_does_not_know_its_company() -> None:
    texts = [REFERENCE, "Tears in the eyes.", "没有泪水。", "", "The voice is quiet."]
    one, other = pa.array(texts), pa.array(texts[::-1])
    together = LexiconOverlapJudge().score(one, other)
    for i, (a, b) in enumerate(zip(texts, texts[::-1], strict=True)):
        alone = scores(a, b)
        assert np.array_equal(alone.clue, together.clue[[i]], equal_nan=True)
        assert alone.outcome[0] == together.outcome[i]


def test_templates_state_clues_and_emotions_of_every_aspect() -> None:
    for text in (ENGLISH, CHINESE):
        found = scores(text, text)
        assert (found.clue[0], found.label[0]) == (10.0, 10.0)
    aspects = frozenset[str]().union(*READER.atoms(ENGLISH.lower()).values())
    assert {"T", "A", "V"} <= aspects


@pytest.mark.parametrize(
    "reply", ["1-10", "from 1 to 10", "8 or 9", "11", "-3", "7/5", "7,5", "", "ten", "Score: 7 of 10 because 3", "NaN"]
)
def test_what_is_not_one_number_is_no_score(reply: str) -> None:
    assert score_of(reply) is None


@pytest.mark.parametrize(
    ("reply", "score"), [("0", 0.0), (" 10 ", 10.0), ("7/10", 7.0), ("The score is 6.5", 6.5), ("8 out of 10", 8.0)]
)
def test_one_number_is_a_score(reply: str, score: float) -> None:
    assert score_of(reply) == score


def test_a_served_judge_is_asked_once_a_pair_and_abstains_where_it_says_no_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def answers(endpoint: Endpoint, order: str, texts: Sequence[str]) -> list[str | None]:
        asked.extend(texts)
        said: dict[str, Any] = {"seven": "7", "echo": "1-10", "dead": None, "": None}
        return [next(reply for word, reply in said.items() if word in text) if text else None for text in texts]

    monkeypatch.setattr(served, "answers", answers)
    judge = ServedOverlapJudge(endpoint=Endpoint(url="http://127.0.0.1:1/v1", model="m"))
    texts = pa.array(["seven", "seven", "echo", "dead", None, "<answer>seven</answer>"])
    found = judge.score(texts, pa.array(["reference"] * 6))
    assert len(asked) == 2 * 4, "two questions for each of three pairs, and one that is empty"
    assert np.array_equal(found.clue, [7, 7, np.nan, np.nan, np.nan, np.nan], equal_nan=True)
    outcomes = [Outcome.SCORED, Outcome.SCORED, Outcome.RUBBISH, Outcome.FAILED, Outcome.EMPTY, Outcome.EMPTY]
    assert found.outcome.tolist() == outcomes
    assert "m" in judge.name
