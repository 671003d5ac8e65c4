"""A case: everything an examination may look at, with the counting done once for all of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from affidavit.confusion import class_sums
from affidavit.corpus import Corpus
from affidavit.evidence import Evidence
from affidavit.live import Live
from affidavit.plan import Statistics, Task
from affidavit.predictions import Predictions
from affidavit.protocols import Progress, silent
from affidavit.schema import VECTOR_TASKS
from affidavit.seeds import seed_of
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.statistics.permutation import UnitShuffler
from affidavit.tally import GroupedSums, Tally, families, tally

KEPT_BYTES: Final = 512 * 2**20


@dataclass(kw_only=True)
class EvidenceBook:
    """Tallies and evidence by run, condition and family; evidence is kept while it is small and drawn again if not."""

    runs: Mapping[str, Predictions]
    by: tuple[str, ...]
    statistics: Statistics
    seed: int
    progress: Progress = silent
    _tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)
    _resamplers: dict[str, UnitResampler] = field(default_factory=dict)
    _shufflers: dict[str, dict[int, UnitShuffler]] = field(default_factory=dict)
    _kept: OrderedDict[tuple[str, str, tuple[str, ...]], Evidence] = field(default_factory=OrderedDict)
    _folded: tuple[tuple[str, str, tuple[str, ...]], GroupedSums] | None = None
    """What was folded last; examinations ask for it twice in a row."""

    def tally(self, run: str, condition: str) -> Tally:
        """Return the counts of one run under one condition."""
        if run not in self._tallies:
            self._tallies[run] = tally(self.runs[run], self.by, progress=self.progress)
        return self._tallies[run][condition]

    def counted(self, run: str) -> Mapping[str, Tally]:
        """Return the counts of a run by condition; none where nobody asked for them yet."""
        return self._tallies.get(run, {})

    def matrices(self, run: str, condition: str, family: Sequence[str]) -> GroupedSums:
        """Return the raw sums (confusion matrices) folded to a family of groups."""
        key = (run, condition, tuple(family))
        if self._folded is None or self._folded[0] != key:
            self._folded = (key, self.tally(run, condition).by(family))
        return self._folded[1]

    def evidence(self, run: str, condition: str, family: tuple[str, ...]) -> Evidence:
        """Return evidence over class sums (labelled), prediction counts (unlabelled) or word sums."""
        key = (run, condition, family)
        if key not in self._kept:
            self._kept[key] = self._drawn(run, condition, family)
            self._evict()
        self._kept.move_to_end(key)
        return self._kept[key]

    def raw_evidence(self, run: str, condition: str, family: tuple[str, ...]) -> Evidence:
        """Return evidence over the raw sums (whole confusion matrices); not kept, for it is large."""
        return Evidence(
            grouped=self.matrices(run, condition, family),
            options=self.statistics,
            resampler=self._resampler(run),
            seed=seed_of(self.seed, run, condition, *family),
            shufflers=self._shufflers.setdefault(run, {}),
        )

    def _drawn(self, run: str, condition: str, family: tuple[str, ...]) -> Evidence:
        predictions = self.runs[run]
        evidence = self.raw_evidence(run, condition, family)
        if predictions.task in {Task.TRANSCRIPTION, *VECTOR_TASKS} or not predictions.labelled:
            return evidence
        return evidence.projected(lambda sums: class_sums(sums, len(predictions.labels)))

    def evidence_of(self, run: str, outcomes: Tally, family: tuple[str, ...]) -> Evidence:
        """Return evidence over sums that an examination tallied itself (see `affidavit.tally.tally_outcomes`).

        Its groups are those of the run, whether or not the outcomes know them all.
        """
        n_units = outcomes.n_units
        same = n_units == self.runs[run].n_units
        options = self.statistics
        if outcomes.features == self.by:
            outcomes = replace(outcomes, cells=self.tally(run, self.runs[run].conditions[0]).cells)
        other = UnitResampler(n_units=n_units, n_resamples=options.n_resamples, seed=seed_of(self.seed, run))
        return Evidence(
            grouped=outcomes.by(family),
            options=options,
            resampler=self._resampler(run) if same else other,
            seed=seed_of(self.seed, run, outcomes.condition, *family),
            shufflers=self._shufflers.setdefault(run, {}),
        )

    def _resampler(self, run: str) -> UnitResampler:
        if run not in self._resamplers:
            self._resamplers[run] = UnitResampler(
                n_units=self.runs[run].n_units,
                n_resamples=self.statistics.n_resamples,
                seed=seed_of(self.seed, run),
            )
        return self._resamplers[run]

    def _evict(self) -> None:
        def weight(evidence: Evidence) -> int:
            draws = self.statistics.n_resamples + self.statistics.n_permutations
            return 8 * draws * len(evidence.grouped.groups) * int(evidence.grouped.sums.shape[1])

        while len(self._kept) > 1 and sum(map(weight, self._kept.values())) > KEPT_BYTES:
            self._kept.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOn:
    """The corpus that a run's model was trained on, where the plan trained it."""

    training: str
    """The name of the training in the plan."""
    load: Callable[[], Corpus] = field(repr=False)
    card: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What its checkpoint says of its training (`card.json`); empty where there is none."""
    folder: Path | None = field(default=None, repr=False)
    """Where its checkpoint lies; a ledger that its card names lies beside it. None where nobody says."""
    same: bool
    """Whether the run judges this very corpus, so that the model was trained on what it was not given to judge."""
    again: Callable[[Corpus], Any] | None = field(default=None, repr=False)
    """Trains the same model anew on another version of its corpus (same units, same split, same seed) and returns it;
    None where nobody can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is examined."""

    runs: Mapping[str, Predictions]
    by: tuple[str, ...]
    depth: int
    statistics: Statistics
    book: EvidenceBook
    rng: np.random.Generator
    live: Mapping[str, Live] = field(default_factory=dict)
    """By run: its corpus and its reasoner, where it was judged here; a table that was handed over has neither."""
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()
    """Where relative paths of options start."""
    trained_on: Mapping[str, TrainedOn] = field(default_factory=dict)
    """By run; none for tables, and for models that were trained elsewhere."""
    progress: Progress = silent

    @property
    def families(self) -> tuple[tuple[str, ...], ...]:
        """Everybody, each feature, then intersections."""
        return families(self.by, self.depth)
