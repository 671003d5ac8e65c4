"""What the card of a trained model says of its privacy: the part `privacy`, which a private trainer leaves there.

A card without that part, and whose options speak of no epsilon and no noise, is that of a model that was not trained
privately; an empty card says nothing, and is no card. Nothing is taken on trust where it can be held against something
else: a plan's word about an epsilon is held against the card, and a card without a ledger, or one whose noise was
simulated, promises nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from affidavit.case import Case
from affidavit.errors import InputError
from affidavit.unit_keys import was_trained_on

PRIVACY: Final = "privacy"
"""The name of the part."""
STARTED: Final = "started_from"
"""The part on the model that training began with: a card in short."""
_SPEAK_OF_PRIVACY: Final = ("epsilon", "delta", "noise_multiplier")
"""Options that only private training has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """How one model was trained, as far as its price is concerned."""

    seed: int | None = None
    private: bool = False
    target: float | None = None
    """The epsilon that was asked for, which names the model's arm; the accounted one where nobody asked."""
    accounted: float | None = None
    """The epsilon that the ledger gives."""
    delta: float | None = None
    unit: str | None = None
    """Who is protected: `patient` or `utterance`."""
    clip_norm: float | None = None
    """The last one, where it is adaptive."""
    noise_multiplier: float | None = None
    max_turns: int | None = None
    """Turns of a patient that one step takes in."""
    sampler: str | None = None
    accountant: str | None = None
    neighbours: str | None = None
    ledger: str | None = None
    simulated: bool = False
    told: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The whole card, as it was read."""

    @property
    def options(self) -> Mapping[str, Any]:
        """What training was asked for."""
        return _mapping(self.told.get("options"))

    @property
    def start(self) -> Mapping[str, Any]:
        """The card in short of the model that training began with; empty where it began anew."""
        return _mapping(self.told.get(STARTED))

    def knows(self, name: str) -> bool | None:
        """Return whether the model, or one that it began with, was trained on a patient; None where nobody says.

        Patients whom training held out are not known. A look costs some milliseconds for each model.
        """
        answers, told = [was_trained_on(self.told, name)], self.start
        while told:
            answers.append(was_trained_on(told, name))
            told = _mapping(told.get(STARTED))
        return True if True in answers else None if None in answers else False


def read_card(told: Mapping[str, Any]) -> Card:
    """Return what a card says; parts that it lacks or spells as nothing known are None."""
    options, seed, part = _mapping(told.get("options")), _whole(told.get("seed")), told.get(PRIVACY)
    if not part and all(options.get(name) is None for name in _SPEAK_OF_PRIVACY):
        return Card(seed=seed, max_turns=_count(options.get("max_turns")), told=told)
    privacy = _mapping(part)
    accounted = _number(privacy.get("epsilon"))
    asked = _number(options.get("epsilon"))
    clip = _number(privacy.get("last_clip_norm")) or _number(privacy.get("clip_norm"))
    turns = _count(privacy.get("max_turns"))
    return Card(
        seed=seed,
        private=True,
        target=accounted if asked is None else asked,
        accounted=accounted,
        delta=_number(privacy.get("delta"), least=0.0),
        unit=_text(privacy.get("unit")),
        clip_norm=_number(options.get("clip_norm")) if clip is None else clip,
        noise_multiplier=_number(privacy.get("noise_multiplier")),
        max_turns=_count(options.get("max_turns_per_patient")) if turns is None else turns,
        sampler=_text(privacy.get("sampler")),
        accountant=_text(privacy.get("accountant")),
        neighbours=_text(privacy.get("neighbours")),
        ledger=_text(privacy.get("ledger")),
        simulated=privacy.get("simulated") is True,
        told=told,
    )


def cards_of(case: Case, path: str | None) -> dict[str, Card]:
    """Return the cards of the runs: those of models that the plan trained, and those in a file, by run.

    Raises:
        InputError: the file is not there, or holds no cards by run.
    """
    told = {} if path is None else _read_file(case.folder / path)
    for run in case.runs:
        trained = case.trained_on.get(run)
        if trained is not None and trained.card:
            told[run] = trained.card
    return {run: read_card(card) for run, card in told.items() if card and run in case.runs}


def _read_file(path: Path) -> dict[str, Mapping[str, Any]]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _unreadable(path, "file-not-found", "there is no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, "file-unreadable", str(error).splitlines()[0]) from None
    if not isinstance(told, dict) or not all(isinstance(card, dict) for card in told.values()):
        raise _unreadable(path, "file-unreadable", "not an object with one card a run")
    return told


def _unreadable(path: Path, slug: str, found: str) -> InputError:
    return InputError(
        "the cards of the models cannot be read",
        slug=slug,
        where=path.name,
        found=found,
        allowed='JSON such as {"private-1-0": {...the card.json of that run\'s model...}}',
        remedy="correct the option `cards`, or ask whoever trained the models for their card.json",
    )


def _mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - what somebody wrote
    return value if isinstance(value, Mapping) else {}


def _number(value: Any, *, least: float | None = None) -> float | None:  # noqa: ANN401
    """Return a finite number above 0, or from `least` on."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not value < float("inf"):
        return None
    return float(value) if value > 0 or (least is not None and value >= least) else None


def _whole(value: Any) -> int | None:  # noqa: ANN401
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _count(value: Any) -> int | None:  # noqa: ANN401
    whole = _whole(value)
    return whole if whole is not None and whole > 0 else None


def _text(value: Any) -> str | None:  # noqa: ANN401
    return value if isinstance(value, str) and value else None
