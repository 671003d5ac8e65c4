"""Attributions as tables: every value keeps its place, what is none is refused, and the digest is of the content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from affidavit.attributions import (
    COLUMNS,
    SPANS,
    TARGETS,
    Attribution,
    JudgementKey,
    Span,
    attribution_tables,
    attributions_digest,
    emotion_target,
    read_attributions,
    require_attributions,
    token_target,
    write_attributions,
)
from affidavit.errors import ColumnError, RowError

KEY = JudgementKey(utterance_id="u1", reasoner="r", condition="TAV", instruction="evidence", repeat=2)
THE_TWICE = (
    Span(modality="text", name="the", start_char=0, end_char=3),
    Span(modality="text", name="the", start_char=4, end_char=7),
    Span(modality="audio", name="0.00-0.10 s", start_s=0.0, end_s=0.1),
    Span(modality="audio", name="f0_sd_st"),
)


def made(target: str = emotion_target("joy"), **changes: Any) -> Attribution:
    parts: dict[str, Any] = {
        "key": KEY,
        "target": target,
        "method": "m",
        "spans": THE_TWICE,
        "values": np.array([0.25, -1.0, 3.0, 0.0]),
        "output": 2.0,
        "baseline_output": -0.25,
        "convergence_delta": 0.0,
    }
    return Attribution(**{**parts, **changes})


@pytest.fixture
def tables() -> dict[str, pa.Table]:
    return attribution_tables([made(), made(token_target(0, "Joy"), convergence_delta=None)])


def test_every_span_and_target_is_a_row(tables: dict[str, pa.Table]) -> None:
    assert {name: table.num_rows for name, table in tables.items()} == {SPANS: 8, TARGETS: 2}
    first = tables[SPANS].to_pylist()[1]
    assert first == {
        **{"utterance_id": "u1", "reasoner": "r", "condition": "TAV", "instruction": "evidence", "repeat": 2},
        **{"target": "emotion:joy", "method": "m", "modality": "text", "position": 1, "span": "the"},
        **{"start_s": None, "end_s": None, "start_char": 4, "end_char": 7, "value": -1.0},
    }
    assert tables[SPANS]["position"].to_pylist() == [0, 1, 0, 1] * 2
    assert tables[TARGETS]["convergence_delta"].to_pylist() == [0.0, None]
    assert tables[TARGETS]["target"].to_pylist() == ["emotion:joy", "token:0:Joy"]


def test_nothing_attributed_is_two_empty_tables() -> None:
    tables = attribution_tables([])
    assert [table.num_rows for table in tables.values()] == [0, 0]
    require_attributions(tables)


@pytest.mark.parametrize(
    ("delta", "output", "share"), [(0.5, 2.0, 0.25), (-0.5, -2.0, 0.25), (None, 2.0, None), (0.5, 0.0, None)]
)
def test_a_delta_is_a_share_of_what_the_score_moved_by(delta: float | None, output: float, share: float | None) -> None:
    assert made(output=output, baseline_output=0.0, convergence_delta=delta).relative_delta == share


def test_tables_come_back_as_they_were_written(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    paths = write_attributions(tables, tmp_path / "run")
    assert [path.name for path in paths] == ["run.attributions.parquet", "run.attribution_targets.parquet"]
    again = read_attributions(tmp_path / "run")
    assert all(again[name].equals(tables[name]) for name in COLUMNS)
    assert attributions_digest(again) == attributions_digest(tables)


def test_the_digest_is_of_the_content(tables: dict[str, pa.Table]) -> None:
    cut = {
        name: pa.Table.from_batches(table.select(table.column_names[::-1]).to_batches(max_chunksize=1))
        for name, table in tables.items()
    }
    assert attributions_digest(cut) == attributions_digest(tables)
    other = attribution_tables([made(values=np.array([0.25, -1.0, 3.0, 1e-9])), made("token:0:Joy")])
    assert attributions_digest(other) != attributions_digest(tables)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_that_is_missing_or_of_another_type_is_named(name: str, tables: dict[str, pa.Table]) -> None:
    with pytest.raises(ColumnError, match="target") as missing:
        require_attributions({**tables, name: tables[name].drop_columns("target")})
    assert missing.value.slug == "column-missing"
    coded = tables[name].set_column(4, "repeat", pc.cast(tables[name]["repeat"], pa.string()))
    with pytest.raises(ColumnError, match="repeat") as other:
        require_attributions({**tables, name: coded})
    assert other.value.slug == "column-type"
    with pytest.raises(ColumnError):
        require_attributions({key: table for key, table in tables.items() if key != name})


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"values": np.array([np.nan, 0, 0, 0])}, "not a finite number"),
        ({"output": float("inf")}, "not a finite number"),
        ({"target": "joy"}, "neither a label nor a token"),
        ({"spans": (*THE_TWICE[:3], Span(modality="smell", name="roses"))}, "a modality is unknown"),
        (
            {"spans": (*THE_TWICE[:3], Span(modality="audio", name="x", start_s=2.0, end_s=1.0))},
            "ends before it starts",
        ),
        ({"spans": (Span(modality="text", name="x", start_char=2, end_char=1), *THE_TWICE[1:])}, "ends before"),
        ({"method": None}, "method is missing"),
    ],
)
def test_what_is_no_attribution_is_refused(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(RowError, match=what):
        attribution_tables([made(**changes)])


def test_the_same_span_of_the_same_target_stands_once(tables: dict[str, pa.Table]) -> None:
    with pytest.raises(RowError, match="two rows tell of the same") as error:
        attribution_tables([made(), made()])
    assert error.value.slug == "row-duplicate"
    attribution_tables([made(), made(method="other")])
    with pytest.raises(RowError, match="not listed"):
        require_attributions({**tables, TARGETS: tables[TARGETS].slice(0, 1)})
