"""Whose inputs are to be found out, and the gallery of other turns that findings are matched with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.attributable import Attributable, AttributableTurn, Features
from affidavit.errors import InputError, PlanError
from affidavit.live import Live
from affidavit.splits import dialogues
from privacy.inversion.attack import Prior
from privacy.inversion.fidelity import nearest_unit
from privacy.probes.roster import Roster
from privacy.probes.states import pooled

FloatArray = NDArray[np.float64]
Tensor = Any
_FLAT: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """One turn, opened."""

    unit: int
    label: int
    turn: AttributableTurn
    feature: Features

    @property
    def value(self) -> FloatArray:
        """The input as it was taken in, `[...]`."""
        return plain(self.feature.values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Targets:
    """One turn of each unit, in the order of units, and other turns of the same units."""

    shown: Sequence[Shown]
    gallery: Sequence[Shown]
    failed: Counter[str]
    """Turns that could not be opened, or have no label or no such input, by reason."""

    @property
    def input(self) -> str:
        """The name of the input."""
        return self.shown[0].feature.name

    def prior(self, target: Shown) -> Prior:
        """Return what the gallery says of an input: by place where shapes are the same, else of all numbers."""
        import torch

        like = target.feature.values
        values = [one.value for one in self.gallery]
        if all(value.shape == target.value.shape for value in values):
            mean, spread = np.mean(values, axis=0), np.std(values, axis=0)
            alike = 1e-2 * float(spread.mean()) if spread.ndim > 1 else 1e-2 * np.abs(mean)
            spread = np.maximum(spread, np.maximum(alike, 1e-6))  # the places of a vector have units of their own
        else:
            every = np.concatenate([value.ravel() for value in values])
            mean, spread = np.asarray(every.mean()), np.asarray(max(float(every.std()), 1e-6))
        made = [torch.as_tensor(part, dtype=like.dtype, device=like.device) for part in (mean, spread)]
        return Prior(mean=made[0], spread=made[1])

    def ruler(self) -> Ruler:
        """Return what likeness is measured by; targets have a say in scales, for they may lie beyond the gallery."""
        values = [one.value for one in (*self.gallery, *self.shown)]
        scale = _scale(values)
        offset = np.mean(values, axis=0) if scale.ndim else np.zeros(())
        scaled = [(value - offset) / scale for value in values]
        signs = np.stack([signature(value) for value in values])
        centre, spread = signs.mean(axis=0), signs.std(axis=0)
        spread = np.where(spread > _FLAT, spread, np.inf)
        return Ruler(
            scale=scale,
            peak=max(float(max(value.max() for value in scaled) - min(value.min() for value in scaled)), _FLAT),
            centre=centre,
            spread=spread,
            gallery=((signs - centre) / spread)[: len(self.gallery)],
            units=tuple(one.unit for one in self.gallery),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ruler:
    """What likeness is measured by, of a gallery of G turns."""

    scale: FloatArray
    """Of an input's numbers: for vectors the standard deviation of each place, else 1."""
    peak: float
    """The range of values, in `scale`; of vectors about the mean of each place"""
    centre: FloatArray
    """[R], of signatures"""
    spread: FloatArray
    """[R]"""
    gallery: FloatArray
    """[G, R], centred and on one scale"""
    units: Sequence[int]
    """[G]"""

    def matches(self, found: Sequence[FloatArray], targets: Sequence[Shown]) -> NDArray[np.bool_]:
        """Return whether each finding looks most like its own unit's turns in the gallery."""
        signs = [(signature(value) - self.centre) / self.spread for value in found]
        told = [nearest_unit(sign, self.gallery, self.units) for sign in signs]
        return np.array([unit == target.unit for unit, target in zip(told, targets, strict=True)])


def _scale(values: Sequence[FloatArray]) -> FloatArray:
    """Return what numbers are measured in.

    The places of a vector have units of their own, and without this the one with the largest numbers would decide.
    """
    if len({value.shape for value in values}) > 1 or values[0].ndim > 1:
        return np.ones(())
    spread = np.std(values, axis=0)
    return np.where(spread > _FLAT * max(1.0, float(np.abs(values).max())), spread, np.inf)


def plain(value: Tensor) -> FloatArray:
    """Return a tensor of one row as numbers `[...]`."""
    return np.asarray(value[0].detach().double().cpu().numpy(), dtype=np.float64)


def signature(value: FloatArray) -> FloatArray:
    """Return a vector that does not depend on how long a turn is; a vector stays as it is."""
    return pooled(np.nan_to_num(value, nan=0.0, posinf=1e6, neginf=-1e6))


def choose_targets(
    live: Live, reasoner: Attributable, roster: Roster, condition: str, *, name: str | None, most: int
) -> Targets:
    """Open the turns of the roster: of each unit with two or more, one is a target and the others are the gallery."""
    rows = {turn.utterance_id: row for row in dialogues(live.corpus.utterances).values() for turn in row}
    labels = {turn.utterance_id: turn.label for turn in live.corpus.utterances}
    failed: Counter[str] = Counter()
    by_unit: dict[int, list[Shown]] = {}
    for utterance_id, unit in zip(roster.utterance_ids, roster.unit.tolist(), strict=True):
        if utterance_id not in rows:
            failed["not in the corpus"] += 1
            continue
        try:
            turn = reasoner.attributable(
                rows[utterance_id], utterance_id=utterance_id, condition=condition, rationale=""
            )
        except (InputError, PlanError) as error:
            failed[error.what] += 1
            continue
        feature = _feature(turn, name)
        label = labels[utterance_id]
        if feature is None or label not in turn.labels:
            failed["no such input" if feature is None else "no label that the reasoner knows"] += 1
            continue
        name = feature.name
        by_unit.setdefault(unit, []).append(
            Shown(unit=unit, label=turn.labels.index(label), turn=turn, feature=feature)
        )
    return _parted(by_unit, failed, most)


def _parted(by_unit: dict[int, list[Shown]], failed: Counter[str], most: int) -> Targets:
    """Keep units with two turns of like form; a vector of another length could not be matched."""
    several = [by_unit[unit] for unit in sorted(by_unit) if len(by_unit[unit]) > 1]
    form = Counter(len(signature(one.value)) for own in several for one in own)
    usual = form.most_common(1)[0][0] if form else 0
    alike = [[one for one in own if len(signature(one.value)) == usual] for own in several]
    kept = [own for own in alike if len(own) > 1][:most]
    return Targets(shown=[own[0] for own in kept], gallery=[one for own in kept for one in own[1:]], failed=failed)


def _feature(turn: AttributableTurn, name: str | None) -> Features | None:
    """Return the input of a name, or the smallest."""
    if name is None:
        return min(turn.features, key=lambda item: item.values.numel(), default=None)
    return next((item for item in turn.features if item.name == name), None)
