"""Published thresholds and results: read, counted, and carried over as a policy without losing a test."""

from pathlib import Path

import numpy as np
import pytest

from affidavit.errors import PolicyError, TableError
from affidavit.plan import AuditPlan
from affidavit.policy import read_policy
from affidavit.published.ser_tests import PublishedScore, TestCount, count, read_results, read_thresholds
from affidavit.published.ser_tests_policy import METRICS, policy_from_thresholds
from affidavit.report import Decision
from affidavit.run import audit
from affidavit.testing import predictions_frame

SEX = """
Data:
  - {name: somewhere, version: 1.0.0}
Metrics:
  - {name: Recall Per Class Female, short: R, threshold: 0.2}
  - {name: Recall Per Class Male, short: R, threshold: 0.1}
  - {name: Concordance Correlation Coeff Male, short: C, threshold: 0.1}
  - {name: Visualization}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "thresholds/emotion").mkdir(parents=True)
    (tmp_path / "thresholds/emotion/fairness_sex.yaml").write_text(SEX)
    results = tmp_path / "results/emotion/model-1/fairness_sex"
    results.mkdir(parents=True)
    (results / "recall-per-class-male.csv").write_text(
        "Data,anger,_anger,joy\nset-1,-0.10,(0.1 - 0.2),0.04\nset-2,,,0.31\n"
    )
    (results / "recall-per-class-female.csv").write_text("Data,anger,joy\nset-1,0.19,-0.20\n")
    return tmp_path


def test_values_are_counted_against_their_own_threshold(folder: Path) -> None:
    counts = count(read_thresholds(folder / "thresholds"), read_results(folder / "results"))
    expected = TestCount(task="emotion", model="model-1", test="fairness_sex", passed=2, failed=3, skipped=1, near=2)
    assert counts == (expected,)


@pytest.mark.parametrize(("value", "passes", "near"), [(0.07, True, False), (-0.08, False, False), (None, None, False)])
def test_a_threshold_between_two_printed_values_is_not_a_matter_of_rounding(
    value: float | None, passes: bool | None, near: bool
) -> None:
    score = PublishedScore(
        task="t", model="m", test="fairness_sex", key="k", data="d", part="joy", value=value, decimals=2
    )
    assert score.passes(0.075) is passes
    assert score.near(0.075) is near


def test_the_policy_takes_the_least_of_thresholds_that_differ_and_lists_what_it_lacks(folder: Path) -> None:
    carried = policy_from_thresholds(folder / "thresholds/emotion")
    (criterion,) = carried.policy.criteria
    assert (criterion.metric, criterion.at_most, criterion.compared) == ("recall_deviation", 0.1, ("sex",))
    assert "differ" in (criterion.note or "")
    assert [item.test.metric for item in carried.not_assessed] == ["Concordance Correlation Coeff Male"]
    assert "Not assessed: emotion/fairness_sex: Concordance Correlation Coeff Male" in carried.policy.statement


def test_features_that_are_not_audited_are_not_assessed(folder: Path) -> None:
    with pytest.raises(PolicyError, match="not among the features"):
        policy_from_thresholds(folder / "thresholds", by=("accent",))


@pytest.mark.parametrize("text", ["- 1", "Metrics: 3", "Metrics:\n  - {threshold: 1}"])
def test_another_yaml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fairness_sex.yaml"
    path.write_text(text)
    with pytest.raises(PolicyError, match="no list of thresholds"):
        read_thresholds(path)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such file"):
        read_thresholds(tmp_path / "nowhere")
    with pytest.raises(TableError, match="no result tables"):
        read_results(tmp_path)
    with pytest.raises(PolicyError, match="there is no threshold"):
        read_thresholds(tmp_path)


def test_a_value_without_a_threshold_is_refused(folder: Path) -> None:
    (folder / "results/emotion/model-1/fairness_sex/f1.csv").write_text("Data,anger\nset-1,0.1\n")
    with pytest.raises(PolicyError, match="no threshold"):
        count(read_thresholds(folder / "thresholds"), read_results(folder / "results"))


def test_a_cell_that_is_no_number_is_refused(folder: Path) -> None:
    (folder / "results/emotion/model-1/fairness_sex/recall-per-class-male.csv").write_text("Data,anger\nset-1,high\n")
    with pytest.raises(TableError, match="no number"):
        read_results(folder / "results")


def test_random_models_pass_every_published_test(real_data: Path) -> None:
    """The thresholds are made so; models that were trained fail some of the same tests."""
    source = real_data / "ser_tests"
    counts = count(read_thresholds(source / "thresholds"), read_results(source / "results"))
    random = [one for one in counts if one.model.startswith("random")]
    assert len(random) == 4 * 5
    assert sum(one.failed for one in random) == 0
    assert all(sum(o.failed for o in counts if o.task == task) > 0 for task in {one.task for one in counts})
    assert len({one.model for one in counts if one.task == "emotion"}) == 12


def test_every_published_threshold_is_a_criterion_or_not_assessed(real_data: Path) -> None:
    path = real_data / "ser_tests/thresholds/emotion"
    carried = policy_from_thresholds(path)
    named = {
        name for criterion in carried.policy.criteria for name in (criterion.note or "").split("for ")[1].split(", ")
    }
    missing = {item.test.metric for item in carried.not_assessed}
    assert named | missing == {test.metric for test in read_thresholds(path)}
    assert not named & missing
    assert all("Shift Difference" in metric for metric in missing)


def test_the_policy_that_ships_says_what_was_published(real_data: Path) -> None:
    published = policy_from_thresholds(real_data / "ser_tests/thresholds/emotion").policy
    root = Path(__file__).parents[3] / "affidavit/policies"
    shipped = read_policy("ser-tests-emotion.yaml", folder=root)
    assert {(c.metric, c.compared, c.at_most) for c in shipped.criteria} == {
        (c.metric, c.compared, c.at_most) for c in published.criteria
    }


def test_every_metric_that_is_bound_is_computed_by_some_examination() -> None:
    from affidavit.registry import Door, load, names

    bound = {metric.format(task=task) for metric in METRICS.values() for task in ("arousal", "dominance", "valence")}
    computed = {metric for name in names(Door.EXAMINATIONS) for metric in load(Door.EXAMINATIONS, name).metrics}
    assert bound <= computed


def thresholds(tmp_path: Path, **tests: str) -> Path:
    """Write files of thresholds; `valence__accent` is the test of accents of the task valence."""
    for name, text in tests.items():
        task, feature = name.split("__")
        (tmp_path / task).mkdir(exist_ok=True)
        (tmp_path / task / f"fairness_{feature}.yaml").write_text(text)
    return tmp_path


DIMENSION = """
Metrics:
  - {name: Mean Value, threshold: 0.075}
  - {name: Relative Difference Per Bin, threshold: 0.225}
  - {name: Concordance Correlation Coeff Male, threshold: 0.1}
  - {name: Mean Shift Difference Positive Sentiment, threshold: 0.025}
