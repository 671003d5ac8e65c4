"""Runs on the same items: numbers by hand, what does not match, who is worse, and what is refused."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case, EvidenceBook
from affidavit.errors import PlanError
from affidavit.plan import AuditPlan, Choice, RunSource, Statistics
from affidavit.predictions import Reading, predictions_from
from affidavit.records import Finding, Verdict
from affidavit.run import examine
from affidavit.sources import Loaded
from affidavit.tables import from_frame
from affidavit.testing import predictions_frame
from affidavit.testing.contracts import ExaminationContract
from audit.comparing.examination import EXAMINATION

FAST = Statistics(n_resamples=400, n_permutations=199)
BY = ("accent", "age")
LABELS = np.array(["anger", "joy", "sadness"])


def judged_again(
    frame: pd.DataFrame, *, right: float, seed: int = 1, worse_for: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Return the same items judged by another model, right so often; by accent otherwise where that says so."""
    rng = np.random.default_rng(seed)
    again = frame.copy()
    rate = frame["accent"].map(worse_for or {}).fillna(right).to_numpy(dtype=float)
    truth = frame["y_true"].map({label: k for k, label in enumerate(LABELS)}).to_numpy()
    other = (truth + rng.integers(1, 3, len(frame))) % 3
    again["y_pred"] = LABELS[np.where(rng.random(len(frame)) < rate, truth, other)]
    return again


def comparison(
    frames: Mapping[str, pd.DataFrame],
    by: tuple[str, ...] = BY,
    *,
    statistics: Statistics = FAST,
    options: Mapping[str, object] | None = None,
) -> Case:
    runs = {name: predictions_from(from_frame(f), Reading(run=name, by=tuple(by))) for name, f in frames.items()}
    book = EvidenceBook(runs=runs, by=tuple(by), statistics=statistics, seed=0)
    return Case(
        runs=runs,
        by=tuple(by),
        depth=2,
        statistics=statistics,
        book=book,
        rng=np.random.default_rng(0),
        options=options or {},
    )


def two(**changed: object) -> dict[str, pd.DataFrame]:
    frame = predictions_frame()
    return {"new": judged_again(frame, right=0.8), "old": frame} | changed


def found(case: Case) -> dict[str, Finding]:
    return {claim.finding.id: claim.finding for claim in EXAMINATION.examine(case).claims}


def shown(frame: pd.DataFrame, condition: str) -> pd.DataFrame:
    return frame[frame["condition"] == condition].set_index("utterance_id")


