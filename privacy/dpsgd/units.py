"""Who is protected, and what of theirs one step may see."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from affidavit.corpus import Corpus
from affidavit.seeds import seed_of
from affidavit.splits import labelled, rows, split
from affidavit.utterances import Utterance
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.randomness import Source

Row = tuple[Utterance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedUnit:
    """A patient or an utterance, cut into pieces of which a step sees one."""

    pieces: tuple[Row, ...]

    def drawn(self, source: Source) -> Row:
        """Return one piece, each as likely as another; whoever else is in the step does not matter."""
        return self.pieces[0] if len(self.pieces) == 1 else self.pieces[source.below(len(self.pieces))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The patients who are trained on and those who are held out, and the units that are protected."""

    groups: Mapping[str, Row]
    """Patients with something to learn from, by name."""
    train: tuple[str, ...]
    held_out: tuple[str, ...]
    units: tuple[ProtectedUnit, ...]
    development: tuple[str, ...] = ()
    """Patients set apart, on whom a search scores its trials."""
    scored: tuple[ProtectedUnit, ...] = ()
    """Units whose losses tell a search how good a trial is; the trained ones, where nobody is set apart."""

    @property
    def n_protected(self) -> int:
        """How many units the promise is for: those who are trained on, and those who are scored on beside them."""
        return len(self.units) + (len(self.scored) if self.development else 0)

    @property
    def turns(self) -> list[Utterance]:
        """Every turn that a step or a score may see."""
        units = {id(unit): unit for unit in (*self.units, *self.scored)}.values()
        return [turn for unit in units for piece in unit.pieces for turn in piece]

    @property
    def voices(self) -> list[str]:
        """Whoever speaks in those turns and is not the patient who is protected: clinicians, relatives."""
        return sorted({turn.speaker_id for turn in self.turns if turn.speaker_id not in (None, turn.unit)} - {None})

    def probes(self, options: PrivateOptions) -> list[Row]:
        """Return pieces to try the model on: of held-out patients where there are any, so that no trained one is met.

        All that leaves the trial is whether the model may be trained.
        """
        if not self.held_out:
            return [unit.pieces[0] for unit in self.units]
        return [piece for name in self.held_out for unit in _units(self.groups[name], options) for piece in unit.pieces]


def parts_of(corpus: Corpus, options: PrivateOptions) -> Parts:
    """Return whom a corpus has to train on and to hold out: the patients that the trainer `supervised` holds out.

    Raises:
        PlanError: a label outside the label space, nothing to learn from, or a split that leaves a part empty.
    """
    groups = labelled(corpus)
    shares = {"held_out": options.held_out} if options.held_out else {}
    if options.search is not None and options.search.score_on == "development":
        shares["development"] = options.search.development
    parts = split(sorted(groups), shares, seed=seed_of(options.split_seed, "split"))
    units = [unit for name in parts["train"] for unit in _units(groups[name], options)]
    development = parts.get("development", ())
    scored = [unit for name in development for unit in _units(groups[name], options)] or units
    return Parts(
        groups=groups,
        train=parts["train"],
        held_out=parts.get("held_out", ()),
        units=tuple(units),
        development=development,
        scored=tuple(scored) if options.search is not None else (),
    )


def stated_units(options: PrivateOptions, parts: Parts) -> int | None:
    """Return a number that there are no more protected units than, for the ledger: declared, or told by the division.

    With a declared number of trained units and a search that sets others apart, it is what the shares make of it; None
    where there turn out to be more.
    """
    if options.expected_units is None:
        return parts.n_protected
    if options.search is None or not parts.development:
        return options.expected_units
    trained_share = 1 - options.held_out - options.search.development
    stated = math.ceil(options.expected_units / trained_share - 1e-9) + 1  # parts are rounded
    return stated if parts.n_protected <= stated else None


def pieces(turns: Sequence[Utterance], *, max_turns: int) -> tuple[Row, ...]:
    """Return a patient's turns in pieces of at most so many, dialogues whole where they fit; each has a label in it."""
    cut = [row[at : at + max_turns] for row in rows(turns, max_turns=max_turns) for at in range(0, len(row), max_turns)]
    return tuple(piece for piece in cut if any(turn.label is not None for turn in piece))


def _units(turns: Row, options: PrivateOptions) -> list[ProtectedUnit]:
    if options.unit == "patient":
        return [ProtectedUnit(pieces=pieces(turns, max_turns=options.max_turns_per_patient))]
    return [ProtectedUnit(pieces=((turn,),)) for turn in turns if turn.label is not None]
