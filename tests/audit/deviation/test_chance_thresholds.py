"""Random models without bias: what they are, how large their gaps are, and that a random model shows no more."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.plan import Statistics
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from audit.deviation.chance_thresholds import EXAMINATION, GAPS, N_MODELS
from audit.deviation.random_models import RandomModels, likeness, random_models

ONE = ("TAV",)
MANY = Statistics(n_resamples=200, n_permutations=1999)


class TestContract(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Any:
        return case_of(predictions_frame(conditions=ONE))


def random_table(n_speakers: int, *, favourite: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Answers that know neither truth nor group; each speaker has a favourite label with some probability."""
    rng = np.random.default_rng(seed)
    frame = predictions_frame(n_speakers=n_speakers, conditions=ONE, seed=seed)
    labels, shares = np.array(["anger", "joy", "sadness"]), [0.5, 0.3, 0.2]
    speaker = frame["speaker_id"].str[1:].astype(int).to_numpy()
    own = rng.choice(labels, p=shares, size=n_speakers)[speaker]
    fresh = rng.choice(labels, p=shares, size=len(frame))
    return frame.assign(y_pred=np.where(rng.random(len(frame)) < favourite, own, fresh))


def exhibit(frame: pd.DataFrame, by: tuple[str, ...] = ("accent",), statistics: Statistics = MANY) -> pd.DataFrame:
    testimony = EXAMINATION.examine(case_of(frame, by, statistics=statistics))
    return testimony.exhibits[0].table().to_pandas().set_index("metric")


def test_a_slow_random_model_gives_the_same_thresholds() -> None:
    """Row by row with plain loops, at the table's own groups and answers."""
    frame = random_table(40, seed=1).drop(columns="speaker_id")
    rng = np.random.default_rng(7)
    answers, truth, accent = (frame[name].to_numpy() for name in ("y_pred", "y_true", "accent"))
    gaps = []
    for _ in range(1500):
        drawn = rng.choice(answers, size=len(frame))
        groups = [accent == name for name in ("Irish", "Scottish", "Welsh")]
        right = [np.mean(drawn[group] == truth[group]) for group in groups]
        named = [[np.mean(drawn[group] == label) for group in groups] for label in ("anger", "joy", "sadness")]
        gaps.append((max(right) - min(right), max(max(shares) - min(shares) for shares in named)))
    wanted = np.quantile(np.array(gaps), 0.95, axis=0)
    found = exhibit(frame)["random_threshold"]
    np.testing.assert_allclose([found[GAPS[0]], found[GAPS[2]]], wanted, rtol=0.08)


@pytest.mark.parametrize("favourite", [0.0, 0.5])
def test_random_models_and_permutations_agree_for_a_random_model(favourite: float) -> None:
    found = exhibit(random_table(240, favourite=favourite, seed=2))
    np.testing.assert_allclose(found["random_threshold"], found["permuted_threshold"], rtol=0.2)
    np.testing.assert_allclose(found["likeness"], favourite**2, atol=0.05)


def test_units_that_are_answered_alike_raise_the_threshold() -> None:
    rows, units = exhibit(random_table(240)), exhibit(random_table(240, favourite=0.7))
    metric = "demographic_parity_difference_max"
    assert units.loc[metric, "random_threshold"] > 1.5 * rows.loc[metric, "random_threshold"]


def test_more_and_smaller_groups_have_a_higher_threshold() -> None:
    found = EXAMINATION.examine(case_of(random_table(240), statistics=MANY)).exhibits[0].table().to_pandas()
    by = found.set_index(["features", "metric"])["random_threshold"]
    assert by["age", GAPS[0]] < by["accent", GAPS[0]] < by["accent x age", GAPS[0]]


def test_a_random_model_rarely_exceeds_its_threshold() -> None:
    over = 0
    for seed in range(30):
        found = exhibit(
            random_table(60, favourite=0.4, seed=seed), statistics=Statistics(n_resamples=100, n_permutations=99)
        )
        over += found.loc[GAPS[2], "observed"] > found.loc[GAPS[2], "random_threshold"]
    assert over <= 6, "one in twenty is meant"


def test_a_planted_gap_is_over_chance_and_its_clean_twin_is_not() -> None:
    frame = predictions_frame(n_speakers=240, conditions=ONE)
    worse = (frame["accent"] == "Welsh") & (np.arange(len(frame)) % 2 == 0)
    planted = frame.assign(y_pred=frame["y_pred"].mask(worse, "joy"))
    for table, over in ((planted, True), (frame, False)):
        claims = EXAMINATION.examine(case_of(table, ("accent",), statistics=MANY)).claims
        finding = next(c.finding for c in claims if c.finding.metric == "accuracy_difference_over_chance")
        assert finding.estimate.interval is not None
        assert (finding.estimate.interval.low > 0) == over


