"""A baseline's checkpoint: its own weights as safetensors, its records, its tokenizer, and a card of how it came.

Pretrained parts that stayed frozen are found again by their source, and refused where they became others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from affidavit.digests import digest_of, folder_digest
from affidavit.yaml_files import describe_validation_error
from reasoners.baselines.config import BaselineConfig
from reasoners.baselines.model import BaselineModel
from reasoners.checkpoint_cards import RECORDS, CheckpointKind, write_card
from reasoners.instructed.origins import kept_origins, origins_of, require_origins, sources_of
from reasoners.instructed.pretrained import had
from reasoners.instructed.vocabulary import OWN, Tokenizers, load_tokenizers

WEIGHTS: Final = "model.safetensors"
KIND: Final = CheckpointKind(of="a baseline", weights=WEIGHTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A loaded checkpoint."""

    model: BaselineModel
    tokenizers: Tokenizers
    card: Mapping[str, Any]


def new_model(config: BaselineConfig, tokenizers: Tokenizers) -> BaselineModel:
    """Return a model for these records, with the pretrained parts that they name.

    Raises:
        PlanError: a pretrained part cannot be had. MissingPartError: the package that brings it is not installed.
    """
    sources = ", ".join(sources_of(config.perception).values())
    with had(sources) if sources else nullcontext():
        return BaselineModel(config, vocabulary=tokenizers.reader_size, load=True)


def save_checkpoint(folder: Path, model: BaselineModel, tokenizers: Tokenizers, card: Mapping[str, Any]) -> None:
    """Write the files of a checkpoint into a folder that exists; the card comes last."""
    from safetensors.torch import save_file

    state = {name: value.detach().contiguous().cpu() for name, value in model.named_parameters() if name in model.own}
    save_file(state, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / RECORDS).write_text(json.dumps(_records(model.config), indent=2), encoding="utf-8")
    tokenizers.save(folder)
    origins = {} if "pretrained" in card else {"pretrained": origins_of(model.config.perception)}
    write_card(folder, KIND.sealed(folder, {**origins, **card}, (WEIGHTS, RECORDS, OWN)))


def load_checkpoint(folder: Path, *, architecture: str) -> Checkpoint:
    """Load a checkpoint by its path.

    Raises:
        CheckpointError: a file is missing, damaged or not the one that the card was written for, it is another model's,
            or a pretrained part is not the one it was trained on.
        PlanError: a pretrained part cannot be had. MissingPartError: the package that brings it is not installed.
    """
    card, config = read_records(folder)
    if config.architecture != architecture:
        other = f"a checkpoint of the reasoner {config.architecture}"
        raise CheckpointKind(of=architecture, weights=WEIGHTS).broken(folder, other)
    require_origins(folder, card, config.perception)
    tokenizers = load_tokenizers(config.perception, folder)
    model = new_model(config, tokenizers)
    KIND.fill(folder, model, model.own)
    return Checkpoint(model=model.eval(), tokenizers=tokenizers, card=card)


def read_records(folder: Path) -> tuple[dict[str, Any], BaselineConfig]:
    """Return a checkpoint's card and the records of its model, without loading it.

    Raises:
        CheckpointError: there is no checkpoint, a file of it was changed, or its records do not read.
    """
    card = KIND.read(folder)
    KIND.require_files(folder, card)
    try:
        return card, BaselineConfig.model_validate_json((folder / RECORDS).read_text(encoding="utf-8"))
    except ValidationError as error:
        raise KIND.broken(folder, f"{RECORDS}: {describe_validation_error(error)}") from None


def checkpoint_digest(folder: Path) -> str:
    """Return the digest of everything in a checkpoint, and of the pretrained parts that it builds on.

    Raises:
        CheckpointError: there is none.
    """
    card, config = read_records(folder)
    return digest_of([folder_digest(folder), kept_origins(config.perception, card)])


def _records(config: BaselineConfig) -> dict[str, Any]:
    """Return the records with nulls: a part left out would otherwise be there again when they are read."""
    given = config.perception
    whole = {**dict.fromkeys(type(given).model_fields), **given.model_dump(mode="json")}
    return {**config.model_dump(mode="json"), "perception": whole}
