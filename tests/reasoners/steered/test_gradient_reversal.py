"""Gradient reversal: gradients are as defined, the group fades from the answers, a resumed training repeats."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from reasoners.gradient_reversal import TRAINER, Adversary, GradientReversalOptions, ramp, reversed_gradient
from reasoners.steered import cells_of
from reasoners.supervised import TRAINER as SUPERVISED

OPTIONS = {"epochs": 14, "learning_rate": 0.03, "patience": 14}


def leaky(linear: SimpleNamespace, n_units: int = 200, seed: int = 0) -> Corpus:
    """The first number tells the label; the second tells the group, which goes with the label."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 2, n_units)
    each = np.repeat(groups, 4)
    labels = (rng.random(n_units * 4) < np.where(each, 0.75, 0.25)).astype(int)
    numbers = rng.normal(0, 1, (n_units * 4, 2))
    numbers[:, 0] += 1.2 * (2 * labels - 1)
    numbers[:, 1] += 1.5 * (2 * each - 1)
    return linear.corpus_of(numbers, labels, [("north", "south")[g] for g in groups])


def gap_given_label(reasoner: Any, corpus: Corpus) -> float:
    """The mean over labels of the difference between groups in the mean score of `tense`."""
    score = np.log(reasoner.answers(corpus)[:, 1] / reasoner.answers(corpus)[:, 0])
    south = np.array([u.sensitive["accent"] == "south" for u in corpus.utterances])
    label = np.array([u.label for u in corpus.utterances])
    spread = score.std()
    gaps = [score[south & (label == k)].mean() - score[~south & (label == k)].mean() for k in ("calm", "tense")]
    return float(np.mean(gaps) / spread)


def accuracy(reasoner: Any, corpus: Corpus) -> float:
    codes = [("calm", "tense").index(str(u.label)) for u in corpus.utterances]
    return float((reasoner.answers(corpus).argmax(1) == codes).mean())


@pytest.mark.slow  # trains several models
def test_the_group_fades_from_the_answers_to_units_never_seen_at_a_price(
    linear: SimpleNamespace, tmp_path: Path
) -> None:
    corpus, fresh = leaky(linear), leaky(linear, seed=1)
    plain = linear.trained(SUPERVISED, corpus, tmp_path / "plain", **OPTIONS)
    fair = linear.trained(TRAINER, corpus, tmp_path / "fair", features=["accent"], strength=3.0, **OPTIONS)
    before, after = gap_given_label(plain, fresh), gap_given_label(fair, fresh)
    assert before > 0.3
    assert abs(after) < before / 2, (before, after)
    assert accuracy(fair, fresh) < accuracy(plain, fresh), "the group told something of the label"
    assert accuracy(fair, fresh) > 0.75
    assert fair.saved["trainer"] == "gradient-reversal"
    assert fair.saved["gradient_reversal"]["groups"] == ["north", "south"]


def test_reversed_gradients_leave_values_alone() -> None:
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = reversed_gradient(x, 0.7)
    assert torch.allclose(y, x)
    (y * torch.tensor([3.0, 5.0])).sum().backward()
    assert x.grad is not None
    assert torch.allclose(x.grad, -0.7 * torch.tensor([3.0, 5.0]))


def test_the_ramp_is_ganins() -> None:
    assert [ramp(p) for p in (0.0, 0.1, 1.0)] == pytest.approx([0.0, np.tanh(0.5), np.tanh(5.0)])


@pytest.mark.parametrize("conditional", [True, False])
def test_groups_count_alike_and_unknown_ones_not_at_all(linear: SimpleNamespace, conditional: bool) -> None:
    corpus = leaky(linear, 4)
    corpus = linear.regrouped(corpus, ["north", "north", "south", None])
    options = GradientReversalOptions.model_validate({"features": ["accent"], "conditional": conditional})
    adversary = Adversary(cells_of(corpus, ["accent"], trainer="t"), corpus.label_space, options, seed=0)
    rows = [corpus.utterances[i : i + 4] for i in range(0, 16, 4)]
    adversary.begin(rows, 10)
    with torch.no_grad():
        for value in adversary.network.parameters():
            value.zero_()
    losses = torch.zeros(4)
    found = adversary.steered(losses, rows, scores=lambda turns: torch.zeros(len(turns), 2)).detach().numpy()
    assert found == pytest.approx(np.log(2) * np.array([0.75, 0.75, 1.5, 0.0]))
    nobody = adversary.steered(losses[:1], rows[3:], scores=lambda turns: torch.zeros(len(turns), 2))
    assert float(nobody.sum()) == 0
