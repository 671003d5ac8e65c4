"""The ledgers of a model that a plan trained: those that its card names, which lie beside its checkpoint."""

from __future__ import annotations

from pathlib import Path

from affidavit.case import TrainedOn


def ledgers_beside(trained: TrainedOn | None) -> tuple[Path, ...]:
    """Return the ledgers that a model's card names, one for each site; none where it names none, or nobody trained it.

    A card names them by where they lie from the folder of the checkpoint's own, several with commas between them.
    """
    told = None if trained is None else trained.card.get("privacy")
    named = told.get("ledger") if isinstance(told, dict) else None
    if trained is None or trained.folder is None or not isinstance(named, str):
        return ()
    return tuple(trained.folder.parent / name for name in named.split(", ") if name)
