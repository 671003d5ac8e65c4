"""Whom a model was trained on, as keyed digests in its card: enough to recognise a unit, slow to turn back into names.

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
_DIGEST: Final = "training_digest"
_PARTS: Final = ("units", "speakers", "voices")


@lru_cache(maxsize=100_000)
def unit_key(name: str, training_digest: str) -> str:
    """Return what stands for a unit or dialogue in a card: scrypt, salted with the training's digest, 128 bits."""
    return hashlib.scrypt(name.encode(), salt=training_digest.encode(), n=_COST, r=8, p=1, dklen=16).hex()


def unit_keys(parts: Mapping[str, Sequence[str]], training_digest: str) -> dict[str, list[str]]:
    """Return the keys of each part of a split, sorted, so that their order tells nothing."""
    return {part: sorted(unit_key(name, training_digest) for name in names) for part, names in parts.items()}


def was_trained_on(card: Mapping[str, Any], name: str) -> bool | None:
    """Say whether a unit trained a model, or told it when to stop; None where the card does not say whom it met.

    A model that was split by dialogue keeps its speakers beside its dialogues, and one whose units are not its speakers
    (a clinician's turns in a patient's dialogue) keeps their voices: all are looked at.
    """
    parts = [card[part] for part in _PARTS if isinstance(card.get(part), Mapping)]
    keys = {key for part in parts for named, keys in part.items() if named != "held_out" for key in keys}
    if not keys or not isinstance(card.get(_DIGEST), str):
        return _started_with(card, name)
    return unit_key(name, card[_DIGEST]) in keys or bool(_started_with(card, name))


def _started_with(card: Mapping[str, Any], name: str) -> bool | None:
    """Say whether the model that it started from met a unit; None where nothing is said of one."""
    started = card.get("started_from")
    return was_trained_on(started, name) if isinstance(started, Mapping) else None