class TestContract(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Case:
        frame = predictions_frame()
        return comparison(
            {"a": frame, "b": judged_again(frame, right=0.7), "c": judged_again(frame, right=0.8, seed=2)}
        )


def test_numbers_equal_a_join_by_hand() -> None:
    frames = two()
    findings = found(comparison(frames, options={"baseline": "old"}))
    for condition in ("TAV", "A"):
        old, new = (shown(frames[name], condition) for name in ("old", "new"))
        right = (new["y_pred"] == new["y_true"]).astype(float) - (old["y_pred"] == old["y_true"])
        here = f"new less old/{condition}/model-comparison"
        assert findings[f"{here}/accuracy_change"].estimate.value == pytest.approx(right.mean())
        for accent, change in right.groupby(old["accent"]).mean().items():
            assert findings[f"{here}/accuracy_change/accent={accent}"].estimate.value == pytest.approx(change)
        from sklearn.metrics import balanced_accuracy_score, f1_score

        for metric, slow in (
            ("unweighted_average_recall", lambda t: balanced_accuracy_score(t["y_true"], t["y_pred"])),
            ("macro_f1", lambda t: f1_score(t["y_true"], t["y_pred"], average="macro")),
        ):
            change = findings[f"{here}/{metric}_change/age=40+"]
            older, newer = (t[t["age"] == "40+"] for t in (old, new))
            assert change.estimate.value == pytest.approx(slow(newer) - slow(older))
        gaps = [t["y_true"].eq(t["y_pred"]).groupby(t["accent"]).mean().agg(np.ptp) for t in (old, new)]
        gap = findings[f"{here}/accuracy_gap_change/between accent"].estimate
        assert gap.value == pytest.approx(gaps[1] - gaps[0])
        assert gap.interval is not None
        assert gap.interval.low <= gap.value <= gap.interval.high


def test_the_standard_error_is_that_of_units_paired_differences() -> None:
    frames = two()
    statistics = Statistics(n_resamples=20_000, n_permutations=199)
    findings = found(comparison(frames, (), statistics=statistics, options={"baseline": "old"}))
    old, new = (shown(frames[name], "TAV") for name in ("old", "new"))
    right = (new["y_pred"] == new["y_true"]).astype(float) - (old["y_pred"] == old["y_true"])
    unit = right.groupby(old["speaker_id"]).mean()  # all units are of one size
    half = 2.0117 * unit.std(ddof=1) / np.sqrt(len(unit))
    interval = findings["new less old/TAV/model-comparison/accuracy_change"].estimate.interval
    assert interval is not None
    assert (interval.high - interval.low) / 2 == pytest.approx(half, rel=0.08)


def test_the_order_of_runs_and_rows_and_the_units_codes_change_nothing() -> None:
    frames = two()
    straight = found(comparison(frames, options={"baseline": "old"}))
    turned = {"old": frames["old"].sample(frac=1, random_state=1), "new": frames["new"].iloc[::-1]}
    again = found(comparison(turned, options={"baseline": "old"}))
    assert set(straight) == set(again)
    for name, finding in straight.items():
        assert again[name].estimate.value == pytest.approx(finding.estimate.value)
        if "accuracy_change" in name and finding.test is not None:
            assert again[name].test.p_value == pytest.approx(finding.test.p_value, abs=0.05)
    other_way = found(comparison(frames, options={"baseline": "new"}))
    change = "TAV/model-comparison/macro_f1_change"
    assert other_way[f"old less new/{change}"].estimate.value == pytest.approx(
        -straight[f"new less old/{change}"].estimate.value
    )


def test_a_model_that_is_worse_for_one_group_is_found_and_its_clean_twin_is_silent() -> None:
    frame = predictions_frame(n_speakers=90, per_speaker=20, conditions=("TAV",))
    for harmed, decided in (({"Welsh": 0.45}, True), ({}, False)):
        new = judged_again(frame, right=0.7, worse_for=harmed)
        findings = found(comparison({"old": frame, "new": new}, options={"baseline": "old"}))
        here = "new less old/TAV/model-comparison"
        welsh = findings[f"{here}/accuracy_change/accent=Welsh"]
        assert welsh.test is not None
        assert (welsh.test.p_value < 0.001) is decided
        widening = findings[f"{here}/accuracy_gap_change/between accent"].estimate.interval
        assert widening is not None
        assert (widening.low > 0) is decided
        differing = findings[f"{here}/accuracy_change_difference/between accent"]
        assert differing.test is not None
        assert (differing.test.p_value < 0.02) is decided
        assert differing.null_expectation is not None


def test_what_does_not_match_is_counted_and_takes_no_part() -> None:
    frames = two()
    new = frames["new"].reset_index(drop=True)
    new = new.drop(index=new.index[new["condition"] == "TAV"][:7])
    swap = {"anger": "joy", "joy": "sadness", "sadness": "anger"}
    marked = new.index[new["condition"] == "TAV"][:3]
    new.loc[marked, "y_true"] = new.loc[marked, "y_true"].map(swap)
    case = comparison({"old": frames["old"], "new": new}, options={"baseline": "old"})
    finding = found(case)["new less old/TAV/model-comparison/accuracy_change"]
    assert finding.estimate.n == 480 - 7 - 3
    assert "items that one run alone has: 7 of old, 0 of new" in finding.caveats
    assert "3 items have another reference label in each table" in finding.caveats
    table = EXAMINATION.examine(case).exhibits[1].values
    assert [table[name][0] for name in ("matched", "only_first", "only_second", "contradicted")] == [470, 7, 0, 3]


def test_a_group_or_unit_that_differs_between_tables_is_told() -> None:
    frames = two()
    new = frames["new"].assign(accent=frames["new"]["accent"].where(frames["new"]["speaker_id"] != "s0", "Welsh"))
    finding = found(comparison({"old": frames["old"], "new": new}, options={"baseline": "old"}))[
        "new less old/TAV/model-comparison/accuracy_change"
    ]
    assert "20 items are in another group in each table; old has the say" in finding.caveats
    alone = frames["new"].drop(columns="speaker_id")
    named = found(comparison({"old": frames["old"], "new": alone}, options={"baseline": "new"}))
    assert named["old less new/TAV/model-comparison/accuracy_change"].estimate.n_clusters == 48, "the other names them"


def test_a_group_that_one_table_alone_has_is_not_dropped() -> None:
    frames = two()
    extra = (
        frames["old"].iloc[:10].assign(utterance_id=[f"x{i}" for i in range(10)], accent="Cornish", speaker_id="s99")
    )
    findings = found(comparison({"old": frames["old"], "new": pd.concat([frames["new"], extra])}))
    cornish = [f for f in findings.values() if f.groups == {"accent": "Cornish"}]
    assert cornish
    assert all(f.verdict is Verdict.INCONCLUSIVE and f.estimate.value is None for f in cornish)


def test_items_as_units_take_mcnemar_and_many_of_them_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = {name: frame.drop(columns="speaker_id") for name, frame in two().items()}
    listed = found(comparison(frames, options={"baseline": "old"}))
    monkeypatch.setattr("audit.comparing.pairing.LISTED", 0)
    together = found(comparison(frames, options={"baseline": "old"}))
    name = "new less old/TAV/model-comparison/accuracy_change"
    old, new = (shown(frames[run], "TAV") for run in ("old", "new"))
    was, now = old["y_pred"] == old["y_true"], new["y_pred"] == new["y_true"]
    for findings in (listed, together):
        finding = findings[name]
        assert finding.estimate.n_clusters is None
        assert finding.estimate.n == 480
        assert finding.test is not None
        assert finding.test.method == f"exact McNemar, {(now & ~was).sum()} gained and {(was & ~now).sum()} lost"
    for key, finding in listed.items():
        one, other = finding.estimate, together[key].estimate
        assert other.value == pytest.approx(one.value)
        assert other.n == one.n
        if one.interval is not None and "gap" not in key:
            assert other.interval is not None
            assert other.interval.low == pytest.approx(one.interval.low, abs=0.03)


def test_weights_weigh() -> None:
    frames = two()
    weight = np.arange(len(frames["old"])) % 480 % 5 + 0.25
    frames["old"]["weight"] = weight
    for units in (True, False):
        tables = frames if units else {name: f.drop(columns="speaker_id") for name, f in frames.items()}
        finding = found(comparison(tables, options={"baseline": "old"}))[
            "new less old/TAV/model-comparison/accuracy_change"
        ]
        old, new = (shown(frames[name], "TAV") for name in ("old", "new"))
        right = (new["y_pred"] == new["y_true"]).astype(float) - (old["y_pred"] == old["y_true"])
        assert finding.estimate.value == pytest.approx(np.average(right, weights=old["weight"]))
        assert finding.test is not None
        assert "sign flips" in finding.test.method


def test_identical_runs_are_not_certain_to_be_equal() -> None:
    frame = predictions_frame()
    findings = found(comparison({"one": frame, "two": frame.copy()}))
    change = findings["two less one/TAV/model-comparison/accuracy_change"]
    assert change.estimate.value == 0
    assert change.estimate.interval is not None
    assert change.estimate.interval.low < 0 < change.estimate.interval.high
    assert change.test is not None
    assert change.test.p_value == 1
    assert all(f.verdict is not Verdict.FAIL for f in findings.values())


def test_what_cannot_be_compared_is_refused_with_a_remedy() -> None:
    frames = two()
    alone = EXAMINATION.refuses(comparison({"old": frames["old"]}))
    assert alone is not None
    assert "two runs" in alone.because
    assert "affidavit compare" in alone.remedy
    other = frames["new"].assign(utterance_id="x" + frames["new"]["utterance_id"])
    unshared = EXAMINATION.refuses(comparison({"old": frames["old"], "new": other}))
    assert unshared is not None
    assert "same utterance" in unshared.because
    assert "utterance_id" in unshared.remedy
    large = EXAMINATION.refuses(comparison(frames, options={"most_rows": 1919}))
    assert large is not None
    assert "1,920 rows" in large.because
    unlabelled = EXAMINATION.refuses(comparison({"old": frames["old"], "new": other.drop(columns="y_true")}))
    assert unlabelled is not None
    assert "two runs" in unlabelled.because
    with pytest.raises(PlanError, match="did you mean 'old'"):
        EXAMINATION.examine(comparison(frames, options={"baseline": "odl"}))
    third = EXAMINATION.examine(comparison(frames | {"other": other}))
    assert {refusal.run for refusal in third.refusals} == {"other less new", "other less old"}
    assert not any(claim.finding.metric.endswith("_rank") for claim in third.claims), "not every two share items"


def test_labels_spelt_differently_are_refused_as_such() -> None:
    frames = two()
    spelt = frames["new"].assign(y_true=frames["new"]["y_true"].str.upper())
    refusal = EXAMINATION.refuses(comparison({"old": frames["old"], "new": spelt}))
    assert refusal is not None
    assert "another reference label" in refusal.because
    assert "spell reference labels alike" in refusal.remedy


def test_rows_matched_by_their_number_are_told() -> None:
    frame = predictions_frame(conditions=("TAV",)).drop(columns="utterance_id")
    runs = {
        name: predictions_from(from_frame(f), Reading(run=name, columns={"utterance_id": ":row"}))
        for name, f in {"a": frame, "b": judged_again(frame, right=0.8)}.items()
    }
    book = EvidenceBook(runs=runs, by=(), statistics=FAST, seed=0)
    case = Case(runs=runs, by=(), depth=2, statistics=FAST, book=book, rng=np.random.default_rng(0))
    finding = found(case)["b less a/TAV/model-comparison/accuracy_change"]
    assert "utterances of a and b are numbered rows: matched by their place" in finding.caveats


def test_one_unit_one_level_and_an_absent_class_crash_nothing() -> None:
    frame = predictions_frame()
    one = frame[frame["speaker_id"] == "s0"]
    for table, by in (
        (one, BY),
        (frame[frame["accent"] == "Irish"], ("accent",)),
        (frame[frame["y_true"] != "joy"], BY),
    ):
        findings = found(comparison({"old": table, "new": judged_again(table, right=0.6)}, by))
        assert findings
        for finding in findings.values():
            assert (finding.estimate.interval is None) == (finding.estimate.why_no_interval is not None)
    lonely = found(comparison({"old": one, "new": judged_again(one, right=0.6)}, ()))
    assert all(f.estimate.interval is None and f.test is None for f in lonely.values())


def test_repetitions_are_matched_by_number() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frames = {
        name: pd.concat([judged_again(frame, right=rate, seed=seed).assign(repeat=seed) for seed in seeds])
        for name, rate, seeds in (("old", 0.6, (0, 1)), ("new", 0.7, (0, 1, 2)))
    }
    finding = found(comparison(frames, (), options={"baseline": "old"}))[
        "new less old/TAV/model-comparison/accuracy_change"
    ]
    assert (finding.estimate.n, finding.estimate.n_clusters) == (960, 48)
    assert "items that one run alone has: 0 of old, 480 of new" in finding.caveats


def test_its_tests_are_one_family_under_holm_and_the_reports_go_without_them() -> None:
    frames = two()
    plan = AuditPlan(
        runs={name: RunSource(table=name) for name in frames},
        by=BY,
        statistics=FAST,
        examinations=(Choice(name="performance"), Choice(name="model-comparison", options={"baseline": "old"})),
    )
    loaded = [
        Loaded(
            run=name,
            predictions=predictions_from(from_frame(frame), Reading(run=name, by=BY)),
            supplier=None,
            licence=None,
        )
        for name, frame in frames.items()
    ]
    from audit.groups.performance import EXAMINATION as PERFORMANCE

    chosen = [(PERFORMANCE, {}), (EXAMINATION, {"baseline": "old"})]
    report = examine(plan, loaded, examinations=chosen, policy=None)
    tested = [f for f in report.findings if f.test is not None]
    own = [f for f in tested if f.examination == "model-comparison"]
    assert {f.condition for f in own} == {"TAV"}, "one condition is tested"
    assert {f.test.correction for f in own} == {"holm"}
    assert {f.test.family for f in own} == {f"every test of model-comparison ({len(own)})"}
    from affidavit.statistics.multiplicity import holm

    adjusted = holm([f.test.p_value for f in own])
    assert [f.test.p_adjusted for f in own] == pytest.approx(adjusted.tolist())
    rest = [f for f in tested if f.examination == "performance"]
    assert {f.test.correction for f in rest} == {"benjamini-yekutieli"}
    assert {f.test.family for f in rest} == {f"every test of this report that has no family of its own ({len(rest)})"}


def test_ranks_follow_from_pairwise_differences() -> None:
    frame = predictions_frame(n_speakers=60, conditions=("TAV",))
    frames = {n: judged_again(frame, right=r, seed=s) for s, (n, r) in enumerate((("a", 0.5), ("b", 0.52), ("c", 0.9)))}
    findings = found(comparison(frames, ("age",)))
    ranks = {name: findings[f"{name}/TAV/model-comparison/accuracy_rank"].estimate for name in frames}
    assert ranks["c"].value == 1
    assert (ranks["c"].interval.low, ranks["c"].interval.high) == (1, 1)
    assert {ranks["a"].value, ranks["b"].value} == {2, 3}
    assert all((ranks[n].interval.low, ranks[n].interval.high) == (2, 3) for n in "ab")
    by_group = [f for f in findings.values() if f.metric == "accuracy_rank" and f.groups]
    assert len(by_group) == 2 * 3
    pairs = [f"{second} less {first}" for first, second in combinations("abc", 2)]
    assert all(f"{pair}/TAV/model-comparison/accuracy_change" in findings for pair in pairs)


def test_a_report_with_a_comparison_reads() -> None:
    from affidavit.registry import Door, load

    frames = two()
    loaded = [
        Loaded(run=n, predictions=predictions_from(from_frame(f), Reading(run=n, by=BY)), supplier=None, licence=None)
        for n, f in frames.items()
    ]
    plan = AuditPlan(runs={name: RunSource(table=name) for name in frames}, by=BY, statistics=FAST)
    report = examine(plan, loaded, examinations=[(EXAMINATION, {})], policy=None)
    for name in ("html", "md", "json"):
        page = load(Door.RENDERERS, name).render(report).decode()
        assert "old less new" in page
