from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affidavit.bundle import read_bundle, write_bundle
from affidavit.disclosure.lattice import Group, group_of
from affidavit.disclosure.release import RELEASE, DisclosureControl, released
from affidavit.disclosure.rule import DisclosureRule
from affidavit.errors import PlanError
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.protocols import Release
from affidavit.records import Finding
from affidavit.registry import Door, load
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing.tables import FAST, LABELS

EXAMINATIONS = ("performance", "demographic-parity", "rationales", "representation")
SIZES = {
    ("Irish", "18-39"): 30,
    ("Irish", "40+"): 25,
    ("Scottish", "18-39"): 22,
    ("Scottish", "40+"): 24,
    ("Welsh", "18-39"): 28,
    ("Welsh", "40+"): 14,
    ("Manx", "18-39"): 17,
    ("Manx", "40+"): 4,
}


def frame(sizes: dict[tuple[str, str], int], *, accuracy: float = 0.7, rows: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    people = [levels for levels, n in sizes.items() for _ in range(n)]
    speaker = np.repeat(np.arange(len(people)), rows)
    truth = rng.integers(0, len(LABELS), len(speaker))
    right = rng.random(len(speaker)) < accuracy
    said = np.where(right, truth, (truth + 1) % len(LABELS))
    return pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(len(speaker))],
            "speaker_id": [f"s{i}" for i in speaker],
            "accent": [people[i][0] for i in speaker],
            "age": [people[i][1] for i in speaker],
            "y_true": np.array(LABELS)[truth],
            "y_pred": np.array(LABELS)[said],
            "rationale": [f"the voice sounds like {LABELS[k]}" for k in said],
        }
    )


def audited(table: pd.DataFrame, *, title: str = "Audit", examinations: tuple[str, ...] = EXAMINATIONS) -> AuditReport:
    plan = AuditPlan(
        title=title,
        runs={"run": RunSource(table="frame")},
        statistics=FAST,
        examinations=tuple(Choice(name=name) for name in examinations),
    )
    return audit(table, by=["accent", "age"], plan=plan)


@pytest.fixture(scope="module")
def whole() -> AuditReport:
    return audited(frame(SIZES), title="Audit of four accents, among them Manx speakers over 40+")


@pytest.fixture(scope="module")
def leaving(whole: AuditReport) -> AuditReport:
    return RELEASE.release(whole)


def withheld_groups(report: AuditReport) -> set[Group]:
    rows = [row for row in report.exhibit("withheld").to_pylist() if row["where"] == "everywhere"]
    return {group_of(dict(zip(row["features"].split(" x "), row["group"].split(", "), strict=True))) for row in rows}


def about_groups(report: AuditReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.compared is None]


def test_it_is_a_release() -> None:
    assert isinstance(RELEASE, Release)
    assert RELEASE.name == "releasable"


def test_small_groups_are_listed_and_nothing_else_is_said_of_them(whole: AuditReport, leaving: AuditReport) -> None:
    gone = withheld_groups(leaving)
    assert (("accent", "Manx"), ("age", "40+")) in gone
    assert not {group_of(f.groups) for f in about_groups(leaving)} & gone
    assert {row["units"] for row in leaving.exhibit("withheld").to_pylist()} == {"n < 11"}
    told = {group_of(f.groups) for f in about_groups(leaving) if f.metric == "accuracy"}
    assert told | gone == {group_of(f.groups) for f in about_groups(whole)}  # no group is dropped in silence


def test_no_count_under_the_floor_is_left_anywhere(leaving: AuditReport) -> None:
    units = {f.estimate.n_clusters for f in leaving.findings}
    assert all(n is not None and (n == 0 or n >= 11) for n in units)
    for exhibit in leaving.exhibits:
        if exhibit.id not in ("withheld", "disclosure-rule"):
            assert min(row["n_clusters"] for row in leaving.exhibit(exhibit.id).to_pylist()) >= 11


def test_no_withheld_group_follows_from_the_lines(whole: AuditReport, leaving: AuditReport) -> None:
    """By hand: every line of accent by age that withholds a group withholds two, or its sum."""
    gone = withheld_groups(leaving)
    for feature, levels in (("accent", ("Irish", "Scottish", "Welsh", "Manx")), ("age", ("18-39", "40+"))):
        for level in levels:
            inside = [group_of(dict(zip(("accent", "age"), g, strict=True))) for g in SIZES if level in g]
            hidden = [group for group in inside if group in gone]
            assert len(hidden) != 1 or ((feature, level),) in gone


