"""How well does each model do over several seeds, beside the seed paper's figures?

The plan names tables; a table has rows, and a row the runs of one model, one a seed. Each run is taken under its
fullest condition that neither degrades nor intervenes, and over the utterances that all runs of the table judged. Of
each row the mean over seeds of weighted F1 is given, with an interval over units and seeds, and its difference from
the row `against`. A table with `unseen` emotions gives accuracy over the rows of those emotions alone, which nobody was
taught. Where the paper prints a figure for the row (`published`), the exhibit shows it beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from pydantic import Field

from affidavit.case import Case, EvidenceBook
from affidavit.claims import Place, place_finding
from affidavit.confusion import Statistic, accuracy, class_sums, weighted_f1
from affidavit.errors import PlanError
from affidavit.estimates import estimate_of
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.published import kumbhar
from affidavit.records import Record, Refusal
from affidavit.statistics.types import FloatArray
from affidavit.yaml_files import did_you_mean
from audit.seeds.exhibit import Row, table_exhibit
from audit.seeds.matching import Matched, fullest, matched
from audit.seeds.statistics import Spread, Trials, difference_of, spread_of

NAME: Final = "seed-tables"
VERSION: Final = "1"
SOURCE: Final = "mean over seeds; jackknife over units with the variance between seeds, Satterthwaite 1946"
UNPAIRED_SEEDS: Final = "a seed is no pair: the same number starts two models that have nothing else in common"
FEW_SEEDS: Final = "one seed: how much another one would change is not known"
ZERO_SHOT: Final = (
    "a model with one output for each known emotion can name an emotion that it was never taught only by chance; the "
    "paper does not say how its models were asked"
)


class SeedTable(Record):
    """One table."""

    rows: Mapping[str, tuple[str, ...]] = Field(min_length=1)
    """Row to the runs of its model, one a seed."""
    against: str | None = None
    """The row that the others are held against."""
    published: kumbhar.Table | None = None
    """The paper's table of the same rows; rows are matched by name."""
    unseen: tuple[str, ...] = ()
    """Emotions that the models were not taught; accuracy over them alone is then what is measured."""


class SeedTablesOptions(Record):
    """The options of this examination in a plan."""

    tables: Mapping[str, SeedTable] = Field(default_factory=dict)
    """The tables by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One run under one condition."""

    condition: str
    matrices: FloatArray
    """[U, K * K], by unit"""
    n_rows: int

    def trial(self, statistic: Statistic, rows: FloatArray, n_labels: int) -> tuple[float, FloatArray]:
        """Return the metric over all units, and without each; `rows` [K * K] says which cells count."""
        sums = class_sums(self.matrices * rows, n_labels)
        total = sums.sum(0)
        return float(statistic.value(total, total)), statistic.value(total - sums, total)


def refuses_together(case: Case) -> Refusal | None:
    """Refuse a plan that names no table."""
    if _options(case).tables:
        return None
    return Refusal(
        examination=NAME,
        because="the plan names no table of runs",
        remedy="name rows and their runs, one a seed: option tables (docs/baselines.md)",
    )


def _options(case: Case) -> SeedTablesOptions:
    return read_options(SeedTablesOptions, case.options, of=f"examination {NAME}")


def examine(case: Case) -> Testimony:
    """Measure every row of every table.

    Raises:
        PlanError: a table names a run, a row or an emotion that there is not.
    """
    claims: list[Claim] = []
    rows: list[Row] = []
    refusals: list[Refusal] = []
    for done, (name, table) in enumerate(_options(case).tables.items(), start=1):
        _require_names(case, name, table)
        runs = matched({run: case.runs[run] for runs in table.rows.values() for run in runs})
        if isinstance(runs, Matched):
            found = _measured(case, name, table, runs)
            claims += [claim for row in found for claim in row.claims]
            rows += found
        else:
            remedy = "judge one corpus with all models of a table, and name its speakers or patients"
            refusals.append(Refusal(examination=NAME, run=name, because=runs, remedy=remedy))
        case.progress("measuring tables", done, len(_options(case).tables))
    return Testimony(claims=tuple(claims), exhibits=(table_exhibit(rows),) if rows else (), refusals=tuple(refusals))


def _require_names(case: Case, name: str, table: SeedTable) -> None:
    labels = {label for runs in table.rows.values() for run in runs if run in case.runs for label in _labels(case, run)}
    wanted = [("run", run, list(case.runs)) for runs in table.rows.values() for run in runs]
    wanted += [("row", table.against, list(table.rows))] if table.against is not None else []
    wanted += [("emotion", label, sorted(labels)) for label in table.unseen]
    for kind, word, known in wanted:
        if word not in known:
            raise PlanError(
                f"the {kind} {word!r} is not there{did_you_mean(word, known)}",
                slug="plan-invalid",
                where=f"examination {NAME}, table {name}",
                allowed=", ".join(known),
                remedy=f"correct the {kind} in the options of the examination",
            )


