from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from affidavit.bundle import write_bundle
from affidavit.disclosure.release import RELEASE, DisclosureControl
from affidavit.disclosure.rule import DisclosureRule
from affidavit.errors import ColumnError, PlanError, TableError
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing.tables import FAST, predictions_frame
from privacy.linter.attack import attack
from privacy.linter.bundles import demands_of, tables_of
from privacy.linter.command import lint, lint_release
from privacy.linter.reading import read_table, table_of_cells
from privacy.linter.tables import Demands

CLEAN = """accent,age,units,joy_percent
all,all,300,50.0
Irish,all,160,
Welsh,all,140,
all,young,140,
all,old,160,
Irish,young,n < 11,
Irish,old,*,
Welsh,young,withheld,
Welsh,old,,
"""
LEAKING = CLEAN.replace("Irish,old,*", "Irish,old,154")


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_clean_table_ends_with_0_and_a_leaking_one_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(written(tmp_path, "clean.csv", CLEAN)) == 0
    assert "nothing small follows" in capsys.readouterr().out
    assert lint(written(tmp_path, "leaking.csv", LEAKING)) == 1
    said = capsys.readouterr().out
    assert "units of accent Irish, age young in leaking is 6 (withheld)" in said
    assert "accent Irish sums over age" in said


def test_two_releases_tell_what_neither_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grown = CLEAN.replace("all,all,300", "all,all,304").replace("Irish,all,160", "Irish,all,164")
    grown = grown.replace("all,young,140", "all,young,144")
    old, new = written(tmp_path, "march.csv", CLEAN), written(tmp_path, "april.csv", grown)
    assert lint(new) == 0
    assert lint(new, old) == 1
    assert "units that came to accent Irish between the releases of april is 4 (arrived)" in capsys.readouterr().out
    assert lint(old, old) == 0


def test_a_folder_of_tables_is_attacked_table_by_table(tmp_path: Path) -> None:
    written(tmp_path, "a.csv", CLEAN)
    assert lint(tmp_path) == 0
    written(tmp_path, "b.csv", LEAKING)
    assert lint(tmp_path) == 1


def test_percentages_give_counts_away() -> None:
    cells = {"accent": ["all", "Irish", "Welsh"], "units": ["300", "160", "140"], "joy_percent": ["50.0", "3.1", ""]}
    found = attack((table_of_cells(cells, name="t"),), Demands()).disclosures
    assert ("joy_percent of accent Irish in t", 5, 5) in {(d.what, d.low, d.high) for d in found}
    assert ("joy_percent of accent Welsh in t", 145, 145) not in {(d.what, d.low, d.high) for d in found}
    nearly_all = {**cells, "joy_percent": ["50.0", "92.5", ""]}
    (found_one,) = attack((table_of_cells(nearly_all, name="t"),), Demands()).disclosures
    assert (found_one.what, found_one.low, found_one.high) == ("joy_percent of accent Welsh in t", 2, 2)


def test_the_floor_and_the_width_can_be_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "clean.csv", CLEAN)
    assert lint(path, floor=200) == 1
    assert lint(path, width=10_000) == 1


def test_a_number_that_cannot_be_a_count_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = "sex,units,joy_rate\nall,100,0.200\nf,50,0.500\nm,50,\n"
    assert lint(written(tmp_path, "odd.csv", odd)) == 3
    assert "contradicts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", TableError, "no rows"),
        ("sex,people\nf,3\n", ColumnError, "column of counts"),
        ("units\n30\n", ColumnError, "at least one feature"),
        ("sex,units\nf,many\n", TableError, "neither a number nor withheld"),
        ("sex,units\nf,3\nf,4\n", TableError, "two rows"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        lint(written(tmp_path, "t.csv", text))


def test_nothing_to_attack_is_said(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="nothing to attack"):
        lint(tmp_path / "nowhere.csv")
    with pytest.raises(PlanError, match="nothing to attack"):
        lint(tmp_path)


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    frame = pd.DataFrame({"sex": ["all", "f", "m"], "units": [100, 60, None], "joy_rate": [0.4, 0.5, None]})
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.units[(("sex", "m"),)] is None
    assert table.units[(("sex", "f"),)] == (60, 60)
    assert lint(tmp_path / "t.parquet") == 1


def test_the_command_has_the_exit_codes(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command(name="lint-release")(lint_release)
    runner = CliRunner()
    assert runner.invoke(app, [str(written(tmp_path, "clean.csv", CLEAN))]).exit_code == 0
    assert runner.invoke(app, [str(written(tmp_path, "leaking.csv", LEAKING))]).exit_code == 1


@pytest.fixture(scope="module")
def report() -> AuditReport:
    table = predictions_frame(n_speakers=160, conditions=("TAV",))
    rng = np.random.default_rng(5)
    accent = rng.choice(["Irish", "Scottish", "Welsh", "Manx"], 160, p=[0.42, 0.3, 0.23, 0.05])
    age = rng.choice(["18-39", "40+"], 160)
    speaker = table["speaker_id"].str[1:].astype(int).to_numpy()
    table["accent"], table["age"] = accent[speaker], age[speaker]
    names = ("performance", "demographic-parity", "rationales", "representation")
    plan = AuditPlan(
        runs={"run": RunSource(table="frame")},
        statistics=FAST,
        examinations=tuple(Choice(name=name) for name in names),
    )
    return audit(table, by=["accent", "age"], plan=plan)


def test_an_audit_itself_leaks_and_its_release_does_not(report: AuditReport, tmp_path: Path) -> None:
    assert attack(tables_of(report), demands_of(report)).disclosures
    write_bundle(RELEASE.release(report), tmp_path / "release", renderings=())
    assert lint(tmp_path / "release") == 0


def test_every_withheld_group_of_our_release_keeps_its_candidates(report: AuditReport) -> None:
    release = RELEASE.release(report)
    found = attack(tables_of(release), demands_of(release))
    assert found.disclosures == ()
    assert found.withheld > 50
    assert demands_of(release).width == 3


def test_the_linter_finds_what_a_careless_hand_puts_back(report: AuditReport) -> None:
    release = RELEASE.release(report)
    gone = {row["group"] for row in release.exhibit("withheld").to_pylist()}
    back = [f for f in report.findings if ", ".join(f.groups.values()) in gone and f.metric == "accuracy"]
    assert len(back) > 1
    careless = release.model_copy(update={"findings": (*release.findings, *back[1:])})
    tables = tables_of(careless)
    assert attack(tables, demands_of(release)).disclosures


def test_rounded_releases_pass_too(report: AuditReport) -> None:
    release = DisclosureControl(rule=DisclosureRule(rounding=5)).release(report)
    assert attack(tables_of(release), demands_of(release)).disclosures == ()
