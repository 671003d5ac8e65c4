"""One run's game of modalities in one metric: what is measured of it, and a difference between groups in parts.

A difference of two groups is itself a game, whose shares are the differences of the groups' own shares (linearity), so
shares are bounded as any other difference is. With the part that nobody bears, they sum to the difference.

Measured joint coverage at level 0.95, accuracy, four accents of 60 or 160 simulated speakers with planted losses: all
three shares of the picked pair 0.99 and 0.99, all twelve shares against everybody else 0.98 and 0.96 (300 tables each,
`tests/audit/modalities/test_disparity.py`, `-m slow`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.confusion import FloatArray, Statistic
from affidavit.evidence import Evidence
from affidavit.gaps import group_label
from affidavit.tally import Tally
from audit.conditions.paired_statistics import Metric, evidence_for, weighted_conditions
from audit.contrasts import Contrasts, contrasts_of
from audit.modalities.game import Game, with_constant_guess

SHARE_SOURCE: Final = (
    "Shapley 1953 on the difference of two groups' games (linearity); modalities: SHAPE, Hu et al. 2022"
)
TOTAL_SOURCE: Final = "difference of two groups, the same utterances under every condition"
GUESS_SOURCE: Final = "difference of two groups when everybody is given the commonest label: label balance alone"
COST_SOURCE: Final = "ablation, paired by utterance"


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """One run's game in one metric."""

    case: Case
    game: Game
    metric: Metric
    run: str
    tally: Tally
    guess: FloatArray
    """How often each label is guessed without any modality, [K]: 1 for the commonest, shared where several are."""
    caveats: tuple[str, ...]
    tested: bool
    """Whether hypotheses are tested in this metric."""

    @property
    def n_labels(self) -> int:
        """Labels of the run."""
        return len(self.case.runs[self.run].labels)

    @property
    def level(self) -> float:
        """The declared level of intervals."""
        return self.case.statistics.level

    @property
    def has_units(self) -> bool:
        """Whether units have ids."""
        return self.case.runs[self.run].unit != "row"

    def evidence(self, family: tuple[str, ...]) -> Evidence:
        """Return evidence over the sums of all coalitions, nobody first."""
        drawn = self.case.book.evidence_of(self.run, self.tally, family)
        guessed = drawn.projected(partial(with_constant_guess, guess=self.guess))
        return evidence_for(self.metric, guessed, self.n_labels)

    def statistic(self, name: str, weights: FloatArray, bounds: tuple[float, float], source: str = "") -> Statistic:
        """Return a weighted sum over coalitions."""
        return weighted_conditions(
            name, self.metric, weights, n_labels=self.n_labels, bounds=bounds, higher_is_better=None, source=source
        )

    @property
    def total(self) -> Statistic:
        """How well with all modalities."""
        return self.statistic("all modalities", self.game.value(self.game.n_coalitions - 1), (0.0, 1.0), TOTAL_SOURCE)

    @property
    def guessed(self) -> Statistic:
        """How well without any."""
        return self.statistic("no modality", self.game.value(0), (0.0, 1.0), GUESS_SOURCE)

    @property
    def contributions(self) -> tuple[Statistic, ...]:
        """What each modality contributes, [-1, 1]."""
        return tuple(
            self.statistic(name, self.game.contribution(i), (-1.0, 1.0), SHARE_SOURCE)
            for i, name in enumerate(self.game.names)
        )

    @property
    def costs(self) -> tuple[Statistic, ...]:
        """What is lost without each modality, [-1, 1]; none where it is the only one."""
        if len(self.game.players) == 1:
            return ()
        return tuple(
            self.statistic(name, self.game.cost_without(i), (-1.0, 1.0), COST_SOURCE)
            for i, name in enumerate(self.game.names)
        )

    @property
    def interactions(self) -> tuple[Statistic, ...]:
        """What every two modalities bring beyond their shares, [-2, 2]."""
        names = self.game.names
        return tuple(
            self.statistic(f"{names[i]} x {names[j]}", self.game.interaction(i, j), (-2.0, 2.0))
            for i, j in self.game.pairs()
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """A difference between groups with everything that it is made of, over one set of compared groups."""

    study: Study
    total: Contrasts
    guessed: Contrasts
    shares: tuple[Contrasts, ...]
    costs: tuple[Contrasts, ...]
    interactions: tuple[Contrasts, ...]

    @property
    def defined(self) -> bool:
        """Whether there are two groups to compare."""
        return len(self.total.compared) > 1

    @cached_property
    def extremes(self) -> tuple[int, int]:
        """The groups with the highest and the lowest total, as positions among the compared; never one and the same."""
        return extremes(self.total.measured.value[self.total.compared])

    @property
    def alike(self) -> bool:
        """Whether no group is higher than another with all modalities."""
        return bool(np.ptp(self.total.measured.value[self.total.compared]) == 0)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the groups that could not be compared."""
        evidence = self.total.measured.evidence
        others = np.setdiff1d(np.arange(len(evidence.grouped.groups)), self.total.compared)
        return tuple(group_label(evidence, int(g)) for g in others)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What to say of groups that could not be compared, and of classes that one of the compared lacks."""
        absent = absent_classes(self.study, self.total.measured.reference[self.total.compared])
        shared = (f"groups are compared over the classes that each of them has; not: {absent}",) if absent else ()
        return (*self._too_small, *(shared if self.defined else ()))

    @property
    def _too_small(self) -> tuple[str, ...]:
        return (f"too small to be compared: {'; '.join(self.left_out[:6])}",) if self.left_out and self.defined else ()


def parts_of(study: Study, evidence: Evidence, *, n_families: int = 1) -> Parts:
    """Measure a difference and its parts; intervals hold together over parts of a kind, pairs and `n_families`."""
    kinds = ((study.total,), (study.guessed,), study.contributions, study.costs, study.interactions)
    together = list(contrasts_of(evidence, tuple(s for kind in kinds for s in kind)))
    parts: list[tuple[Contrasts, ...]] = []
    for kind in kinds:
        own, together = together[: len(kind)], together[len(kind) :]
        parts.append(tuple(replace(contrasts, n_parts=len(kind) * n_families) for contrasts in own))
    (total,), (guessed,), shares, costs, interactions = parts
    return Parts(study=study, total=total, guessed=guessed, shares=shares, costs=costs, interactions=interactions)


def extremes(values: FloatArray) -> tuple[int, int]:
    """Return where the highest and the lowest of at least two values stand; the first and last where all are equal.

    >>> extremes(np.array([0.5, 0.7, 0.2])), extremes(np.array([1.0, 1.0, 1.0]))
    ((1, 2), (0, 2))
    """
    return int(values.argmax()), len(values) - 1 - int(values[::-1].argmin())


def absent_classes(study: Study, reference: FloatArray) -> str:
    """Return the names of the classes that some group of the reference [G, S] lacks; none where nothing is averaged."""
    if study.metric == "accuracy" or not len(reference):
        return ""
    labels = study.case.runs[study.run].labels
    lacking = np.flatnonzero((reference[:, : len(labels)] <= 0).any(axis=0))
    return ", ".join(labels[k] for k in lacking)
