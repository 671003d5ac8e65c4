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

from affidavit.digests import digest_of, file_digest, folder_digest
from affidavit.errors import CheckpointError
from affidavit.training import CARD, read_card
from affidavit.yaml_files import describe_validation_error
from reasoners.baselines.config import BaselineConfig
from reasoners.baselines.model import BaselineModel
from reasoners.instructed.origins import kept_origins, origins_of, require_origins, sources_of
from reasoners.instructed.pretrained import had
from reasoners.instructed.vocabulary import OWN, Tokenizers, load_tokenizers

WEIGHTS: Final = "model.safetensors"
RECORDS: Final = "config.json"
FORMAT: Final = 1


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
    files = {name: file_digest(folder / name) for name in (WEIGHTS, RECORDS, OWN) if (folder / name).is_file()}
    origins = {} if "pretrained" in card else {"pretrained": origins_of(model.config.perception)}
    whole = {**origins, **card, "format": FORMAT, "weights_digest": files[WEIGHTS], "files": files}
    whole["card_digest"] = digest_of(whole)
    (folder / CARD).write_text(json.dumps(whole, indent=2, sort_keys=True), encoding="utf-8")


def load_checkpoint(folder: Path, *, architecture: str) -> Checkpoint:
    """Load a checkpoint by its path.

    Raises:
        CheckpointError: a file is missing, damaged or not the one that the card was written for, it is another model's,
            or a pretrained part is not the one it was trained on.
        PlanError: a pretrained part cannot be had. MissingPartError: the package that brings it is not installed.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    card, config = read_records(folder)
    if config.architecture != architecture:
        raise _broken(folder, f"a checkpoint of the reasoner {config.architecture}", wanted=architecture)
    require_origins(folder, card, config.perception)
    tokenizers = load_tokenizers(config.perception, folder)
    model = new_model(config, tokenizers)
    try:
        state = load_file(folder / WEIGHTS)
        found = model.load_state_dict(state, strict=False)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise _broken(folder, " ".join(str(error).split())[:300]) from None
    if found.unexpected_keys or set(state) != model.own:
        raise _broken(folder, "its weights are of other layers than its records name")
    return Checkpoint(model=model.eval(), tokenizers=tokenizers, card=card)


def read_records(folder: Path) -> tuple[dict[str, Any], BaselineConfig]:
    """Return a checkpoint's card and the records of its model, without loading it.

    Raises:
        CheckpointError: there is no checkpoint, a file of it was changed, or its records do not read.
    """
    card = read_card(folder)
    if card is None or card.get("format") != FORMAT:
        raise _broken(folder, f"no {CARD} of a finished training, in format {FORMAT}")
    if card.get("card_digest") != digest_of({name: value for name, value in card.items() if name != "card_digest"}):
        raise _broken(folder, f"{CARD} was changed after it was written; it says whom the model was trained on")
    for name, digest in card["files"].items():
        if not (folder / name).is_file() or file_digest(folder / name) != digest:
            raise _broken(folder, f"{name} is missing, or not the file that the card was written for")
    try:
        return card, BaselineConfig.model_validate_json((folder / RECORDS).read_text(encoding="utf-8"))
    except ValidationError as error:
        raise _broken(folder, f"{RECORDS}: {describe_validation_error(error)}") from None


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


def _broken(folder: Path, found: str, *, wanted: str = "a baseline") -> CheckpointError:
    return CheckpointError(
        f"this is no checkpoint of {wanted}",
        slug="checkpoint-invalid",
        where=str(folder),
        found=found,
        allowed=f"a folder with {WEIGHTS}, {RECORDS} and {CARD}, as `affidavit train` leaves it",
        remedy="name such a folder (one per seed: .../seed-0), or train again",
    )
