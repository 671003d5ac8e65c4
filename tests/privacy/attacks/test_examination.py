"""What is told of a table of losses: memory where there is some, shift where there is that, and refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from affidavit.case import Case, EvidenceBook
from affidavit.digests import file_digest
from affidavit.errors import ColumnError, PlanError, RowError, TableError
from affidavit.exhibits import ExhibitTable
from affidavit.testing import ExaminationContract, findings_of, value_of
from privacy.attacks.examination import EXAMINATION
from privacy.attacks.groups import gap
from privacy.attacks.intervals import auroc_interval
from privacy.attacks.measures import AUROC, CEILING, CHANGE, EPSILON, GAP, METRICS, SHIFT, UNSEEN
from privacy.attacks.roc import auroc
from privacy.attacks.study import SURE
from tests.privacy.attacks.conftest import ACCENTS, Desk, World, attacked


def exhibit(case: Case, name: str) -> ExhibitTable:
    (found,) = [table for table in EXAMINATION.examine(case).exhibits if table.id == name]
    return found


class TestContract(ExaminationContract):
    examination = EXAMINATION
    folder: Path

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        type(self).folder = tmp_path

    def make_case(self) -> Case:
        return Desk(self.folder).case(World(memory=1.0, shadows=4, n_members=60, n_non_members=60).frame())


def test_memory_is_found_and_its_clean_twin_is_silent(desk: Desk) -> None:
    told = findings_of(EXAMINATION, desk.case(World(memory=2.0, shadows=16).frame()))
    clean = findings_of(EXAMINATION, desk.case(World(shadows=16).frame()))
    found, silent = told[AUROC, "everybody"], clean[AUROC, "everybody"]
    assert found.estimate.interval is not None
    assert silent.estimate.interval is not None
    assert found.estimate.interval.low > 0.85
    assert found.test is not None
    assert found.test.p_value < 1e-6
    assert silent.estimate.interval.low < 0.5 < silent.estimate.interval.high
    assert 0 < value_of(told, EPSILON) < value_of(told, CEILING)
    assert value_of(clean, EPSILON) < 0.3


def test_shadow_models_find_what_the_loss_alone_does_not(desk: Desk) -> None:
    table = exhibit(desk.case(World(memory=1.0, shadows=16).frame()), "membership-attacks")
    reached = {
        attack: value
        for attack, metric, value in zip(
            table.values["attack"], table.values["metric"], table.values["value"], strict=True
        )
        if metric == AUROC
    }
    assert set(reached) == {"LiRA, online", "LiRA, offline", "RMIA", "loss threshold"}
    assert reached["LiRA, online"] > reached["loss threshold"] + 0.08
    assert reached["RMIA"] > reached["loss threshold"] + 0.05
    assert [table.values["attack"][i] for i, leads in enumerate(table.values["leads"]) if leads == "yes"] == [
        "LiRA, online"
    ]


def test_a_shift_between_members_and_others_is_named_and_bars_every_verdict(desk: Desk) -> None:
    case = desk.case(World(shift=1.0).frame())
    claims = EXAMINATION.examine(case).claims
    attack = [claim for claim in claims if claim.finding.metric not in (SHIFT, UNSEEN, CEILING)]
    assert attack
    assert all(claim.barred and "drawn differently" in claim.barred for claim in attack)
    assert all(claim.finding.caveats[0] == claim.barred for claim in attack if not claim.finding.compared)
    told = findings_of(EXAMINATION, case)
    assert value_of(told, AUROC) > 0.6  # the attack succeeds, on a model without any memory
    assert value_of(told, SHIFT) > 0.75


def test_a_shift_that_nobody_wrote_down_shows_in_models_that_saw_neither(desk: Desk) -> None:
    frame = World(shift=1.0, shadows=4).frame().drop(columns=["feature_loudness"])
    case = desk.case(frame)
    told = findings_of(EXAMINATION, case)
    assert value_of(told, UNSEEN) > 0.6
    (claim,) = [c for c in EXAMINATION.examine(case).claims if c.finding.metric == AUROC and not c.finding.groups]
    assert claim.barred is not None
    assert "trained on neither" in claim.barred


def test_what_tells_members_without_the_model_is_held_against_chance_and_has_no_interval(desk: Desk) -> None:
    """Cross-fitted scores are no sample of units: DeLong's interval of them left 0.5 out in a fifth of clean tables."""
    for shift, at_most in ((1.0, 0.01), (0.0, 1.0)):
        told = findings_of(EXAMINATION, desk.case(World(shift=shift).frame()))[SHIFT, "everybody"]
        assert told.estimate.interval is None
        assert told.verdict == "informative"
        assert told.test is not None
        assert told.null_expectation is not None
        assert told.null_expectation.high is not None
        assert 0 < told.test.p_value <= at_most
        assert told.estimate.value is not None
        assert (told.estimate.value > told.null_expectation.high) == (shift > 0)


