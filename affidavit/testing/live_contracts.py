"""What a live model must do that can be trained, differentiated or ablated; nothing here imports torch.

The law that privacy rests on is among them: a unit's loss, and its gradient, are what they would be if that unit were
alone in the batch.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from affidavit.protocols import Ablatable, Differentiable, Trainable, silent
from affidavit.utterances import Utterance

_TOLERANCE = 1e-4


def _require(condition: object, message: str) -> None:
    if not condition:
        raise AssertionError(message)


class LiveContract:
    """Inherit and override both methods."""

    def make_reasoner(self) -> Any:  # noqa: ANN401 - a live model of any framework
        """Return a live model, the same one every time."""
        raise NotImplementedError

    def make_units(self) -> list[tuple[Utterance, ...]]:
        """Return the utterances of three units or more, labelled, of different lengths."""
        raise NotImplementedError

    def _prepared(self) -> tuple[Any, list[tuple[Utterance, ...]]]:
        reasoner, units = self.make_reasoner(), self.make_units()
        if isinstance(reasoner, Trainable):
            reasoner.prepare([turn for unit in units for turn in unit], progress=silent)
        return reasoner, units


class TrainableContract(LiveContract):
    """A model whose parameters can be fitted, per unit."""

    def test_satisfies_the_protocol(self) -> None:
        """It has a module, groups of parameters, losses and a way to be saved."""
        reasoner = self.make_reasoner()
        _require(isinstance(reasoner, Trainable), "does not satisfy affidavit.protocols.Trainable")
        groups = reasoner.parameter_groups()
        _require(set(groups) <= {"new", "pretrained"}, f"unknown groups {sorted(groups)}")
        _require(any(len(values) for values in groups.values()), "there is nothing to train")

    def test_gives_one_finite_loss_a_unit(self) -> None:
        """As many losses as units, each a number."""
        reasoner, units = self._prepared()
        losses = reasoner.losses(units, rng=np.random.default_rng(0))
        _require(tuple(losses.shape) == (len(units),), f"{len(units)} units, losses of shape {tuple(losses.shape)}")
        _require(all(math.isfinite(float(loss.detach())) for loss in losses), "a loss is not finite")

    def test_a_unit_is_alone_with_its_gradient(self) -> None:
        """In a batch, each unit's gradient is the gradient of training on that unit alone."""
        reasoner, units = self._prepared()
        reasoner.module.eval()  # so that dropout, which draws anew for each batch, is not what is compared
        for i, unit in enumerate(units):
            together = self._gradient(reasoner, units, i)
            alone = self._gradient(reasoner, [unit], 0)
            scale = max(1.0, max(float(abs(values).max()) for values in alone))
            gap = max(float(abs(a - b).max()) for a, b in zip(alone, together, strict=True))
            _require(gap <= _TOLERANCE * scale, f"unit {i}: its gradient changes by {gap:g} in company")

    def _gradient(self, reasoner: Any, units: Sequence[Sequence[Utterance]], i: int) -> list[Any]:  # noqa: ANN401
        parameters = [value for values in reasoner.parameter_groups().values() for value in values]
        for value in parameters:
            value.grad = None
        self.losses_without_chance(reasoner, units)[i].backward()
        return [0 * value.detach() if value.grad is None else value.grad.clone() for value in parameters]

    def losses_without_chance(self, reasoner: Any, units: Sequence[Sequence[Utterance]]) -> Any:  # noqa: ANN401
        """Return losses that draw nothing; override where `losses` draws more than its rng can repeat for one unit."""
        return reasoner.losses(units, rng=np.random.default_rng(0))

    def test_saves_a_card(self) -> None:
        """A checkpoint keeps what is to be known of its training."""
        with tempfile.TemporaryDirectory() as folder:
            self.make_reasoner().save(Path(folder), {"training_digest": "sha256:abc"})
            _require("sha256:abc" in (Path(folder) / "card.json").read_text(encoding="utf-8"), "the card is not kept")


class DifferentiableContract(LiveContract):
    """A model whose scores have gradients."""

    def test_scores_have_gradients(self) -> None:
        """One row of finite scores an utterance, connected with the parameters."""
        reasoner, units = self._prepared()
        _require(isinstance(reasoner, Differentiable), "does not satisfy affidavit.protocols.Differentiable")
        turns = [turn for unit in units for turn in unit]
        scores = reasoner.logits(turns)
        _require(scores.shape[0] == len(turns), f"{len(turns)} utterances, {scores.shape[0]} rows")
        _require(scores.requires_grad, "the scores have no gradient")


class AblatableContract(LiveContract):
    """A model that can be asked again with modalities taken away."""

    def test_one_judgement_an_utterance(self) -> None:
        """In the order of the utterances, with probabilities that sum to one."""
        reasoner, units = self._prepared()
        _require(isinstance(reasoner, Ablatable), "does not satisfy affidavit.protocols.Ablatable")
        turns = [turn for unit in units for turn in unit]
        judgements = reasoner.judge_under(turns, condition="TAV")
        _require(len(judgements) == len(turns), f"{len(turns)} utterances, {len(judgements)} judgements")
        for judgement in judgements:
            total = sum(judgement.probabilities.values())
            _require(abs(total - 1) < 1e-3, f"probabilities sum to {total:g}")

    def test_what_is_taken_away_reaches_nothing(self) -> None:
        """Other words change nothing where words are not shown, and something where they are."""
        reasoner, units = self._prepared()
        turns = [turn for unit in units for turn in unit]
        others = [replace(turn, utterance_id=f"{turn.utterance_id}-again", text="Quite other words.") for turn in turns]
        first, again = (reasoner.judge_under(some, condition="AV") for some in (turns, others))
        _require(first == again, "the words reached a judgement under AV")
        first, again = (reasoner.judge_under(some, condition="T") for some in (turns, others))
        _require(first != again, "the words reached no judgement under T, so this proves nothing")
