"""Attacks the updates of batches of targets, plain and protected, and says of each target how well it was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray
from privacy.inversion.attack import Attack, Prior, inverted
from privacy.inversion.fidelity import assigned, psnr, ssim
from privacy.inversion.knowledge import Knowledge
from privacy.inversion.labels import recovered_labels, share_recovered
from privacy.inversion.spans import searched
from privacy.inversion.targets import Ruler, Shown, Targets, plain
from privacy.inversion.updates import Protection, Sent, sent_update
from privacy.inversion.victims import Victim, turns_victim
from privacy.inversion.words import share_of, words_in, words_of

Tensor = Any
STARTS: Final = 20
"""Starting points of each update that nobody optimises, which tell what chance gives."""
_FARTHEST: Final = 6.0
"""Standard deviations: nothing farther out is believed of an update with noise."""


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
    """[n], dB: of what others' inputs are on average"""
    labels: FloatArray
    """[n]: the share of its update's labels that were recovered, at the first turn of each update; NaN elsewhere, and
    where no layer tells them"""
    control_labels: FloatArray
    """[n]: the same of the most common labels of others"""
    words: FloatArray
    """[n]: the share of a turn's words that are found in its update; NaN where no layer tells them"""
    control_words: FloatArray
    """[n]: the same of as many words that others say most"""
    word_precision: FloatArray
    """[n]: the share of the words found in an update that were said in it, at its first turn; NaN elsewhere"""

    @property
    def n_given(self) -> int:
        """Updates whose labels no layer tells, so that the attacker was given them."""
        return int(np.isnan(self.labels[:: self.setting.batch]).sum())


def attacked(targets: Targets, known: Knowledge, setting: Setting, attack: Attack, *, seed: int) -> Outcome:
    """Attack one update for each whole batch of targets; those left over are left out."""
    n, ruler = len(targets.shown) // setting.batch * setting.batch, targets.ruler()
    parts = []
    for start in range(0, n, setting.batch):
        update = _updated(targets, targets.shown[start : start + setting.batch], setting, seed=seed + start)
        found = _attacked(targets, known, update, attack)
        parts.append(
            {**_told(ruler, update.shown, found), **_labels(targets, update, found), **_words(targets, known, update)}
        )
    told = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    units = np.array([one.unit for one in targets.shown[:n]], dtype=np.int64)
    return Outcome(setting=setting, units=units, **told)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Update:
    """The update of B turns."""

    shown: Sequence[Shown]
    victim: Victim
    sent: Sent
    seed: int

    @property
    def labels(self) -> list[int]:
        """The true ones, [B]."""
        return [one.label for one in self.shown]