def test_gaps_over_families_with_a_withheld_group_are_gone(whole: AuditReport, leaving: AuditReport) -> None:
    gone = withheld_groups(leaving)
    families = {tuple(feature for feature, _ in group) for group in gone}
    assert ("accent", "age") in families
    assert any(finding.compared == ("accent", "age") for finding in whole.findings)
    for finding in leaving.findings:
        if finding.compared is not None:
            assert not any(set(family) <= set(finding.compared) for family in families)


def test_a_value_with_a_small_count_behind_it_is_blank_and_its_group_is_told() -> None:
    sizes = {("Irish", "18-39"): 30, ("Irish", "40+"): 40, ("Welsh", "18-39"): 35, ("Welsh", "40+"): 45}
    table = frame(sizes, accuracy=0.75)
    few = (table["accent"] == "Welsh") & (table["age"] == "18-39")
    table.loc[few, "y_pred"] = table.loc[few, "y_true"]
    wrong = table.index[few][:5]
    table.loc[wrong, "y_pred"] = [LABELS[(LABELS.index(label) + 1) % 3] for label in table.loc[wrong, "y_true"]]
    report = RELEASE.release(audited(table, examinations=("performance",)))
    assert withheld_groups(report) == set()
    blank = {group_of(f.groups) for f in about_groups(report) if f.metric == "accuracy" and f.estimate.value is None}
    assert (("accent", "Welsh"), ("age", "18-39")) in blank
    assert len(blank) > 1  # its neighbours would tell it
    for finding in about_groups(report):
        if group_of(finding.groups) in blank:
            assert finding.estimate.value is None
            assert finding.estimate.n >= 11
            assert finding.test is None


def test_texts_that_speak_of_withheld_groups_are_withheld(whole: AuditReport, leaving: AuditReport) -> None:
    assert "Manx" in whole.title
    assert "Manx" not in leaving.title
    assert "Manx" not in leaving.plan.title
    assert not any("Manx, 40+" in sentence for sentence in (*leaving.summary, *leaving.caveats))
    said = {caveat for finding in leaving.findings for caveat in finding.caveats}
    assert not any("too small to be compared" in caveat for caveat in said)
    spoken = json.loads(leaving.to_json())
    spoken.pop("exhibits")
    assert "Manx, 40+" not in json.dumps(spoken)


def test_everything_left_is_releasable_and_marked(leaving: AuditReport) -> None:
    assert all(exhibit.releasable for exhibit in leaving.exhibits)
    assert leaving.marking.startswith("released")
    rule = {row["setting"]: row["value"] for row in leaving.exhibit("disclosure-rule").to_pylist()}
    assert (rule["floor"], rule["width"], rule["zeros"]) == ("11", "3", "shown")
    assert "confusion-matrices" in leaving.exhibit("disclosure-rule").column("value").to_pylist()
    assert not leaving.has_exhibit("confusion-matrices")


def test_a_release_is_a_bundle_of_its_own(leaving: AuditReport, whole: AuditReport, tmp_path: Path) -> None:
    write_bundle(leaving, tmp_path / "release")
    assert read_bundle(tmp_path / "release").claims_digest == leaving.claims_digest
    assert leaving.claims_digest != whole.claims_digest
    assert "n &lt; 11" in (tmp_path / "release" / "report.html").read_text(encoding="utf-8")


def test_the_same_report_gives_the_same_release_and_is_not_changed(whole: AuditReport, leaving: AuditReport) -> None:
    before = whole.to_json()
    assert RELEASE.release(whole).to_json() == leaving.to_json()
    assert whole.to_json() == before


def test_a_report_without_small_counts_keeps_every_finding() -> None:
    sizes = dict.fromkeys([("Irish", "18-39"), ("Irish", "40+"), ("Welsh", "18-39"), ("Welsh", "40+")], 25)
    report = audited(frame(sizes, accuracy=0.5), examinations=("performance",))
    after = RELEASE.release(report)
    assert [f.id for f in after.findings] == [f.id for f in report.findings]
    assert [f.estimate.value for f in after.findings] == [f.estimate.value for f in report.findings]
    assert len(after.exhibit("withheld")) == 0


def test_counts_can_be_rounded(whole: AuditReport) -> None:
    after = DisclosureControl(rule=DisclosureRule(rounding=5)).release(whole)
    assert all(f.estimate.n % 5 == 0 and (f.estimate.n_clusters or 0) % 5 == 0 for f in after.findings)
    assert all(data.n_rows % 5 == 0 and (data.n_units or 0) % 5 == 0 for data in after.data)
    made = {f.id: f for f in after.findings}
    for before in about_groups(whole):
        told = made.get(before.id)
        if before.metric == "accuracy" and told is not None and told.estimate.value is not None:
            n = told.estimate.n
            assert told.estimate.value * n == pytest.approx(5 * round(told.estimate.value * n / 5))


