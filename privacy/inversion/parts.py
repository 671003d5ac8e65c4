"""What each part of a model gives away where it alone is trained: the update of one turn, as it is.

A hospital chooses which parts a round trains. Of each part there are told: its share of the gradient; whether the
label and the words are read off it; and whose turn it was, from the states that entered its layers (of those that one
state of a turn enters: read off without a search, and held against the same readings of others' turns).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from privacy.inversion.fidelity import nearest_unit
from privacy.inversion.knowledge import Knowledge
from privacy.inversion.labels import recovered_labels
from privacy.inversion.layers import Seat, rank, seats, state
from privacy.inversion.targets import Shown, Targets
from privacy.inversion.updates import norm_of
from privacy.inversion.victims import trained, turns_victim
from privacy.inversion.words import share_of, words_of

FloatArray = NDArray[np.float64]
EVERYTHING: Final = "all that is trained"
_FLAT: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """A part of the model, and what updates of it alone tell of n targets; what cannot be told is absent."""

    name: str
    n_parameters: int
    told: Mapping[str, FloatArray]
    """By what is told, [n]: `gradient_share`, `label_recovered`, `word_recall`, `state_match_rate`"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Reading:
    """What is read off the update of one turn, which is then forgotten."""

    shown: Shown
    squares: FloatArray
    """[parameters], of their gradients' norms"""
    label: int | None
    words: frozenset[int] | None
    states: Mapping[str, FloatArray]
    """By layer"""


def parts_of(targets: Targets, known: Knowledge) -> list[Part]:
    """Return all that is trained, and each part of it that the model names."""
    turn = targets.shown[0].turn
    named = trained(turn)
    single = _single(targets, seats(turn.module, [value for _, value in named]))
    own = [_read(targets, known, one, single) for one in targets.shown]
    others = [_read(targets, known, one, single) for one in targets.gallery]
    made = []
    for name in (EVERYTHING, *turn.layers):
        places = [i for i, (of, _) in enumerate(named) if name == EVERYTHING or of.startswith(f"{name}.")]
        if not places:
            continue
        told = {"gradient_share": np.array([one.squares[places].sum() / max(one.squares.sum(), 1e-300) for one in own])}
        if known.bias in places:
            told["label_recovered"] = np.array([float(one.label == one.shown.label) for one in own])
        if known.embedding in places:
            told["word_recall"] = np.array(
                [share_of(one.words or frozenset(), words_of(one.shown.turn)) for one in own]
            )
        inside = [seat for seat in single if seat.weight in places and seat.bias in places]
        if inside:
            told["state_match_rate"] = _recognised(own, others, [seat.name for seat in inside])
        made.append(Part(name=name, n_parameters=sum(named[i][1].numel() for i in places), told=told))
    return made


def _single(targets: Targets, found: Sequence[Seat]) -> list[Seat]:
    """Return the layers that one state of a turn enters."""
    for one in targets.gallery[:2]:
        update = turns_victim([one.turn], targets.input).sent([one.feature.values], [one.label])
        found = [seat for seat in found if rank(update, seat) == 1]
    return list(found)


def _read(targets: Targets, known: Knowledge, one: Shown, single: Sequence[Seat]) -> _Reading:
    update = turns_victim([one.turn], targets.input).sent([one.feature.values], [one.label])
    label, words = None, None
    if known.bias is not None:
        (label,) = recovered_labels(np.asarray(update[known.bias].double().cpu().numpy()), 1)
    if known.embedding is not None:
        words = frozenset((update[known.embedding] != 0).any(dim=1).nonzero().flatten().tolist())
    return _Reading(
        shown=one,
        squares=np.array([norm_of([part]) ** 2 for part in update]),
        label=label,
        words=words,
        states={seat.name: state(update, seat).cpu().numpy() for seat in single},
    )


def _recognised(own: Sequence[_Reading], others: Sequence[_Reading], layers: Sequence[str]) -> FloatArray:
    """Return whether each target's states are nearest to another turn's of its unit, each place by its own spread."""
    found, gallery = (
        np.stack([np.concatenate([one.states[name] for name in layers]) for one in of]) for of in (own, others)
    )
    spread = gallery.std(axis=0)
    spread = np.where(spread > _FLAT * max(1.0, float(np.abs(gallery).max())), spread, np.inf)
    units = [one.shown.unit for one in others]
    told = [nearest_unit(row, gallery / spread, units) for row in found / spread]
    return np.array([float(unit == one.shown.unit) for unit, one in zip(told, own, strict=True)])
