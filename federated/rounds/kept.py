"""What the server keeps after each round, so that it goes on from there with the same bytes."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import TypeAdapter

from affidavit.errors import CheckpointError
from affidavit.files import replacing
from federated.rounds.events import RoundClosed, RoundLost
from federated.strategies.additive import Moments
from federated.updates.layout import Vector

STATE: Final = ".training-rounds.npz"
_LAST: Final[TypeAdapter[RoundClosed | RoundLost | None]] = TypeAdapter(RoundClosed | RoundLost | None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The server after a round."""

    run: str
    rounds_done: int
    """How many happened."""
    model: Vector
    moments: Moments | None
    left: tuple[str, ...]
    """Sites that took their leave."""
    lost: tuple[int, ...] = ()
    """Numbers of rounds that did not happen and cannot be asked for again."""
    last: RoundClosed | RoundLost | None = None
    """What is written down of the last of them, after it was kept."""

    @property
    def number(self) -> int:
        """The number of the last round, which happened or was lost."""
        return self.rounds_done + len(self.lost)


def keep(path: Path, kept: Kept) -> None:
    """Write the state, whole or not at all."""
    arrays: dict[str, Any] = {"model": kept.model}
    if kept.moments is not None:
        arrays |= {"first": kept.moments.first, "second": kept.moments.second}
    facts = {
        "run": kept.run,
        "rounds_done": kept.rounds_done,
        "left": kept.left,
        "lost": kept.lost,
        "last": None if kept.last is None else kept.last.model_dump(mode="json"),
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, facts=np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8), **arrays)
        file.flush()
        os.fsync(file.fileno())


def read_kept(path: Path, *, run: str) -> Kept | None:
    """Return the state of this run, None where there is none or another run left it.

    Raises:
        CheckpointError: there is one, and it cannot be read.
    """
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path):  # NumPy reads an array without an archive as well, and that is no state
            pass
        with np.load(path, allow_pickle=False) as file:
            facts = json.loads(file["facts"].tobytes())
            moments = Moments(first=file["first"], second=file["second"]) if "first" in file else None
            kept = Kept(
                run=facts["run"],
                rounds_done=int(facts["rounds_done"]),
                model=file["model"],
                moments=moments,
                left=tuple(facts["left"]),
                lost=tuple(facts["lost"]),
                last=_LAST.validate_python(facts.get("last")),
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            "the state of the rounds cannot be read",
            slug="checkpoint-invalid",
            where=str(path),
            found=type(error).__name__,
            remedy="remove it to begin with the first round; each site's ledger still counts what it spent",
        ) from error
    return kept if kept.run == run else None
