"""What stays still is computed once, and to the bit what would be computed again; each patient's for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.plan import Execution
from affidavit.splits import grouped
from affidavit.utterances import Utterance
from privacy.dpsgd.gradients import trained_parameters, unit_gradients
from reasoners.instructed.door import REASONER
from reasoners.instructed.losses import LossWeights
from reasoners.instructed.model import InstructedModel
from reasoners.instructed.parts import PARTS, PIECES, train_only
from reasoners.instructed.still import StillRows

STILL: dict[str, Any] = {
    "still": True,
    "only": ["emotion"],
    **dict.fromkeys(("intensity", "single", "explanation", "coherence"), 0),
    "augmentation": {"modality_dropout": 0, "turn_dropout": 0, "degraded_share": 0},
}
ALONE = LossWeights(intensity=0, single=0, explanation=0, coherence=0)
RNG = np.random.default_rng(0)


@pytest.fixture
def rows(make_corpus: Callable[..., Corpus]) -> list[list[Utterance]]:
    corpus = make_corpus(4)
    groups = grouped(corpus.utterances, by="unit")
    return [list(groups[name]) for name in sorted(groups)]


@pytest.fixture
def still(make_reasoner: Callable[..., Any]) -> Any:
    """A reasoner with words, voice, face and writer, of which the last layer is trained."""
    reasoner = make_reasoner()
    train_only(reasoner.model, ["emotion"])
    reasoner.weights, reasoner.still = ALONE, StillRows()
    return reasoner


def test_the_piece_is_of_a_part_and_is_all_that_is_trained(still: Any) -> None:
    assert set(PIECES["emotion"]) < set(PARTS["answers"])
    trained = {name for name, value in still.model.named_parameters() if value.requires_grad}
    assert trained == {"emotion.weight", "emotion.bias"}


def test_a_kept_rows_loss_is_to_the_bit_what_the_whole_model_says(still: Any, rows: list[list[Utterance]]) -> None:
    for row in rows:
        kept = still.losses([row], rng=RNG)
        again = still.losses([row], rng=RNG)
        still.model.eval()
        whole = still.model.losses(still.batch([row])).per_patient(ALONE)
        assert torch.equal(kept, again)
        assert torch.equal(kept, whole)
        (of_kept,), (of_whole,) = (
            torch.autograd.grad(loss.sum(), [still.model.emotion.weight]) for loss in (kept, whole)
        )
        assert torch.equal(of_kept, of_whole)


def test_each_row_is_sent_through_once_however_often_it_is_met(
    still: Any, rows: list[list[Utterance]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    judged = InstructedModel.judged

    def counting(model: InstructedModel, batch: Any) -> torch.Tensor:
        sent.append(len(batch.known))
        return judged(model, batch)

    monkeypatch.setattr(InstructedModel, "judged", counting)
    still.model.train()
    for _ in range(3):
        still.losses(rows, rng=RNG).sum().backward()
    assert sent == [1] * len(rows), "one patient at a time, so that nobody's state depends on another's"
    assert still.model.training, "the mode of training is as it was"


def test_a_row_whose_words_or_label_changed_is_another_row(still: Any, rows: list[list[Utterance]]) -> None:
    row = rows[1]
    at = next(i for i, turn in enumerate(row) if turn.label == "joy")
    before = still.losses([row], rng=RNG)
    for changed in (replace(row[at], text="Nothing is left of it."), replace(row[at], label="anger")):
        other = [*row[:at], changed, *row[at + 1 :]]
        assert not torch.equal(still.losses([other], rng=RNG), before)
    assert torch.equal(still.losses([row], rng=RNG), before)


def test_hooks_and_the_loop_tell_the_same_gradients_of_single_patients(still: Any, rows: list[list[Utterance]]) -> None:
    found = []
    for way in ("loop", "hooks"):
        gradients = unit_gradients(way, still)
        still.model.train()
        found.append(gradients.each(rows, rng=RNG))
        gradients.close()
    assert len(found[0]) == len(trained_parameters(still)) == 2
    for loop, hooks in zip(*found, strict=True):
        torch.testing.assert_close(loop, hooks)


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("only", ["answers"], "only: [answers]"),
        ("only", None, "only: all"),
        ("coherence", 0.3, "coherence: 0.3"),
        ("augmentation", {"modality_dropout": 0.5, "turn_dropout": 0, "degraded_share": 0}, "modality_dropout: 0.5"),
    ],
)
def test_what_cannot_stay_still_is_refused(
    make_corpus: Callable[..., Corpus], option: str, value: Any, named: str
) -> None:
    options: dict[str, Any] = {
        "size": "tiny",
        "audio": False,
        "visual": False,
        "rationales": False,
        **STILL,
        option: value,
    }
    with pytest.raises(PlanError) as refused:
        REASONER.untrained(make_corpus(2), options, seed=0, execution=Execution(device="cpu", workers=0))
    assert named in str(refused.value)


def test_models_that_do_without_it_keep_their_names(make_corpus: Callable[..., Corpus]) -> None:
    small: dict[str, Any] = {"size": "tiny", "audio": False, "visual": False, "rationales": False}
    told = REASONER.model_digest(make_corpus(2), small)
    assert "still" not in told
    assert REASONER.model_digest(make_corpus(2), {**small, **STILL}) == {
        **REASONER.model_digest(make_corpus(2), {**small, **STILL, "still": False}),
        "still": True,
    }