def test_other_labels_among_members_are_a_shift() -> None:
    """A label that every model finds easy tells members where more of them have it, and no model is needed for that."""
    frame = World(shadows=0, n_members=100, n_non_members=100).frame().drop(columns="feature_loudness")
    rng = np.random.default_rng(0)
    for often, named in ((0.5, False), (0.8, True)):
        joyful = rng.random(len(frame)) < np.where(frame["member"] == 1, often, 0.5)
        one = attacked(frame.assign(y_true=np.where(joyful, "joy", "anger")))
        assert (one.told_apart is not None) == named


def test_a_delta_that_proves_nothing_is_named(desk: Desk) -> None:
    for delta, named in ((1e-5, False), (0.01, True)):
        told = findings_of(EXAMINATION, desk.case(World(memory=2.0).frame(), delta=delta))
        caveats = told[EPSILON, "everybody"].caveats
        assert any("delta is no less than one in the members" in caveat for caveat in caveats) == named


def test_a_shift_in_a_level_late_in_the_alphabet_is_seen() -> None:
    frame = World(n_members=200, n_non_members=200).frame().drop(columns="feature_loudness")
    number = frame["unit_id"].str[1:].astype(int)
    late = 90 + frame["member"]  # sixty sites that both have, and one each behind them
    site = "site " + np.where(number % 2 == 0, late, 10 + number % 60).astype(str).astype(object)
    assert attacked(frame.assign(group_site=site)).told_apart is not None


@pytest.mark.parametrize("shadows", [4, 0])
def test_a_shift_within_one_group_bars_that_group_and_the_gap_alone(desk: Desk, shadows: int) -> None:
    """Found by shadows where nobody wrote the loudness down, and by the loudness where there is no shadow."""
    world = World(shift=1.0, shift_of=("Welsh",), shadows=shadows, n_members=240, n_non_members=240)
    frame = world.frame()
    if shadows:
        frame = frame.drop(columns="feature_loudness")
    else:  # what tells the Welsh apart is lost among how loud the others are
        frame["feature_loudness"] *= np.where(frame["group_accent"] == "Welsh", 0.1, 1.0)
    claims = EXAMINATION.examine(desk.case(frame)).claims
    barred = {(claim.finding.metric, *claim.finding.groups.values()) for claim in claims if claim.barred}
    assert (AUROC, "Welsh") in barred
    assert (AUROC, "Irish") not in barred
    assert (AUROC,) not in barred
    (difference,) = [claim for claim in claims if claim.finding.metric == GAP]
    assert difference.barred is not None
    assert "among Welsh" in difference.barred
    assert difference.finding.caveats[0] == difference.barred


def test_no_shift_is_named_where_there_is_only_memory(desk: Desk) -> None:
    claims = EXAMINATION.examine(desk.case(World(memory=2.0, shadows=4).frame())).claims
    assert not any(claim.barred for claim in claims)


def test_a_remembered_group_is_named(desk: Desk) -> None:
    world = World(memory=2.5, memory_of=("Welsh",), shadows=16, n_members=240, n_non_members=240)
    told = findings_of(EXAMINATION, desk.case(world.frame()))
    gap = told[GAP, "gap"]
    assert gap.highest == "Welsh"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.1
    assert gap.test is not None
    assert gap.test.p_value <= 0.01
    assert value_of(told, AUROC, "Welsh") > 0.8 > 0.65 > value_of(told, AUROC, "Irish")


