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

from affidavit.bundle import FOLDERS, LOG, PROVENANCE, RENDERINGS, REPORT, SUMS, provenance_file, rendered_files
from affidavit.digests import canonical_json, table_digest
from affidavit.errors import AffidavitError, VerificationError
from affidavit.plan import AuditPlan
from affidavit.provenance import provenance
from affidavit.records import Exhibit
from affidavit.registry import Door, load
from affidavit.report import SCHEMA_VERSION, AuditReport, parse_report
from reports.papers.folder import FILING, read_papers
from reports.papers.rendering import rendered_with
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
    """Make pages, tables and figures again and read the plan again: people read those, not the JSON.

    Returns:
        What does not show what report.json says; null where other versions wrote it.
    """
    now, then = provenance(report.plan.execution), report.provenance
    faults = [*_plan_faults(report, contents), *_provenance_faults(report, contents), *_log_faults(contents)]
    try:
        papers = read_papers(contents.digests, contents.read, report)
    except AffidavitError as error:
        return [*faults, Fault(file=error.where or FILING, what=error.what)]
    versions = (now.affidavit, now.packages, SCHEMA_VERSION), (then.affidavit, then.packages, report.schema_version)
    if versions[0] != versions[1]:
        return faults or None
    for name in RENDERINGS:
        renderer = load(Door.RENDERERS, name)
        page = f"report{renderer.suffix}"
        if page in contents.digests and contents.read(page) != rendered_with(renderer, report, papers):
            faults.append(Fault(file=page, what=f"does not show what {REPORT} and the papers say"))
    for name, folder in FOLDERS.items():
        faults += _folder_faults(report, name, folder, contents)
    return faults


def _folder_faults(report: AuditReport, name: str, folder: str, contents: Contents) -> list[Fault]:
    """Make the files of a folder again; one that is there holds all that is made of the report, and no more."""
    here = {file for file in contents.digests if file.startswith(f"{folder}/")}
    made = rendered_files(report, name) if here else {}
    faults = [Fault(file=file, what="is missing") for file in made.keys() - here]
    faults += [Fault(file=file, what=f"is nothing that is made of {REPORT}") for file in here - made.keys()]
    changed = (file for file in here & made.keys() if contents.read(file) != made[file])
    faults += [Fault(file=file, what=f"does not show what {REPORT} says") for file in changed]
    return sorted(faults, key=lambda fault: fault.file)


def _provenance_faults(report: AuditReport, contents: Contents) -> list[Fault]:
    if PROVENANCE not in contents.digests or contents.read(PROVENANCE) == provenance_file(report):
        return []
    return [Fault(file=PROVENANCE, what=f"does not say what {REPORT} says of who computed it")]


def _log_faults(contents: Contents) -> list[Fault]:
    """Hold the log to its one form: nothing is drawn from it, and what it says stands under its digest alone."""
    if LOG not in contents.digests:
        return []
    try:
        lines = contents.read(LOG).splitlines(keepends=True)
        whole = all(canonical_json(json.loads(line)) + b"\n" == line for line in lines)
    except (ValueError, TypeError, RecursionError):
        whole = False
    return [] if whole else [Fault(file=LOG, what="is not a log in its one form")]


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
