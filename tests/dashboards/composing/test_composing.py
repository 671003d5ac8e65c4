"""A table that is brought is kept under a plain name; a plan says what is wrong with it, and leads nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from affidavit.errors import TableError
from affidavit.testing.tables import predictions_frame
from dashboards.composing.brought import examples, kept, looked_at, request_files
from dashboards.composing.validated import validated

GOOD = """
title: Simulated
runs: {simulated: {reasoner: {name: simulator, options: {n_speakers: 12}}}}
by: [accent]
examinations: [performance]
"""


@pytest.mark.parametrize("name", ["table.csv", "../../etc/table.csv", "C:\\data\\table.csv", "/abs/table.csv"])
def test_a_file_is_kept_in_the_workspace_whatever_it_calls_itself(tmp_path: Path, name: str) -> None:
    place = kept(b"a,b\n", name=name, workspace=tmp_path, most_mb=1)
    assert place.name == "table.csv"
    assert tmp_path in place.parents
    assert place == kept(b"a,b\n", name=name, workspace=tmp_path, most_mb=1)
    assert place != kept(b"a,c\n", name=name, workspace=tmp_path, most_mb=1)


@pytest.mark.parametrize(
    ("content", "name"), [(b"x" * (2**20 + 1), "t.csv"), (b"x", "t.exe"), (b"x", "t"), (b"x", "..")]
)
def test_what_is_too_large_or_no_table_is_refused(tmp_path: Path, content: bytes, name: str) -> None:
    with pytest.raises(TableError, match="at most 1 MiB"):
        kept(content, name=name, workspace=tmp_path, most_mb=1)
    assert list(tmp_path.iterdir()) == []


def test_a_brought_table_tells_what_check_tells(tmp_path: Path) -> None:
    content = predictions_frame(n_speakers=6, per_speaker=2).to_csv(index=False).encode()
    place = kept(content, name="vendor.csv", workspace=tmp_path, most_mb=1)
    table = looked_at(place, columns={}, by=("accent",))
    assert table.mapped.parts["y_pred"] == "y_pred"
    assert table.conditions == ("TAV", "A")
    possible = {p.examination.name for p in table.prospects if not p.missing}
    assert {"performance", "rationales"} <= possible
    assert "calibration" not in possible, "there are no probabilities"
    assert examples(table.raw)["accent"] == "Irish, Scottish, Welsh"
    files = request_files(table, tmp_path / "request")
    assert b"vendor.csv" in files["request.md"]


def test_a_good_plan_has_no_faults(tmp_path: Path) -> None:
    told = validated(GOOD, places=(tmp_path,))
    assert told.faults == ()
    assert told.plan is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("simulator", "simulater"), "did you mean 'simulator'"),
        (("performance", "performence"), "did you mean 'performance'"),
        (("title: Simulated", "titel: Simulated"), "titel"),
        (("{n_speakers: 12}", "{n_speakers: 12, path: /etc/passwd}"), "outside what this desk may open"),
        (("{n_speakers: 12}", "{deep: [{file: ../../../etc/passwd}]}"), "outside what this desk may open"),
        (("by: [accent]", "by: [accent]\npolicy: /etc/passwd"), "outside what this desk may open"),
        (("by: [accent]", "by: [accent]\npolicy: no-such"), "no-such"),
        (("reasoner: {name: simulator, options: {n_speakers: 12}}", "table: relative.csv"), "named from no place"),
        (
            ("reasoner: {name: simulator, options: {n_speakers: 12}}", "table: ~/x.csv"),
            "outside what this desk may open",
        ),
        ((GOOD, "a: ["), "this is not YAML"),
        ((GOOD, "just words"), "a plan is a list of keys"),
    ],
)
def test_a_fault_is_named_before_anything_is_carried_out(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    assert any(said in fault for fault in validated(GOOD.replace(*change), places=(tmp_path,)).faults)


def test_a_table_inside_is_no_fault(tmp_path: Path) -> None:
    place = tmp_path / "table.csv"
    predictions_frame(n_speakers=4, per_speaker=2).to_csv(place, index=False)
    plan = GOOD.replace("reasoner: {name: simulator, options: {n_speakers: 12}}", f"table: {place}")
    assert validated(plan, places=(tmp_path,)).faults == ()
