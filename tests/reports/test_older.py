"""A bundle of the previous schema version opens: `older/bundle-1.0` was written, and signed, by affidavit of that time.

It is an audit of `affidavit.testing.predictions_frame()` and of nobody; whoever signed it threw the key away.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from affidavit.bundle import read_bundle, write_bundle
from affidavit.cli.main import app
from affidavit.digests import canonical_json
from affidavit.errors import VerificationError
from affidavit.report import SCHEMA_VERSION, AuditReport, known_version, parse_report
from affidavit.run import run_plan
from affidavit.testing import predictions_frame
from reports.schema import SCHEMA_FILE
from reports.trust.verification import Asked, State, verify

OLDER = Path(__file__).parent / "older" / "bundle-1.0"


@pytest.fixture(scope="module")
def older() -> AuditReport:
    return read_bundle(OLDER)


def _ended(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.exit_code, result.output


def test_it_is_older_and_reads_whole(older: AuditReport) -> None:
    assert older.schema_version == "1.0"
    assert older.schema_version != SCHEMA_VERSION
    assert older.to_json() == (OLDER / "report.json").read_bytes(), "it keeps its version, and every byte"
    assert all(older.exhibit(exhibit.id).num_rows == exhibit.n_rows for exhibit in older.exhibits)


def test_it_verifies_down_to_every_finding(tmp_path: Path) -> None:
    table = tmp_path / "frame.parquet"
    predictions_frame().to_parquet(table)
    found = verify(OLDER, Asked(tables={"": table}))
    assert found.digests.state is State.HOLDS
    assert found.digests.said.endswith("other versions drew the pages")
    assert found.signature.state is State.UNKNOWN_SIGNER
    assert found.recomputation.state is State.HOLDS
    assert "to the last digit" in found.recomputation.said


def test_it_renders_and_gates(older: AuditReport, tmp_path: Path) -> None:
    code, said = _ended(
        "render", OLDER, "--as", "html,md,junit,model-card,oscal,tables,figures", "--out", tmp_path / "r"
    )
    assert code == 0, said
    assert older.policy is not None
    policy = tmp_path / "policy.yaml"
    policy.write_bytes(canonical_json(older.policy.model_dump(mode="json")))
    code, said = _ended("gate", OLDER, "--policy", policy)
    assert (code, "a criterion failed" in said) == (1, True), said


def test_it_compares_with_a_bundle_of_today(older: AuditReport, tmp_path: Path) -> None:
    predictions_frame(seed=1).to_parquet(tmp_path / "frame.parquet")
    later = run_plan(older.plan, folder=tmp_path, policy=older.policy)
    assert later.schema_version == SCHEMA_VERSION
    today = write_bundle(later, tmp_path / "today", renderings=())
    code, said = _ended("compare", OLDER, today, "--out", tmp_path / "c")
    assert code == 0, said
    assert "numbers in both" in said


def test_its_release_is_of_today(tmp_path: Path) -> None:
    code, said = _ended("release", OLDER, "--out", tmp_path / "out")
    assert code == 0, said
    assert read_bundle(tmp_path / "out").schema_version == SCHEMA_VERSION


def test_it_holds_against_the_schema_of_its_version_and_of_today() -> None:
    document = json.loads((OLDER / "report.json").read_bytes())
    for file in (SCHEMA_FILE, SCHEMA_FILE.with_name("report-1.0.schema.json")):
        schema = json.loads(file.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize("version", ["1.99", "2.0", "0.9", "1", "1.0.0", "01.0", "", 1.0, None, ["1.0"]])
def test_what_is_newer_or_no_version_is_refused_before_anything_is_read(version: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(OLDER, tmp_path / "b"))
    document = json.loads((folder / "report.json").read_bytes())
    document["schema_version"] = version
    document["of a later version"] = True
    content = json.dumps(document).encode()
    with pytest.raises(VerificationError) as told:
        parse_report(content)
    assert told.value.slug == ("bundle-incomplete" if version is None else "schema-version")
    (folder / "report.json").write_bytes(content)
    found = verify(folder, Asked())
    assert "report.json" in found.at_fault


def test_every_minor_version_up_to_this_one_is_known() -> None:
    major, minor = map(int, SCHEMA_VERSION.split("."))
    assert all(known_version(f"{major}.{n}") for n in range(minor + 1))
    assert not known_version(f"{major}.{minor + 1}")
