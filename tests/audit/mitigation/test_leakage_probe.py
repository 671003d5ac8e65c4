"""The probe tells planted groups and not absent ones, and is what it says it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case, EvidenceBook
from affidavit.errors import PlanError
from affidavit.plan import Feature, Statistics
from affidavit.predictions import Reading, predictions_from
from affidavit.records import Finding, Verdict
from affidavit.tables import from_frame
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from audit.mitigation.leakage_claims import Told, leakage_claim
from audit.mitigation.leakage_probe import EXAMINATION
from audit.mitigation.probe import balanced_accuracy, guesses, shrunk_covariance
from audit.mitigation.unit_numbers import Counter, drawn_rows, lens, read_roll

Maker = Callable[..., pd.DataFrame]
QUICK = Statistics(n_resamples=200, n_permutations=99)


def found(case: Case) -> dict[str, Finding]:
    assert EXAMINATION.refuses(case) is None
    claims = EXAMINATION.examine(case).claims
    for claim in claims:
        assert claim.interval_at is not None
        interval = claim.interval_at(case.statistics.level)
        assert interval == claim.finding.estimate.interval or isinstance(interval, str)
    return {f"{c.finding.run}:{c.finding.metric}:{(c.finding.compared or ('',))[0]}": c.finding for c in claims}


def p_value(finding: Finding) -> float:
    assert finding.test is not None
    return finding.test.p_value


def test_the_planted_group_is_told_and_the_other_feature_is_not(leaning: Maker) -> None:
    findings = found(case_of(leaning(), statistics=QUICK))
    accent, age = (findings[f"run:leakage_balanced_accuracy:{feature}"] for feature in ("accent", "age"))
    assert p_value(accent) == pytest.approx(1 / 200)
    assert accent.estimate.interval is not None
    assert accent.null_expectation is not None
    assert accent.estimate.interval.low > accent.null_expectation.high > 1 / 3
    assert accent.estimate.n == 1800
    assert p_value(age) > 0.05


def test_a_group_whose_answers_only_spread_more_is_told_by_the_random_functions(leaning: Maker) -> None:
    frame = leaning(lean=0.0, n_speakers=240, per_speaker=30)
    names = [name for name in frame if name.startswith("prob_")]
    scores = np.log(frame[names].to_numpy())
    scores -= scores.mean(axis=1, keepdims=True)
    hot = (frame["accent"] == "Welsh").to_numpy()[:, None]
    shares = np.exp(np.where(hot, 0.5 * scores, scores))
    frame[names] = shares / shares.sum(axis=1, keepdims=True)
    wide = found(case_of(frame, by=("accent",), statistics=QUICK))["run:leakage_balanced_accuracy:accent"]
    assert p_value(wide) < 0.01


def test_groups_whose_labels_differ_are_not_told_by_that_alone(leaning: Maker) -> None:
    n, alarms = 30, 0
    for seed in range(n):
        frame, rng = leaning(lean=0.0, n_speakers=60 if seed else 240, seed=seed), np.random.default_rng(100 + seed)
        kept = (frame["accent"] != "Welsh") | (frame["y_true"] != "anger") | (rng.random(len(frame)) < 0.2)
        case = case_of(frame[kept], by=("accent",), statistics=QUICK)
        alarms += p_value(found(case)["run:leakage_balanced_accuracy:accent"]) <= 0.05
        if not seed:
            plain = found(replace(case, options={"conditional": False}))["run:leakage_balanced_accuracy:accent"]
    assert alarms / n <= 0.05 + 3 * (0.05 * 0.95 / n) ** 0.5
    assert p_value(plain) < 0.01
    assert "whatever the true label" in plain.caveats


def both(before: pd.DataFrame, after: pd.DataFrame, **options: Any) -> Case:
    runs = {
        name: predictions_from(from_frame(frame), Reading(run=name, by=("accent",)))
        for name, frame in (("before", before), ("after", after))
    }
    book = EvidenceBook(runs=runs, by=("accent",), statistics=QUICK, seed=0)
    return Case(
        runs=runs,
        by=("accent",),
        depth=1,
        statistics=QUICK,
        book=book,
        rng=np.random.default_rng(0),
        options={"baseline": "before", **options},
    )


def test_a_debiased_run_is_compared_with_the_run_before_unit_by_unit(leaning: Maker) -> None:
    findings = found(both(leaning(lean=1.5), leaning(lean=0.0)))
    change = findings["after:leakage_balanced_accuracy_change:accent"]
    values = [findings[f"{run}:leakage_balanced_accuracy:accent"].estimate.value for run in ("after", "before")]
    assert change.estimate.value == pytest.approx((values[0] or 0) - (values[1] or 0))
    assert change.estimate.interval is not None
    assert change.estimate.interval.high < 0
    assert "before:leakage_balanced_accuracy_change:accent" not in findings
    strangers = leaning().assign(speaker_id=lambda f: "x" + f["speaker_id"])
    nobody = found(both(leaning(), strangers))["after:leakage_balanced_accuracy_change:accent"]
    assert nobody.verdict is Verdict.INCONCLUSIVE
    same = found(both(leaning(), leaning()))["after:leakage_balanced_accuracy_change:accent"]
    assert same.estimate.value == 0
    assert same.estimate.interval is not None
    assert same.estimate.interval.low < 0 < same.estimate.interval.high


def naive_guesses(numbers: np.ndarray, group: np.ndarray, n_groups: int, fold: np.ndarray) -> np.ndarray:
    """One arrangement, one unit at a time."""
    told = np.zeros(len(group), dtype=int)
    for u in range(len(group)):
        fitted = numbers[fold != fold[u]]
        centre, own = fitted.mean(axis=0), group[fold != fold[u]]
        inverse = np.linalg.inv(shrunk_covariance(fitted - centre))
        scores = []
        for g in range(n_groups):
            if not (own == g).any():
                scores.append(-np.inf)
                continue
            mean = (fitted[own == g] - centre).mean(axis=0)
            scores.append((numbers[u] - centre) @ inverse @ mean - mean @ inverse @ mean / 2)
        told[u] = int(np.argmax(scores))
    return told


def test_guesses_equal_a_slow_probe() -> None:
    rng = np.random.default_rng(0)
    numbers = rng.normal(0, 1, (40, 6))
    groups = np.stack([rng.integers(0, 3, 40) for _ in range(3)])
    groups[2] = 0
    groups[2, 5] = 2
    fold = rng.permutation(40) % 4
    fast = guesses(numbers, groups, n_groups=3, fold=fold)
    for b in range(3):
        assert (fast[b] == naive_guesses(numbers, groups[b], 3, fold)).all()
    shares = balanced_accuracy(fast[:2], groups[:2], n_groups=3)
    for b in range(2):
        by_group = [np.mean(fast[b][groups[b] == g] == g) for g in range(3)]
        assert shares[b] == pytest.approx(np.mean(by_group))


@pytest.mark.parametrize("batch_rows", [1024, 7])
def test_numbers_about_a_unit_are_means_of_functions_of_the_drawn_rows_within_the_label(
    leaning: Maker, batch_rows: int
) -> None:
    frame = leaning(n_speakers=12, per_speaker=5).drop(index=[0, 1, 17])  # units of three, four and five rows
    frame = frame.sample(frac=1, random_state=0).reset_index(drop=True)
    reading = Reading(run="run", by=("accent",), batch_rows=batch_rows)
    predictions = case_of(frame, by=("accent",), reading=reading).runs["run"]
    roll = read_roll(predictions, ("accent",), np.arange(12), "TAV")
    speakers = list(predictions.levels["unit"])
    assert dict(zip(speakers, roll.n_rows, strict=True)) == frame["speaker_id"].value_counts().to_dict()
    accents = frame.drop_duplicates("speaker_id").set_index("speaker_id")["accent"].loc[speakers]
    assert [predictions.levels["group_accent"][g] for g in roll.groups["accent"]] == accents.to_list()
    given, drawn = lens(3, width=4, seed=2), drawn_rows(roll.unit, roll.n_rows, size=3, seed=1)
    counter = Counter(predictions, drawn, given)
    counter.read("TAV")
    made = counter.numbers(conditional=True)
    place = frame["speaker_id"].map(speakers.index) * drawn.stride + frame.groupby("speaker_id").cumcount()
    looked_at = frame[place.isin(drawn.chosen)].reset_index(drop=True)
    assert (looked_at["speaker_id"].value_counts() == 3).all()
    seen = pd.DataFrame(given.seen(looked_at[[f"prob_{label}" for label in predictions.labels]].to_numpy()))
    within = seen - seen.groupby(looked_at["y_true"]).transform("mean")
    expected = within.groupby(looked_at["speaker_id"]).mean().loc[speakers].to_numpy()
    expected = expected[:, expected.std(axis=0) > 1e-9]
    assert made.numbers == pytest.approx((expected - expected.mean(axis=0)) / expected.std(axis=0))


def unlike_counts(maker: Maker, *, lean: float, seed: int) -> pd.DataFrame:
    """Welsh speakers have forty utterances each, others two or three; Welsh scores lean by as much as is said."""
    frame = maker(lean=lean, n_speakers=66, per_speaker=40, seed=seed)
    speaker = frame["speaker_id"].str[1:].astype(int)
    return frame[(frame["accent"] == "Welsh") | (frame.index % 40 < 2 + speaker % 2)]


def test_who_has_more_utterances_is_not_told_by_that_alone(leaning: Maker) -> None:
    n, alarms, statistics = 40, 0, Statistics(n_resamples=100, n_permutations=99)
    for seed in range(n):
        case = case_of(unlike_counts(leaning, lean=0.0, seed=seed), by=("accent",), statistics=statistics)
        finding = found(case)["run:leakage_balanced_accuracy:accent"]
        alarms += p_value(finding) <= 0.05
        assert "2 rows of each unit, drawn at random" in finding.caveats
        assert finding.estimate.n == 2 * 66
    assert alarms / n <= 0.05 + 3 * (0.05 * 0.95 / n) ** 0.5
    planted = case_of(unlike_counts(leaning, lean=3.0, seed=0), by=("accent",), statistics=statistics)
    assert p_value(found(planted)["run:leakage_balanced_accuracy:accent"]) <= 0.02


def test_few_units_with_few_rows_are_left_out_and_counted(leaning: Maker) -> None:
    frame = leaning(n_speakers=60, per_speaker=10)
    speaker = frame["speaker_id"].str[1:].astype(int)
    frame = frame[(speaker >= 6) | (frame.index % 10 < 1)]  # two of each accent have one row only
    finding = found(case_of(frame, by=("accent",), statistics=QUICK))["run:leakage_balanced_accuracy:accent"]
    assert "6 units that have fewer rows are left out" in finding.caveats
    assert (finding.estimate.n, finding.estimate.n_clusters) == (540, 54)


def test_how_a_table_is_read_changes_nothing(leaning: Maker) -> None:
    frame = leaning(n_speakers=60)
    whole = found(case_of(frame, statistics=QUICK))
    pieces = found(case_of(frame, statistics=QUICK, reading=Reading(run="run", by=("accent", "age"), batch_rows=1024)))
    assert whole == pieces


def test_what_cannot_be_told_is_refused_with_a_remedy(leaning: Maker) -> None:
    refusal = EXAMINATION.refuses(case_of(predictions_frame()))
    assert refusal is not None
    assert "a probability of every label" in refusal.because
    refusal = EXAMINATION.refuses(case_of(leaning(), by=()))
    assert refusal is not None
    by_row = leaning().assign(accent=lambda f: np.array(["hall", "room"])[np.arange(len(f)) % 2])
    reading = Reading(run="run", by=("accent",), features={"accent": Feature(level="utterance")})
    even = leaning(n_labels=2).assign(prob_anger=0.5, prob_fear=0.5)
    for case, because in (
        (case_of(leaning().assign(accent="Irish"), by=("accent",)), "fewer than two groups of accent"),
        (case_of(by_row, by=("accent",), reading=reading), "differs within units"),
        (case_of(even, by=("accent",)), "the same, within the true label, for every unit"),
        (case_of(leaning().assign(speaker_id="s", accent="Irish"), by=("accent",)), "fewer than two groups of accent"),
        (case_of(leaning().iloc[[0, 10]], by=("accent",)), "fewer than two groups of accent"),
    ):
        testimony = EXAMINATION.examine(case)
        assert testimony.claims == ()
        (refusal,) = testimony.refusals
        assert because in refusal.because
        assert refusal.remedy
    for options in ({"baseline": "x"}, {"features": ["x"]}, {"condition": "A"}, {"widths": 3}):
        with pytest.raises(PlanError):
            EXAMINATION.examine(case_of(leaning(), options=options))


def test_small_groups_are_named_and_forbid_a_pass(leaning: Maker) -> None:
    frame = leaning()
    frame.loc[frame["speaker_id"] == "s0", "accent"] = "Manx"
    (claim,) = EXAMINATION.examine(case_of(frame, by=("accent",), statistics=QUICK)).claims
    assert claim.unassessed == ("Manx",)
    assert "too small to be told: Manx" in claim.finding.caveats


@pytest.mark.parametrize("units", [True, False])
def test_units_are_drawn_where_there_are_many_and_may_be_rows(leaning: Maker, units: bool) -> None:
    frame = leaning() if units else leaning().drop(columns="speaker_id")
    options = {"most_units": 90}
    finding = found(case_of(frame, by=("accent",), statistics=QUICK, options=options))[
        "run:leakage_balanced_accuracy:accent"
    ]
    assert any(caveat.startswith("90 of ") for caveat in finding.caveats)
    assert (finding.estimate.n_clusters is None) == (not units)
    assert finding.estimate.n == (900 if units else 90)


def test_without_labels_the_probe_is_unconditional(leaning: Maker) -> None:
    findings = found(case_of(leaning().drop(columns="y_true"), by=("accent",), statistics=QUICK))
    assert "whatever the true label" in findings["run:leakage_balanced_accuracy:accent"].caveats


def test_the_exhibit_has_a_row_for_each_group_that_was_told(leaning: Maker) -> None:
    case = case_of(leaning(), statistics=QUICK)
    (exhibit,) = EXAMINATION.examine(case).exhibits
    rows = pd.DataFrame(exhibit.table().to_pydict())
    accent = rows[rows["features"] == "accent"]
    assert list(accent["group"]) == ["Irish", "Scottish", "Welsh"]
    overall = found(case)["run:leakage_balanced_accuracy:accent"].estimate.value
    assert accent["value"].mean() == pytest.approx(overall)


def test_the_permutation_test_keeps_its_level() -> None:
    """Units without any tie to their groups: at most a twentieth of the tests find one."""
    n, found_one = 200, 0
    for seed in range(n):
        rng = np.random.default_rng(seed)
        numbers, group = rng.normal(0, 1, (30, 8)), rng.permutation(np.repeat([0, 1, 1], 10))
        dealt = np.stack([group, *(rng.permutation(group) for _ in range(99))])
        told = guesses(numbers, dealt, n_groups=2, fold=rng.permutation(30) % 5)
        reached = balanced_accuracy(told, dealt, n_groups=2)
        found_one += (1 + (reached[1:] >= reached[0] - 1e-12).sum()) / 100 <= 0.05
    assert found_one / n <= 0.05 + 3 * (0.05 * 0.95 / n) ** 0.5


class TestContract(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Any:
        frame = predictions_frame()
        shares = np.random.default_rng(0).dirichlet(np.ones(3), len(frame))
        return case_of(frame.assign(**{f"prob_{k}": shares[:, i] for i, k in enumerate(("anger", "joy", "sadness"))}))


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_interval_covers_what_the_probe_reaches_on_average(shift: float) -> None:
    """Cross-fitted answers depend on each other, most where there is nothing to tell."""
    n, n_units = 150, 60
    case = case_of(predictions_frame(n_speakers=n_units, per_speaker=1, conditions=("TAV",)), statistics=QUICK)
    reached, intervals = [], []
    for seed in range(n):
        rng = np.random.default_rng(seed)
        group = np.repeat([0, 1], n_units // 2)
        numbers = rng.normal(0, 1, (n_units, 6)) + shift * group[:, None]
        dealt = np.stack([group, *(rng.permutation(group) for _ in range(99))])
        guessed = guesses(numbers, dealt, n_groups=2, fold=rng.permutation(n_units) % 5)
        told = Told(
            run="run",
            condition="TAV",
            feature="accent",
            levels=("a", "b"),
            left_out=(),
            unit=np.arange(n_units),
            n_rows=np.ones(n_units, dtype=np.int64),
            group=group,
            guessed=guessed[0],
            chance=balanced_accuracy(guessed[1:], dealt[1:], n_groups=2),
            caveats=(),
        )
        estimate = leakage_claim(case, told).finding.estimate
        assert estimate.interval is not None
        reached.append(estimate.value)
        intervals.append((estimate.interval.low, estimate.interval.high))
    truth = np.mean(reached)
    held = np.mean([low <= truth <= high for low, high in intervals])
    assert held >= 0.95 - 3 * (0.95 * 0.05 / n) ** 0.5
