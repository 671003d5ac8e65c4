"""Raw and shrunken values stand side by side."""

from __future__ import annotations

from types import ModuleType

import pyarrow as pa
import pytest

from affidavit.report import AuditReport
from reports.sections import shrunken

ROW = {
    "run": "listener",
    "condition": "TAV",
    "features": "accent x age",
    "group": "Welsh, 60+",
    "metric": "accuracy",
    "value": 0.5,
    "low": 0.25,
    "high": 0.75,
    "n": 1200,
    "n_clusters": 4,
    "shrunken": 0.625,
    "own_share": 0.125,
}


def test_a_group_has_its_raw_value_beside_the_shrunken_one(
    small: AuditReport, monkeypatch: pytest.MonkeyPatch, reading: ModuleType
) -> None:
    table = pa.Table.from_pylist([ROW, ROW | {"group": "Irish", "features": "accent", "low": None, "high": None}])
    monkeypatch.setattr(shrunken, "attached", lambda *_: table)
    section = shrunken.shrunken_section(small)
    assert section is not None
    [fold] = section.blocks
    [drawn] = fold.blocks  # type: ignore[union-attr]
    shown = [[f"{cell.text} {cell.detail}".strip() for cell in row] for row in drawn.rows]  # type: ignore[union-attr]
    assert shown[0] == ["Welsh, 60+ accent × age", "1,200", "4", "50.0 [25.0, 75.0]", "62.5", "12"]
    assert shown[1][:1] + shown[1][3:] == ["Irish accent", "50.0", "62.5", "12"]


def test_without_the_exhibit_there_is_no_table(small: AuditReport) -> None:
    assert shrunken.shrunken_section(small) is None
