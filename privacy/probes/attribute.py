"""How well an attribute of units is told from one source: a linear and a nonlinear probe, beside dealt labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray
from privacy.probes import linear, nonlinear
from privacy.probes.panel import Panel

IntArray = NDArray[np.int64]
Probe = Literal["linear", "nonlinear"]
Given = Literal["one utterance", "all utterances of the unit"]
_TOGETHER: Final = 2**22
"""Scores that are held at once."""
CONTROLS: Final = 3
"""Control tasks of the nonlinear probe, which has to be fitted anew for each."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """What one probe told of a panel."""

    probe: Probe
    given: Given
    guessed: IntArray
    """[N] of rows, or [U] of units, by `given`"""
    chance: FloatArray
    """Balanced accuracies with labels dealt anew, [B]"""
    spread: float
    """How much the balanced accuracy varies where there is nothing to tell."""


def linear_told(rows: FloatArray, panel: Panel) -> tuple[Told, Told]:
    """Return what the linear probe tells from one utterance, and from all of a unit's, of rows [N, R]."""
    n_classes = len(panel.levels)
    spoken = linear.scores(rows, panel.member, panel.group[None], n_classes=n_classes, fold=panel.fold)
    guessed = (spoken.argmax(axis=2)[0], _by_unit(spoken, panel).argmax(axis=2)[0])
    step = max(1, _TOGETHER // (len(rows) * n_classes))
    parts = [_by_chance(rows, panel, panel.dealt[i : i + step]) for i in range(0, len(panel.dealt), step)]
    single, whole = np.concatenate(parts, axis=1)
    return (
        _linear(guessed[0], single, given="one utterance"),
        _linear(guessed[1], whole, given="all utterances of the unit"),
    )


def _by_chance(rows: FloatArray, panel: Panel, dealt: IntArray) -> FloatArray:
    """Return balanced accuracies [2, b] from one utterance and from all of a unit's, of labels dealt anew [b, U]."""
    n_classes = len(panel.levels)
    spoken = linear.scores(rows, panel.member, dealt, n_classes=n_classes, fold=panel.fold)
    single = linear.balanced_accuracy(spoken.argmax(axis=2), dealt[:, panel.member], n_classes=n_classes)
    whole = linear.balanced_accuracy(_by_unit(spoken, panel).argmax(axis=2), dealt, n_classes=n_classes)
    return np.stack([single, whole])


def _linear(guessed: IntArray, chance: FloatArray, *, given: Given) -> Told:
    return Told(probe="linear", given=given, guessed=guessed, chance=chance, spread=float(chance.std()))


def nonlinear_told(rows: FloatArray, panel: Panel, *, hidden: int, spread: float, seed: int) -> Told:
    """Return what the nonlinear probe tells from one utterance; its control tasks are few, so `spread` is another's."""
    n_classes, found = len(panel.levels), []
    for classes in (panel.group, *panel.dealt[:CONTROLS]):
        told = nonlinear.scores(
            rows,
            classes[panel.member],
            n_classes=n_classes,
            fold=panel.fold[panel.member],
            hidden=hidden,
            rng=np.random.default_rng(seed),
        )
        found.append(told.argmax(axis=1))
    dealt = panel.dealt[:CONTROLS, panel.member]
    return Told(
        probe="nonlinear",
        given="one utterance",
        guessed=found[0],
        chance=linear.balanced_accuracy(np.stack(found[1:]), dealt, n_classes=n_classes),
        spread=spread,
    )


def _by_unit(spoken: FloatArray, panel: Panel) -> FloatArray:
    """Return the sum of scores over the rows of each unit, [B, U, C]; each has as many."""
    order = np.argsort(panel.member, kind="stable")
    shape = (len(spoken), len(panel.unit), panel.size, spoken.shape[2])
    return np.asarray(spoken[:, order].reshape(shape).sum(axis=2))


def unit_sums(guessed: IntArray, panel: Panel, given: Given) -> FloatArray:
    """Return class sums of each unit, [U, 3C]: told right, true, told."""
    eye = np.eye(len(panel.levels))
    member = panel.member if given == "one utterance" else np.arange(len(panel.unit))
    true, told = eye[panel.group[member]], eye[guessed]
    sums = np.zeros((len(panel.unit), 3 * len(panel.levels)))
    np.add.at(sums, member, np.concatenate([true * told, true, told], axis=1))
    return sums