def test_true_sums_are_the_tables_and_answers_have_its_shares() -> None:
    case = case_of(predictions_frame(conditions=ONE), ("accent",))
    tally = case.book.tally("run", "TAV")
    cell = tally.cell[:, 0]
    models = random_models(tally, cell, 3, units=True)
    sums = models.class_sums(400, rng=np.random.default_rng(0))
    hits, true, predicted = np.split(sums, 3, axis=-1)
    observed = np.split(case.book.evidence("run", "TAV", ("accent",)).totals, 3, axis=1)
    assert (true == observed[1]).all()
    np.testing.assert_allclose(predicted.sum(-1), true.sum(-1))
    np.testing.assert_allclose(predicted.mean(0).sum(0), observed[2].sum(0), rtol=0.03)
    np.testing.assert_allclose(hits.mean(0), observed[1] * models.shares, rtol=0.06)
    assert (hits <= np.minimum(true, predicted)).all()


def test_favourites_are_one_for_each_unit() -> None:
    """With nothing but favourites, every answer of a unit is the same."""
    counts = np.full((4, 2), 5)
    models = RandomModels(
        counts=counts, unit=np.arange(4), cell=np.arange(4), n_cells=4, shares=np.array([0.5, 0.5]), favour=1.0
    )
    predicted = np.split(models.class_sums(50, rng=np.random.default_rng(1)), 3, axis=-1)[2]
    assert set(np.unique(predicted)) == {0.0, 10.0}


def test_likeness_is_what_pairs_agree_beyond_their_truths() -> None:
    counts = np.array([[[4, 0], [3, 1]], [[1, 2], [0, 4]]])
    agree = expected = pairs = 0.0
    everybody = counts.sum(0) / counts.sum(0).sum(1, keepdims=True)
    for unit in counts:
        rows = [(truth, answer) for truth in range(2) for answer in range(2) for _ in range(unit[truth, answer])]
        for i, (truth, answer) in enumerate(rows):
            for other_truth, other in rows[:i] + rows[i + 1 :]:
                pairs += 1
                agree += answer == other
                expected += (everybody[truth] * everybody[other_truth]).sum()
    shares = counts.sum((0, 1)) / counts.sum()
    wanted = (agree - expected) / pairs / (1 - (shares**2).sum())
    assert wanted > 0
    assert likeness(counts) == pytest.approx(wanted)
    assert likeness(np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]])) == 0
    assert likeness(np.array([[[5, 0], [5, 0]]])) == 0


def test_a_good_model_with_units_alike_in_no_label_is_not_taken_for_a_partial_one() -> None:
    """Units differ in how often they are answered right, not in which label they get."""
    frame = predictions_frame(n_speakers=120, conditions=ONE)
    rng = np.random.default_rng(0)
    own = rng.beta(2, 2, 120)[frame["speaker_id"].str[1:].astype(int)]
    wrong = rng.random(len(frame)) > own
    other = frame["y_true"].map({"anger": "joy", "joy": "sadness", "sadness": "anger"})
    found = exhibit(frame.assign(y_pred=frame["y_true"].mask(wrong, other)))
    assert (found["likeness"] < 0.02).all()


def test_one_group_is_inconclusive_and_no_group_or_weights_are_refused() -> None:
    frame = predictions_frame(conditions=ONE)
    for claim in EXAMINATION.examine(case_of(frame.assign(accent="Irish"), ("accent",))).claims:
        assert claim.finding.estimate.value is None
        assert claim.finding.verdict == "inconclusive"
    many = frame.assign(y_true=[f"label {i % 21}" for i in range(len(frame))], y_pred="label 0")
    for case in (case_of(frame, ()), case_of(frame.assign(weight=2.0), ("accent",)), case_of(many, ("accent",))):
        refusal = EXAMINATION.refuses(case)
        assert refusal is not None
        assert refusal.remedy


def test_one_unit_and_a_class_that_nobody_has() -> None:
    frame = predictions_frame(conditions=ONE)
    for table in (frame[frame["speaker_id"] == "s0"], frame.replace({"y_true": {"sadness": "joy"}})):
        assert EXAMINATION.examine(case_of(table, ("accent",))).claims


def test_thresholds_of_ser_tests_are_reached_at_its_sizes() -> None:
    """31 groups of 60 samples, four labels, uniform answers: 0.225 was published as the largest of 1,000 deviations."""
    rng = np.random.default_rng(4)
    labels = np.array(["anger", "happiness", "neutral", "sadness"])
    group = np.repeat(np.arange(31), 60)
    frame = pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(len(group))],
            "accent": [f"a{g:02d}" for g in group],
            "y_true": labels[rng.integers(0, 4, len(group))],
            "y_pred": labels[rng.integers(0, 4, len(group))],
        }
    )
    found = exhibit(frame, statistics=Statistics(n_resamples=100, n_permutations=199)).loc["selection_rate_deviation"]
    assert 0.12 < found["random_threshold"] < 0.225
    assert found["random_largest"] == pytest.approx(0.225, abs=0.035)
    assert N_MODELS == 1000