"""


def test_the_mean_value_of_a_dimension_is_bound_and_the_rest_is_counted_and_said(tmp_path: Path) -> None:
    carried = policy_from_thresholds(thresholds(tmp_path, valence__accent=DIMENSION))
    criterion, ccc = carried.policy.criteria
    assert (criterion.metric, criterion.at_most, criterion.compared) == ("valence_mean_shift", 0.075, ("accent",))
    assert "on a scale from 0 to 1" in (criterion.note or "")
    assert (ccc.metric, ccc.at_most) == ("valence_ccc_deviation", 0.1)
    assert "scale" not in (ccc.note or "")
    assert len(carried.not_assessed) == 2
    for item in carried.not_assessed:
        assert item.test.metric in carried.policy.statement
        assert item.because in carried.policy.statement
        assert "known" not in item.because


def test_a_mean_value_of_what_is_no_dimension_is_not_bound(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="not known here"):
        policy_from_thresholds(thresholds(tmp_path, emotion__accent="Metrics: [{name: Mean Value, threshold: 0.1}]"))


@pytest.mark.parametrize("threshold", [".nan", ".inf", "-0.1", "'0.1'", "true"])
def test_a_threshold_that_bounds_nothing_is_not_assessed(tmp_path: Path, threshold: str) -> None:
    text = f"Metrics: [{{name: Relative Difference Per Class, threshold: {threshold}}}]"
    with pytest.raises(PolicyError, match="not one number from 0 up"):
        policy_from_thresholds(thresholds(tmp_path, emotion__sex=text))


def test_files_and_folders_may_have_any_names(tmp_path: Path) -> None:
    text = "Metrics: [{name: Relative Difference Per Class, threshold: 0.1}]"
    folder = thresholds(tmp_path, **{"Emotion_v2__First language": text, "Emotion_v2__First-language": text})
    policy = policy_from_thresholds(folder).policy
    assert sorted(c.id for c in policy.criteria) == [
        "first-language-selection-rate-deviation-1",
        "first-language-selection-rate-deviation-2",
    ]
    assert {c.compared for c in policy.criteria} == {("First language",), ("First-language",)}


@pytest.mark.parametrize("task", ["arousal", "dominance", "valence"])
def test_of_a_dimension_mean_values_and_concordance_are_bound(real_data: Path, task: str) -> None:
    path = real_data / "ser_tests/thresholds" / task
    carried = policy_from_thresholds(path)
    assert {(c.metric, c.compared) for c in carried.policy.criteria} == {
        (f"{task}_mean_shift", ("accent",)),
        (f"{task}_mean_shift", ("language",)),
        (f"{task}_ccc_deviation", ("pitch",)),
        (f"{task}_ccc_deviation", ("sex",)),
    }
    assert len(carried.not_assessed) + 7 == len(read_thresholds(path)) == 25


@pytest.mark.parametrize(("shift", "decision"), [(0.3, Decision.FAIL), (0.0, Decision.PASS)])
def test_a_mean_shift_is_decided_by_its_published_threshold(tmp_path: Path, shift: float, decision: Decision) -> None:
    rng = np.random.default_rng(0)
    frame = predictions_frame(n_speakers=300, conditions=("A",))
    truth = rng.uniform(0.2, 0.6, len(frame))
    welsh = (frame["accent"] == "Welsh").to_numpy()
    frame = frame.assign(true_valence=truth, pred_valence=truth + shift * welsh + rng.normal(0, 0.05, len(frame)))
    policy = policy_from_thresholds(thresholds(tmp_path, valence__accent=DIMENSION), by=("accent",)).policy
    plan = AuditPlan.model_validate(
        {
            "runs": {"r": {"table": "t"}},
            "examinations": ["regression"],
            "statistics": {"n_resamples": 100, "n_permutations": 99},
        }
    )
    report = audit(frame, by="accent", policy=policy, plan=plan)
    held = {f.metric: f.verdict for f in report.findings if f.criterion is not None}
    assert set(held) == {"valence_mean_shift", "valence_ccc_deviation"}
    assert held["valence_mean_shift"] == decision.value
