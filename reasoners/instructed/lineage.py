"""Where a model comes from: its own training, that of the model it started from, and so on; whom any of them met.

A card keeps of each former training what tells its people apart (keyed digests and their salt), so whoever trained a
model's ancestors counts as met by the model too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reasoners.units import seen_by, speakers_seen_by

STARTED: Final = "started_from"
"""In a card: what a model started from, as `former` writes it."""
_KEPT: Final = ("corpus", "trainer", "training_digest", "units", "speakers", "voices", "privacy")


def former(card: Mapping[str, Any], *, digest: str) -> dict[str, Any]:
    """Return what the card of a new model says of the checkpoint that it starts from."""
    split_by = card.get("options", {}).get("split_by")
    return {
        "digest": digest,
        **{name: card[name] for name in _KEPT if name in card},
        **({} if split_by is None else {"options": {"split_by": split_by}}),
        **({STARTED: card[STARTED]} if STARTED in card else {}),
    }


def trainings(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a card and those of the trainings before it, the latest first."""
    found = [card]
    while STARTED in found[-1]:
        found.append(found[-1][STARTED])
    return found


def met(card: Mapping[str, Any], units: frozenset[str]) -> frozenset[str]:
    """Return the units that a model or any that it comes from was trained on; a look costs milliseconds a training."""
    found = frozenset[str]()
    for own in trainings(card):
        found |= (units & seen_by(own)) | (units & speakers_seen_by(own))
    return found
