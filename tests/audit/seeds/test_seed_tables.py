"""Tables over seeds: hand-computed intervals, coverage by simulation, what is refused, and what the paper prints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affidavit.case import Case, EvidenceBook
from affidavit.errors import PlanError
from affidavit.examinations import Testimony
from affidavit.plan import Statistics
from affidavit.predictions import Reading, predictions_from
from affidavit.published import kumbhar
from affidavit.records import Interval
from affidavit.tables import from_frame
from audit.seeds.examination import EXAMINATION
from audit.seeds.matching import NOTHING_SHARED, OTHER_TRUTH, left_out
from audit.seeds.statistics import NO_SPREAD, Trials, difference_of, spread_of

LABELS = ("anger", "joy", "sadness")
TRUTH = {"s0": "anger joy sadness joy", "s1": "joy joy anger", "s2": "sadness anger joy joy", "s3": "joy sadness"}
SAID = {
    "a0": {"s0": "anger joy joy joy", "s1": "joy anger anger", "s2": "sadness anger joy joy", "s3": "joy joy"},
    "a1": {"s0": "anger joy sadness joy", "s1": "joy joy joy", "s2": "sadness joy joy joy", "s3": "joy sadness"},
    "a2": {"s0": "joy joy sadness joy", "s1": "joy joy anger", "s2": "anger anger joy joy", "s3": "anger sadness"},
    "b0": {"s0": "joy joy joy joy", "s1": "joy joy joy", "s2": "joy joy joy joy", "s3": "joy joy"},
    "b1": {"s0": "joy joy joy joy", "s1": "joy joy anger", "s2": "joy joy joy joy", "s3": "joy joy"},
}


def frame_of(said: Mapping[str, str]) -> pd.DataFrame:
    rows = [
        {"utterance_id": f"{who}-{i}", "speaker_id": who, "condition": "T", "y_true": truth, "y_pred": answer}
        for who, truths in TRUTH.items()
        for i, (truth, answer) in enumerate(zip(truths.split(), said[who].split(), strict=True))
    ]
    return pd.DataFrame(rows)


def case_with(frames: Mapping[str, pd.DataFrame], options: Mapping[str, Any]) -> Case:
    runs = {
        run: predictions_from(from_frame(frame), Reading(run=run, label_space=LABELS)) for run, frame in frames.items()
    }
    statistics = Statistics(n_resamples=200, n_permutations=99)
    book = EvidenceBook(runs=runs, by=(), statistics=statistics, seed=0)
    return Case(
        runs=runs,
        by=(),
        depth=1,
        statistics=statistics,
        book=book,
        rng=np.random.default_rng(0),
        options=dict(options),
    )


def planted(options: Mapping[str, Any]) -> Case:
    return case_with({run: frame_of(said) for run, said in SAID.items()}, options)


ROWS = {"full": ["a0", "a1", "a2"], "no audio": ["b0", "b1"]}


def told(options: Mapping[str, Any]) -> Testimony:
    case = planted(options)
    assert EXAMINATION.refuses(case) is None
    return EXAMINATION.examine(case)


def naive_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """Weighted F1 from pairs of truth and answer, one label after the other."""
    total = 0.0
    for label in LABELS:
        hits = sum(truth == answer == label for truth, answer in pairs)
        true, said = sum(truth == label for truth, _ in pairs), sum(answer == label for _, answer in pairs)
        total += true * (2 * hits / (true + said) if true + said else 0.0)
    return total / len(pairs)


def pairs_of(run: str, *, without: str | None = None) -> list[tuple[str, str]]:
    return [
        pair for who in TRUTH if who != without for pair in zip(TRUTH[who].split(), SAID[run][who].split(), strict=True)
    ]


def naive_variances(runs: Sequence[str]) -> tuple[float, list[float], float]:
    values = [naive_f1(pairs_of(run)) for run in runs]
    left_out = [float(np.mean([naive_f1(pairs_of(run, without=who)) for run in runs])) for who in TRUTH]
    mean = sum(values) / len(values)
    return mean, left_out, sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values)


def test_a_row_is_the_mean_over_seeds_with_both_parts_of_its_uncertainty() -> None:
    mean, left_out, v_seeds = naive_variances(ROWS["full"])
    middle = sum(left_out) / 4
    v_units = 3 / 4 * sum((x - middle) ** 2 for x in left_out)
    weights = np.array([len(text.split()) for text in TRUTH.values()]) / 13
    quadratic = np.diag((weights / (1 - weights)) ** 2)
    centred = np.eye(4) - np.outer(np.ones(4), weights)
    form = centred.T @ quadratic @ centred
    df_units = np.trace(form) ** 2 / np.trace(form @ form)
    df = (v_units + v_seeds) ** 2 / (v_units**2 / df_units + v_seeds**2 / 2)
    half = stats.t.ppf(0.975, df) * math.sqrt(v_units + v_seeds) / (mean * (1 - mean))
    odds = math.log(mean / (1 - mean))
    claim = told({"tables": {"ablations": {"rows": ROWS}}}).claims[0]
    found = claim.finding.estimate
    assert found.value == pytest.approx(mean)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(1 / (1 + math.exp(half - odds)), rel=1e-6)
    assert found.interval.high == pytest.approx(1 / (1 + math.exp(-half - odds)), rel=1e-6)
    assert (found.n, found.n_clusters) == (13, 4)
    assert "units and seeds (3)" in found.interval.method


def test_a_difference_has_its_units_in_common_and_its_seeds_apart() -> None:
    a_mean, a_left, a_seeds = naive_variances(ROWS["full"])
    b_mean, b_left, b_seeds = naive_variances(ROWS["no audio"])
    apart = [b - a for a, b in zip(a_left, b_left, strict=True)]
    middle = sum(apart) / 4
    v_units = 3 / 4 * sum((x - middle) ** 2 for x in apart)
    testimony = told({"tables": {"ablations": {"rows": ROWS, "against": "full"}}})
    change = next(claim for claim in testimony.claims if claim.finding.metric == "weighted_f1_difference")
    assert change.finding.run == "ablations: no audio"
    found = change.finding.estimate
    assert found.value == pytest.approx(b_mean - a_mean)
    assert found.interval is not None
    half = (found.interval.high - found.interval.low) / 2
    error = math.sqrt(v_units + a_seeds + b_seeds)
    narrowest, widest = stats.t.ppf(0.975, 3 + 2 + 1) * error, stats.t.ppf(0.975, 1) * error
    assert narrowest <= half <= widest
    assert (found.interval.high + found.interval.low) / 2 == pytest.approx(b_mean - a_mean)


def test_accuracy_over_unseen_emotions_counts_their_rows_alone() -> None:
    testimony = told({"tables": {"held out": {"rows": {"one": ["a0"]}, "unseen": ["sadness"]}}})
    (claim,) = testimony.claims
    assert claim.finding.metric == "accuracy"
    assert claim.finding.estimate.value == pytest.approx(1 / 3)
    assert (claim.finding.estimate.n, claim.finding.estimate.n_clusters) == (3, 3)
    assert any("never taught" in caveat for caveat in claim.finding.caveats)
    assert any("one seed" in caveat for caveat in claim.finding.caveats)


def test_the_papers_figures_stand_beside_what_was_measured() -> None:
    rows = {"full": ["a0", "a1", "a2"], "no audio": ["b0", "b1"], "something else": ["a0"]}
    (exhibit,) = told({"tables": {"x": {"rows": rows, "published": "ablations", "against": "full"}}}).exhibits
    columns = exhibit.values
    assert list(columns["row"]) == list(rows)
    assert list(columns["published"]) == [0.812, 0.771, None]
    assert list(columns["published_sd"]) == [0.006, 0.004, None]
    assert list(columns["seeds"]) == [3, 2, 1]
    assert columns["difference"][0] is None
    assert columns["difference"][1] == pytest.approx(columns["value"][1] - columns["value"][0])
    assert columns["seed_sd"][2] is None
    exhibit.table()


def test_every_printed_figure_is_a_share_and_stands_once() -> None:
    keys = [(each.table, each.row) for each in kumbhar.FIGURES]
    assert len(set(keys)) == len(keys) == 15
    assert all(0 < each.value < 1 for each in kumbhar.FIGURES)
    drops = {"no instruction": 7.8, "no temporal context": 5.4, "no audio": 4.1, "no visual": 4.9}
    whole = kumbhar.figure("ablations", "full")
    assert whole is not None
    for row, points in drops.items():
        printed = kumbhar.figure("ablations", row)
        assert printed is not None
        assert 100 * (whole.value - printed.value) == pytest.approx(points)


def test_a_plan_without_tables_is_refused() -> None:
    refusal = EXAMINATION.refuses(planted({}))
    assert refusal is not None
    assert "no table" in refusal.because


def test_rows_are_compared_over_what_all_runs_judged() -> None:
    """One run lacks a person and a turn of another: the table is that of everybody without them."""
    frames = {run: frame_of(said) for run, said in SAID.items()}
    frames["b1"] = frames["b1"].query("speaker_id != 's3' and utterance_id != 's0-2'")
    cut = {run: frame.query("speaker_id != 's3' and utterance_id != 's0-2'") for run, frame in frames.items()}
    tables = {"mixed": {"rows": ROWS, "against": "full"}, "alike": {"rows": {"full": ROWS["full"]}}}
    mixed, alone = (EXAMINATION.examine(case_with(given, {"tables": tables})) for given in (frames, cut))
    assert not mixed.refusals
    estimates = [claim.finding.estimate for claim in mixed.claims if claim.finding.run.startswith("mixed")]
    assert estimates == [claim.finding.estimate for claim in alone.claims if claim.finding.run.startswith("mixed")]
    assert {estimate.n for estimate in estimates} == {10}
    assert {estimate.n_clusters for estimate in estimates} == {3}
    told_so = [claim for claim in mixed.claims if left_out(10, 13) in claim.finding.caveats]
    assert {claim.finding.run.partition(":")[0] for claim in told_so} == {"mixed"}
    assert len(told_so) == 3
    whole = next(claim for claim in mixed.claims if claim.finding.run == "alike: full")
    assert whole.finding.estimate.n == 13, "a table whose runs judged everything keeps everything"


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"utterance_id": "x-" + frame_of(SAID["b1"])["utterance_id"]}, NOTHING_SHARED),
        ({"y_true": "joy"}, OTHER_TRUTH),
        ({"speaker_id": "s0"}, OTHER_TRUTH),
    ],
)
def test_runs_that_make_no_table_are_refused(change: Mapping[str, Any], because: str) -> None:
    frames = {run: frame_of(said) for run, said in SAID.items()}
    frames["b1"] = frames["b1"].assign(**change)
    testimony = EXAMINATION.examine(case_with(frames, {"tables": {"mixed": {"rows": ROWS}}}))
    assert not testimony.claims
    assert [(refusal.run, refusal.because) for refusal in testimony.refusals] == [("mixed", because)]


def test_rows_without_people_are_refused() -> None:
    frames = {"a0": frame_of(SAID["a0"]).drop(columns="speaker_id")}
    testimony = EXAMINATION.examine(case_with(frames, {"tables": {"x": {"rows": {"one": ["a0"]}}}}))
    assert "names nobody" in testimony.refusals[0].because


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"rows": {"full": ["a9"]}}, "run 'a9'"),
        ({"rows": {"full": ["a0"]}, "against": "ful"}, "row 'ful'"),
        ({"rows": {"full": ["a0"]}, "unseen": ["fear"]}, "emotion 'fear'"),
    ],
)
def test_names_that_are_not_there_are_refused_by_name(table: Mapping[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words) as caught:
        EXAMINATION.examine(planted({"tables": {"x": table}}))
    assert caught.value.slug == "plan-invalid"


def test_labels_in_another_order_change_nothing() -> None:
    tables = {"x": {"rows": {"full": ["a0", "a1"]}}}
    frames = {run: frame_of(SAID[run]) for run in ("a0", "a1")}
    case = case_with(frames, {"tables": tables})
    turned = predictions_from(from_frame(frames["a1"]), Reading(run="a1", label_space=LABELS[::-1]))
    runs = {**case.runs, "a1": turned}
    book = EvidenceBook(runs=runs, by=(), statistics=case.statistics, seed=0)
    mixed = Case(
        runs=runs, by=(), depth=1, statistics=case.statistics, book=book, rng=case.rng, options={"tables": tables}
    )
    first, again = (EXAMINATION.examine(each).claims[0].finding.estimate for each in (case, mixed))
    assert first == again


def test_no_spread_is_no_certainty() -> None:
    alike = Trials(values=np.array([0.5, 0.5]), left_out=np.full((2, 4), 0.5), sizes=np.ones(4))
    assert spread_of(alike).interval(0.95) == NO_SPREAD
    assert difference_of(alike, alike).interval(0.95) == NO_SPREAD


def test_intervals_over_units_and_seeds_cover() -> None:
    """Three seeds, 30 units, an effect of the seed as large as that of the units: a mean of unit means."""
    rng = np.random.default_rng(0)
    covered = units_alone = 0
    n_trials = 1500
    for _ in range(n_trials):
        units = 0.5 + rng.normal(0, 0.1, 30)
        seeds = rng.normal(0, 0.1 / math.sqrt(30), 3)
        scores = units + seeds[:, None] + rng.normal(0, 0.02, (3, 30))
        left_out = (scores.sum(1, keepdims=True) - scores) / 29
        spread = spread_of(Trials(values=scores.mean(1), left_out=left_out, sizes=np.ones(30)), rate=False)
        interval = spread.interval(0.95)
        assert isinstance(interval, Interval)
        covered += interval.low <= 0.5 <= interval.high
        half = stats.t.ppf(0.975, 29) * math.sqrt(spread.variance_units)
        units_alone += abs(spread.value - 0.5) <= half
    assert 0.92 <= covered / n_trials <= 0.965
    assert units_alone < covered - 0.02 * n_trials, (
        "seeds that are not counted cost nothing here, so this proves little"
    )
