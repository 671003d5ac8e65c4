"""What a site answered in a round, kept on its own disk: asked again, it says the same and pays nothing more.

An answer is as much the patients' as the update that left. It is kept until the next round is answered, and no longer.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Final

import numpy as np

from federated.private_files import private_file
from federated.updates.layout import Layout
from federated.updates.local import LocalUpdate, RoundOrder, UpdateFacts

ANSWER: Final = "answer.npz"


class Answers:
    """The last answer of a site."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ANSWER

    def to(self, order: RoundOrder, layout: Layout) -> LocalUpdate | None:
        """Return what was answered in this round of this run, under whatever attempt; None where nothing was.

        What cannot be read is none: the site then trains again, and pays again.
        """
        try:
            with np.load(self._path, allow_pickle=False) as file:
                about = json.loads(file["about"].tobytes())
                update = file["update"]
                if about["order"] != _key(order) or update.shape != (layout.size,):
                    return None
                return LocalUpdate(update=update, facts=UpdateFacts.model_validate(about["facts"]))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def keep(self, order: RoundOrder, answer: LocalUpdate) -> None:
        """Keep an answer, whole or not at all, before it leaves; the one before goes."""
        about = {"order": _key(order), "facts": answer.facts.model_dump(mode="json")}
        with private_file(self._path) as file:
            np.savez(file, about=np.frombuffer(json.dumps(about).encode(), np.uint8), update=answer.update)

    def forget(self) -> None:
        """Remove the last answer: the run is over, or a patient of it withdrew."""
        self._path.unlink(missing_ok=True)


def _key(order: RoundOrder) -> list[object]:
    return [order.run, order.round, order.layout, order.proximal, order.loss_wanted]