def test_clean_tables_are_silent_and_moderate_memory_is_told_from_them() -> None:
    """Twelve of each: what is claimed of clean ones no more often than its level, and the findings as a detector."""
    clean = [attacked(World(shadows=4, clips=2, seed=seed).frame()) for seed in range(12)]
    planted = [attacked(World(shadows=4, clips=2, seed=seed, memory=0.7).frame()) for seed in range(12)]
    intervals = [auroc_interval(one.main.members, one.main.non_members, 0.95) for one in clean]
    missed = sum(not isinstance(i, str) and not i.low <= 0.5 <= i.high for i in intervals)
    assert missed <= binom.ppf(0.99, 12, 0.05)
    assert sum(one.told_apart is not None for one in (*clean, *planted)) <= binom.ppf(0.99, 24, 2 * SURE)
    found = [[auroc(one.main.members, one.main.non_members) for one in several] for several in (planted, clean)]
    assert auroc(np.array(found[0]), np.array(found[1])) > 0.95


def test_groups_alike_are_told_apart_no_more_often_than_chance_allows() -> None:
    gaps = [gap(attacked(World(memory=1.0, shadows=4, clips=1, seed=s).frame()), "accent").finding for s in range(12)]
    assert sum(g.estimate.interval is not None and g.estimate.interval.low > 0 for g in gaps) <= binom.ppf(
        0.99, 20, 0.05
    )
    assert sum(g.test is not None and g.test.p_value <= 0.05 for g in gaps) <= binom.ppf(0.99, 12, 0.05)


def test_a_model_that_was_protected_is_compared_with_what_it_was_on_the_same_units(desk: Desk) -> None:
    before, after = World(memory=2.0, shadows=4).frame(), World(memory=0.2, shadows=4).frame()
    case = two_runs(desk, before, after.sample(frac=1, random_state=1))
    assert EXAMINATION.refuses(case) is None
    (found,) = [claim.finding for claim in EXAMINATION.examine(case).claims if claim.finding.metric == CHANGE]
    assert found.run == "after"
    assert found.estimate.interval is not None
    assert found.estimate.interval.high < -0.2
    with pytest.raises(PlanError):
        EXAMINATION.examine(replace(case, options={**case.options, "baseline": "nobody"}))


def two_runs(desk: Desk, before: pd.DataFrame, after: pd.DataFrame, *, baseline: str = "before") -> Case:
    """Return a case of a run and of its baseline."""
    case = desk.case(before)
    before.to_parquet(desk.folder / "before.parquet")
    after.to_parquet(desk.folder / "after.parquet")
    runs = {"before": case.runs["run"], "after": replace(case.runs["run"], run="after")}
    book = EvidenceBook(runs=runs, by=case.by, statistics=case.statistics, seed=0)
    options = {"losses": {"before": "before.parquet", "after": "after.parquet"}, "baseline": baseline}
    return replace(case, runs=runs, book=book, options=options)


def test_units_that_cannot_be_compared_are_counted_and_not_passed_off_as_compared(desk: Desk) -> None:
    before, after = World(memory=2.0).frame(), World(memory=0.2).frame()
    before.loc[before["unit_id"] == "p00000", "member"] = 0
    before = before[before["unit_id"] != "p00001"]
    claims = EXAMINATION.examine(two_runs(desk, before, after)).claims
    (found,) = [claim.finding for claim in claims if claim.finding.metric == CHANGE]
    assert found.estimate.n_clusters == 298
    assert any("2 units are left out: the baseline does not know them" in caveat for caveat in found.caveats)


def test_a_shift_of_the_baselines_alone_bars_the_comparison(desk: Desk) -> None:
    claims = EXAMINATION.examine(two_runs(desk, World(shift=1.0).frame(), World(seed=1).frame())).claims
    (compared,) = [claim for claim in claims if claim.finding.metric == CHANGE]
    assert compared.barred is not None
    assert compared.finding.caveats[0] == compared.barred


def test_a_baseline_that_cannot_be_attacked_is_a_refusal_and_the_other_run_is_told(desk: Desk) -> None:
    testimony = EXAMINATION.examine(two_runs(desk, World(n_members=5).frame(), World().frame()))
    assert {claim.finding.run for claim in testimony.claims} == {"after"}
    assert any("nothing is compared with before" in refusal.because for refusal in testimony.refusals)


def test_a_rate_that_non_members_cannot_show_is_refused_with_their_number(desk: Desk) -> None:
    case = desk.case(World(n_non_members=999, n_members=30, clips=1).frame())
    testimony = EXAMINATION.examine(case)
    refused = {refusal.because: refusal.remedy for refusal in testimony.refusals}
    assert "1,000" in refused["999 non-members cannot show a false positive rate of 1.0%"]
    assert "10,000" in refused["999 non-members cannot show a false positive rate of 0.1%"]
    assert not any(claim.finding.metric.startswith("tpr") for claim in testimony.claims)


