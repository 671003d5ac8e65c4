"""Which models met a unit, by the keyed digests of their cards, and what their ledger promised then.

A model that met somebody does not forget them by being told so: it can be removed, or kept under the epsilon that it
was trained with, and nothing here calls that unlearning.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from affidavit.cache import cache_folder
from affidavit.texts import plain_label
from affidavit.training import CARD, read_card
from affidavit.unit_keys import was_trained_on
from privacy.withdrawal.holdings import Holding

TRAINED: Final = "trained"
"""The part of the cache in which a plan without `out` keeps its models."""
_DIGITS: Final = 16
_STATES: Final = ".training*"
"""What trainers call the states that they go on from."""
_UNFINISHED: Final = ".seed-*"
"""What a checkpoint is called until it is whole, and a former one until it is gone."""
_LEDGERS: Final = "*.jsonl"
_WHOLE: Final = frozenset({"patient", "speaker"})
"""Units of privacy that hold all that somebody lent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """A model, and whether it met the unit."""

    folder: Path
    met: bool | None
    """None where its card does not say whom it was trained on."""
    named: str
    """What tells this model from others, in words."""
    promise: str
    """Its epsilon, in words."""
    ledger: tuple[Path, str] | None = None
    """Its ledger and the site there, where it has one."""

    def remove(self) -> list[Path]:
        """Remove its folder; return it where it holds more than a checkpoint, or could not be removed."""
        others = any(file.parent != self.folder for file in self.folder.rglob(CARD))
        others = others or any(self.folder.rglob(_LEDGERS))  # ledgers lose nothing
        if others or os.path.ismount(self.folder) or Path.cwd().is_relative_to(self.folder):
            return [self.folder]
        return Holding(what="a model", paths=(self.folder,)).remove()

    def told(self) -> str:
        """Return it as a line."""
        return f"{self.named}, {self.promise}\n             {self.folder}"


def models_below(folders: Iterable[Path], unit: str) -> tuple[Met, ...]:
    """Return the models in these folders and in the cache that met a unit, or may have."""
    found: dict[Path, Met] = {}
    for folder in searched(folders):
        for file in sorted(folder.rglob(CARD)):
            place = file.parent.resolve()
            card = read_card(place) or {}
            met = _met(card, unit)
            if met is not False:
                found[place] = Met(
                    folder=place, met=met, named=_named(card), promise=promise_of(card), ledger=_ledger(card, place)
                )
    return tuple(found.values())


def interrupted(folders: Iterable[Path]) -> tuple[Holding, ...]:
    """Return what interrupted trainings left in these folders, which does not say whom it met."""
    what = "the state of an interrupted training, which does not say whom it met"
    patterns = (_STATES, _UNFINISHED)
    states = [place for folder in folders for pattern in patterns for place in sorted(folder.rglob(pattern))]
    return tuple(Holding(what=what, paths=(place,)) for place in dict.fromkeys(states))


def promise_of(card: Mapping[str, Any]) -> str:
    """Return the epsilon of a model in words; one without a ledger has none."""
    told = card.get("privacy")
    if not isinstance(told, Mapping):
        return "no epsilon: trained without differential privacy"
    epsilon, delta, unit = told.get("epsilon"), told.get("delta"), told.get("unit", "unit that its card does not name")
    if epsilon is None:
        return f"no epsilon: {told.get('why_no_epsilon', 'its card states none')}"
    ledger = told.get("ledger")
    if not ledger:
        return f"epsilon {epsilon} stated, without a ledger"
    bound = "" if delta is None else f" at delta {delta:g}"
    beyond = "" if unit in _WHOLE else "; who has several is promised less"
    return f"epsilon {epsilon:.4g}{bound} for each {unit}{beyond} (ledger {ledger})"


def _ledger(card: Mapping[str, Any], place: Path) -> tuple[Path, str] | None:
    """Return the ledger beside a checkpoint, as the trainer left it there."""
    told = card.get("privacy")
    name = told.get("ledger") if isinstance(told, Mapping) else None
    if not isinstance(told, Mapping) or not isinstance(name, str):
        return None
    path = place.parent / name
    return (path, str(told.get("site", ""))) if path.is_file() else None


def searched(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Return where models are looked for: these folders, and that of the cache."""
    kept = cache_folder(TRAINED)
    every = [*folders, *([] if kept is None else [kept])]
    return tuple(dict.fromkeys(folder.resolve() for folder in every))


def _met(card: Mapping[str, Any], unit: str) -> bool | None:
    """Say whether a card names a unit as it was typed, as tables read it, or as a corpus may have written it."""
    plain = plain_label(unit)
    written = (unit, plain, unicodedata.normalize("NFD", plain), f"{plain}.0")
    answers = [was_trained_on(card, name) for name in dict.fromkeys(written)]
    return None if None in answers else any(answers)


def _named(card: Mapping[str, Any]) -> str:
    digest = str(card.get("weights_digest") or card.get("training_digest") or "").removeprefix("sha256:")
    return f"model {digest[:_DIGITS]}" if digest else "a model whose card cannot be read"
