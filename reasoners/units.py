"""Whom a model was trained on: what its card keeps of them, and who is among them (`affidavit/unit_keys.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from affidavit.splits import SplitBy
from affidavit.unit_keys import unit_key, unit_keys
from affidavit.utterances import Utterance


def units_card(
    parts: Mapping[str, Sequence[str]],
    groups: Mapping[str, Sequence[Utterance]],
    split_by: SplitBy,
    training_digest: str,
) -> dict[str, dict[str, list[str]]]:
    """Return what a card keeps of whom each part of a split holds: keys of the groups, under `units`.

    A split by dialogue keeps under `speakers` also the units of these dialogues: held out is the dialogue, and who
    speaks in it may still have been trained on. Who speaks and is not the unit, such as a clinician, stands under
    `voices`: they may withdraw as well.
    """
    card = {"units": unit_keys(parts, training_digest)}
    if split_by == "dialogue":
        speakers = {
            part: sorted({turn.unit for name in names for turn in groups[name]}) for part, names in parts.items()
        }
        card["speakers"] = unit_keys(speakers, training_digest)
    voices = {
        part: sorted({t.speaker_id for name in names for t in groups[name] if t.speaker_id not in (None, t.unit)})
        for part, names in parts.items()
    }
    if any(voices.values()):
        card["voices"] = unit_keys(voices, training_digest)
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
