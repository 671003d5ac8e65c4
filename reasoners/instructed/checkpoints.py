"""A checkpoint: the model's own weights as safetensors, its records, its tokenizer, and a card that says how it came.

Pretrained parts that stayed frozen are not in it; their source is named in the records and read again from there, and
the card keeps their digests, so that others under the same name are refused.
Whom it was trained on is kept as keyed digests of the unit ids: enough to refuse judging them, not enough to name them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from torch import Tensor

from affidavit.digests import digest_of, folder_digest
from affidavit.training import CARD
from affidavit.yaml_files import describe_validation_error
from reasoners.checkpoint_cards import RECORDS, CheckpointKind, write_card
from reasoners.instructed.config import ModelConfig
from reasoners.instructed.inputs import senses_of
from reasoners.instructed.lineage import STARTED
from reasoners.instructed.model import InstructedModel, Sizes
from reasoners.instructed.origins import kept_origins, origins_of, require_origins
from reasoners.instructed.parts import kept_parts, train_only
from reasoners.instructed.pretrained import had
from reasoners.instructed.vocabulary import OWN, Tokenizers, load_tokenizers

WEIGHTS: Final = "model.safetensors"
README: Final = "README.md"
KIND: Final = CheckpointKind(of="the instructed reasoner", weights=WEIGHTS)
_LONG: Final = ("units", "speakers", "voices", "history", "files", "card_digest")
_READABLE: Final = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A loaded checkpoint."""

    model: InstructedModel
    tokenizers: Tokenizers
    card: Mapping[str, Any]


def new_model(config: ModelConfig, tokenizers: Tokenizers, *, load: bool = True) -> InstructedModel:
    """Return a model for these records; `load` brings the pretrained parts that they name.

    Raises:
        PlanError: a pretrained part cannot be had.
        MissingPartError: the package that brings it is not installed.
    """
    sizes = Sizes(
        reader=tokenizers.reader_size,
        writer=tokenizers.writer_size,
        functionals=senses_of(config).n_functionals,
    )
    sources = [
        part.source for part in (config.text, config.visual, config.backbone) if part is not None and part.source
    ]
    with had(", ".join(sources)) if load and sources else nullcontext():
        return InstructedModel(config, sizes, load=load)


def own_state(model: InstructedModel) -> dict[str, Tensor]:
    """Return what no pretrained source brings back, by name, trained or not; tied tensors once."""
    return {name: value.detach().contiguous() for name, value in model.named_parameters() if name in model.own}


def save_checkpoint(folder: Path, model: InstructedModel, tokenizers: Tokenizers, card: Mapping[str, Any]) -> None:
    """Write the files of a checkpoint into a folder that exists; the card comes last."""
    from safetensors.torch import save_file

    save_file(own_state(model), folder / WEIGHTS, metadata={"format": "pt"})
    (folder / RECORDS).write_text(json.dumps(_records(model.config), indent=2), encoding="utf-8")
    tokenizers.save(folder)
    origins = {} if "pretrained" in card else {"pretrained": origins_of(model.config)}
    whole = KIND.sealed(folder, {**origins, **card}, (WEIGHTS, RECORDS, OWN))
    (folder / README).write_text(_readme(model, whole), encoding="utf-8")
    write_card(folder, whole)
    for name in (*whole["files"], README, CARD):
        (folder / name).chmod(_READABLE)


def _records(config: ModelConfig) -> dict[str, Any]:
    """Return the records with nulls: a record leaves out what is absent, and a part left out would be there again."""
    return {**dict.fromkeys(type(config).model_fields), **config.model_dump(mode="json")}


def load_checkpoint(folder: Path) -> Checkpoint:
    """Load a checkpoint by its path.

    Raises:
        CheckpointError: a file is missing, damaged or not the one that the card was written for, the format is
            another one, or a pretrained part is not the one it was trained on.
        PlanError: a pretrained part that the checkpoint builds on cannot be had.
        MissingPartError: the package that brings it is not installed.
    """
    card = KIND.read(folder)
    KIND.require_files(folder, card)
    config = _config(folder)
    require_origins(folder, card, config)
    tokenizers = load_tokenizers(config, folder)
    model = new_model(config, tokenizers)
    require_origins(folder, card, config)  # what came from a hub only now is known by its commit
    KIND.fill(folder, model, own_state(model))
    train_only(model, kept_parts(card))
    return Checkpoint(model=model.eval(), tokenizers=tokenizers, card=card)


def read_records(folder: Path) -> tuple[dict[str, Any], ModelConfig]:
    """Return a checkpoint's card and the records of its model, without loading it.

    Raises:
        CheckpointError: there is no checkpoint, its card was changed, or its records do not read.
    """
    return KIND.read(folder), _config(folder)


def checkpoint_digest(folder: Path) -> str:
    """Return the digest of everything in a checkpoint, and of the pretrained parts that it builds on.

    Raises:
        CheckpointError: there is none.
    """
    card = KIND.read(folder)
    return digest_of([folder_digest(folder), kept_origins(_config(folder), card)])


def _config(folder: Path) -> ModelConfig:
    try:
        return ModelConfig.model_validate_json((folder / RECORDS).read_text(encoding="utf-8"))
    except ValidationError as error:
        raise KIND.broken(folder, f"{RECORDS}: {describe_validation_error(error)}") from None
    except (OSError, ValueError) as error:
        raise KIND.broken(folder, f"{RECORDS}: {error}") from None


def _readme(model: InstructedModel, card: Mapping[str, Any]) -> str:
    n_trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
    n_all = sum(value.numel() for value in model.parameters())
    lines = [
        f"# Instruction-conditioned reasoner, {model.config.size}",
        "",
        f"Labels: {', '.join(model.config.label_space)}. Takes in: {', '.join(model.config.modalities)}.",
        f"Trained parameters: {n_trained:,} of {n_all:,}.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {_cell(value)} |" for name, value in sorted(_brief(card).items())),
        "",
        "Not for decisions about people. Trained and judged in the open by affidavit; audit it before you rely on it.",
        "",
    ]
    return "\n".join(lines)


def _brief(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return a card without what is long, in what it says of the model that it started from as well."""
    short = {name: value for name, value in card.items() if name not in _LONG}
    return {**short, **({STARTED: _brief(card[STARTED])} if STARTED in card else {})}


def _cell(value: Iterable[Any] | Any) -> str:  # noqa: ANN401
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
