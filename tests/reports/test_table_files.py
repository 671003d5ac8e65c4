"""Tables as files: numbers in full, texts that no spreadsheet computes, digests of every file."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from affidavit.errors import VerificationError
from affidavit.exhibits import ExhibitTable
from affidavit.protocols import Renderer
from affidavit.records import ExhibitColumn
from affidavit.report import AuditReport, parse_report
from reports.formats.table_files import MANIFEST, RENDERER, csv_bytes

FORMULAS = ("=1+1", "+1+1", "-1+cmd", "@SUM(A1)", "\tx", "\rx", "\nx", " =1", "＝1", "=cmd|' /C calc'!A0")


@pytest.fixture(scope="module")
def files(small: AuditReport) -> dict[str, bytes]:
    return dict(RENDERER.files(small))


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_it_is_a_renderer() -> None:
    assert isinstance(RENDERER, Renderer)
    assert (RENDERER.name, RENDERER.suffix) == ("tables", ".tables.zip")


def test_there_is_a_csv_and_a_parquet_of_findings_and_each_exhibit(files: dict[str, bytes], small: AuditReport) -> None:
    names = ["findings", *(exhibit.id for exhibit in small.exhibits)]
    assert set(files) == {MANIFEST, *(f"{name}.{kind}" for name in names for kind in ("csv", "parquet"))}


def test_exhibits_come_back_from_parquet_as_they_were(files: dict[str, bytes], small: AuditReport) -> None:
    for exhibit in small.exhibits:
        assert parquet.read_table(io.BytesIO(files[f"{exhibit.id}.parquet"])).equals(small.exhibit(exhibit.id))


def test_csv_has_the_numbers_in_full(files: dict[str, bytes], small: AuditReport) -> None:
    rows = _rows(files["findings.csv"])
    assert len(rows) == len(small.findings)
    for row, finding in zip(rows, small.findings, strict=True):
        assert row["id"] == finding.id
        value = finding.estimate.value
        assert row["value"] == "" if value is None else float(row["value"]) == value
        assert int(row["n"]) == finding.estimate.n
    exhibit = small.exhibit("confusion-matrices").to_pylist()
    for row, told in zip(_rows(files["confusion-matrices.csv"]), exhibit, strict=True):
        assert row["share"] == "" if told["share"] is None else float(row["share"]) == told["share"]


def test_counts_that_are_not_known_leave_the_others_whole(small: AuditReport) -> None:
    estimate = small.findings[0].estimate.model_copy(update={"n_clusters": None})
    first = small.findings[0].model_copy(update={"estimate": estimate})
    changed = small.model_copy(update={"findings": (first, *small.findings[1:])})
    rows = _rows(RENDERER.files(changed)["findings.csv"])
    assert rows[0]["n_clusters"] == ""
    assert all(row["n_clusters"].isdigit() for row in rows[1:])


def test_formulas_are_defused_and_numbers_are_not() -> None:
    table = pa.table({"text": [*FORMULAS, "Irish"], "number": [-1.5] * len(FORMULAS) + [2.0], "=evil": ["-4.5"] * 11})
    rows = list(csv.reader(io.StringIO(csv_bytes(table).decode(), newline="")))
    assert rows[0] == ["text", "number", "'=evil"]
    assert [row[0][0] for row in rows[1:-1]] == ["'"] * len(FORMULAS)
    assert [row[0][1:] for row in rows[1:-1]] == [text.replace("\r", "\n") for text in FORMULAS]
    assert rows[-1] == ["Irish", "2.0", "-4.5"]
    assert [row[1] for row in rows[1:-1]] == ["-1.5"] * len(FORMULAS)


def test_hostile_levels_stay_in_their_cells(hostile: AuditReport) -> None:
    files = RENDERER.files(hostile)
    for name, content in files.items():
        if name.endswith(".csv"):
            rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
            assert {len(row) for row in rows} == {len(rows[0])}
    read = parquet.read_table(io.BytesIO(files["class-rates.parquet"]))
    assert read.equals(hostile.exhibit("class-rates"))


def test_the_manifest_describes_and_digests_every_file(files: dict[str, bytes], small: AuditReport) -> None:
    manifest = json.loads(files[MANIFEST])
    assert manifest["report_digest"] == small.report_digest
    digests = {name: digest for table in manifest["tables"] for name, digest in table["files"].items()}
    assert set(digests) == set(files) - {MANIFEST}
    for name, digest in digests.items():
        assert digest == f"sha256:{hashlib.sha256(files[name]).hexdigest()}"
    described = {table["name"]: table for table in manifest["tables"]}
    for exhibit in small.exhibits:
        assert described[exhibit.id]["n_rows"] == exhibit.n_rows
        assert [c["name"] for c in described[exhibit.id]["columns"]] == [c.name for c in exhibit.columns]


def _exhibit(name: str) -> Any:
    column = ExhibitColumn(name="x", type="text", description="x")
    return ExhibitTable(id=name, title=name, columns=(column,), values={"x": ["y"]}).sealed("performance")


def test_names_of_files_are_safe_and_each_once(small: AuditReport) -> None:
    sealed = [_exhibit(name) for name in ("../../evil", "Évil", "findings", "FINDINGS", "a b", "a-b", "", "x" * 500)]
    changed = small.model_copy(update={"exhibits": tuple(record for record, _ in sealed)})
    files = RENDERER.files(changed.with_tables({record.id: table for record, table in sealed}))
    stems = [name.removesuffix(".csv") for name in files if name.endswith(".csv")]
    assert stems == ["findings", "evil", "vil", "findings-2", "findings-3", "a-b", "a-b-2", "exhibit", "x" * 80]


def test_the_zip_holds_the_same_files_and_no_moment(small: AuditReport, samples: Any, files: dict[str, bytes]) -> None:
    content = RENDERER.render(small)
    assert content == RENDERER.render(samples.small_report())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == sorted(files)
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_without_findings_there_is_a_table_all_the_same(small: AuditReport) -> None:
    files = RENDERER.files(small.model_copy(update={"findings": (), "exhibits": ()}))
    assert set(files) == {MANIFEST, "findings.csv", "findings.parquet"}
    assert parquet.read_table(io.BytesIO(files["findings.parquet"])).num_rows == 0


def test_a_report_without_its_exhibits_is_refused(full: AuditReport) -> None:
    alone = parse_report(full.to_json())
    with pytest.raises(VerificationError, match="not attached"):
        RENDERER.files(alone)


def test_pandas_reads_it(files: dict[str, bytes], small: AuditReport) -> None:
    frame = pd.read_csv(io.BytesIO(files["findings.csv"]))
    assert list(frame["verdict"]) == [str(finding.verdict) for finding in small.findings]
