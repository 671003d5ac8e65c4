"""Training of the layer that answers alone, on what all layers before it make of each row: computed once and kept.

Nothing before that layer changes, and nothing there is drawn (no dropout), so what is kept is, to the bit, what would
be computed again. Each row is sent through alone: what is kept of one patient depends on no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor

from affidavit.errors import PlanError
from affidavit.utterances import Utterance
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.batches import Batch
from reasoners.instructed.inputs import Perceivable, perceivable
from reasoners.instructed.losses import UNLABELLED, LossWeights, emotion_loss, mean_over
from reasoners.instructed.model import InstructedModel
from reasoners.instructed.parts import Part

ONLY: Final[tuple[Part, ...]] = ("emotion",)
_Key = tuple[tuple[Perceivable, str | None, str | None], ...]


@dataclass(slots=True, kw_only=True, eq=False)
class StillRows:
    """What a model that stays still up to its last layer makes of rows."""

    kept: dict[_Key, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """States `[U, D]` and labels `[U]` of a row."""

    def missing(self, rows: Sequence[Sequence[Utterance]]) -> list[Sequence[Utterance]]:
        """Return the rows of which nothing is kept yet, each once."""
        return list({_key(row): row for row in rows if _key(row) not in self.kept}.values())

    def keep(self, row: Sequence[Utterance], batch: Batch, model: InstructedModel) -> None:
        """Compute a row's states without dropout; `batch` holds that row alone."""
        trained = model.training
        model.eval()
        try:
            with torch.no_grad():
                self.kept[_key(row)] = (model.judged(batch)[0], batch.labels[0])
        finally:
            model.train(trained)

    def losses(self, rows: Sequence[Sequence[Utterance]], model: InstructedModel) -> Tensor:
        """Return the mean cross entropy of each row's labelled turns, `[P]`; every row is kept."""
        found = [self.kept[_key(row)] for row in rows]
        states = torch.nn.utils.rnn.pad_sequence([states for states, _ in found], batch_first=True)
        labels = torch.nn.utils.rnn.pad_sequence(
            [labels for _, labels in found], batch_first=True, padding_value=UNLABELLED
        )
        return mean_over(emotion_loss(model.emotion(states), labels), labels >= 0)


def require_still(only: Sequence[Part] | None, weights: LossWeights, augmentation: Augmentation) -> None:
    """Refuse to keep still what training changes, what other losses look at, and inputs that are changed at random.

    Raises:
        PlanError: naming the options that are in the way.
    """
    wanted: dict[str, Any] = {
        "only": list(ONLY),
        **dict.fromkeys(("intensity", "single", "explanation", "coherence"), 0),
        **{f"augmentation.{name}": 0 for name in ("modality_dropout", "turn_dropout", "degraded_share")},
    }
    told: dict[str, Any] = {
        "only": None if only is None else list(only),
        **{name: getattr(weights, name) for name in ("intensity", "single", "explanation", "coherence")},
        **{f"augmentation.{name}": value for name, value in augmentation.model_dump().items()},
    }
    against = [name for name, value in wanted.items() if told[name] != value]
    if against:
        raise PlanError(
            "what lies before the layer that answers cannot stay still while other things are learnt or changed",
            slug="plan-impossible",
            where="reasoner instructed, still",
            found=", ".join(f"{name}: {_said(told[name])}" for name in against),
            allowed=", ".join(f"{name}: {_said(wanted[name])}" for name in against),
            remedy="write these options so, or leave still out",
        )


def _said(value: Any) -> str:  # noqa: ANN401 - an option
    return f"[{', '.join(value)}]" if isinstance(value, list) else "all" if value is None else f"{value:g}"


def _key(row: Sequence[Utterance]) -> _Key:
    return tuple((perceivable(turn), turn.dialogue_id, turn.label) for turn in row)
