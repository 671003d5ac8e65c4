"""An audit on disk: report.json, its renderings, its exhibits and its plan, written as a whole or not at all.

DIR/report.json      canonical JSON, what is signed
DIR/report.html      one file, opens offline
DIR/report.md        the same as text
DIR/plan.yaml        the plan, fully resolved
DIR/provenance.json  who computed it, when, on what, from which data
DIR/log.jsonl        what the run did, step by step (`affidavit/run_log.py`)
DIR/exhibits/*.parquet
DIR/tables/          the findings as CSV and parquet, one row each
DIR/figures/*.svg    every picture of the page as a file of its own
DIR/commitments.json  where rows stay with their owner: what binds the report to them
DIR/SHA256SUMS       of all of these; `sha256sum --check SHA256SUMS`
DIR/signatures/      who swears to all of these, and when (`reports/trust/`)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from affidavit.digests import canonical_json, file_digest, table_digest
from affidavit.errors import PlanError, VerificationError
from affidavit.files import replacing_folder
from affidavit.registry import Door, load
from affidavit.report import AuditReport, parse_report
from affidavit.run_log import RunLog

REPORT: Final = "report.json"
SUMS: Final = "SHA256SUMS"
ENVELOPE: Final = "report.dsse.json"
SIGNATURES: Final = "signatures"
PROVENANCE: Final = "provenance.json"
LOG: Final = "log.jsonl"
RENDERINGS: Final = ("html", "md")
FOLDERS: Final[Mapping[str, str]] = MappingProxyType({"findings": "tables", "figures": "figures"})
"""Renderings of several files, each to the folder of a bundle that holds them and nothing else."""
EVERY_RENDERING: Final = (*RENDERINGS, *FOLDERS)


def check_output(folder: Path) -> None:
    """Refuse to replace anything but an unsigned bundle with nothing else in its folder.

    Raises:
        PlanError: names what would be lost.
    """
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if not folder.exists():
        return
    lost = "a file" if folder.is_file() else _would_be_lost(folder)
    if lost:
        raise PlanError(
            f"the output folder holds {lost}",
            slug="output-exists",
            where=str(folder),
            allowed="a new folder, an empty one, or an unsigned bundle and nothing else (it is replaced)",
            remedy="choose another --out, or move what is there",
        )


def _would_be_lost(folder: Path) -> str | None:
    """Return what is in a folder beside an unsigned bundle; None where nothing is."""
    if not ((folder / REPORT).is_file() and (folder / SUMS).is_file()):
        return "something that is not an audit bundle"
    for signed in (ENVELOPE, SIGNATURES):
        if (folder / signed).exists():
            return f"a signed report ({signed})"
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    ours = {SUMS, *(line.partition("  ")[2] for line in lines)}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    others = sorted(found - ours)
    return f"files that no audit wrote ({', '.join(others[:3])})" if others else None


def write_bundle(
    report: AuditReport,
    folder: Path,
    *,
    renderings: Sequence[str] = EVERY_RENDERING,
    log: RunLog | None = None,
    inspect: Callable[[Path], None] | None = None,
) -> Path:
    """Write the bundle and return its folder; what was there is replaced only when everything is written.

    Args:
        report: what is written, with the tables of its exhibits.
        folder: where to.
        renderings: names behind the door `renderers`.
        log: what was done up to now; the writing itself is added to it.
        inspect: called with the finished bundle before it takes its place; where it raises, nothing is written.

    Raises:
        PlanError: see `check_output`.
    """
    import yaml

    check_output(folder)
    log = RunLog("bundle") if log is None else log
    content = report.to_json()
    # Pages are drawn from what is signed, read back: canonical JSON sorts keys, and a page must not depend on more.
    report = parse_report(content).with_tables({exhibit.id: report.exhibit(exhibit.id) for exhibit in report.exhibits})
    with replacing_folder(folder) as temporary:
        (temporary / REPORT).write_bytes(content)
        for name in renderings:
            with log.step("written", {"what": name}) as said:
                files = rendered_files(report, name)
                said["files"] = len(files)
                for file, rendered in files.items():
                    _place(temporary, file).write_bytes(rendered)
        plan = report.plan.model_dump(mode="json")
        (temporary / "plan.yaml").write_text(
            yaml.safe_dump(plan, sort_keys=False, allow_unicode=True), encoding="utf-8"
        )
        (temporary / PROVENANCE).write_bytes(provenance_file(report))
        _write_exhibits(report, temporary)
        log.note("written", {"what": "exhibits", "files": sum(e.file is not None for e in report.exhibits)})
        (temporary / LOG).write_bytes(log.content())
        files_written = sorted(file for file in temporary.rglob("*") if file.is_file())
        lines = [
            f"{file_digest(file).removeprefix('sha256:')}  {file.relative_to(temporary).as_posix()}\n"
            for file in files_written
        ]
        (temporary / SUMS).write_text("".join(lines), encoding="utf-8")
        if inspect is not None:
            inspect(temporary)
    return folder


def rendered_files(report: AuditReport, name: str) -> dict[str, bytes]:
    """Return the files of a bundle that one renderer makes, by their place in it.

    Raises:
        RegistryError: nothing of this name is behind the door `renderers`.
    """
    renderer = load(Door.RENDERERS, name)
    if name not in FOLDERS:
        return {f"report{renderer.suffix}": renderer.render(report)}
    return {f"{FOLDERS[name]}/{file}": content for file, content in renderer.files(report).items()}


def provenance_file(report: AuditReport) -> bytes:
    """Return provenance.json: what report.json says of who computed it, when, on what and from which data."""
    data = [
        {
            name: value
            for name, value in (
                ("run", one.run),
                ("source", one.source),
                ("supplier", one.supplier),
                ("licence", one.licence),
                ("digest", one.digest),
                ("file_digest", one.file_digest),
            )
            if value is not None
        }
        for one in report.data
    ]
    told = {
        "schema_version": report.schema_version,
        "claims_digest": report.claims_digest,
        "report_digest": report.report_digest,
        "provenance": report.provenance.model_dump(mode="json"),
        "data": data,
    }
    return canonical_json(told) + b"\n"


def _write_exhibits(report: AuditReport, folder: Path) -> None:
    from pyarrow import parquet

    for exhibit in report.exhibits:
        if exhibit.file is not None:
            parquet.write_table(report.exhibit(exhibit.id), _place(folder, exhibit.file), compression="zstd")


def _place(folder: Path, file: str) -> Path:
    """Return where a file goes, in a folder that is there."""
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    return path


def read_bundle(folder: Path) -> AuditReport:
    """Read a bundle whole and hold every digest in it against its content.

    Raises:
        VerificationError: a file is missing or was changed.
    """
    from pyarrow import parquet

    path = folder / REPORT
    if not path.is_file():
        raise VerificationError(
            "this is not an audit bundle",
            slug="bundle-incomplete",
            where=str(folder),
            found=f"no {REPORT}",
            remedy="give the folder that `affidavit audit`, `run` or `compare` wrote",
        )
    report = parse_report(path.read_bytes(), where=str(path))
    _check_sums(folder)
    tables = {}
    for exhibit in report.exhibits:
        if exhibit.file is None:
            continue
        file = folder / exhibit.file
        if not file.is_file():
            raise VerificationError(
                f"the exhibit {exhibit.id!r} is missing",
                slug="bundle-incomplete",
                where=str(file),
                remedy="ask for the whole folder, exhibits included",
            )
        table = parquet.read_table(file)
        computed = table_digest(table.combine_chunks().to_batches())
        if computed != exhibit.digest:
            raise VerificationError(
                f"the exhibit {exhibit.id!r} was changed after the report was written",
                slug="digest-mismatch",
                where=str(file),
                found=computed,
                allowed=exhibit.digest,
                remedy="ask whoever issued the report for the original",
            )
        tables[exhibit.id] = table
    return report.with_tables(tables)


def subjects(folder: Path) -> dict[str, str]:
    """Return path and SHA-256 of every file of a bundle but report.json and signatures: what is signed beside it."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    names = {file.relative_to(folder).as_posix(): file for file in files}
    own = (REPORT, ENVELOPE)
    listed = (name for name in names if name not in own and not name.startswith(f"{SIGNATURES}/"))
    return {name: file_digest(names[name]) for name in listed}


def _check_sums(folder: Path) -> None:
    """Hold SHA256SUMS against every file of the bundle.

    Raises:
        VerificationError: a file was changed, added or taken away.
    """
    if not (folder / SUMS).is_file():
        raise VerificationError(
            f"the bundle lacks {SUMS}",
            slug="bundle-incomplete",
            where=str(folder),
            remedy="ask for the whole folder",
        )
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    stated = {name: f"sha256:{digest}" for digest, _, name in (line.partition("  ") for line in lines)}
    found = subjects(folder) | {REPORT: file_digest(folder / REPORT)}
    found.pop(SUMS)
    for name in sorted({*stated, *found}):
        if stated.get(name) != found.get(name):
            raise VerificationError(
                f"{name} is not as it was written",
                slug="digest-mismatch",
                where=str(folder / name),
                found=found.get(name, "missing"),
                allowed=stated.get(name, "no such file"),
                remedy="ask whoever issued the report for the original",
            )
