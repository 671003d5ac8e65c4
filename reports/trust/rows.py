"""The predictions tables behind a report, brought again by whoever has them: a table, or the plan beside its data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from affidavit.errors import VerificationError
from affidavit.plan import AuditPlan
from affidavit.predictions import Predictions
from affidavit.protocols import Progress, silent
from affidavit.report import AuditReport
from affidavit.sources import load_run

if TYPE_CHECKING:
    import pyarrow as pa


def with_tables(report: AuditReport, tables: Mapping[str, Path]) -> AuditPlan:
    """Return a report's plan with the tables of its runs where they lie here; `""` names the only table there is.

    Raises:
        VerificationError: `bundle-incomplete`, a run with a table has none here, or one is of no such run.
    """
    named = [run for run, source in report.plan.runs.items() if source.table is not None]
    given = {named[0]: tables[""]} if set(tables) == {""} and len(named) == 1 else dict(tables)
    if set(given) != set(named):
        raise VerificationError(
            "the tables are not those of the report's runs",
            slug="bundle-incomplete",
            found=", ".join(run or "a table without a run" for run in given) or "none",
            allowed=", ".join(named) or "no run of this report was read from a table",
            remedy="name the run of each, as in --table RUN=FILE; a run that was judged needs --plan",
        )
    runs = {
        run: source.model_copy(update={"table": str(given[run].resolve())}) if run in given else source
        for run, source in report.plan.runs.items()
    }
    return report.plan.model_copy(update={"runs": runs, "policy": None})


def predictions_of(
    report: AuditReport, plan: AuditPlan, *, folder: Path, progress: Progress = silent
) -> dict[str, Predictions]:
    """Return the predictions of every run of a report, held against the digests that it states.

    Raises:
        VerificationError: `recomputation-differs`, these are not the data of the report.
        AffidavitError: a source is at fault.
    """
    loaded = [one for name, source in plan.runs.items() for one in load_run(name, source, plan, folder, progress)]
    found = {one.run: one.predictions for one in loaded}
    stated = {data.run: data.digest for data in report.data}
    for run, digest in stated.items():
        here = found[run].digest if run in found else "no such run"
        if here != digest:
            raise VerificationError(
                f"these are not the data of the report (run {run})",
                slug="recomputation-differs",
                found=here,
                allowed=digest,
                remedy="give the very table that was audited; its rows must be in the same order",
            )
    return {run: found[run] for run in stated}


def table_of(predictions: Predictions) -> pa.Table:
    """Return the canonical table of a run."""
    import pyarrow as pa

    return pa.Table.from_batches(list(predictions.batches(predictions.columns)))
