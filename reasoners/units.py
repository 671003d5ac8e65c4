"""Whom a model was trained on, as keyed digests: enough to refuse judging them, and slow to turn back into names.

Slow, not impossible: whoever holds the card and can guess how a hospital numbers its patients can try each number, at
some milliseconds a guess. A card is as internal as the list that it stands for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from affidavit.splits import SplitBy
from affidavit.utterances import Utterance

_COST: Final = 2**11
"""scrypt's work factor: about 4 ms and 2 MiB a name."""


@lru_cache(maxsize=100_000)
def unit_key(name: str, training_digest: str) -> str:
    """Return what stands for a unit or dialogue in a card: scrypt, salted with the training's digest, 128 bits."""
    return hashlib.scrypt(name.encode(), salt=training_digest.encode(), n=_COST, r=8, p=1, dklen=16).hex()


def unit_keys(parts: Mapping[str, Sequence[str]], training_digest: str) -> dict[str, list[str]]:
    """Return the keys of each part of a split, sorted, so that their order tells nothing."""
    return {part: sorted(unit_key(name, training_digest) for name in names) for part, names in parts.items()}


def units_card(
    parts: Mapping[str, Sequence[str]],
    groups: Mapping[str, Sequence[Utterance]],
    split_by: SplitBy,
    training_digest: str,
) -> dict[str, dict[str, list[str]]]:
    """Return what a card keeps of whom each part of a split holds: keys of the groups, under `units`.

    A split by dialogue keeps under `speakers` also the units of these dialogues: held out is the dialogue, and who
    speaks in it may still have been trained on.
    """
    card = {"units": unit_keys(parts, training_digest)}
    if split_by == "dialogue":
        speakers = {
            part: sorted({turn.unit for name in names for turn in groups[name]}) for part, names in parts.items()
        }
        card["speakers"] = unit_keys(speakers, training_digest)
    return card


def seen_by(card: Mapping[str, Any]) -> Seen:
    """Return whom a checkpoint's card knows: units, or dialogues where it was split by dialogue."""
    return _seen(card, "units")


def speakers_seen_by(card: Mapping[str, Any]) -> Seen:
    """Return the units that a model split by dialogue was trained on, though some of their dialogues were held out."""
    return _seen(card, "speakers")


def _seen(card: Mapping[str, Any], kind: str) -> Seen:
    keys = card.get(kind, {})
    return Seen(card.get("training_digest", ""), frozenset((*keys.get("train", ()), *keys.get("development", ()))))


class Seen:
    """The units or dialogues that trained a model or told it when to stop."""

    def __init__(self, training_digest: str, keys: frozenset[str]) -> None:
        self._digest, self._keys = training_digest, keys

    def __contains__(self, name: str) -> bool:
        """Say whether a unit or dialogue is among them."""
        return bool(self._keys) and unit_key(name, self._digest) in self._keys

    def __rand__(self, names: frozenset[str]) -> frozenset[str]:
        """Return those of the names that are among them."""
        return frozenset(name for name in names if name in self)

    def __len__(self) -> int:
        """Return how many are known."""
        return len(self._keys)
