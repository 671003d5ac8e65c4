"""Each loss beside its slow, obvious twin; what has no reference counts nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.protocols import silent
from affidavit.splits import grouped
from reasoners.instructed.augmentation import Augmentation, dropped_modalities
from reasoners.instructed.losses import (
    UNLABELLED,
    Losses,
    LossWeights,
    coherence_loss,
    emotion_loss,
    intensity_loss,
    single_loss,
)


def shares(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    return float(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0))


def jensen_shannon(one: np.ndarray, other: np.ndarray) -> float:
    """By the definition: the mean divergence of two distributions from their mean (Lin 1991)."""
    p, q = shares(one), shares(other)
    return 0.5 * divergence(p, (p + q) / 2) + 0.5 * divergence(q, (p + q) / 2)


@pytest.mark.parametrize("spread", [0.1, 1.0, 8.0])
def test_coherence_is_the_jensen_shannon_divergence(spread: float) -> None:
    rng = np.random.default_rng(1)
    head, writer = spread * rng.standard_normal((2, 3, 4, 6))
    found = coherence_loss(torch.tensor(head), torch.tensor(writer))
    for p in range(3):
        for u in range(4):
            assert float(found[p, u]) == pytest.approx(jensen_shannon(head[p, u], writer[p, u]), abs=2e-6)


def test_coherence_is_zero_where_both_believe_the_same_and_nowhere_else() -> None:
    scores = torch.randn(1, 3, 5, generator=torch.Generator().manual_seed(0))
    shifted = scores + 7.0  # the same distribution
    assert float(coherence_loss(scores, shifted).abs().max()) < 1e-6
    tilted = scores.clone()
    tilted[..., 0] += 0.1
    assert float(coherence_loss(scores, tilted).min()) > 1e-5


def test_coherence_is_symmetric_and_at_most_ln_2_even_for_extreme_scores() -> None:
    head, writer = torch.tensor([[[80.0, -80.0, 0.0]]]), torch.tensor([[[-80.0, 80.0, 0.0]]])
    there, back = coherence_loss(head, writer), coherence_loss(writer, head)
    assert float(there) == pytest.approx(float(back), abs=1e-6)
    assert math.log(2) - 1e-5 < float(there) <= math.log(2) + 1e-6


def test_coherence_reaches_the_head_and_the_writer() -> None:
    head, writer = (
        torch.randn(1, 1, 4, generator=torch.Generator().manual_seed(i), requires_grad=True) for i in (1, 2)
    )
    coherence_loss(head, writer).sum().backward()
    assert float(head.grad.abs().sum()) > 0
    assert float(writer.grad.abs().sum()) > 0


def test_coherence_reaches_the_head_and_the_writer_of_a_model(
    make_reasoner: Callable, make_corpus: Callable[..., Corpus]
) -> None:
    reasoner = make_reasoner(weights=LossWeights(emotion=0, intensity=0, explanation=0, coherence=1))
    units = list(grouped(make_corpus(2).utterances).values())
    reasoner.prepare([turn for unit in units for turn in unit])
    reasoner.losses(units, rng=np.random.default_rng(0)).sum().backward()
    assert float(reasoner.model.emotion.weight.grad.abs().sum()) > 0
    assert float(reasoner.model.explain.project[0].weight.grad.abs().sum()) > 0
    assert reasoner.model.intensity.weight.grad is None or not reasoner.model.intensity.weight.grad.any()


def test_the_emotion_loss_is_the_surprise_at_each_label() -> None:
    logits = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[0, 3, UNLABELLED], [2, UNLABELLED, 1]])
    found = emotion_loss(logits, labels)
    for p in range(2):
        for u in range(3):
            label = int(labels[p, u])
            wanted = 0.0 if label == UNLABELLED else -math.log(shares(logits[p, u].numpy())[label])
            assert float(found[p, u]) == pytest.approx(wanted, abs=1e-5)


def test_the_loss_of_single_modalities_is_the_mean_over_those_that_are_shown() -> None:
    logits = torch.randn(1, 3, 3, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[2, 1, UNLABELLED]])
    shown = torch.tensor([[[True, False, True], [False, False, False], [True, True, True]]])
    found = single_loss(logits, labels, shown)
    surprises = [-math.log(shares(logits[0, 0, m].numpy())[2]) for m in (0, 2)]
    assert found[0].tolist() == pytest.approx([sum(surprises) / 2, 0.0, 0.0], abs=1e-5)


def test_an_intensity_that_nobody_gave_costs_nothing_and_gives_a_finite_gradient() -> None:
    predicted = torch.tensor([[0.4, 0.9]], requires_grad=True)
    loss = intensity_loss(predicted, torch.tensor([[float("nan"), 0.8]]))
    assert loss.tolist()[0] == pytest.approx([0.0, 0.5 * 0.1**2], abs=1e-6)
    loss.sum().backward()
    assert predicted.grad.tolist()[0] == pytest.approx([0.0, 0.1], abs=1e-6)


def test_a_patients_loss_is_the_mean_over_the_turns_that_have_a_reference() -> None:
    labelled = torch.tensor([[True, False, True], [True, True, True]])
    losses = Losses(
        emotion=torch.tensor([[1.0, 0.0, 3.0], [1.0, 1.0, 4.0]]),
        intensity=torch.tensor([[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]),
        single=torch.tensor([[4.0, 0.0, 4.0], [1.0, 2.0, 0.0]]),
        explanation=torch.tensor([[2.0, 0.0], [4.0, 6.0]]),
        coherence=torch.tensor([[0.1, 0.0], [0.2, 0.4]]),
        labelled=labelled,
        rated=torch.tensor([[True, False, True], [False, False, False]]),
        explained=torch.tensor([[True, False], [True, True]]),
    )
    weights = LossWeights(emotion=1.0, intensity=0.2, single=0.25, explanation=0.5, coherence=0.3)
    first = 2 + 0.25 * 4 + 0.2 * 0.5 + 0.5 * 2 + 0.3 * 0.1
    second = 2 + 0.25 * 1 + 0.5 * 5 + 0.3 * 0.3
    assert losses.per_patient(weights).tolist() == pytest.approx([first, second])


def test_each_loss_has_a_weight_of_its_own() -> None:
    one = torch.ones(1, 1)
    there = torch.ones(1, 1, dtype=torch.bool)
    names = ("emotion", "intensity", "single", "explanation", "coherence")
    losses = Losses(
        **{name: (i + 1) * one for i, name in enumerate(names)}, labelled=there, rated=there, explained=there
    )
    nothing = dict.fromkeys(names, 0.0)
    for i, name in enumerate(names):
        assert losses.per_patient(LossWeights(**{**nothing, name: 1.0})).tolist() == [i + 1.0], name


@pytest.mark.parametrize("declined", ["text", "audio", "video"])
def test_a_reference_of_a_turn_with_a_declined_modality_is_not_learnt_from(
    declined: str, make_reasoner: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    turns = list(make_corpus(2).utterances)
    at = next(i for i, u in enumerate(turns) if u.rationales)
    n = sum(bool(u.rationales) for u in turns)
    losses = []
    for words in ("The voice and the face tell it.", "Nobody may ever learn these quite different words."):
        turns[at] = replace(turns[at], rationales={"evidence": words}, consent={declined: False})
        reasoner = make_reasoner()
        reasoner.prepare_training(turns, rng=np.random.default_rng(0), progress=silent)
        reasoner.module.eval()
        units = list(grouped(turns).values())
        assert int(reasoner.batch(units).rationale_known.any(-1).sum()) == n - 1
        reasoner.prepare(turns)
        losses.append(reasoner.losses(units, rng=np.random.default_rng(0)).tolist())
    assert losses[0] == losses[1]
    reasoner.save(tmp_path, {"training_digest": "sha256:1"})
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    assert (card["references"], card["references_left_out"]) == (n - 1, 1)


def test_turns_without_references_change_no_loss_but_as_context(
    make_reasoner: Callable, make_corpus: Callable[..., Corpus], config_of: Callable
) -> None:
    """Where no turn reads another, a turn without a reference that follows changes nothing."""
    reasoner = make_reasoner(config_of(dialogue_layers=0))
    reasoner.module.eval()
    unit = next(iter(grouped(make_corpus(1).utterances).values()))
    bare = [
        replace(turn, utterance_id=f"bare {i}", label=None, intensity=None, rationales={})
        for i, turn in enumerate(unit)
    ]
    reasoner.prepare([*unit, *bare])
    with torch.no_grad():
        first = reasoner.losses([unit], rng=np.random.default_rng(0))
        again = reasoner.losses([[*unit, *bare]], rng=np.random.default_rng(0))
        nothing = reasoner.losses([bare], rng=np.random.default_rng(0))
    torch.testing.assert_close(first, again, rtol=1e-5, atol=1e-6)
    assert nothing.tolist() == [0.0]


def test_every_proper_part_of_the_modalities_is_met_and_never_none() -> None:
    rng = np.random.default_rng(0)
    present, known = torch.ones(400, 3, 3, dtype=torch.bool), torch.ones(400, 3, dtype=torch.bool)
    dropped = dropped_modalities(present, known, Augmentation(modality_dropout=1.0, turn_dropout=0.0), rng=rng)
    assert bool((dropped == dropped[:, :1]).all())
    parts = {tuple(row) for row in (~dropped[:, 0]).tolist()}
    assert len(parts) == 6
    assert (False, False, False) not in parts


def test_what_is_not_there_is_not_what_remains_after_dropout() -> None:
    present = torch.zeros(200, 2, 3, dtype=torch.bool)
    present[..., 0] = present[..., 2] = True
    known = torch.ones(200, 2, dtype=torch.bool)
    augmentation = Augmentation(modality_dropout=1.0, turn_dropout=0.0)
    dropped = dropped_modalities(present, known, augmentation, rng=np.random.default_rng(0))
    left = present & ~dropped
    assert bool(left.any(-1).all())
