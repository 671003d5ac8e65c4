from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from affidavit.report import AuditReport
from reports.schema import DIALECT, SCHEMA_FILE, report_schema, schema_text


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def written(small: AuditReport) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(small.to_json())
    return content


def test_the_file_is_up_to_date() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run `python -m reports.schema`"
    assert json.loads(schema_text())["$schema"] == DIALECT


@pytest.mark.parametrize("name", ["small", "hostile"])
def test_sample_reports_are_valid(
    request: pytest.FixtureRequest, validator: jsonschema.Draft202012Validator, name: str
) -> None:
    report: AuditReport = request.getfixturevalue(name)
    validator.validate(json.loads(report.to_json()))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("decision",), "approved"),
        (("title",), None),
        (("findings", 0, "verdict"), "good"),
        (("findings", 0, "estimate", "value"), "0.7"),
        (("findings", 0, "estimate", "n"), -1),
        (("findings", 0, "because"), None),
        (("findings", 0, "surprise"), 1),
        (("surprise",), 1),
    ],
)
def test_a_changed_report_is_not(
    validator: jsonschema.Draft202012Validator, written: dict[str, Any], path: tuple[str | int, ...], value: object
) -> None:
    place: Any = written
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert list(validator.iter_errors(written))


@pytest.mark.parametrize("name", ["schema_version", "marking", "decision", "claims_digest", "provenance"])
def test_what_is_always_written_is_required(
    validator: jsonschema.Draft202012Validator, written: dict[str, Any], name: str
) -> None:
    del written[name]
    assert list(validator.iter_errors(written))


def test_an_undefined_value_is_null_and_there(
    validator: jsonschema.Draft202012Validator, written: dict[str, Any]
) -> None:
    undefined = next(f for f in written["findings"] if f["estimate"]["value"] is None)
    assert not list(validator.iter_errors(written))
    del undefined["estimate"]["value"]
    assert list(validator.iter_errors(written))
