"""A checkpoint of adapters: their matrices as safetensors, what they belong to, and a card that says how they came.

The model itself is not in it: it is found again where the checkpoint says, and refused where it became another one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torch import nn

from affidavit.digests import folder_digest
from affidavit.errors import CheckpointError
from reasoners.checkpoint_cards import RECORDS, CheckpointKind, write_card
from reasoners.language.cards import ModelCard

WEIGHTS: Final = "adapters.safetensors"
KIND: Final = CheckpointKind(of="adapters of a language model", weights=WEIGHTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """What is to be known of a model to build it again."""

    reasoner: str
    """The name behind the door."""
    source: str
    """A package's short name, a folder or a hub id."""
    labels: tuple[str, ...]
    options: Mapping[str, Any]
    """Of the training: how it is asked, and how large its adapters are."""
    weights: ModelCard

    def save(self, folder: Path, model: nn.Module, card: Mapping[str, Any]) -> None:
        """Write the files of a checkpoint into a folder that exists; the card comes last."""
        from safetensors.torch import save_file

        state = {name: value.detach().contiguous().cpu() for name, value in _trained(model).items()}
        save_file(state, folder / WEIGHTS, metadata={"format": "pt"})
        records = {
            "reasoner": self.reasoner,
            "source": self.source,
            "labels": list(self.labels),
            "options": dict(self.options),
        }
        (folder / RECORDS).write_text(json.dumps(records, indent=2), encoding="utf-8")
        known = {"pretrained": {"language": self.weights.digest}, "model_card": self.weights.record()}
        write_card(folder, KIND.sealed(folder, {**known, **card}, (WEIGHTS, RECORDS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """A checkpoint without its matrices."""

    folder: Path
    source: str
    labels: tuple[str, ...]
    options: Mapping[str, Any]
    card: Mapping[str, Any]


def read_records(folder: Path, *, reasoner: str) -> Records:
    """Return what a checkpoint says of itself.

    Raises:
        CheckpointError: it is none, another reasoner's, or a file of it was changed.
    """
    card = KIND.read(folder)
    KIND.require_files(folder, card)
    try:
        kept = json.loads((folder / RECORDS).read_text(encoding="utf-8"))
        found = Records(
            folder=folder,
            source=str(kept["source"]),
            labels=tuple(kept["labels"]),
            options=dict(kept["options"]),
            card=card,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KIND.broken(folder, f"{RECORDS} does not read: {error}") from None
    if kept.get("reasoner") != reasoner:
        raise KIND.broken(folder, f"a checkpoint of the reasoner {kept.get('reasoner')}")
    return found


def fill_adapters(model: nn.Module, records: Records) -> None:
    """Put the matrices of a checkpoint into a model that has such adapters.

    Raises:
        CheckpointError: they are of other layers or shapes.
    """
    KIND.fill(records.folder, model, _trained(model))


def require_weights(records: Records, now: ModelCard) -> None:
    """Refuse a model that is not the one whose adapters these are.

    Raises:
        CheckpointError: naming both digests.
    """
    was = records.card.get("model_card", {}).get("digest")
    if was is not None and was != now.digest:
        raise CheckpointError(
            "the model is not the one that the adapters were trained on",
            slug="checkpoint-invalid",
            where=str(records.folder),
            found=f"{now.name}: {now.digest}",
            allowed=str(was),
            remedy="put the former weights back where they were, or train again on these",
        )


def checkpoint_digest(folder: Path) -> str:
    """Return the digest of all files of a checkpoint."""
    return folder_digest(folder)


def _trained(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: value for name, value in model.named_parameters() if value.requires_grad}
