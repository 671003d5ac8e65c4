"""Who is speaking? Closed-set: which of the enrolled units. Open-set: are two utterances of one unit that nobody knows?

Closed-set: a linear probe is fitted on some utterances of each unit and told the rest; where dialogues are named, on
other dialogues than it is told, and no dialogue is enrolled of one unit and told of another. Open-set: a metric is
fitted on some units (covariance within a unit, shrunk) and pairs of utterances of other units are compared by cosine;
pairs within one dialogue, whose room they share, are none. The equal error rate is where as many pairs of one unit are
missed as pairs of two are taken for one, in [0, 1], 0.5 by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from privacy.probes.linear import scores, shrinkage
from privacy.probes.roster import Roster

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
_BINS: Final = 2000
SESSIONS: Final = "enrolled in other dialogues than told"
SAME_SESSION: Final = "not parted by dialogue: the room and the topic may tell who it is, too"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lineup:
    """Rows [N] of units [U], of each as many, to be told apart."""

    place: IntArray
    member: IntArray
    """[N]"""
    unit: IntArray
    """[U], codes of the run's units"""
    session: IntArray
    """[N]; each row its own where dialogues do not part the utterances"""
    fold: IntArray
    """[N]: of rows, for the closed set; all of a session are in one, and those of a unit in several"""
    unit_fold: IntArray
    """[U]: of units, for the open set"""
    across_sessions: bool
    left_out: int
    """Units that have too few utterances, or no two dialogues."""

    @property
    def caveats(self) -> tuple[str, ...]:
        """What every finding says."""
        if not self.across_sessions:
            return (
                SAME_SESSION,
                *((f"{self.left_out:,} units of fewer utterances are left out",) * bool(self.left_out)),
            )
        few = f"{self.left_out:,} units of fewer utterances, or without two dialogues, are left out"
        return (SESSIONS, *((few,) if self.left_out else ()))


def lineup_of(roster: Roster, place: IntArray, *, size: int, folds: int, least: int, seed: int) -> Lineup | str:
    """Return who is to be told apart among the roster's rows at `place`, or why nobody can be.

    Dialogues part the utterances where most units have two or more of them; units that have not are left out then.
    """
    rng, fewest = np.random.default_rng(seed), max(least, 2 * folds)
    unit, member = np.unique(roster.unit[place], return_inverse=True)
    if len(unit) < fewest:
        return f"fewer than {fewest} units have two utterances each"
    counts = np.bincount(member)
    session, fold, kept, across = _parted(roster, place, member, folds, fewest, rng)
    if kept.sum() < fewest:
        return f"fewer than {fewest} units have two utterances each"
    size = max(2, int(min(size, np.quantile(counts[kept], 0.2, method="lower"))))
    kept &= counts >= size
    rows = _drawn(member, fold, kept, size=size, rng=rng)
    return Lineup(
        place=place[rows],
        member=np.searchsorted(np.flatnonzero(kept), member[rows]),
        unit=unit[kept],
        session=session[rows],
        fold=fold[rows],
        unit_fold=rng.permutation(int(kept.sum())) % folds,
        across_sessions=across,
        left_out=int((~kept).sum()),
    )


def _parted(
    roster: Roster, place: IntArray, member: IntArray, folds: int, fewest: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray, BoolArray, bool]:
    """Return the session and the fold of each row, which units take part, and whether dialogues part their rows."""
    several = np.bincount(member) >= 2
    if roster.dialogues is not None:
        names = np.array(roster.dialogues, dtype=object)[place].astype(str)
        session = np.unique(names, return_inverse=True)[1].astype(np.int64)
        fold = dealt_folds(member, session, folds, rng)
        kept = _folds_of(member, fold) >= 2
        if kept.sum() >= max(fewest, several.sum() / 2):
            return session, fold, kept, True
    session = np.arange(len(place))
    return session, dealt_folds(member, session, folds, rng), several, False


def _folds_of(member: IntArray, fold: IntArray) -> IntArray:
    """Return in how many folds the rows of each unit lie, [U]."""
    own = np.unique(np.stack([member, fold], axis=1), axis=0)[:, 0]
    return np.bincount(own, minlength=member.max() + 1)


def dealt_folds(member: IntArray, session: IntArray, folds: int, rng: np.random.Generator) -> IntArray:
    """Return the fold of each row: whole sessions, dealt so that those of each unit lie in several.

    Who speaks in a session has a say in where it goes, and the more so the fewer sessions they have: a dialogue of two
    units is in one fold for both, so that nobody is told by a room that the other was enrolled in.
    """
    pairs = np.unique(np.stack([session, member], axis=1), axis=0)
    starts = np.searchsorted(pairs[:, 0], np.arange(session.max() + 2))
    weight = 1.0 / np.bincount(pairs[:, 1]) ** 2
    used, fold = np.zeros((len(weight), folds)), np.empty(len(starts) - 1, dtype=np.int64)
    for one in rng.permutation(len(fold)):
        who = pairs[starts[one] : starts[one + 1], 1]
        cost = weight[who] @ used[who]
        fold[one] = rng.choice(np.flatnonzero(cost <= cost.min() + 1e-12))
        used[who, fold[one]] += 1
    return np.asarray(fold[session])


