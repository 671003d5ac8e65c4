"""What a condition hides reaches nothing: not a judgement, not a weight, not a rationale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from affidavit.conditions import MODALITIES, modality_subsets
from affidavit.protocols import silent
from affidavit.splits import grouped
from affidavit.utterances import MediaSpan, Utterance
from reasoners.instructed.alignment import Alignment
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.config import ModelConfig
from reasoners.instructed.losses import LossWeights

CONDITIONS = [str(condition) for condition in modality_subsets()]


def with_other(turn: Utterance, letters: str, other: tuple[Path, Path]) -> Utterance:
    """Return the turn, of the same id, whose modalities of these letters are others."""
    return replace(
        turn,
        text="Other words, many more of them, and of another kind." if "T" in letters else turn.text,
        audio=MediaSpan(path=other[0]) if "A" in letters else turn.audio,
        video=MediaSpan(path=other[1]) if "V" in letters else turn.video,
    )


@pytest.mark.slow
@pytest.mark.parametrize("alignment", ["gate", "global"])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_hidden_media_change_nothing_and_shown_ones_do(
    condition: str,
    alignment: str,
    make_reasoner: Callable,
    make_corpus: Callable,
    config_of: Callable[..., ModelConfig],
    clips: dict[str, tuple[Path, Path]],
) -> None:
    reasoner = make_reasoner(config_of(alignment=alignment))
    turns = make_corpus(2).utterances
    hidden = "".join(letter for letter in MODALITIES if letter not in condition)
    judged = reasoner.judge_under(turns, condition=condition)
    again = reasoner.judge_under([with_other(turn, hidden, clips["other"]) for turn in turns], condition=condition)
    assert again == judged
    for letter in condition:
        others = [with_other(turn, letter, clips["other"]) for turn in turns]
        assert reasoner.judge_under(others, condition=condition) != judged


@pytest.mark.slow
@pytest.mark.parametrize("letter", list(MODALITIES))
def test_what_was_perceived_before_is_not_what_is_there_now(
    letter: str, make_reasoner: Callable, make_corpus: Callable, clips: dict[str, tuple[Path, Path]]
) -> None:
    """Edited words, another file and withdrawn consent count at once, in judging, scores and training."""
    turns = make_corpus(2).utterances
    edited = [with_other(turn, letter, clips["other"]) for turn in turns]
    withdrawn = [replace(turn, consent={MODALITIES[letter]: False}) for turn in turns]
    used = make_reasoner()
    for some in (turns, edited, withdrawn, turns):
        fresh = make_reasoner()
        assert used.judge_under(some, condition="TAV") == fresh.judge_under(some, condition="TAV")
        assert torch.equal(used.logits(some), fresh.logits(some))
        units = list(grouped(some).values())
        first, again = (r.losses(units, rng=np.random.default_rng(0)).tolist() for r in (used, fresh))
        assert first == again
    assert used.judge_under(edited, condition="TAV") != used.judge_under(turns, condition="TAV")
    assert used.judge_under(withdrawn, condition="TAV") != used.judge_under(turns, condition="TAV")


def test_what_was_heard_degraded_before_is_not_met_after_an_edit(
    make_reasoner: Callable, make_corpus: Callable, clips: dict[str, tuple[Path, Path]]
) -> None:
    turns = make_corpus(2).utterances
    always = Augmentation(modality_dropout=0, turn_dropout=0, degraded_share=1, degraded_rate=1)
    used, fresh = (make_reasoner(augmentation=always, weights=LossWeights(intensity=0)) for _ in range(2))
    used.prepare_training(turns, rng=np.random.default_rng(0), progress=silent)
    edited = [replace(turn, consent=dict.fromkeys(MODALITIES.values(), False)) for turn in turns]
    losses = []
    for reasoner in (used, fresh):
        reasoner.module.eval()
        losses.append(reasoner.losses([edited], rng=np.random.default_rng(0)).tolist())
    assert losses[0] == losses[1]


@pytest.mark.slow
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("alignment", ["gate", "global"])
def test_weights_are_zero_where_hidden_and_sum_to_one(
    condition: str,
    alignment: str,
    make_reasoner: Callable,
    make_corpus: Callable,
    config_of: Callable[..., ModelConfig],
) -> None:
    reasoner = make_reasoner(config_of(alignment=alignment, backbone=None))
    turns = [turn for turn in make_corpus(2).utterances if turn.label is not None]
    for judgement in reasoner.judge_under(turns, condition=condition):
        for letter, name in MODALITIES.items():
            assert (judgement.modality_weights[name] > 0) == (letter in condition)
        assert sum(judgement.modality_weights.values()) == pytest.approx(1.0, abs=2e-5)
        assert sum(judgement.probabilities.values()) == pytest.approx(1.0, abs=2e-5)


def test_a_turn_of_which_nothing_is_shown_is_judged_by_finite_numbers(
    make_reasoner: Callable, make_corpus: Callable
) -> None:
    reasoner = make_reasoner()
    turns = make_corpus(2).utterances  # the clinician's turns have neither sound nor pictures
    judged = dict(zip((t.utterance_id for t in turns), reasoner.judge_under(turns, condition="AV"), strict=True))
    silent = [judgement for name, judgement in judged.items() if name.endswith("-0")]
    assert silent
    for judgement in silent:
        assert set(judgement.modality_weights.values()) == {0.0}
        assert sum(judgement.probabilities.values()) == pytest.approx(1.0, abs=2e-5)


@pytest.mark.parametrize("gated", [True, False])
def test_nothing_shown_gives_finite_gradients(gated: bool) -> None:
    torch.manual_seed(0)
    align = Alignment(8, gated=gated)
    states = torch.zeros(1, 2, 3, 8, requires_grad=True)
    aligned, weights, _ = align(states, torch.zeros(1, 2, 3, dtype=torch.bool))
    assert not weights.detach().any()
    aligned.square().sum().backward()
    assert all(value.grad is None or bool(value.grad.isfinite().all()) for value in align.parameters())


def test_a_model_without_a_modality_takes_nothing_of_it(
    make_reasoner: Callable,
    make_corpus: Callable,
    config_of: Callable[..., ModelConfig],
    clips: dict[str, tuple[Path, Path]],
) -> None:
    reasoner = make_reasoner(config_of(visual=None))
    turns = make_corpus(2).utterances
    others = [with_other(turn, "V", clips["other"]) for turn in turns]
    assert reasoner.judge_under(turns, condition="TAV") == reasoner.judge_under(others, condition="TAV")
    assert {j.modality_weights["video"] for j in reasoner.judge_under(turns, condition="TAV")} == {0.0}