@pytest.mark.parametrize("rule", [DisclosureRule(rounding=5), DisclosureRule(intervals_only=True)])
def test_coarse_intervals_hold_the_exact_ones(whole: AuditReport, rule: DisclosureRule) -> None:
    exact = {f.id: f for f in whole.findings}
    after = released(whole, rule)
    seen = 0
    for finding in after.findings:
        told, true = finding.estimate.interval, exact[finding.id].estimate
        if told is None or true.interval is None:
            continue
        seen += 1
        assert told.low <= true.interval.low + 1e-9
        assert told.high >= true.interval.high - 1e-9
        n, units = finding.estimate.n, finding.estimate.n_clusters or 0
        assert rule.ends(n)[0] <= true.n <= rule.ends(n)[1]
        assert rule.ends(units)[0] <= (true.n_clusters or 0) <= rule.ends(units)[1]
    assert seen > 10


def test_a_gap_is_the_difference_of_the_rates_that_are_printed() -> None:
    sizes = {("Irish", "18-39"): 30, ("Irish", "40+"): 40, ("Welsh", "18-39"): 35, ("Welsh", "40+"): 45}
    after = released(audited(frame(sizes), examinations=("performance",)), DisclosureRule(rounding=5))
    rates = {
        (tuple(f.groups), ", ".join(f.groups.values())): f.estimate.value
        for f in about_groups(after)
        if f.metric == "accuracy"
    }
    gaps = [f for f in after.findings if f.metric == "accuracy_difference"]
    assert gaps
    for gap in gaps:
        high, low = (rates[gap.compared or (), end or ""] for end in (gap.highest, gap.lowest))
        assert high is not None
        assert low is not None
        assert gap.estimate.value == pytest.approx(max(high - low, 0))
        assert gap.estimate.interval is None or gap.estimate.interval.low >= 0


def test_with_intervals_only_no_point_is_told(whole: AuditReport) -> None:
    after = released(whole, DisclosureRule(intervals_only=True))
    for finding in after.findings:
        estimate = finding.estimate
        if estimate.value:  # none is told as none
            assert estimate.interval is not None
            assert estimate.value == pytest.approx((estimate.interval.low + estimate.interval.high) / 2)
        assert (finding.null_expectation, finding.minimum_detectable_effect) == (None, None)
    rates = [f.estimate for f in about_groups(after) if f.metric == "accuracy" and f.estimate.interval is not None]
    assert rates
    assert all((e.interval.high - e.interval.low) * e.n >= 10 for e in rates if e.interval is not None)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (DisclosureRule(rounding=5), "rounded to multiples of 5"),
        (DisclosureRule(intervals_only=True), "counts and rates are intervals"),
    ],
)
def test_a_release_says_by_which_rule_it_was_made(whole: AuditReport, rule: DisclosureRule, words: str) -> None:
    after = released(whole, rule)
    assert words in after.marking
    assert rule.in_words() in after.caveats
    said = {row["setting"]: row["value"] for row in after.exhibit("disclosure-rule").to_pylist()}
    assert said["counts and rates"] == rule.in_words()


def test_a_higher_floor_withholds_more(whole: AuditReport) -> None:
    more = released(whole, DisclosureRule(floor=20))
    assert withheld_groups(more) > withheld_groups(released(whole, DisclosureRule(floor=5)))


def test_numbers_of_a_run_that_nobody_describes_are_gone(whole: AuditReport) -> None:
    stray = [f.model_copy(update={"run": "elsewhere", "id": f"elsewhere/{f.id}"}) for f in whole.findings]
    report = whole.model_copy(update={"findings": (*whole.findings, *stray)})
    assert {finding.run for finding in RELEASE.release(report).findings} == {"predictions"}


def test_a_report_of_too_few_cannot_be_released() -> None:
    few = frame({("Irish", "18-39"): 4, ("Welsh", "18-39"): 5})
    with pytest.raises(PlanError, match="everybody together is a small group"):
        RELEASE.release(audited(few, examinations=("performance",)))


def test_tables_without_ids_count_rows() -> None:
    table = frame(SIZES, rows=1).drop(columns=["speaker_id"])
    after = RELEASE.release(audited(table, examinations=("performance",)))
    assert (("accent", "Manx"), ("age", "40+")) in withheld_groups(after)
    assert min(f.estimate.n for f in after.findings) >= 11


def test_hostile_names_of_groups_are_names() -> None:
    odd = {("<b>n < 11</b>", "a, b"): 30, ("<b>n < 11</b>", "x x y"): 25, ("5", "a, b"): 26, ("5", "x x y"): 3}
    after = RELEASE.release(audited(frame(odd), examinations=("performance",)))
    rows = after.exhibit("withheld").to_pylist()
    assert any(row["group"] == "5, x x y" for row in rows)
    assert not any(finding.groups == {"accent": "5", "age": "x x y"} for finding in after.findings)


