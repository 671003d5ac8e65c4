"""Whom a model was trained on, as keyed digests: enough to refuse judging them, not enough to name them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any


def unit_key(name: str, training_digest: str) -> str:
    """Return the keyed digest (HMAC-SHA-256, 128 bits) that stands for a unit or dialogue in a card."""
    return hmac.new(training_digest.encode(), name.encode(), hashlib.sha256).hexdigest()[:32]


def unit_keys(parts: Mapping[str, Sequence[str]], training_digest: str) -> dict[str, list[str]]:
    """Return the keys of each part of a split, sorted, so that their order tells nothing."""
    return {part: sorted(unit_key(name, training_digest) for name in names) for part, names in parts.items()}


def was_seen(name: str, card: Mapping[str, Any]) -> bool:
    """Say whether a unit or dialogue trained the model or told it when to stop."""
    units = card.get("units", {})
    return unit_key(name, card.get("training_digest", "")) in {*units.get("train", ()), *units.get("development", ())}
