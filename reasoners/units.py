"""Whom a model was trained on, as keyed digests: enough to refuse judging them, and slow to turn back into names.

Slow, not impossible: whoever holds the card and can guess how a hospital numbers its patients can try each number, at
some milliseconds a guess. A card is as internal as the list that it stands for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

_COST: Final = 2**11
"""scrypt's work factor: about 4 ms and 2 MiB a name."""


@lru_cache(maxsize=100_000)
def unit_key(name: str, training_digest: str) -> str:
    """Return what stands for a unit or dialogue in a card: scrypt, salted with the training's digest, 128 bits."""
    return hashlib.scrypt(name.encode(), salt=training_digest.encode(), n=_COST, r=8, p=1, dklen=16).hex()


def unit_keys(parts: Mapping[str, Sequence[str]], training_digest: str) -> dict[str, list[str]]:
    """Return the keys of each part of a split, sorted, so that their order tells nothing."""
    return {part: sorted(unit_key(name, training_digest) for name in names) for part, names in parts.items()}


def seen_by(card: Mapping[str, Any]) -> Seen:
    """Return whom a checkpoint's card knows."""
    units = card.get("units", {})
    return Seen(card.get("training_digest", ""), frozenset((*units.get("train", ()), *units.get("development", ()))))


class Seen:
    """The units and dialogues that trained a model or told it when to stop."""

    def __init__(self, training_digest: str, keys: frozenset[str]) -> None:
        self._digest, self._keys = training_digest, keys

    def __contains__(self, name: str) -> bool:
        """Say whether a unit or dialogue is among them."""
        return bool(self._keys) and unit_key(name, self._digest) in self._keys