def test_it_is_behind_the_door_once_it_is_registered() -> None:
    from affidavit.registry import BUILT_IN

    if "releasable" in BUILT_IN[Door.RELEASES]:
        assert load(Door.RELEASES, "releasable") is RELEASE


@pytest.fixture(scope="module")
def two_conditions() -> AuditReport:
    """Fewer patients have a face than words: four of the accents, and three of no known accent under both."""
    table = frame({**SIZES, ("unknown", "18-39"): 3}, rows=2)
    rng = np.random.default_rng(4)
    right = np.where(table["y_pred"] == table["y_true"], 0.8, 0.1)
    for label in LABELS:
        table[f"prob_{label}"] = np.where(table["y_pred"] == label, 0.6 + 0.3 * right * rng.random(len(table)), np.nan)
    rest = 1.0 - table[[f"prob_{label}" for label in LABELS]].max(axis=1)
    for label in LABELS:
        table[f"prob_{label}"] = table[f"prob_{label}"].fillna(rest / (len(LABELS) - 1))
    faceless = {f"s{i}" for i in (*range(0, 14), *range(56, 60), *range(110, 121))}
    both = [table.assign(condition="T"), table[~table["speaker_id"].isin(faceless)].assign(condition="TAV")]
    return audited(pd.concat(both, ignore_index=True), examinations=("performance", "representation", "calibration"))


def sizes_told(report: AuditReport) -> dict[tuple[str, ...], dict[Group, int]]:
    """Return units as an attacker reads them, by metric; a share of everybody's units is a size too."""
    told: dict[tuple[str, ...], dict[Group, int]] = {}
    for finding in about_groups(report):
        estimate = finding.estimate
        units = estimate.n_clusters or 0
        if finding.metric in ("unit_share", "row_share"):
            if finding.metric == "row_share" or estimate.value is None:
                continue
            units = round(estimate.value * units)
        told.setdefault((finding.condition, finding.examination, finding.metric), {})[group_of(finding.groups)] = units
    return told


def test_no_small_group_follows_under_any_condition_or_from_two_metrics(two_conditions: AuditReport) -> None:
    release = RELEASE.release(two_conditions)
    told = sizes_told(release)
    assert {condition for condition, *_ in told} == {"T", "TAV"}
    for condition in ("T", "TAV"):
        pooled: dict[Group, set[int]] = {}
        for place, cells in told.items():
            for group, units in cells.items() if place[0] == condition else ():
                pooled.setdefault(group, set()).add(units)
        for everybody in pooled.get((), ()):
            for feature in ("accent", "age"):
                rest = everybody - sum(max(n) for g, n in pooled.items() if [f for f, _ in g] == [feature])
                assert rest == 0 or rest >= 11 or feature == "age"
    fuller, some = told["T", "performance", "accuracy"], told["TAV", "performance", "accuracy"]
    assert all(fuller[g] - some[g] == 0 or fuller[g] - some[g] >= 11 for g in fuller.keys() & some.keys())


def test_bins_with_few_people_are_not_told(two_conditions: AuditReport) -> None:
    before = [r["n_clusters"] for r in two_conditions.exhibit("reliability-curves").to_pylist()]
    assert any(0 < n < 11 for n in before)
    release = RELEASE.release(two_conditions)
    for exhibit in release.exhibits:
        for row in release.exhibit(exhibit.id).to_pylist() if exhibit.id not in ("withheld", "disclosure-rule") else ():
            assert row["n_clusters"] == 0 or row["n_clusters"] >= 11, exhibit.id
            assert row["n"] == 0 or row["n"] >= 11


def test_one_class_alone_is_never_blank() -> None:
    sizes = {("Irish", "18-39"): 30, ("Irish", "40+"): 40, ("Welsh", "18-39"): 35, ("Welsh", "40+"): 45}
    table = frame(sizes)
    rare = table.index[(table["accent"] == "Welsh") & (table["y_pred"] == LABELS[0])]
    table.loc[rare[5:], "y_pred"] = LABELS[1]
    report = RELEASE.release(audited(table, examinations=("demographic-parity",)))
    values: dict[tuple[str, str], list[float | None]] = {}
    for row in report.exhibit("selection-rates").to_pylist():
        values.setdefault((row["group"], row["rate"]), []).append(row["value"])
    assert any(None in own for own in values.values())
    assert all(own.count(None) in (0, len(LABELS)) for own in values.values())
