"""The findings and every exhibit as CSV and parquet, one file a table, with a manifest that describes and digests them.

Laws: numbers stay numbers, in full; a text that a spreadsheet would compute is defused in CSV and whole in parquet; a
missing value is an empty cell; the same report gives the same bytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from affidavit.digests import canonical_json
from affidavit.tabulating import defused_text

if TYPE_CHECKING:
    import pyarrow as pa

    from affidavit.records import Exhibit
    from affidavit.report import AuditReport

FINDINGS: Final = "findings"
MANIFEST: Final = "manifest.json"
_NOT_IN_NAME: Final = re.compile(r"[^a-z0-9]+")
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LONGEST_NAME: Final = 80
_COUNTS: Final = ("n", "n_clusters")
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can hold: none is claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFiles:
    """The renderer `tables`: `files` gives them one by one, `render` as one zip, stored and in order of name."""

    name: str = "tables"
    suffix: str = ".tables.zip"

    def files(self, report: AuditReport) -> Mapping[str, bytes]:
        """Return file name to content.

        Raises:
            VerificationError: the report was read without the files of its exhibits.
        """
        written: dict[str, bytes] = {}
        described = []
        for name, title, table, columns in _tables(report):
            own = {f"{name}.csv": csv_bytes(table), f"{name}.parquet": parquet_bytes(table)}
            described.append(_described(name, title, table, columns, own))
            written |= own
        manifest = {
            "report_digest": report.report_digest,
            "claims_digest": report.claims_digest,
            "marking": report.marking,
            "tables": described,
        }
        return {**written, MANIFEST: canonical_json(manifest) + b"\n"}

    def render(self, report: AuditReport) -> bytes:
        """Return the zip."""
        return zipped(self.files(report))


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsFiles:
    """The renderer `findings`: the findings alone, as a bundle holds them beside its exhibits."""

    name: str = "findings"
    suffix: str = ".findings.zip"

    def files(self, report: AuditReport) -> Mapping[str, bytes]:
        """Return file name to content."""
        table = _findings_table(report)
        return {f"{FINDINGS}.csv": csv_bytes(table), f"{FINDINGS}.parquet": parquet_bytes(table)}

    def render(self, report: AuditReport) -> bytes:
        """Return the zip."""
        return zipped(self.files(report))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return files as one zip, stored and in order of name, in which no time is claimed."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _EARLIEST), content)
    return whole.getvalue()


def csv_bytes(table: pa.Table) -> bytes:
    """Return a table as UTF-8 CSV with a heading; numbers in full.

    Texts are defused as in `affidavit.tabulating`, and control characters written out: a terminal would obey them.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(map(_inert, table.column_names))
    columns = [[_inert(value) for value in column.to_pylist()] for column in table.columns]
    writer.writerows(zip(*columns, strict=True))
    return written.getvalue().encode()


def _inert(value: object) -> object:
    text = defused_text(value)
    if not isinstance(text, str):
        return text
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as parquet."""
    from pyarrow import parquet

    written = io.BytesIO()
    parquet.write_table(table, written, compression="zstd")
    return written.getvalue()


def _tables(report: AuditReport) -> Iterator[tuple[str, str, pa.Table, list[dict[str, Any]]]]:
    """Yield name, title, table and described columns: findings first, then exhibits in the order of the report."""
    findings = _findings_table(report)
    yield FINDINGS, f"Findings of {report.title}", findings, [{"name": name} for name in findings.column_names]
    taken = {FINDINGS}
    for exhibit in report.exhibits:
        yield file_name(exhibit.id, taken), exhibit.title, report.exhibit(exhibit.id), _columns(exhibit)


def _columns(exhibit: Exhibit) -> list[dict[str, Any]]:
    return [column.model_dump(mode="json") for column in exhibit.columns]


def _findings_table(report: AuditReport) -> pa.Table:
    """Return the findings as `to_frame` gives them; counts stay whole numbers where some are not known."""
    import pyarrow as pa

    frame = report.to_frame()
    counts = {name: frame[name].astype("Int64") for name in _COUNTS if name in frame}
    table = pa.Table.from_pandas(frame.assign(**counts), preserve_index=False)
    return table.replace_schema_metadata(None)  # pandas notes its own version there


def file_name(name: str, taken: set[str]) -> str:
    """Return a name for a file made of an exhibit's id: safe everywhere, and each once."""
    stem = _NOT_IN_NAME.sub("-", name.lower()).strip("-")[:_LONGEST_NAME] or "exhibit"
    found, number = stem, 1
    while found in taken:
        number += 1
        found = f"{stem}-{number}"
    taken.add(found)
    return found


def _described(
    name: str, title: str, table: pa.Table, columns: list[dict[str, Any]], files: Mapping[str, bytes]
) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "n_rows": table.num_rows,
        "columns": columns,
        "files": {file: f"sha256:{hashlib.sha256(content).hexdigest()}" for file, content in files.items()},
    }


RENDERER: Final = TableFiles()
FINDINGS_RENDERER: Final = FindingsFiles()
