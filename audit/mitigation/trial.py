"""One trial: a feature, a task, one half to fit interventions on, and the other to measure them on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.claims import Place
from affidavit.evidence import Evidence
from affidavit.seeds import seed_of
from affidavit.tally import Tally, tally_outcomes
from audit.mitigation.material import FloatArray, IntArray, Material, Sample
from audit.mitigation.methods import Method
from audit.mitigation.paired import class_rows
from audit.mitigation.recipe import Recipe

NAME: Final = "mitigation"
VERSION: Final = "2"


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """What interventions for one feature, over all labels or one label against the rest, are tried on."""

    case: Case
    run: str
    material: Material
    feature: str
    label: str | None
    """The label that stands against the rest; None where all labels are answers."""
    second: NDArray[np.bool_]
    """Which rows are of the held-out half."""
    most_fitting_rows: int

    @property
    def place(self) -> Place:
        """Where its numbers are measured."""
        return Place(
            examination=NAME,
            method_version=VERSION,
            run=self.run,
            condition=self.material.condition,
            family=(self.feature,),
            has_units=self.case.runs[self.run].unit != "row",
            level=self.case.statistics.level,
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The possible answers, in the order of codes."""
        return self.material.predictions.labels if self.label is None else (f"not {self.label}", self.label)

    @cached_property
    def sample(self) -> Sample:
        """All rows."""
        sample = self.material.sample(self.feature)
        if self.label is None:
            return sample
        return sample.one_against_rest(self.material.predictions.labels.index(self.label))

    @cached_property
    def fitting(self) -> Evidence:
        """Class sums [3K] of the model's own answers over the fitting half."""
        rows = np.flatnonzero(~self.second)
        sums = class_rows(self.sample.truth[rows], self.sample.answer[rows], self.sample.n_labels)
        return self._evidence(rows, sums, (self.feature,))

    @cached_property
    def fitting_rows(self) -> NDArray[np.bool_]:
        """Which rows interventions may be fitted on: those of the first half that weigh something."""
        return np.asarray(~self.second & (self.sample.weight > 0))

    def able(self, method: Method) -> IntArray:
        """Return the groups that have enough units in the fitting half, and where it takes that of each answer."""
        answers = range(self.sample.n_labels) if method.binary else ()
        parts = [self.fitting_rows, *(self.fitting_rows & (self.sample.truth == answer) for answer in answers)]
        least = self.case.statistics.compared_units
        return np.flatnonzero(np.all([self._units(rows) >= least for rows in parts], axis=0))

    def _units(self, rows: NDArray[np.bool_]) -> IntArray:
        """Return how many units each group has among these rows."""
        pairs = np.unique(np.stack([self.material.unit[rows], self.sample.group[rows]]), axis=1)
        return np.bincount(pairs[1], minlength=self.sample.n_groups).astype(np.int64)

    def answers(self, method: Method, recipe: Recipe) -> tuple[IntArray, tuple[str, ...]]:
        """Return the answers [H] of the held-out half after an intervention, and groups that were left as they were."""
        known = np.isin(self.sample.group, self.able(method))
        rows = self._drawn(known & self.fitting_rows, recipe.seed)
        decide = method.fit(self.sample.at(rows) if method.weighs else self._by_weight(rows, recipe.seed), recipe)
        held = self.sample.at(self.second)
        if not method.needs_group:
            return decide(held), ()
        answers, fitted = held.answer.copy(), known[self.second]
        answers[fitted] = decide(held.at(fitted))
        levels = self.material.predictions.levels[f"group_{self.feature}"]
        there = np.unique(held.group[~fitted])
        return answers, tuple(levels[g] for g in there)

    def _by_weight(self, rows: IntArray, seed: int) -> Sample:
        """Return as many rows again, drawn by weight (systematically: a row of mean weight stands there once)."""
        weight = self.sample.weight[rows]
        places = (np.random.default_rng(seed_of(seed, "weights")).random() + np.arange(len(rows))) / len(rows)
        drawn = np.searchsorted(np.cumsum(weight) / weight.sum(), places, side="right")
        sample = self.sample.at(rows[np.minimum(drawn, len(rows) - 1)])
        return replace(sample, weight=np.ones(len(rows)))

    def held_out(self, answers: IntArray, family: tuple[str, ...]) -> Evidence:
        """Return sums [6K] over the held-out half, before and after, by the groups of a family."""
        rows = np.flatnonzero(self.second)
        truth, before, n = self.sample.truth[rows], self.sample.answer[rows], self.sample.n_labels
        sums = np.concatenate([class_rows(truth, before, n), class_rows(truth, answers, n)], axis=1)
        return self._evidence(rows, sums, family)

    def _drawn(self, rows: NDArray[np.bool_], seed: int) -> IntArray:
        """Return the rows to fit on, at most so many of them, drawn at random."""
        places = np.flatnonzero(rows)
        if len(places) <= self.most_fitting_rows:
            return places
        rng = np.random.default_rng(seed_of(seed, "rows"))
        return np.sort(rng.choice(places, self.most_fitting_rows, replace=False))

    def _evidence(self, rows: IntArray, sums: FloatArray, family: tuple[str, ...]) -> Evidence:
        return self.case.book.evidence_of(self.run, self._tally(rows, sums), family)

    def _tally(self, rows: IntArray, sums: FloatArray) -> Tally:
        own = {name: values[rows] for name, values in self.material.rows.items()}
        predictions = self.case.runs[self.run]
        return tally_outcomes(predictions, self.case.by, condition=self.material.condition, rows=own, sums=sums)