def _updated(targets: Targets, shown: Sequence[Shown], setting: Setting, *, seed: int) -> Update:
    victim = turns_victim([one.turn for one in shown], targets.input)
    sent = sent_update(
        victim,
        [one.feature.values for one in shown],
        [one.label for one in shown],
        protection=setting.protection,
        rng=np.random.default_rng([seed, 1]),
    )
    return Update(shown=shown, victim=victim, sent=sent, seed=seed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What the attack of one update of B turns gave."""

    inputs: Sequence[FloatArray]
    """[B]"""
    starts: Sequence[Sequence[FloatArray]]
    """[STARTS] of [B]: what nobody optimised"""
    usual: Sequence[FloatArray]
    """[B]: what others' inputs are on average"""
    labels: tuple[int, ...] | None
    """Ascending; None where no layer tells them and they were given"""


def _attacked(targets: Targets, known: Knowledge, update: Update, attack: Attack) -> Found:
    """Attack one update; the starts are the same for every setting of the same batch."""
    priors = [(targets.prior(one), tuple(one.feature.values.shape)) for one in update.shown]
    labels = None
    if known.bias is not None:
        bias = np.asarray(update.sent.parts[known.bias].double().cpu().numpy(), dtype=np.float64)
        expected = update.victim.expected([prior.mean.expand(shape) for prior, shape in priors])
        labels = recovered_labels(bias, len(update.shown), expected=expected)
    used = tuple(sorted(update.labels)) if labels is None else labels

    def search(how: Attack, start: int) -> list[FloatArray]:
        return _matched(known, update, used, priors, how, rng=np.random.default_rng([update.seed, 2 + start]))

    usual = [plain(prior.mean.expand(shape)) for prior, shape in priors]
    spanned = _spanned(targets, known, update, priors[0][0])
    return Found(
        inputs=search(attack, 0) if spanned is None else spanned,
        starts=[search(replace(attack, steps=0), start) for start in range(STARTS)],
        usual=usual,
        labels=labels,
    )


def _matched(
    known: Knowledge,
    update: Update,
    labels: Sequence[int],
    priors: Sequence[tuple[Prior, tuple[int, ...]]],
    how: Attack,
    *,
    rng: np.random.Generator,
) -> list[FloatArray]:
    """Return inputs whose gradient is the update's, in the parameters that the loss reaches."""
    places = known.reached or range(len(update.sent.parts))
    victim = replace(update.victim, parameters=[update.victim.parameters[i] for i in places])
    parts = [update.sent.parts[i] for i in places]
    return [plain(value) for value in inverted(victim, parts, labels, priors=priors, attack=how, rng=rng)]


def _spanned(targets: Targets, known: Knowledge, update: Update, prior: Prior) -> list[FloatArray] | None:
    """Return inputs that the spans of layers allow; None where no layer takes the input in.

    Where noise hides all of it, what others' inputs look like is the best guess.
    """
    if known.entrance is None:
        return None
    shape = update.shown[0].value.shape
    spans = known.spans(update.sent, prior, n_turns=len(update.shown))
    if spans is None:
        return [plain(prior.mean.expand(1, *shape)) for _ in update.shown]
    rng = np.random.default_rng([update.seed, 0])
    found = searched(spans, [one.turn for one in update.shown], targets.input, shape=shape, rng=rng)
    if update.sent.noise:
        mean, spread = (part.cpu().numpy() for part in (spans.hull.mean, spans.hull.spread))
        found = [np.clip(one, mean - _FARTHEST * spread, mean + _FARTHEST * spread) for one in found]
    return [one.reshape(shape) for one in found]


def _told(ruler: Ruler, shown: Sequence[Shown], found: Found) -> dict[str, FloatArray]:
    """Return how like each target is what was taken for it, and what was taken for it without an attack."""
    taken = _taken(ruler, shown, found.inputs)
    pairs = [(one.value / ruler.scale, value / ruler.scale) for one, value in zip(shown, taken, strict=True)]
    similar = [ssim(truth, value, peak=ruler.peak) for truth, value in pairs]
    chance = [_taken(ruler, shown, start) for start in found.starts]
    return {
        "psnr": _psnr(ruler, shown, taken),
        "ssim": np.array([np.nan if value is None else value for value in similar]),
        "matched": ruler.matches(taken, shown).astype(np.float64),
        "control": np.mean([ruler.matches(values, shown) for values in chance], axis=0),
        "control_psnr": _psnr(ruler, shown, found.usual),
    }


def _labels(targets: Targets, update: Update, found: Found) -> dict[str, FloatArray]:
    """Return the shares of labels that were found, and that the most common labels of others are."""
    n_turns = len(update.shown)
    if found.labels is None:
        return {name: _once(float("nan"), n_turns) for name in ("labels", "control_labels")}
    usual = np.bincount([one.label for one in targets.gallery], minlength=update.victim.n_labels) / len(targets.gallery)
    guessed = recovered_labels(-usual, n_turns, expected=np.zeros(len(usual)))
    return {
        "labels": _once(share_recovered(found.labels, update.labels), n_turns),
        "control_labels": _once(share_recovered(guessed, update.labels), n_turns),
    }


def _words(targets: Targets, known: Knowledge, update: Update) -> dict[str, FloatArray]:
    """Return the shares of words that are found in the update, and guessed without it."""
    n_turns, nothing = len(update.shown), np.full(len(update.shown), np.nan)
    if known.embedding is None:
        return {"words": nothing, "control_words": nothing, "word_precision": nothing}
    rows = update.sent.parts[known.embedding]
    habits = known.habits([one.turn for one in targets.gallery], len(rows), clip=update.sent.clip)
    found = words_in(rows, habits, n_turns, noise=update.sent.noise)
    guessed = habits.usual(n_turns, len(found))
    said = [words_of(one.turn) for one in update.shown]
    return {
        "words": np.array([share_of(found, own) for own in said]),
        "control_words": np.array([share_of(guessed, own) for own in said]),
        "word_precision": _once(share_of(frozenset().union(*said), found), n_turns),
    }


def _once(value: float, n_turns: int) -> FloatArray:
    """Return what is told of an update, at its first turn."""
    return np.array([value, *[np.nan] * (n_turns - 1)])


def _taken(ruler: Ruler, shown: Sequence[Shown], found: Sequence[FloatArray]) -> list[FloatArray]:
    """Return which finding is taken for which target."""
    order = assigned([one.value / ruler.scale for one in shown], [value / ruler.scale for value in found])
    return [found[j] for j in order]


def _psnr(ruler: Ruler, shown: Sequence[Shown], taken: Sequence[FloatArray]) -> FloatArray:
    pairs = zip(shown, taken, strict=True)
    return np.array([psnr(one.value / ruler.scale, value / ruler.scale, peak=ruler.peak) for one, value in pairs])
