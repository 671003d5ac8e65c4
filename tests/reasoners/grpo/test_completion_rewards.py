"""What a completion earns for form and answer, and what is told beside its reward."""

from __future__ import annotations

import pytest

from affidavit.errors import RowError
from reasoners.grpo.accuracy_reward import accuracy_reward
from reasoners.grpo.format_reward import format_reward
from reasoners.grpo.rewards import Rewards, thought, told_rewards
from tests.reasoners.verifier.conftest import Table

READER = Table({"The voice laughs out loud.": {"joy": 0.9}, "Joy.": {"joy": 0.9}})
WHOLE = "<think>Joy. The voice laughs out loud. So it is said.</think><answer>joy</answer>"


@pytest.mark.parametrize(
    ("text", "earned"),
    [
        ("<think>a</think><answer>b</answer>", 1.0),
        ("<think>a\nb</think>\n <answer>c</answer>", 1.0),
        ("<think></think><answer></answer>", 1.0),
        (" <think>a</think><answer>b</answer>", 0.0),
        ("<think>a</think><answer>b</answer>.", 0.0),
        ("<think>a</think>so<answer>b</answer>", 0.0),
        ("<answer>b</answer><think>a</think>", 0.0),
        ("joy", 0.0),
        ("", 0.0),
    ],
)
def test_form_is_rewarded_whole_or_not_at_all(text: str, earned: float) -> None:
    assert format_reward(text) == earned


@pytest.mark.parametrize(
    ("said", "earned"),
    [
        ("<answer>joy</answer>", 1.0),
        ("<think>fear</think><answer> JOY!</answer>", 1.0),
        ("<answer>joy</answer><answer>joy</answer>", 0.0),
        ("<answer>It is joy</answer>", 0.0),
        ("<answer>happiness</answer>", 0.0),
        ("<answer>joy", 0.0),
        ("joy", 0.0),
    ],
)
def test_an_answer_is_rewarded_as_it_was_asked_for(said: str, earned: float) -> None:
    assert accuracy_reward(said, "joy") == earned


def test_labels_of_several_words_are_read_as_they_are_written() -> None:
    assert accuracy_reward("<answer>Pleasant surprise</answer>", "pleasant_surprise") == 1.0


def test_rewards_are_added_without_weights_and_told_with_what_they_hide() -> None:
    plain = Rewards.of(["joy", "anger"], reader=READER, explanation="plain").of_one(WHOLE, "joy")
    assert (plain.format, plain.accuracy, plain.explanation, plain.total) == (1.0, 1.0, 1.0, 3.0)
    assert (plain.words, plain.emotive_sentences, plain.emotion_words) == (10, 2, 1)
    guarded = Rewards.of(["joy", "anger"], reader=READER, explanation="guarded").of_one(WHOLE, "joy")
    assert guarded.explanation == 0.5
    nothing = Rewards.of(["joy", "anger"], reader=None, explanation="none").of_one(WHOLE, "joy")
    assert nothing.total == 2.0
    told = told_rewards([plain, nothing])
    assert told["reward"] == 2.5
    assert told["words"] == 10
    assert told_rewards([]) == {}


def test_what_is_not_closed_was_not_thought() -> None:
    reward = Rewards.of(["joy", "anger"], reader=READER, explanation="plain").of_one("<think>Joy.", "joy")
    assert reward.total == 0.0
    assert thought("<think>a</think><think>b</think>") == "a"


def test_labels_that_the_verifier_has_no_index_for_are_refused_before_anything_is_drawn() -> None:
    with pytest.raises(RowError, match="boredom"):
        Rewards.of(["joy", "boredom"], reader=READER, explanation="plain")
    assert Rewards.of(["joy", "boredom"], reader=None, explanation="none").targets == {}
