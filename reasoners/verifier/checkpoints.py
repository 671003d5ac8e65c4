"""A verifier's folder: weights as safetensors, its records, and a card that says how it came and how well it reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from affidavit.files import replacing_folder
from affidavit.yaml_files import describe_validation_error
from reasoners.checkpoint_cards import RECORDS, CheckpointKind, write_card
from reasoners.instructed.origins import origin
from reasoners.verifier.config import VerifierConfig
from reasoners.verifier.network import VerifierNetwork
from reasoners.verifier.verifier import Verifier

WEIGHTS: Final = "verifier.safetensors"
KIND: Final = CheckpointKind(of="the emotion verifier", weights=WEIGHTS)


def save_verifier(folder: Path, network: VerifierNetwork, card: Mapping[str, Any]) -> Verifier:
    """Write a verifier's folder, whole or not at all, and return the verifier."""
    from safetensors.torch import save_file

    with replacing_folder(folder) as temporary:
        state = {name: value.detach().contiguous() for name, value in network.named_parameters()}
        save_file(state, temporary / WEIGHTS, metadata={"format": "pt"})
        (temporary / RECORDS).write_text(network.config.model_dump_json(indent=2), encoding="utf-8")
        whole = KIND.sealed(temporary, card, (WEIGHTS, RECORDS))
        write_card(temporary, whole)
    return Verifier(network=network.eval(), card=whole)


def load_verifier(folder: Path) -> Verifier:
    """Load a verifier by its path.

    Raises:
        CheckpointError: there is none, a file of it was changed, or the pretrained encoder beneath it is another one.
        MissingPartError: the package that brings its encoder is not installed.
    """
    card = KIND.read(folder)
    KIND.require_files(folder, card)
    try:
        config = VerifierConfig.model_validate_json((folder / RECORDS).read_bytes())
    except ValidationError as error:
        raise KIND.broken(folder, f"{RECORDS}: {describe_validation_error(error)}") from None
    if config.pretrained is not None and (now := origin(config.encoder)) != config.pretrained:
        raise KIND.broken(folder, f"{config.encoder} is {now}, and it was trained on {config.pretrained}")
    network = VerifierNetwork(config)
    KIND.fill(folder, network, [name for name, _ in network.named_parameters()])
    return Verifier(network=network.eval(), card=card)
