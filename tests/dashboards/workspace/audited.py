"""A table, the audit of it by accent and age, and both in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from affidavit.bundle import write_bundle
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.report import AuditReport
from affidavit.run import run_plan
from affidavit.testing.tables import FAST, predictions_frame

EXAMINATIONS = ("performance", "deviation", "worst-group", "coherence")


@dataclass(frozen=True)
class Audited:
    folder: Path
    frame: pd.DataFrame
    report: AuditReport

    @property
    def bundle(self) -> Path:
        return self.folder / "bundle"


def audited(
    folder: Path,
    frame: pd.DataFrame | None = None,
    *,
    examinations: tuple[str, ...] = EXAMINATIONS,
    title: str = "Audit of a vendor",
) -> Audited:
    """Audit a table that is written into a folder, and write the bundle beside it."""
    table = predictions_frame(n_speakers=60) if frame is None else frame
    folder.mkdir(exist_ok=True)
    table.to_csv(folder / "vendor.csv", index=False)
    plan = AuditPlan(
        title=title,
        runs={"vendor": RunSource(table="vendor.csv")},
        by=("accent", "age"),
        statistics=FAST,
        examinations=tuple(Choice(name=name) for name in examinations),
    )
    report = run_plan(plan, folder=folder)
    write_bundle(report, folder / "bundle", renderings=())
    return Audited(folder=folder, frame=table, report=report)
