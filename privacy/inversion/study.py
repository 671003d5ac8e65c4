"""Attacks the updates of batches of targets, plain and protected, and says of each target how well it was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray
from privacy.inversion.attack import Attack, inverted
from privacy.inversion.fidelity import assigned, psnr, ssim
from privacy.inversion.labels import bias_gradient, recovered_labels, share_recovered
from privacy.inversion.targets import Ruler, Shown, Targets, plain
from privacy.inversion.updates import Protection, sent_update
from privacy.inversion.victims import turns_victim

STARTS: Final = 20
"""Starting points of each update that nobody optimises, which tell what chance gives."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """How an update was made."""

    batch: int
    protection: Protection | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What was found of each of n targets; NaN where it is undefined."""

    setting: Setting
    units: NDArray[np.int64]
    """[n], codes, ascending"""
    psnr: FloatArray
    """[n], dB"""
    ssim: FloatArray
    matched: FloatArray
    """[n], 0 or 1"""
    control: FloatArray
    """[n], in [0, 1]: how many of the starts that nobody optimised look like the unit"""
    control_psnr: FloatArray
    """[n], dB: their mean"""
    labels: FloatArray
    """[n]: the share of its update's labels that were recovered, at the first turn of each update; NaN elsewhere, and
    where no layer tells them"""

    @property
    def n_given(self) -> int:
        """Updates whose labels no layer tells, so that the attacker was given them."""
        return int(np.isnan(self.labels[:: self.setting.batch]).sum())


def attacked(targets: Targets, setting: Setting, attack: Attack, *, seed: int) -> Outcome:
    """Attack one update for each whole batch of targets; those left over are left out."""
    n, ruler = len(targets.shown) // setting.batch * setting.batch, targets.ruler()
    parts = []
    for start in range(0, n, setting.batch):
        shown = targets.shown[start : start + setting.batch]
        found = _attacked(targets, shown, setting, attack, seed=seed + start)
        parts.append(_told(ruler, shown, found))
    told = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    units = np.array([one.unit for one in targets.shown[:n]], dtype=np.int64)
    return Outcome(setting=setting, units=units, **told)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What the attack of one update of B turns gave."""

    inputs: Sequence[FloatArray]
    """[B]"""
    starts: Sequence[Sequence[FloatArray]]
    """[STARTS] of [B]: what nobody optimised"""
    recovered: float
    """Share of labels; NaN where no layer tells them and they were given"""


def _attacked(targets: Targets, shown: Sequence[Shown], setting: Setting, attack: Attack, *, seed: int) -> Found:
    """Attack one update; the starts are the same for every setting of the same batch."""
    victim = turns_victim([one.turn for one in shown], targets.input)
    labels = [one.label for one in shown]
    noise = np.random.default_rng([seed, 1])
    truths = [one.feature.values for one in shown]
    update = sent_update(victim, truths, labels, protection=setting.protection, rng=noise)
    priors = [(targets.prior(one), tuple(one.feature.values.shape)) for one in shown]
    bias = bias_gradient(update, victim.n_labels)
    if bias is None:
        guessed = tuple(sorted(labels))
    else:
        expected = victim.expected([prior.mean.expand(shape) for prior, shape in priors])
        guessed = recovered_labels(bias, len(shown), expected=expected)

    def search(how: Attack, start: int) -> list[FloatArray]:
        rng = np.random.default_rng([seed, 2 + start])
        return [plain(value) for value in inverted(victim, update, guessed, priors=priors, attack=how, rng=rng)]

    return Found(
        inputs=search(attack, 0),
        starts=[search(replace(attack, steps=0), start) for start in range(STARTS)],
        recovered=float("nan") if bias is None else share_recovered(guessed, labels),
    )


def _told(ruler: Ruler, shown: Sequence[Shown], found: Found) -> dict[str, FloatArray]:
    """Return how like each target is what was taken for it, and what was taken for it without an attack."""
    taken = _taken(ruler, shown, found.inputs)
    pairs = [(one.value / ruler.scale, value / ruler.scale) for one, value in zip(shown, taken, strict=True)]
    similar = [ssim(truth, value, peak=ruler.peak) for truth, value in pairs]
    chance = [_taken(ruler, shown, start) for start in found.starts]
    recovered = np.full(len(shown), np.nan)
    recovered[0] = found.recovered
    return {
        "psnr": _psnr(ruler, shown, taken),
        "ssim": np.array([np.nan if value is None else value for value in similar]),
        "matched": ruler.matches(taken, shown).astype(np.float64),
        "control": np.mean([ruler.matches(values, shown) for values in chance], axis=0),
        "control_psnr": np.mean([_psnr(ruler, shown, values) for values in chance], axis=0),
        "labels": recovered,
    }


def _taken(ruler: Ruler, shown: Sequence[Shown], found: Sequence[FloatArray]) -> list[FloatArray]:
    """Return which finding is taken for which target."""
    order = assigned([one.value / ruler.scale for one in shown], [value / ruler.scale for value in found])
    return [found[j] for j in order]


def _psnr(ruler: Ruler, shown: Sequence[Shown], taken: Sequence[FloatArray]) -> FloatArray:
    pairs = zip(shown, taken, strict=True)
    return np.array([psnr(one.value / ruler.scale, value / ruler.scale, peak=ruler.peak) for one, value in pairs])
