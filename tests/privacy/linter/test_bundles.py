"""What the linter puts together of a bundle: every printed count, whoever printed it and under whatever name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from affidavit.disclosure.lattice import Group
from affidavit.disclosure.release import RELEASE
from affidavit.exhibits import ExhibitTable
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing.tables import FAST, LABELS, predictions_frame
from privacy.linter.attack import Attack, attack
from privacy.linter.bundles import demands_of, tables_of
from privacy.linter.sheets import Sheet, people_of, sheets_of

Row = dict[str, Any]


@pytest.fixture(scope="module")
def report() -> AuditReport:
    table = predictions_frame(n_speakers=160, conditions=("TAV", "T"))
    accent = np.repeat(["Irish", "Scottish", "Welsh", "Manx"], [60, 50, 46, 4])
    table["accent"] = accent[table["speaker_id"].str[1:].astype(int).to_numpy()]
    sure = np.random.default_rng(3).uniform(0.4, 0.98, len(table))
    for label in LABELS:
        table[f"prob_{label}"] = np.where(table["y_pred"] == label, sure, (1 - sure) / (len(LABELS) - 1))
    faceless = {f"s{i}" for i in (*range(57, 60), *range(60, 73))}
    table = table[(table["condition"] == "T") | ~table["speaker_id"].isin(faceless)]
    names = ("performance", "demographic-parity", "representation", "calibration")
    plan = AuditPlan(
        runs={"run": RunSource(table="frame")},
        statistics=FAST,
        examinations=tuple(Choice(name=name) for name in names),
    )
    return audit(table, by=["accent"], plan=plan)


@pytest.fixture(scope="module")
def release(report: AuditReport) -> AuditReport:
    return RELEASE.release(report)


def attacked(report: AuditReport) -> Attack:
    return attack(tables_of(report), demands_of(report))


def with_exhibit(report: AuditReport, name: str, change: Callable[[list[Row]], list[Row]]) -> AuditReport:
    """Return a report with the rows of one exhibit changed."""
    record = next(exhibit for exhibit in report.exhibits if exhibit.id == name)
    rows = change(report.exhibit(name).to_pylist())
    changed, table = ExhibitTable(
        id=name,
        title=record.title,
        columns=record.columns,
        values={column.name: [row[column.name] for row in rows] for column in record.columns},
        releasable=True,
    ).sealed(record.examination)
    others = {exhibit.id: report.exhibit(exhibit.id) for exhibit in report.exhibits if exhibit.id != name}
    exhibits = tuple(changed if exhibit.id == name else exhibit for exhibit in report.exhibits)
    return report.model_copy(update={"exhibits": exhibits}).sealed({**others, name: table})


def test_a_release_of_two_conditions_holds(release: AuditReport) -> None:
    found = attacked(release)
    assert found.disclosures == ()
    assert found.contradictions == ()
    assert found.withheld > 20


def test_a_share_put_back_gives_a_group_away(report: AuditReport, release: AuditReport) -> None:
    gone = {tuple(row["group"].split(", ")) for row in release.exhibit("withheld").to_pylist()} - {("Manx",)}
    back = [f for f in report.findings if f.metric == "unit_share" and tuple(f.groups.values()) in gone]
    assert back
    found = attacked(release.model_copy(update={"findings": (*release.findings, *back)})).disclosures
    assert any(d.what.startswith("units of accent Manx in") and d.low == d.high == 4 for d in found)


def test_bins_are_read_one_by_one(report: AuditReport) -> None:
    bins = {sheet.part for sheet in sheets_of(report) if "reliability-curves" in sheet.name}
    assert len(bins) > 2
    found = attacked(report).disclosures
    assert any("reliability-curves" in d.what and d.kind == "told" and d.low < 11 for d in found)


def test_a_class_that_the_others_leave_is_found(report: AuditReport, release: AuditReport) -> None:
    truth = {
        (r["condition"], r["group"], r["rate"], r["class"]): r["value"]
        for r in report.exhibit("selection-rates").to_pylist()
    }

    def one_blank(rows: list[Row]) -> list[Row]:
        """Print every class of everybody's but the first."""
        first = rows[0]["class"]
        for row in rows:
            value = truth[row["condition"], row["group"], row["rate"], row["class"]]
            row["value"] = None if (row["class"], row["group"]) == (first, "Irish") else value
        return rows

    careless = with_exhibit(release, "selection-rates", one_blank)
    tables = [table for table in tables_of(careless) if table.name.startswith("rows of the classes")]
    (table, *_) = [t for t in tables if any(ends is None and ("accent", "Irish") in g for g, ends in t.units.items())]
    gone = next(g for g, ends in table.units.items() if ends is None and ("accent", "Irish") in g and len(g) == 2)
    asked = attack([replace(table, here=table.here - {gone})], demands_of(release)).disclosures
    assert any("accent Irish, class" in d.what and d.low == d.high for d in asked)


def test_few_who_lack_a_condition_are_found(report: AuditReport) -> None:
    found = attacked(report).disclosures
    assert any("less of T" in d.what and "accent Irish" in d.what and d.low == d.high == 3 for d in found)


def test_counts_of_an_exhibit_that_names_no_group_are_read(report: AuditReport) -> None:
    tables = {table.name: table for table in tables_of(report)}
    printed = [ends[0] for ends in tables["confusion-matrices"].units.values() if ends is not None]
    assert min(n for n in printed if n) < 11
    found = attacked(report).disclosures
    assert any("confusion-matrices" in d.what and d.kind == "told" for d in found)


def sheet(units: Mapping[Group, int], *, name: str = "a", condition: str = "T") -> Sheet:
    return Sheet(run="run", condition=condition, name=(name,), units=units)


def test_what_prints_the_same_numbers_is_put_together() -> None:
    a, b, c = ((("accent", level),) for level in "abc")
    one = sheet({(): 60, a: 20, b: 30})
    again = sheet({a: 20, b: 30, c: 10}, name="again")
    other = sheet({(): 60, a: 21, b: 30}, name="other")
    elsewhere = sheet({a: 20, b: 30, c: 10}, condition="TAV")
    of_one = sheet({a: 60, b: 60, c: 60}, name="of everybody")
    found = people_of([one, again, other, elsewhere, of_one])
    assert [len(people.sheets) for people in found] == [2, 1, 1]
    assert found[0].units == {(): 60, a: 20, b: 30, c: 10}
    assert found[1].within(found[0]) or found[0].within(found[1])