def test_members_at_few_false_alarms_are_told_with_both_thresholds(desk: Desk) -> None:
    world = World(memory=3.0, shadows=4, clips=1, n_members=300, n_non_members=1500)
    case = desk.case(world.frame())
    told = findings_of(EXAMINATION, case)
    everybody = told["tpr_at_fpr_1_percent", "everybody"].estimate
    assert everybody.interval is not None
    assert everybody.value is not None
    assert everybody.interval.low < everybody.value < everybody.interval.high
    alarms = [told["fpr_at_common_threshold_1_percent", accent].estimate for accent in ACCENTS]
    assert sum(a.value * a.n for a in alarms if a.value is not None) <= 15  # 1 % of 1,500
    assert ("tpr_at_fpr_1_percent", "Irish") not in told  # 500 non-members of a group cannot show 1 %
    assert any("of their own, by accent" in refusal.because for refusal in EXAMINATION.examine(case).refusals)
    table = exhibit(case, "membership-roc")
    assert min(x for x in table.values["log10_fpr"] if isinstance(x, float)) < -2.5
    assert table.values["fpr"][-1] == 1.0


def test_units_on_both_sides_are_refused(desk: Desk) -> None:
    frame = World().frame()
    frame.loc[0, "member"] = 0
    refusal = EXAMINATION.refuses(desk.case(frame))
    assert refusal is not None
    assert "1 of 300 units are members and non-members at once" in refusal.because
    assert "p00000" not in refusal.because  # nobody is named


def test_too_few_units_are_refused(desk: Desk) -> None:
    refusal = EXAMINATION.refuses(desk.case(World(n_members=9).frame()))
    assert refusal is not None
    assert refusal.because == "there are 9 members and 150 non-members"


def test_without_a_table_it_refuses_and_says_what_to_ask_for(desk: Desk) -> None:
    case = replace(desk.case(World().frame()), options={})
    refusal = EXAMINATION.refuses(case)
    assert refusal is not None
    assert "unit_id, member" in refusal.remedy


def test_an_attack_that_the_table_does_not_allow_is_refused(desk: Desk) -> None:
    refusal = EXAMINATION.refuses(desk.case(World().frame(), attack="lira-online"))
    assert refusal is not None
    assert "LiRA, online" in refusal.because


def test_one_table_for_two_models_is_refused(desk: Desk) -> None:
    case = desk.case(World().frame())
    runs = {"one": case.runs["run"], "two": case.runs["run"]}
    book = EvidenceBook(runs=runs, by=case.by, statistics=case.statistics, seed=0)
    refusal = EXAMINATION.refuses(replace(case, runs=runs, book=book))
    assert refusal is not None
    assert "2 runs" in refusal.because


def test_the_order_of_rows_does_not_matter(desk: Desk) -> None:
    frame = World(memory=1.0, shadows=4).frame()
    first = {c.finding.id: c.finding.estimate for c in EXAMINATION.examine(desk.case(frame)).claims}
    shuffled = frame.sample(frac=1, random_state=1)
    again = {c.finding.id: c.finding.estimate for c in EXAMINATION.examine(desk.case(shuffled)).claims}
    assert first == again


def test_the_report_says_which_file_it_was(desk: Desk) -> None:
    case = desk.case(World().frame())
    found = findings_of(EXAMINATION, case)[AUROC, "everybody"]
    assert f"table of losses: losses.csv, {file_digest(desk.folder / 'losses.csv')}" in found.caveats


def test_it_reads_parquet_as_it_reads_csv(desk: Desk) -> None:
    frame = World(memory=1.0, shadows=2).frame()
    case = desk.case(frame)
    frame.to_parquet(desk.folder / "losses.parquet")
    first = [claim.finding for claim in EXAMINATION.examine(case).claims]
    again = EXAMINATION.examine(replace(case, options={"losses": {"run": "losses.parquet"}}))
    for one, other in zip(first, again.claims, strict=True):
        assert one.id == other.finding.id
        assert one.estimate.value == pytest.approx(other.finding.estimate.value, abs=1e-9)


