"""Calibration by group: a planted over-confidence is found, the clean twin is silent, small groups are not blamed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from affidavit.errors import RowError
from affidavit.evidence import Evidence
from affidavit.intervals import measure
from affidavit.plan import AuditPlan, Choice, RunSource, Statistics
from affidavit.predictions import Reading
from affidavit.records import Finding, Interval, Verdict
from affidavit.run import audit
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.statistics.calibration import bin_moments
from affidavit.tally import GroupedSums
from affidavit.testing import ExaminationContract, case_of
from audit.calibration.bins import CELLS, cut, find_bins, grid_cells
from audit.calibration.evidence import jackknifed
from audit.calibration.examination import EXAMINATION
from audit.calibration.measures import OVERCONFIDENCE, SQUARED_ERROR

LABELS = ("anger", "joy", "sadness")
ACCENTS = ("Irish", "Scottish", "Welsh")
STATISTICS = Statistics(n_resamples=200, n_permutations=499, compared_units=5)


def judged(
    n_speakers: int = 90,
    per_speaker: int = 15,
    *,
    claims: dict[str, float] | None = None,
    conditions: tuple[str, ...] = ("TAV",),
    seed: int = 0,
) -> pd.DataFrame:
    """Judgements that are right as often as they say, less what an accent claims too much; speakers stray by 0.05."""
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(n_speakers), per_speaker)
    accent = np.array(ACCENTS)[speaker % 3]
    stray = rng.uniform(-0.05, 0.05, n_speakers)[speaker]
    parts = []
    for condition in conditions:
        stated = rng.uniform(0.4, 0.9, len(speaker))
        chance = stated + stray - np.array([(claims or {}).get(a, 0.0) for a in accent])
        answer = rng.integers(0, 3, len(speaker))
        truth = np.where(rng.random(len(speaker)) < chance, answer, (answer + rng.integers(1, 3, len(speaker))) % 3)
        shares = np.where(np.arange(3) == answer[:, None], stated[:, None], (1 - stated[:, None]) / 2)
        frame = pd.DataFrame(
            {
                "utterance_id": [f"u{i}" for i in range(len(speaker))],
                "speaker_id": [f"s{i}" for i in speaker],
                "condition": condition,
                "accent": accent,
                "age": np.array(["18-39", "40+"])[speaker // 3 % 2],
                "y_true": np.array(LABELS)[truth],
                "y_pred": np.array(LABELS)[answer],
            }
        )
        parts.append(frame.assign(**{f"prob_{label}": shares[:, k] for k, label in enumerate(LABELS)}))
    return pd.concat(parts, ignore_index=True)


def found(frame: pd.DataFrame, by: tuple[str, ...] = ("accent",), **options: Any) -> list[Finding]:
    case = case_of(frame, by=by, statistics=STATISTICS, options=options)
    assert EXAMINATION.refuses(case) is None
    return [claim.finding for claim in EXAMINATION.examine(case).claims]


def of(findings: list[Finding], metric: str, **groups: str) -> Finding:
    (finding,) = (f for f in findings if f.metric == metric and dict(f.groups) == groups)
    return finding


class TestContract(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Any:
        return case_of(judged(conditions=("TAV", "A")))


@pytest.mark.parametrize("seed", range(2))
def test_a_group_that_claims_too_much_is_found(seed: int) -> None:
    findings = found(judged(n_speakers=180, claims={"Welsh": 0.15}, seed=seed))
    gap = of(findings, "overconfidence_difference")
    assert gap.test is not None
    assert gap.test.p_value < 0.01
    assert gap.highest == "Welsh"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low <= 0.15 <= gap.estimate.interval.high
    error = of(findings, "squared_calibration_error", accent="Welsh").estimate
    assert error.interval is not None
    assert 0 < error.interval.low <= 0.15**2 <= error.interval.high
    squared = of(findings, "squared_calibration_error_difference")
    assert squared.test is not None
    assert squared.test.p_value < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_the_clean_twin_is_silent(seed: int) -> None:
    findings = found(judged(n_speakers=180, seed=seed))
    for metric in ("overconfidence_difference", "squared_calibration_error_difference"):
        test = of(findings, metric).test
        assert test is not None
        assert test.p_value > 0.05
    intervals = [
        of(findings, metric, accent=accent).estimate.interval
        for accent in ACCENTS
        for metric in ("overconfidence", "squared_calibration_error", "classwise_squared_calibration_error")
    ]
    missed = [interval for interval in intervals if interval is None or not interval.low <= 0 <= interval.high]
    assert len(missed) <= 1, "of nine intervals at level 0.95"


def test_a_small_group_looks_worse_by_the_plug_in_and_is_not_by_the_debiased_error() -> None:
    frame = judged(n_speakers=300, seed=4)
    small = frame[(frame["accent"] != "Welsh") | frame["speaker_id"].isin([f"s{i}" for i in range(2, 26, 3)])]
    findings = found(small)
    plug_in = {a: of(findings, "expected_calibration_error", accent=a) for a in ACCENTS}
    values = {accent: finding.estimate.value or 0.0 for accent, finding in plug_in.items()}
    assert values["Welsh"] > 2 * values["Irish"]
    for finding in plug_in.values():
        assert finding.null_expectation is not None
        assert (finding.estimate.value or 0) < finding.null_expectation.high * 1.3
        assert finding.estimate.interval is None
        assert finding.verdict is Verdict.INFORMATIVE
    interval = of(findings, "squared_calibration_error", accent="Welsh").estimate.interval
    assert interval is not None
    assert interval.low < 0 < interval.high


def test_values_equal_their_definition() -> None:
    frame = judged(n_speakers=30, claims={"Irish": 0.1})
    frame["confidence"] = [row[f"prob_{row['y_pred']}"] for _, row in frame.iterrows()]
    frame["right"] = frame["y_true"] == frame["y_pred"]
    case = case_of(frame, by=("accent",), statistics=STATISTICS)
    testimony = EXAMINATION.examine(case)
    findings = [claim.finding for claim in testimony.claims]
    irish = frame[frame["accent"] == "Irish"]
    assert of(findings, "overconfidence", accent="Irish").estimate.value == pytest.approx(
        (irish["confidence"] - irish["right"]).mean()
    )
    curves = testimony.exhibits[1].table().to_pandas()
    mine = curves[curves["group"] == "Irish"]
    assert mine["n"].sum() == len(irish)
    plug_in = 0.0
    for _, row in mine.iterrows():
        inside = irish[(irish["confidence"] > row["bin_low"]) & (irish["confidence"] <= row["bin_high"])]
        assert len(inside) == row["n"]
        assert inside["right"].mean() == pytest.approx(row["value"])
        assert inside["confidence"].mean() == pytest.approx(row["mean_confidence"])
        assert inside["speaker_id"].nunique() == row["n_clusters"]
        assert row["low"] <= row["value"] <= row["high"]
        plug_in += len(inside) / len(irish) * abs(inside["right"].mean() - inside["confidence"].mean())
    assert of(findings, "expected_calibration_error", accent="Irish").estimate.value == pytest.approx(plug_in)


def test_bins_hold_equally_many_of_everybody_and_fewer_where_rows_are_few() -> None:
    case = case_of(judged(), by=("accent",))
    (bins,) = find_bins(case.runs["run"], most=15, rows_per_bin=20)
    assert len(bins.edges) == 14
    curves = EXAMINATION.examine(case).exhibits[1].table().to_pandas()
    everybody = curves[curves["features"] == ""]
    assert everybody["n"].between(85, 95).all()
    few = EXAMINATION.examine(case_of(judged(n_speakers=12, per_speaker=10), by=())).exhibits[1].table()
    assert max(few["bin"].to_pylist()) == 6, "120 rows, at least 20 in each"


def test_the_grid_keeps_the_order_and_tells_the_very_sure_apart() -> None:
    values = np.array([0.0, 1e-7, 0.2, 0.5, 0.99, 0.9999, 0.99999, 1.0])
    cells = grid_cells(values)
    assert (np.diff(cells) > 0).all()
    assert cells[0] == 0
    assert cells[-1] == CELLS - 1
    bin_of, edges = cut(np.bincount(grid_cells(np.full(90, 1.0)), minlength=CELLS), 15)
    assert edges == ()
    assert not bin_of.any()


def test_how_the_table_is_read_has_no_say() -> None:
    case = case_of(judged(conditions=("TAV", "A")), statistics=STATISTICS)
    run = case.runs["run"]

    def in_pieces(columns: Any) -> Iterator[pa.RecordBatch]:
        for batch in run.batches(columns):
            for start in range(0, batch.num_rows, 97):
                yield batch.slice(start, 97)

    pieces = case_of(judged(conditions=("TAV", "A")), statistics=STATISTICS)
    pieces = replace(pieces, runs={"run": replace(run, _batches=in_pieces)})
    whole = [claim.finding for claim in EXAMINATION.examine(case).claims]
    parts = [claim.finding for claim in EXAMINATION.examine(pieces).claims]
    assert [f.id for f in whole] == [f.id for f in parts]
    for one, other in zip(whole, parts, strict=True):
        assert one.estimate.value == pytest.approx(other.estimate.value, abs=1e-9)


def test_what_it_cannot_answer_it_refuses() -> None:
    frame = judged()
    none = EXAMINATION.refuses(case_of(frame.drop(columns=[f"prob_{label}" for label in LABELS])))
    assert none is not None
    assert "prob_<label>" in none.remedy
    some = EXAMINATION.refuses(
        case_of(frame, reading=Reading(run="run", by=("accent", "age"), label_space=(*LABELS, "fear")))
    )
    assert some is not None
    assert some.because == "labels without a probability: fear"
    more = tuple(f"more {i}" for i in range(9))
    many = EXAMINATION.refuses(
        case_of(frame, reading=Reading(run="run", by=("accent", "age"), label_space=(*LABELS, *more)))
    )
    assert many is not None
    assert many.because.endswith("more 5 and 3 more"), "none of them is dropped in silence"
    assert EXAMINATION.refuses(case_of(frame.drop(columns="y_true"))) is not None
    for broken in (frame.assign(prob_joy=None), frame.assign(prob_joy=0.9)):
        with pytest.raises(RowError, match="probability|sum to one"):
            case_of(broken)


@pytest.mark.parametrize("units", [True, False])
def test_weights(units: bool) -> None:
    """Equal weights change no value; a weight of two is worth two rows; the interval stays over units."""
    frame = judged(n_speakers=45) if units else judged(n_speakers=45).drop(columns="speaker_id")
    plain, equal = found(frame), found(frame.assign(weight=2.0))
    for metric in ("overconfidence", "squared_calibration_error", "expected_calibration_error"):
        for one, other in zip(plain, equal, strict=True):
            if one.metric == metric:
                assert one.estimate.value == pytest.approx(other.estimate.value)
    half = frame.assign(weight=np.where(frame["accent"] == "Irish", 1.0, 0.0))
    assert of(found(half), "overconfidence").estimate.value == pytest.approx(
        of(plain, "overconfidence", accent="Irish").estimate.value
    )
    empty = of(found(half), "overconfidence", accent="Welsh").estimate
    assert empty.value is None
    assert empty.why_no_interval


def test_awkward_tables_are_answered() -> None:
    frame = judged(n_speakers=30)
    one_level = found(frame.assign(accent="Irish"))
    gap = of(one_level, "overconfidence_difference")
    assert gap.verdict is Verdict.INCONCLUSIVE
    assert gap.estimate.value is None
    lone = found(frame.assign(speaker_id="s0", accent="Irish"))
    assert "one unit" in (of(lone, "overconfidence").estimate.why_no_interval or "")
    assert of(lone, "squared_calibration_error").estimate.value is None
    certain = frame.assign(**{f"prob_{k}": (frame["y_pred"] == k).astype(float) for k in LABELS})
    assert of(found(certain), "overconfidence").estimate.value == pytest.approx(
        1 - (frame["y_true"] == frame["y_pred"]).mean()
    )
    never = frame[(frame["y_true"] != "joy") & (frame["y_pred"] != "joy")]
    assert of(found(never), "classwise_squared_calibration_error").estimate.value is not None
    conditions = judged(n_speakers=30, conditions=("TAV", "A"))
    lacking = conditions[(conditions["condition"] == "TAV") | (conditions["accent"] != "Welsh")]
    voice = [f for f in found(lacking) if f.condition == "A"]
    assert of(voice, "squared_calibration_error", accent="Welsh").verdict is Verdict.INCONCLUSIVE
    assert of(voice, "expected_calibration_error", accent="Welsh").estimate.value is None
    assert of(voice, "overconfidence", accent="Irish").estimate.value is not None


def test_rows_lost_to_bins_of_few_units_are_told() -> None:
    frame = judged(n_speakers=40, per_speaker=40)
    tiny = frame[(frame["accent"] != "Welsh") | frame["speaker_id"].isin(["s2", "s5", "s8", "s11"])]
    tiny = tiny[(tiny["accent"] != "Welsh") | (tiny.groupby("speaker_id").cumcount() < 8)]
    caveats = of(found(tiny), "squared_calibration_error", accent="Welsh").caveats
    assert any("fewer than 3 units" in caveat for caveat in caveats)


def test_a_feature_of_the_utterance_shares_units_and_gets_no_chance_gap_for_squares() -> None:
    frame = judged(n_speakers=40).assign(room=np.where(np.arange(600) % 2, "quiet", "loud"))
    reading = Reading(
        run="run",
        by=("room",),
        features={
            "room": AuditPlan.model_validate(
                {"runs": {"r": {"table": "t"}}, "by": ["room"], "features": {"room": {"level": "utterance"}}}
            ).feature("room")
        },
    )
    case = case_of(frame, by=("room",), statistics=STATISTICS, reading=reading)
    findings = [claim.finding for claim in EXAMINATION.examine(case).claims]
    squared = of(findings, "squared_calibration_error_difference")
    assert squared.null_expectation is None
    assert squared.estimate.interval is not None
    assert of(findings, "overconfidence_difference").null_expectation is not None


def test_it_reads_well_in_a_report() -> None:
    plan = AuditPlan(
        runs={"run": RunSource(table="frame")},
        statistics=STATISTICS,
        examinations=(Choice(name="calibration", options={"bins": 8}),),
    )
    report = audit(judged(claims={"Welsh": 0.2}), by=["accent"], plan=plan)
    assert report.refusals == ()
    assert {exhibit.id for exhibit in report.exhibits} == {"calibration-by-group", "reliability-curves"}


@pytest.mark.slow
def test_the_tests_keep_their_level_and_the_intervals_cover() -> None:
    reports = 120
    rejected = dict.fromkeys(("overconfidence", "squared_calibration_error"), 0)
    covered = dict.fromkeys(rejected, 0)
    for seed in range(reports):
        findings = found(judged(n_speakers=45, per_speaker=10, seed=100 + seed))
        for metric in rejected:
            test = of(findings, f"{metric}_difference").test
            assert test is not None
            rejected[metric] += test.p_value <= 0.05
            interval = of(findings, metric, accent="Irish").estimate.interval
            assert interval is not None
            covered[metric] += interval.low <= 0 <= interval.high
    noise = 3 * (0.05 * 0.95 / reports) ** 0.5
    assert all(count / reports <= 0.05 + noise for count in rejected.values()), rejected
    assert all(count / reports >= 0.95 - noise for count in covered.values()), covered


def in_bins(rng: np.random.Generator, n_units: int, per_unit: int, *, distance: float, stray: float) -> Evidence:
    """Sums of rows in 15 bins whose accuracy is `distance` below their confidence in each, units straying around."""
    unit = np.repeat(np.arange(n_units), per_unit)
    confidence = rng.uniform(0.4, 0.9, len(unit))
    right = rng.random(len(unit)) < confidence - distance + rng.uniform(-stray, stray, n_units)[unit]
    bins = np.minimum(((confidence - 0.4) * 30).astype(int), 14)
    sums = np.zeros((2, n_units, 15))
    np.add.at(sums, (0, unit, bins), 1)
    np.add.at(sums, (1, unit, bins), confidence - right)
    grouped = GroupedSums(
        sums=np.concatenate([sums[0], sums[1]], axis=1),
        n_rows=np.full(n_units, per_unit),
        unit=np.arange(n_units),
        group=np.zeros(n_units, dtype=np.int64),
        n_units=n_units,
        groups=({},),
    )
    resampler = UnitResampler(n_units=n_units, n_resamples=100, seed=0)
    return Evidence(grouped=grouped, options=STATISTICS, resampler=resampler, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize(("n_units", "per_unit"), [(8, 20), (20, 20), (60, 10), (300, 1)])
@pytest.mark.parametrize(("distance", "stray"), [(0.0, 0.08), (0.1, 0.0), (0.1, 0.08), (0.2, 0.08)])
def test_intervals_cover_over_units_and_over_rows(n_units: int, per_unit: int, distance: float, stray: float) -> None:
    rng = np.random.default_rng([n_units, int(100 * distance), int(100 * stray)])
    rounds, covered, values = 300, np.zeros(2), []
    for _ in range(rounds):
        evidence = in_bins(rng, n_units, per_unit, distance=distance, stray=stray)
        squared = measure(jackknifed(evidence, lambda s: bin_moments(s[:, :15], s[:, 15:])), SQUARED_ERROR)
        signed = jackknifed(evidence, lambda s: np.stack([s[:, 15:].sum(axis=1), s[:, :15].sum(axis=1)], axis=1))
        found = (squared.interval(0, 0.95), measure(signed, OVERCONFIDENCE).interval(0, 0.95))
        for i, (interval, truth) in enumerate(zip(found, (distance**2, distance), strict=True)):
            assert isinstance(interval, Interval)
            covered[i] += interval.low <= truth <= interval.high
        values.append(squared.value[0])
    assert (covered / rounds >= 0.95 - 3.5 * (0.05 * 0.95 / rounds) ** 0.5).all(), covered / rounds
    assert np.mean(values) == pytest.approx(distance**2, abs=0.001 + 3.5 * np.std(values) / rounds**0.5)
