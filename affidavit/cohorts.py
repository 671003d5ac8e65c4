"""A cohort: the people whose features have certain levels, and what an examination says of them alone.

A cohort is cut out of what a case has counted already (`affidavit.tally`): a table of a million predictions is read
once, and every cohort of it is answered from sums by unit and cell. For what is made of rows, `cohort_rows` are a table
of their own.

Laws: a cohort is named by features of the audit and by nothing else; who is in it depends on no answer of a model; a
group without anybody of the cohort is still there, with none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from affidavit.case import Case, EvidenceBook
from affidavit.errors import PlanError
from affidavit.parts import Part, part_of
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Progress, silent
from affidavit.records import Record
from affidavit.tally import Tally
from affidavit.yaml_files import did_you_mean


class Cohort(Record):
    """Everybody whose every named feature has one of the levels that stand beside it."""

    name: str = Field(min_length=1, max_length=80)
    levels: Mapping[str, tuple[str, ...]] = {}
    """Feature to the levels that belong; a feature that is not named restricts nobody."""

    @property
    def everybody(self) -> bool:
        """Whether it restricts nobody."""
        return not self.levels

    def told(self) -> str:
        """Return who belongs to it, in words.

        >>> Cohort(name="older women", levels={"age": ("60+",), "sex": ("female", "unknown")}).told()
        'age 60+; sex female or unknown'
        """
        return "; ".join(f"{feature} {' or '.join(levels)}" for feature, levels in self.levels.items()) or "everybody"


@dataclass(kw_only=True)
class CohortBook(EvidenceBook):
    """The counts of a cohort, cut out of those of everybody."""

    whole: EvidenceBook
    cohort: Cohort

    def tally(self, run: str, condition: str) -> Tally:
        """Return the counts of the cohort's rows of one run under one condition."""
        kept = self._tallies.setdefault(run, {})
        if condition not in kept:
            kept[condition] = within(self.whole.tally(run, condition), self.cohort)
        return kept[condition]


def cohort_case(case: Case, cohort: Cohort) -> Case:
    """Return the case of a cohort alone; what it counts comes from the case that is given.

    Raises:
        PlanError: the cohort names a feature that the audit was not made by, or a level that nobody has.
    """
    _require_known(case, cohort)
    book = CohortBook(
        runs=case.book.runs,
        by=case.book.by,
        statistics=case.book.statistics,
        seed=case.book.seed,
        progress=case.book.progress,
        whole=case.book,
        cohort=cohort,
    )
    return replace(case, book=book)


def cohort_rows(
    predictions: Predictions, cohort: Cohort, reading: Reading, *, progress: Progress = silent
) -> Predictions:
    """Return the rows of a cohort, under every condition, as a table of their own.

    Raises:
        PlanError: the table does not know the cohort's features, or it holds nobody of the cohort.
    """
    missing = [feature for feature in cohort.levels if f"group_{feature}" not in predictions.columns]
    if missing:
        raise _unknown(cohort, f"the feature {missing[0]!r}", ", ".join(reading.by))
    part = Part(
        run=predictions.run,
        told=f"the rows of {cohort.told()}",
        columns=tuple(f"group_{feature}" for feature in cohort.levels),
        inside=lambda batch: members(batch, cohort.levels),
    )
    n_rows = sum(pc.sum(part.inside(batch)).as_py() or 0 for batch in predictions.batches([*part.columns]))
    if not n_rows:
        raise _unknown(cohort, "nobody of it in this table", "levels that its rows have")
    return part_of(predictions, part, reading, n_rows=n_rows, progress=progress)


def members(batch: pa.RecordBatch, levels: Mapping[str, Sequence[str]]) -> pa.BooleanArray:
    """Say of each row of a batch with the columns `group_FEATURE` whether its person has one of the levels of each."""
    inside = pa.repeat(pa.scalar(True), batch.num_rows)
    for feature, allowed in levels.items():
        level = batch.column(f"group_{feature}").cast(pa.string())
        inside = pc.and_(inside, pc.is_in(level, pa.array(list(allowed), pa.string())))
    return inside


def within(counted: Tally, cohort: Cohort) -> Tally:
    """Return the part of a tally that is of a cohort; units outside it stay known, with no rows."""
    inside = np.ones(len(counted.cell), dtype=bool)
    for feature, levels in cohort.levels.items():
        position = counted.features.index(feature)
        codes = [counted.levels[position].index(level) for level in levels if level in counted.levels[position]]
        inside &= np.isin(counted.cell[:, position], codes)
    return replace(
        counted,
        sums=counted.sums[inside],
        n_rows=counted.n_rows[inside],
        unit=counted.unit[inside],
        cell=counted.cell[inside],
        cells=counted.cell if counted.cells is None else counted.cells,
    )


def _require_known(case: Case, cohort: Cohort) -> None:
    for feature, levels in cohort.levels.items():
        if feature not in case.by:
            raise _unknown(cohort, f"the feature {feature!r}{did_you_mean(feature, case.by)}", ", ".join(case.by))
        known = {level for run in case.runs.values() for level in run.levels.get(f"group_{feature}", ())}
        for level in levels:
            if level not in known:
                near = did_you_mean(level, sorted(known))
                raise _unknown(cohort, f"the level {level!r} of {feature}{near}", ", ".join(sorted(known)))


def _unknown(cohort: Cohort, found: str, allowed: str) -> PlanError:
    return PlanError(
        "the cohort names what the audit does not know",
        slug="plan-impossible",
        where=f"cohort {cohort.name}",
        found=found,
        allowed=allowed or "no feature: this audit was made by none",
        remedy="choose among these, or audit the table by that feature too",
    )
