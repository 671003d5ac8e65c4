"""The published JSON Schema of `report.json`: `python -m reports.schema` writes it anew from the records.

Serialised records leave out what is absent, so an optional field is either there with a value or not there at all,
and a field that always has a value is required.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from affidavit.report import SCHEMA_VERSION, AuditReport

SCHEMA_FILE: Final = Path(__file__).with_name("schema") / "report.schema.json"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def report_schema() -> Schema:
    """Return the schema of a serialised audit report."""
    # Validation mode: the records' own serialiser says only that it returns an object.
    schema = AuditReport.model_json_schema(mode="validation")
    definitions = {name: _as_written(part) for name, part in schema.pop("$defs").items()}
    head = {"$schema": DIALECT, "$id": f"urn:affidavit:report-schema:{SCHEMA_VERSION}"}
    return {**head, **_as_written(schema), "$defs": definitions}


def _as_written(schema: Schema) -> Schema:
    """Return the schema of a record as it is written rather than as it is read."""
    properties = schema.get("properties")
    if properties is None:
        return schema
    required = [name for name, part in properties.items() if not _may_be_absent(part)]
    written = {name: _present(part) if _may_be_absent(part) else _stated(part) for name, part in properties.items()}
    return {**schema, "properties": written, "required": required}


def _may_be_absent(part: Schema) -> bool:
    return "default" in part and part["default"] is None


def _present(part: Schema) -> Schema:
    """Return an optional field's schema for where it is there: not null."""
    kinds = [kind for kind in part.get("anyOf", []) if kind != {"type": "null"}]
    rest = {key: value for key, value in part.items() if key not in {"anyOf", "default"}}
    return {**rest, **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})}


def _stated(part: Schema) -> Schema:
    """Return a field's schema without its default, which a written report never relies on."""
    return {key: value for key, value in part.items() if key != "default"}


def schema_text() -> str:
    """Return the schema as the file holds it."""
    return json.dumps(report_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the schema file."""
    SCHEMA_FILE.parent.mkdir(exist_ok=True)
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    sys.stdout.write(f"{SCHEMA_FILE}\n")


if __name__ == "__main__":
    main()
