"""Computes a report's findings again from its data and says whether they are the same.

The same digest of claims is the strict answer. On another platform the last digits may differ: then every number must
agree within `TOLERANCE` (`LIVE_TOLERANCE` where a live reasoner was asked), and everything that is not a number must
be equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from affidavit.errors import VerificationError
from affidavit.live import OFFERS
from affidavit.plan import AuditPlan
from affidavit.protocols import Progress, silent
from affidavit.registry import Door, load
from affidavit.report import AuditReport
from affidavit.run import run_plan
from affidavit.summary import summary
from affidavit.verdicts import overall

TOLERANCE: Final = 1e-9
LIVE_TOLERANCE: Final = 5e-3
"""Of what was asked of a live reasoner, whose scores are single precision: means differ from machine to machine by some
1e-5, those of ranks by up to 3e-3. Rounding the scores first does not help: some round the other way."""


def recompute(
    report: AuditReport, *, table: Path | None, plan: AuditPlan | None, folder: Path, progress: Progress = silent
) -> str:
    """Return in words how the recomputed findings compare.

    Raises:
        VerificationError: the data are not those of the report, or anything that it claims differs.
    """
    chosen = plan or _with_table(report, table)
    again = run_plan(chosen, folder=folder, policy=report.policy, progress=progress)
    _check_data(report, again)
    if again.schema_version != report.schema_version:  # an older report is held against its own version of the claims
        again = again.model_copy(update={"schema_version": report.schema_version})
        again = again.model_copy(update=again.compute_digests())
    if again.claims_digest == report.claims_digest:
        return f"hold: {len(report.findings)} computed again, to the last digit"
    _check_claims(report, again)
    same = (report.provenance.platform, report.provenance.packages) == (
        again.provenance.platform,
        again.provenance.packages,
    )
    why = "" if same else " (other versions or another platform)"
    n_live = sum(_tolerance(finding.examination) > TOLERANCE for finding in report.findings)
    live = f", {n_live} of them asked of a live reasoner, within {LIVE_TOLERANCE:g}" if n_live else ""
    return f"hold: {len(report.findings)} computed again, within {TOLERANCE:g}{live}{why}"


def _with_table(report: AuditReport, table: Path | None) -> AuditPlan:
    runs = dict(report.plan.runs)
    if table is not None:
        named = [name for name, source in runs.items() if source.table is not None]
        if len(named) != 1:
            raise VerificationError(
                "--table speaks of one table, and the report has another number of them",
                slug="bundle-incomplete",
                found=f"{len(named)} tables",
                remedy="give --plan, with its data beside it",
            )
        runs[named[0]] = runs[named[0]].model_copy(update={"table": str(table.resolve())})
    return report.plan.model_copy(update={"runs": runs, "policy": None})


def _check_data(report: AuditReport, again: AuditReport) -> None:
    stated = {data.run: data.digest for data in report.data}
    found = {data.run: data.digest for data in again.data}
    if stated != found:
        run = next((name for name in stated if stated[name] != found.get(name)), "a run")
        raise VerificationError(
            f"these are not the data of the report (run {run})",
            slug="recomputation-differs",
            found=found.get(run, "no such run"),
            allowed=stated.get(run, "no such run"),
            remedy="give the very table that was audited; its rows must be in the same order",
        )


def _check_claims(report: AuditReport, again: AuditReport) -> None:
    """Compare everything that is claimed: nothing may be added, taken away or changed."""
    by_examination = {finding.id: _tolerance(finding.examination) for finding in report.findings}
    _require_same("findings", _by_id(report), _by_id(again), by_examination)
    for name in ("refusals", "caveats", "marking", "plan", "policy_digest", "data"):
        _require_same(name, _claimed(report, name), _claimed(again, name))
    tables = {exhibit.id: _tolerance(exhibit.examination) for exhibit in report.exhibits}
    _require_same("exhibits", _cells(report), _cells(again), tables)
    own = {"decision": overall(report.findings, report.policy).value, "summary": list(_own_summary(report))}
    _require_same("conclusions", {"decision": report.decision.value, "summary": list(report.summary)}, own)


def _tolerance(examination: str) -> float:
    """Return within what numbers of an examination must agree."""
    found = load(Door.EXAMINATIONS, examination)
    asks = OFFERS & {*getattr(found, "access", ()), *getattr(found, "asks", ())}
    return LIVE_TOLERANCE if asks else TOLERANCE


def _by_id(report: AuditReport) -> dict[str, Any]:
    return {finding.id: finding.model_dump(mode="json") for finding in report.findings}


def _own_summary(report: AuditReport) -> tuple[str, ...]:
    """The sentences that follow from the report's own findings: rounding may differ from those computed elsewhere."""
    return summary(report.findings, overall(report.findings, report.policy))


def _claimed(report: AuditReport, name: str) -> Any:  # noqa: ANN401 - JSON values
    if name == "plan":
        return report.plan.claims()
    if name == "data":
        return [{"run": d.run, "n_rows": d.n_rows, "n_units": d.n_units, "unit": d.unit} for d in report.data]
    return report.model_dump(mode="json", include={name}).get(name)


def _cells(report: AuditReport) -> dict[str, Any]:
    return {exhibit.id: report.exhibit(exhibit.id).to_pydict() for exhibit in report.exhibits}


def _require_same(
    what: str,
    old: Any,  # noqa: ANN401 - JSON values
    new: Any,  # noqa: ANN401
    tolerances: Mapping[str, float] | None = None,
) -> None:
    """Refuse what differs; `tolerances` of the parts of a dictionary, where they have their own."""
    if tolerances is None:
        difference = _difference(old, new, what)
    else:
        parts = ((key, tolerances.get(key, TOLERANCE)) for key in sorted({*old, *new}))
        difference = next(
            (d for key, within in parts if (d := _difference(old.get(key), new.get(key), f"{what}.{key}", within))),
            None,
        )
    if difference:
        raise VerificationError(
            f"the report does not state what was computed: its {what} differ",
            slug="recomputation-differs",
            found=difference,
            remedy="compare the versions in both provenances; if they agree, the report was altered",
        )


def _difference(old: Any, new: Any, where: str = "", within: float = TOLERANCE) -> str | None:  # noqa: ANN401 - JSON
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted({*old, *new})
        return next((d for k in keys if (d := _difference(old.get(k), new.get(k), f"{where}.{k}", within))), None)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return next((d for i, (a, b) in pairs if (d := _difference(a, b, f"{where}[{i}]", within))), None)
    numbers = isinstance(old, int | float) and isinstance(new, int | float)
    same = math.isclose(old, new, rel_tol=within, abs_tol=within) if numbers else old == new
    return None if same else f"{where.lstrip('.')}: {old!r} in the report, {new!r} now"
