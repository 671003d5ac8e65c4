"""Whom a model was trained on, as keyed digests, in the form that judging reads from a checkpoint's card.

A card that names members, however slowly, is outside what an epsilon covers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from affidavit.unit_keys import unit_key


def unit_keys(parts: Mapping[str, Sequence[str]], training_digest: str) -> dict[str, list[str]]:
    """Return the keys of each part of a split, sorted, so that their order tells nothing."""
    return {part: sorted(unit_key(name, training_digest) for name in names) for part, names in parts.items()}