def test_hostile_levels_and_unknown_groups_are_counted_and_stay_texts(desk: Desk) -> None:
    frame = World().frame()
    frame["group_accent"] = frame["group_accent"].astype(object)
    frame.loc[frame["unit_id"] == "p00000", "group_accent"] = "<script>alert('x')</script>/=" + "z" * 2000
    frame.loc[frame["unit_id"] == "p00001", "group_accent"] = None
    frame.loc[(frame["unit_id"] == "p00002").to_numpy().nonzero()[0][0], "group_accent"] = "Другой"
    told = findings_of(EXAMINATION, desk.case(frame))
    groups = {group for metric, group in told if metric == AUROC}
    assert {*ACCENTS, "unknown", "everybody"} < groups
    assert any(group.startswith("<script>") for group in groups)
    assert told[AUROC, "unknown"].estimate.value is None
    assert any("1 units that lie in several groups" in caveat for caveat in told[GAP, "gap"].caveats)


def test_a_feature_that_the_losses_do_not_have_is_refused_by_name(desk: Desk) -> None:
    testimony = EXAMINATION.examine(desk.case(World().frame(), by=("accent", "age")))
    assert any("by age" in refusal.because for refusal in testimony.refusals)
    assert not any("age" in claim.finding.groups for claim in testimony.claims)


def test_rows_without_a_loss_are_left_out_and_counted(desk: Desk) -> None:
    frame = World().frame()
    frame.loc[[0, 7], "confidence"] = np.nan
    frame.loc[[11], "unit_id"] = None
    told = findings_of(EXAMINATION, desk.case(frame))[AUROC, "everybody"]
    assert "rows left out: 1 without a unit, 2 without a loss" in told.caveats
    assert told.estimate.n == len(frame) - 3


def test_faults_of_the_table_are_told_in_plain_words(desk: Desk) -> None:
    frame = World(n_members=20, n_non_members=20).frame()

    def refused(table: pd.DataFrame) -> str:
        with pytest.raises((ColumnError, RowError, TableError, PlanError)) as caught:
            EXAMINATION.refuses(desk.case(table))
        return str(caught.value)

    assert "member" in refused(frame.drop(columns="member"))
    assert "no column unit_id" in refused(frame.drop(columns="unit_id"))
    assert "no column loss" in refused(frame.drop(columns="confidence"))
    assert "'perhaps'" in refused(frame.assign(member="perhaps"))
    assert "below zero" in refused(frame.assign(loss=-1.0).drop(columns="confidence"))
    assert "'<b>'" in refused(frame.assign(confidence="<b>"))
    with pytest.raises(TableError):
        EXAMINATION.refuses(replace(desk.case(frame), options={"losses": "nowhere.csv"}))
    with pytest.raises(PlanError):
        EXAMINATION.refuses(desk.case(frame, loss="x.csv"))


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "columns",
    [
        {"confidence": 1.0, **{f"shadow_{k}": 1.0 for k in range(4)}},
        {"confidence": 1e308, "feature_loudness": NAN},
        {"confidence": "1e400", "feature_loudness": 1e300},
        {"confidence": -INF, "feature_loudness": INF},
        {f"shadow_{k}": NAN for k in range(3)},
        {"group_accent": None},
    ],
)
def test_numbers_at_the_end_of_the_scale_are_no_crash(desk: Desk, columns: dict[str, Any]) -> None:
    frame = World(shadows=4, n_members=30, n_non_members=30).frame().assign(**columns)
    frame.loc[frame["member"] == 0, "feature_loudness"] = 0.0
    testimony = EXAMINATION.examine(desk.case(frame))
    assert testimony.claims
    assert all(table.sealed("membership") for table in testimony.exhibits)


def test_certain_members_and_impossible_others_are_a_perfect_attack(desk: Desk) -> None:
    frame = World(shadows=4, n_members=30, n_non_members=30).frame()
    frame["confidence"] = np.where(frame["member"] == 1, INF, -INF)
    assert value_of(findings_of(EXAMINATION, desk.case(frame)), AUROC) == 1.0


def test_levels_that_are_no_groups_are_refused(desk: Desk) -> None:
    frame = World().frame()
    with pytest.raises(ColumnError, match="more than 100 levels"):
        EXAMINATION.refuses(desk.case(frame.assign(group_accent=frame["unit_id"])))


def test_every_metric_is_declared_and_few_are_told(desk: Desk) -> None:
    claims = EXAMINATION.examine(desk.case(World(memory=1.0, shadows=4).frame())).claims
    assert {claim.finding.metric for claim in claims} <= METRICS
    assert len(claims) < 15
