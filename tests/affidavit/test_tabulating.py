"""A report as CSV and as a LaTeX table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affidavit.errors import PlanError
from affidavit.records import CriterionOutcome
from affidavit.report import AuditReport
from affidavit.tabulating import defused, escaped
from affidavit.testing import small_report


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return small_report()


def test_the_csv_is_the_frame(report: AuditReport, tmp_path: Path) -> None:
    path = report.to_csv(tmp_path / "findings.csv")
    written, frame = pd.read_csv(path), report.to_frame()
    assert list(written.columns) == list(frame.columns)
    assert written["id"].tolist() == frame["id"].tolist()
    assert written["value"].tolist() == pytest.approx(frame["value"].tolist(), nan_ok=True)


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "+1-2", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\uff1d1+1", "-inf(1)"]
)
def test_what_a_spreadsheet_would_compute_is_a_text(report: AuditReport, tmp_path: Path, text: str) -> None:
    hostile = report.findings[0].model_copy(update={"run": text, "metric": text, "groups": {"accent": text}})
    path = report.model_copy(update={"findings": (hostile, *report.findings[1:])}).to_csv(tmp_path / "f.csv")
    row = pd.read_csv(path, dtype=str, keep_default_na=False).iloc[0]
    assert [row[column] for column in ("run", "metric", "accent")] == ["'" + text.replace("\r", "\n")] * 3
    assert not any(str(cell).lstrip(" ").startswith(("=", "@", "\t", "\r", "\uff1d")) for cell in row)


def test_numbers_and_names_stay_as_they_are(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["-4.5", "Irish", None, "a=b"], "number": [-1.5, 2.0, np.nan, 0.0], "=x": 1})
    harmless = defused(frame)
    assert harmless["text"].dropna().tolist() == ["-4.5", "Irish", "a=b"]
    assert harmless["text"].isna().tolist() == [False, False, True, False]
    assert harmless["number"].equals(frame["number"])
    assert list(harmless.columns) == ["text", "number", "'=x"]


def test_the_table_has_every_group_with_its_interval(report: AuditReport) -> None:
    table = report.to_latex("accuracy", by="accent")
    assert table.startswith(f"% {report.claims_digest}\n")
    lines = [line for line in table.splitlines() if line.startswith("accent & ")]
    assert [line.split(" & ")[1] for line in lines] == ["Irish", "Scottish", "Welsh"]
    welsh = next(f for f in report.findings if f.metric == "accuracy" and f.groups == {"accent": "Welsh"})
    interval = welsh.estimate.interval
    assert interval is not None
    cells = f"{welsh.estimate.value:.3f} & [{interval.low:.3f}, {interval.high:.3f}] & 160 & 16"
    assert lines[2] == f"accent & Welsh & {cells} \\\\"
    assert r"95\% interval" in table
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\begin{tabular}{llrcrr}", r"\end{table}"):
        assert table.count(part) == 1


def test_without_features_every_group_is_there_and_the_fullest_condition(report: AuditReport) -> None:
    table = report.to_latex("macro_f1")
    assert " & everybody & " in table
    assert "accent x age & Irish, 18-39 & " in table
    assert r"\caption{macro f1 of run predictions under TAV}" in table
    assert "under A}" in report.to_latex("macro_f1", condition="A")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"metric": "acuracy"}, "did you mean 'accuracy'"),
        ({"metric": "accuracy", "run": "x"}, "run 'x'"),
        ({"metric": "accuracy", "condition": "V"}, "condition 'V'"),
        ({"metric": "accuracy", "by": ("sex",)}, "features 'sex'"),
    ],
)
def test_what_is_not_there_is_said_and_what_is(report: AuditReport, arguments: dict[str, str], said: str) -> None:
    with pytest.raises(PlanError, match=said) as refused:
        report.to_latex(**arguments)
    assert refused.value.allowed


def test_a_hostile_level_stays_a_text() -> None:
    assert escaped("\\input{x} & 5% #1 ~^_$\n\\\\") == (
        r"\textbackslash{}input\{x\} \& 5\% \#1 \textasciitilde{}\textasciicircum{}\_\$ "
        r"\textbackslash{}\textbackslash{}"
    )


def test_what_is_negative_or_unknown_is_set_as_such(report: AuditReport) -> None:
    target = next(f for f in report.findings if f.metric == "accuracy" and f.groups == {"accent": "Irish"})
    below = {"value": -0.25, "interval": None, "why_no_interval": "few", "n_clusters": None}
    changed = target.model_copy(update={"estimate": target.estimate.model_copy(update=below)})
    findings = tuple(changed if f.id == target.id else f for f in report.findings)
    table = report.model_copy(update={"findings": findings}).to_latex("accuracy", by="accent")
    assert r"accent & Irish & $-$0.250 & -- & 160 & -- \\" in table


def test_the_frame_says_between_whom_a_gap_lies_and_what_it_was_held_to(report: AuditReport) -> None:
    frame = report.to_frame().set_index("id")
    gap = next(f for f in report.findings if f.metric == "accuracy_difference" and f.lowest is not None)
    assert (frame.loc[gap.id, "lowest"], frame.loc[gap.id, "highest"]) == (gap.lowest, gap.highest)
    held = gap.model_copy(update={"criterion": CriterionOutcome(id="c", at_most=0.1, source="s", family_size=1)})
    findings = tuple(held if f.id == gap.id else f for f in report.findings)
    row = report.model_copy(update={"findings": findings}).to_frame().set_index("id").loc[gap.id]
    assert (row["criterion"], row["at_most"]) == ("c", 0.1)
