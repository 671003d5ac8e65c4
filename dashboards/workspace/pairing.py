"""Two runs compared item by item, where both tables are at this desk: what `affidavit compare` asks, asked here.

Of a cohort, the rows of its people in both tables are compared, as if they were all of both.

Laws: tables are those that the two reports name by digest; the old one is the baseline; statistics, features and seed
are those of the newer report's plan. Without both tables nothing is paired, and it is said why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import streamlit as st

from affidavit.changes import COMPARISON
from affidavit.cohorts import Cohort, cohort_rows
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.predictions import Predictions
from affidavit.registry import Door, load
from affidavit.report import AuditReport
from affidavit.run import examine
from affidavit.sources import Loaded, reading_of
from dashboards.workspace.rows import predictions_of

OLD: Final = "old"
NEW: Final = "new"
AT_ONCE: Final = 200_000
"""Rows of both tables together up to which they are compared unasked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two audits, and which of its runs is compared."""

    report: AuditReport
    run: str

    @property
    def n_rows(self) -> int:
        """Rows of the run's table."""
        return next(data.n_rows for data in self.report.data if data.run == self.run)

    @property
    def digest(self) -> str:
        """The content digest of the run's table."""
        return next(data.digest for data in self.report.data if data.run == self.run)


def why_unpaired(now: Side, earlier: Side) -> str | None:
    """Return why two runs cannot be compared item by item, whatever lies at this desk; None where nothing speaks so."""
    if now.digest == earlier.digest:
        return "both audits are of one table"
    for side in (earlier, now):
        if side.run not in side.report.plan.runs:
            return f"run {side.run} is one part of a table that holds several runs"
    if not set(now.report.plan.by) & set(earlier.report.plan.by) and (now.report.plan.by or earlier.report.plan.by):
        return "the two audits were made by different features"
    return None


def missing_tables(now: Side, earlier: Side, places: Sequence[Path]) -> tuple[Side, ...]:
    """Return the sides whose table is not at this desk."""
    return tuple(side for side in (earlier, now) if predictions_of(side.report, side.run, places) is None)


def paired(now: Side, earlier: Side, cohort: Cohort, places: Sequence[Path]) -> AuditReport:
    """Return the report of a comparison of two runs item by item, new less old; made once, whoever asks.

    Args:
        now: the newer audit.
        earlier: the one that it is compared with.
        cohort: whose rows are compared.
        places: where both tables lie (`missing_tables`).

    Raises:
        PlanError: the runs share no item, or have no labels; one of the tables knows nobody of the cohort.
    """
    sides = (now.report.report_digest, now.run, earlier.report.report_digest, earlier.run)
    return _paired(sides, cohort.model_dump_json(exclude={"name"}), now, earlier, cohort, places)


@st.cache_resource(max_entries=8, show_spinner="Comparing both tables item by item ...", show_time=True)
def _paired(
    sides: tuple[str, ...], people: str, _now: Side, _earlier: Side, _cohort: Cohort, _places: Sequence[Path]
) -> AuditReport:
    del sides, people
    by = tuple(feature for feature in _now.report.plan.by if feature in _earlier.report.plan.by)
    loaded = [_loaded(_earlier, OLD, _cohort, _places), _loaded(_now, NEW, _cohort, _places)]
    options = {"baseline": OLD}
    examinations = [(load(Door.EXAMINATIONS, COMPARISON), options)]
    return examine(_plan(_now, _earlier, by), loaded, examinations=examinations, policy=None)


def _loaded(side: Side, name: str, cohort: Cohort, places: Sequence[Path]) -> Loaded:
    found = predictions_of(side.report, side.run, places)
    if found is None:
        raise ValueError(f"the table of run {side.run} is not here: ask `missing_tables` first")
    plan = side.report.plan
    if not cohort.everybody:
        found = cohort_rows(found, cohort, reading_of(side.run, plan.runs[side.run], plan))
    supplier = plan.runs[side.run].supplier
    return Loaded(run=name, predictions=_named(found, name), supplier=supplier, licence=None)


def _named(predictions: Predictions, name: str) -> Predictions:
    return replace(predictions, run=name)


def _plan(now: Side, earlier: Side, by: tuple[str, ...]) -> AuditPlan:
    """Return the newer report's plan for a comparison of two tables."""
    sources = {OLD: earlier, NEW: now}
    runs = {name: RunSource(table=side.report.plan.runs[side.run].table or side.run) for name, side in sources.items()}
    plan = now.report.plan
    return AuditPlan(
        title=f"{now.report.title} compared with {earlier.report.title}",
        runs=runs,
        by=by,
        features={name: one for name, one in plan.features.items() if name in by},
        depth=plan.depth,
        statistics=plan.statistics,
        seed=plan.seed,
        examinations=(Choice(name=COMPARISON, options={"baseline": OLD}),),
    )