def _labels(case: Case, run: str) -> tuple[str, ...]:
    return case.runs[run].labels


def _judged(book: EvidenceBook, run: str, labels: Sequence[str], units: Sequence[str]) -> _Judged:
    """Return a run's confusion matrices by unit, units and labels in the order given."""
    predictions = book.runs[run]
    condition = fullest(predictions)
    grouped = book.tally(run, condition).by(())
    k = len(labels)
    order = np.array([predictions.labels.index(label) for label in labels])
    place = {unit: i for i, unit in enumerate(units)}
    matrices = np.zeros((len(units), k * k))
    square = grouped.sums.reshape(-1, k, k)[:, order][:, :, order]
    matrices[[place[predictions.levels["unit"][code]] for code in grouped.unit]] = square.reshape(-1, k * k)
    return _Judged(condition=condition, matrices=matrices, n_rows=int(grouped.rows()[0]))


def _measured(case: Case, name: str, table: SeedTable, runs: Matched) -> list[Row]:
    labels = next(iter(runs.runs.values())).labels
    book = _book(case, runs)
    found = {row: [_judged(book, run, labels, runs.units) for run in own] for row, own in table.rows.items()}
    statistic = accuracy(len(labels)) if table.unseen else weighted_f1()
    counted = np.ones((len(labels), len(labels)))
    if table.unseen:
        counted[[i for i, label in enumerate(labels) if label not in table.unseen]] = 0.0
    trials = {row: _trials(judged, statistic, counted.ravel(), len(labels)) for row, judged in found.items()}
    place = Place(
        examination=NAME,
        method_version=VERSION,
        run=name,
        condition="",
        family=(),
        has_units=True,
        level=case.statistics.level,
    )
    setting = _Setting(place=place, table=table, metric=statistic.name, trials=trials, caveats=runs.caveats)
    return [setting.row(row, judged[0].condition) for row, judged in found.items()]


def _book(case: Case, runs: Matched) -> EvidenceBook:
    """Return what counts the runs: the case's own counts, unless some rows are left out."""
    if not runs.caveats:
        return case.book
    whole = case.book
    return EvidenceBook(
        runs=runs.runs, by=whole.by, statistics=whole.statistics, seed=whole.seed, progress=whole.progress
    )


def _trials(judged: Sequence[_Judged], statistic: Statistic, counted: FloatArray, n_labels: int) -> Trials:
    tried = [each.trial(statistic, counted, n_labels) for each in judged]
    sizes = np.mean([(each.matrices * counted).sum(1) for each in judged], axis=0)
    there = sizes > 0
    return Trials(
        values=np.array([value for value, _ in tried]),
        left_out=np.array([left_out[there] for _, left_out in tried]),
        sizes=sizes[there],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """One table, measured."""

    place: Place
    table: SeedTable
    metric: str
    trials: Mapping[str, Trials]
    caveats: tuple[str, ...]
    """Of every row."""

    def row(self, row: str, condition: str) -> Row:
        """Return what is said of a row."""
        place = replace(self.place, run=f"{self.place.run}: {row}", condition=condition)
        own, against = self.trials[row], self.table.against
        few = [FEW_SEEDS] if len(own.values) < 2 else []
        caveats = (*self.caveats, *few, *([ZERO_SHOT] if self.table.unseen else []))
        change = None
        if against is not None and against != row:
            spread = difference_of(own, self.trials[against])
            change = _claim(place, own, spread, f"{self.metric}_difference", (*caveats, UNPAIRED_SEEDS))
        return Row(
            table=self.place.run,
            row=row,
            values=own.values,
            spread=own.spread,
            own=_claim(place, own, spread_of(own), self.metric, caveats),
            change=change,
            published=None if self.table.published is None else kumbhar.figure(self.table.published, row),
        )


def _claim(place: Place, trials: Trials, spread: Spread, metric: str, caveats: tuple[str, ...]) -> Claim:
    n, n_units = int(trials.sizes.sum().round()), len(trials.sizes)
    estimate = estimate_of(spread.value, spread.interval(place.level), n=n, n_units=n_units)
    finding = place_finding(place, metric, estimate, groups={}, higher_is_better=True, source=SOURCE)
    return Claim(finding=finding.model_copy(update={"caveats": caveats}), interval_at=spread.interval)


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Models over seeds, beside published figures",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=frozenset({"weighted_f1", "weighted_f1_difference", "accuracy", "accuracy_difference"}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    together=refuses_together,
    on_request=True,
)
