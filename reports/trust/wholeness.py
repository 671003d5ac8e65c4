"""Is every file of a bundle as it was written? SHA256SUMS, the report's own digests and those of its exhibits.

Without a signature nobody can say which of a file and its line in SHA256SUMS was changed: both are named. Where a
signature is valid, it says which.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from affidavit.bundle import RENDERINGS, REPORT, SUMS
from affidavit.digests import canonical_json, table_digest
from affidavit.errors import VerificationError
from affidavit.plan import AuditPlan
from affidavit.provenance import provenance
from affidavit.records import Exhibit
from affidavit.registry import Door, load
from affidavit.report import AuditReport, parse_report
from reports.trust.commitment import COMMITMENTS, Commitments, read_commitments
from reports.trust.contents import Contents
from reports.trust.faults import Fault
from reports.trust.sums import parse_sums

if TYPE_CHECKING:
    import pyarrow as pa

PLAN: Final = "plan.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What could be read of a bundle."""

    report: AuditReport | None
    """With the tables of its exhibits; null where it does not hold."""
    commitments: Commitments | None
    faults: tuple[Fault, ...]


def read_whole(contents: Contents) -> Read:
    """Read report, exhibits and commitments, and hold the digests in them against their content."""
    faults: list[Fault] = []
    report = _report(contents, faults)
    if report is not None:
        report = report.with_tables(_tables(report, contents, faults))
    commitments = None
    if COMMITMENTS in contents.digests:
        try:
            commitments = read_commitments(contents.read(COMMITMENTS))
        except VerificationError as error:
            faults.append(_fault(COMMITMENTS, error))
    return Read(report=report, commitments=commitments, faults=tuple(faults))


def sums_faults(contents: Contents, authority: Mapping[str, str]) -> list[Fault]:
    """Hold SHA256SUMS against every file that it speaks of.

    Args:
        contents: the bundle.
        authority: file to the digest in a valid signature; empty where there is none.
    """
    if SUMS not in contents.digests:
        return [Fault(file=SUMS, what="is missing")]
    stated = parse_sums(contents.read(SUMS))
    if stated is None:
        return [Fault(file=SUMS, what="is not a list of checksums in its one form")]
    here = contents.listed
    list_changed = bool(authority) and authority.get(SUMS) != contents.digests[SUMS]
    faults = []
    for name in sorted({*stated, *here}):
        if stated.get(name) == here.get(name):
            continue
        if list_changed and authority.get(name) == here.get(name):
            faults.append(Fault(file=SUMS, what=f"says something else of {name}, which is as it was signed"))
            continue
        told = (
            "is not listed" if name not in stated else "is missing" if name not in here else "is not as it was written"
        )
        faults.append(Fault(file=name, what=told))
        if not authority and name in stated:
            faults.append(Fault(file=SUMS, what=f"says something else of {name}: one of the two was changed"))
    return faults


def page_faults(report: AuditReport, contents: Contents) -> list[Fault] | None:
    """Draw the pages again and read the plan again: people read those, not the JSON.

    Returns:
        What does not show what report.json says; null where other versions wrote the pages.
    """
    now, then = provenance(report.plan.execution), report.provenance
    faults = _plan_faults(report, contents)
    if (now.affidavit, now.packages) != (then.affidavit, then.packages):
        return faults or None
    for name in RENDERINGS:
        renderer = load(Door.RENDERERS, name)
        page = f"report{renderer.suffix}"
        if page in contents.digests and contents.read(page) != renderer.render(report):
            faults.append(Fault(file=page, what=f"does not show what {REPORT} says"))
    return faults


def _plan_faults(report: AuditReport, contents: Contents) -> list[Fault]:
    import yaml

    if PLAN not in contents.digests:
        return []
    try:
        plan = AuditPlan.model_validate(yaml.safe_load(contents.read(PLAN)))
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError):
        return [Fault(file=PLAN, what="is not a plan")]
    same = plan.model_dump(mode="json") == report.plan.model_dump(mode="json")
    return [] if same else [Fault(file=PLAN, what=f"is not the plan in {REPORT}")]


def _report(contents: Contents, faults: list[Fault]) -> AuditReport | None:
    if REPORT not in contents.digests:
        faults.append(Fault(file=REPORT, what="is missing"))
        return None
    content = contents.read(REPORT)
    try:
        report = parse_report(content)
    except (VerificationError, RecursionError) as error:
        faults.append(_fault(REPORT, error))
        return None
    if canonical_json(json.loads(content)) != content:
        faults.append(Fault(file=REPORT, what="is not written in its canonical form"))
        return None
    return report


def _tables(report: AuditReport, contents: Contents, faults: list[Fault]) -> dict[str, pa.Table]:
    tables: dict[str, Any] = {}
    for exhibit in report.exhibits:
        if exhibit.file is None:
            continue
        table = _table(exhibit, exhibit.file, contents)
        if isinstance(table, Fault):
            faults.append(table)
        else:
            tables[exhibit.id] = table
    return tables


def _table(exhibit: Exhibit, name: str, contents: Contents) -> pa.Table | Fault:
    import pyarrow as pa
    from pyarrow import parquet

    if name not in contents.digests:
        return Fault(file=name, what=f"the exhibit {exhibit.id!r} is missing")
    try:
        table = parquet.read_table(io.BytesIO(contents.read(name)))
        computed = table_digest(table.combine_chunks().to_batches())
    except (pa.ArrowException, OSError, ValueError, TypeError):
        return Fault(file=name, what=f"the exhibit {exhibit.id!r} cannot be read")
    if computed != exhibit.digest:
        return Fault(file=name, what=f"the exhibit {exhibit.id!r} was changed after the report was written")
    return table


def _fault(name: str, error: BaseException) -> Fault:
    return Fault(file=name, what=error.what if isinstance(error, VerificationError) else "cannot be read")