def _drawn(member: IntArray, fold: IntArray, kept: BoolArray, *, size: int, rng: np.random.Generator) -> IntArray:
    """Return so many rows of each unit that is kept, ascending, at random, and in turn from each of its folds."""
    order = rng.permutation(len(member))
    turn = np.empty(len(member), dtype=np.int64)
    turn[order] = _ranks(np.stack([member, fold], axis=1)[order])
    order = order[np.argsort(turn[order], kind="stable")]
    chosen = order[(_ranks(member[order, None]) < size) & kept[member[order]]]
    return np.sort(chosen)


def _ranks(keys: IntArray) -> IntArray:
    """Return of each row [N, K] how many before it have the same keys."""
    same = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(same, kind="stable")
    ranks = np.empty(len(same), dtype=np.int64)
    ranks[order] = np.arange(len(same)) - np.searchsorted(same[order], same[order], side="left")
    return ranks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Identified:
    """Whom the closed-set probe told of each row [N], and who came second."""

    member: IntArray
    first: IntArray
    second: IntArray

    def accuracy(self, *, without: int | None = None) -> float:
        """Return the share of rows whose unit was told; `without` one unit, it is neither asked about nor told."""
        if without is None:
            return float((self.first == self.member).mean())
        told = np.where(self.first == without, self.second, self.first)
        return float((told == self.member)[self.member != without].mean())


def closed_set(rows: FloatArray, lineup: Lineup) -> Identified:
    """Return whom the probe tells of each row."""
    n_units = len(lineup.unit)
    every = np.arange(len(rows))
    spoken = scores(rows, every, lineup.member[None], n_classes=n_units, fold=lineup.fold)[0]
    first = spoken.argmax(axis=1)
    spoken[every, first] = -np.inf
    return Identified(member=lineup.member, first=first, second=spoken.argmax(axis=1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trials:
    """Pairs of utterances by their score, cut into bins: how many of one unit and of two."""

    same: FloatArray
    """[U, bins], of each unit"""
    different: FloatArray
    """[U, bins], of each unit with another; each pair stands with both of its units"""

    def equal_error_rate(self, *, without: int | None = None) -> float:
        """Return the equal error rate of all pairs, or of those without one unit; NaN where one kind is lacking."""
        same, different = self.same.sum(axis=0), self.different.sum(axis=0) / 2
        if without is not None:
            same, different = same - self.same[without], different - self.different[without]
        return crossing(same, different)


def crossing(same: FloatArray, different: FloatArray) -> float:
    """Return where misses and false alarms are as many, of counts by ascending score; between bins on a line."""
    if not same.sum() or not different.sum():
        return float("nan")
    missed = np.concatenate([[0.0], np.cumsum(same)]) / same.sum()
    alarmed = 1 - np.concatenate([[0.0], np.cumsum(different)]) / different.sum()
    beyond = int(np.argmax(missed >= alarmed))
    before, after = alarmed[beyond - 1] - missed[beyond - 1], missed[beyond] - alarmed[beyond]
    share = before / (before + after) if before + after > 0 else 0.0
    return float(missed[beyond - 1] + share * (missed[beyond] - missed[beyond - 1]))


def open_set(rows: FloatArray, lineup: Lineup) -> Trials:
    """Return all pairs of utterances of units of one fold, scored by a metric of the other folds' units."""
    same, different = (np.zeros((len(lineup.unit), _BINS)) for _ in range(2))
    fold = lineup.unit_fold[lineup.member]
    for one in np.unique(fold):
        told = np.flatnonzero(fold == one)
        cosines = _cosines(rows, lineup.member, fold != one, told)
        first, second = np.triu_indices(len(told), k=1)
        a, b = lineup.member[told[first]], lineup.member[told[second]]
        cell = np.minimum(((cosines[first, second] + 1) / 2 * _BINS).astype(np.int64), _BINS - 1)
        kin = (a == b) & (lineup.session[told[first]] != lineup.session[told[second]])
        np.add.at(same, (a[kin], cell[kin]), 1.0)
        strange = (a != b) & (lineup.session[told[first]] != lineup.session[told[second]])
        for unit in (a, b):
            np.add.at(different, (unit[strange], cell[strange]), 1.0)
    return Trials(same=same, different=different)


def _cosines(rows: FloatArray, member: IntArray, known: BoolArray, told: IntArray) -> FloatArray:
    """Return cosines [n, n] of the rows told, whitened by the covariance within the known units."""
    others, own = np.unique(member[known], return_inverse=True)
    centre = rows[known].mean(axis=0)
    means = np.zeros((len(others), rows.shape[1]))
    np.add.at(means, own, rows[known])
    means /= np.bincount(own)[:, None]
    deviation = rows[known] - means[own]
    within = deviation.T @ deviation / max(len(deviation) - len(others), 1)
    r = len(within)
    share = shrinkage(within + 1e-12 * np.eye(r), n=max(len(deviation) - len(others), 1))
    shrunk = (1 - share) * within + (share * np.trace(within) / r + 1e-9) * np.eye(r)
    values, directions = np.linalg.eigh(shrunk)
    seen = (rows[told] - centre) @ (directions / np.sqrt(np.maximum(values, 1e-12)))
    length = np.linalg.norm(seen, axis=1, keepdims=True)
    unit = seen / np.where(length > 0, length, 1.0)
    return np.asarray(np.clip(unit @ unit.T, -1.0, 1.0))
