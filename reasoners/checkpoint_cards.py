"""The card of a checkpoint, whoever's it is: which files belong to it, by digest, and that nobody changed it since.

A checkpoint is a folder of weights, records and a card. The card is written last and holds the digest of every other
file and its own: a folder without a whole card is no checkpoint, and one whose card was changed might deny whom the
model was trained on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from torch import Tensor, nn

from affidavit.digests import digest_of, file_digest
from affidavit.errors import CheckpointError
from affidavit.training import CARD

FORMAT: Final = 1
RECORDS: Final = "config.json"
_SEAL: Final = "card_digest"
_FIRST: Final = 300
"""Characters of a long message that are repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointKind:
    """Checkpoints of one kind of reasoner, as an error speaks of them."""

    of: str
    """Whose: `the instructed reasoner`."""
    weights: str
    """The name of the file of weights."""

    def sealed(self, folder: Path, card: Mapping[str, Any], files: Iterable[str]) -> dict[str, Any]:
        """Return a card with the digests of those of the files that are there, and its own; it is not written yet."""
        found = {name: file_digest(folder / name) for name in files if (folder / name).is_file()}
        whole = {**card, "format": FORMAT, "weights_digest": found[self.weights], "files": found}
        return {**whole, _SEAL: digest_of(whole)}

    def read(self, folder: Path) -> dict[str, Any]:
        """Return a card as it was written; the files that it names are not looked at.

        Raises:
            CheckpointError: there is none, it is of another format, or it was changed.
        """
        try:
            card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        except OSError as error:
            raise self.broken(folder, f"no {CARD} that can be read ({error.strerror})") from None
        except ValueError as error:
            raise self.broken(folder, f"{CARD} is not JSON: {error}") from None
        if not isinstance(card, dict) or card.get("format") != FORMAT:
            written = card.get("format") if isinstance(card, dict) else card
            raise self.broken(folder, f"format {written!r}, and this version reads {FORMAT}")
        if card.get(_SEAL) != digest_of({name: value for name, value in card.items() if name != _SEAL}):
            raise self.broken(folder, f"{CARD} was changed after it was written; it says whom the model was trained on")
        return card

    def require_files(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Refuse a folder whose files are not those that its card was written for.

        Raises:
            CheckpointError: naming the first of them.
        """
        for name, digest in card["files"].items():
            if not (folder / name).is_file():
                raise self.broken(folder, f"no {name}")
            if file_digest(folder / name) != digest:
                raise self.broken(folder, f"{name} is not the file that the card was written for")

    def fill(self, folder: Path, model: nn.Module, own: Iterable[str]) -> None:
        """Put a checkpoint's tensors into a model; `own` are the names of those that it brings, all and no others.

        Raises:
            CheckpointError: they do not read, or are of other names or shapes.
        """
        state, wanted = self._state(folder), frozenset(own)
        try:
            model.load_state_dict(state, strict=False)
        except RuntimeError as error:  # a tensor of another shape: a pretrained part is not the one it was trained on
            raise self.broken(folder, " ".join(str(error).split())[:_FIRST]) from None
        lacking, strange = sorted(wanted - set(state)), sorted(set(state) - wanted)
        if lacking or strange:
            found = f"lacks {lacking[:3]}, has {strange[:3]} that are not its own"
            raise self.broken(folder, f"tensors of other layers than its records name: {found}")

    def broken(self, folder: Path, found: str) -> CheckpointError:
        """Return the error that says what is wrong with a folder, and what a checkpoint is."""
        return CheckpointError(
            f"this is no checkpoint of {self.of}",
            slug="checkpoint-invalid",
            where=str(folder),
            found=found,
            allowed=f"a folder with {self.weights}, {RECORDS} and {CARD}, as `affidavit train` leaves it",
            remedy="name such a folder (one per seed: .../seed-0), or train again",
        )

    def _state(self, folder: Path) -> dict[str, Tensor]:
        from safetensors.torch import load_file

        try:
            return load_file(folder / self.weights)
        except (OSError, ValueError, SafetensorError) as error:
            raise self.broken(folder, " ".join(str(error).split())[:_FIRST]) from None


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write a sealed card: the last of a checkpoint's files."""
    (folder / CARD).write_text(json.dumps(card, indent=2, sort_keys=True), encoding="utf-8")
