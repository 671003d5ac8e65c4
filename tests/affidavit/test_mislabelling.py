"""How much label noise would take a failure away: by a slow twin on rows, and where nothing would."""

import numpy as np
import pandas as pd
import pytest

from affidavit.confusion import class_sums
from affidavit.mislabelling import Mislabelled, label_noise, turned_right, without_noise, without_random_labels
from affidavit.plan import AuditPlan, Choice, RunSource, Statistics
from affidavit.policy import Criterion, Policy
from affidavit.records import Finding, Interval, Verdict
from affidavit.run import audit

FAST = Statistics(n_resamples=200, n_permutations=99)
LABELS = np.array(["anger", "joy", "sadness"])


def table(rates: dict[str, float], *, n_units: int = 40, per_unit: int = 25, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(n_units * len(rates)), per_unit)
    group = unit % len(rates)
    right = rng.random(len(unit)) < np.array(list(rates.values()))[group]
    truth = rng.integers(0, 3, len(unit))
    return pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(len(unit))],
            "speaker_id": [f"s{u}" for u in unit],
            "accent": np.array(list(rates))[group],
            "y_true": LABELS[truth],
            "y_pred": LABELS[np.where(right, truth, (truth + rng.integers(1, 3, len(unit))) % 3)],
        }
    )


def decided(frame: pd.DataFrame, criterion: Criterion, examination: str = "performance") -> Finding:
    policy = Policy(version=1, name="p", title="p", statement="p", frozen_before_results=True, criteria=(criterion,))
    plan = AuditPlan(runs={"r": RunSource(table="t")}, statistics=FAST, examinations=(Choice(name=examination),))
    report = audit(frame, by=["accent"], plan=plan, policy=policy)
    return next(f for f in report.findings if f.criterion is not None)


GAP = Criterion(id="gap", metric="accuracy_difference", at_most=0.1, source="test")


def test_the_adverse_share_is_where_relabelled_rows_stop_failing() -> None:
    """Turning wrong answers of the worst group right, unit by unit in proportion, on the rows themselves."""
    frame = table({"Irish": 0.8, "Welsh": 0.5})
    finding = decided(frame, GAP)
    assert finding.verdict is Verdict.FAIL
    assert finding.label_noise is not None
    assert finding.label_noise.group == "Welsh"
    adverse = finding.label_noise.adverse
    assert adverse is not None

    def verdict_after(share: float) -> Verdict:
        excused = frame.copy()
        wrong = excused[(excused["accent"] == "Welsh") & (excused["y_true"] != excused["y_pred"])]
        n_welsh = int((excused["accent"] == "Welsh").sum())
        wanted = share * n_welsh / len(wrong)
        chosen = np.concatenate([g.index[: round(wanted * len(g))] for _, g in wrong.groupby("speaker_id")])
        excused.loc[chosen, "y_true"] = excused.loc[chosen, "y_pred"]
        return decided(excused, GAP).verdict

    assert verdict_after(adverse + 0.02) is not Verdict.FAIL
    assert verdict_after(adverse - 0.02) is Verdict.FAIL


def test_random_labels_in_one_group_are_undone() -> None:
    """A fair model whose labels of one group were partly replaced fails; the uniform share found explains it."""
    frame = table({"Irish": 0.8, "Welsh": 0.8}, per_unit=60)
    rng = np.random.default_rng(1)
    noisy = (frame["accent"] == "Welsh").to_numpy() & (rng.random(len(frame)) < 0.4)
    codes = np.searchsorted(LABELS, frame["y_true"])
    frame["y_true"] = np.where(noisy, LABELS[(codes + rng.integers(1, 3, len(frame))) % 3], frame["y_true"])
    finding = decided(frame, GAP)
    assert finding.verdict is Verdict.FAIL
    assert finding.label_noise is not None
    assert finding.label_noise.uniform is not None
    assert finding.label_noise.uniform < 0.4  # less than all of it already makes the failure uncertain
    assert finding.label_noise.uniform > 0.2


def test_class_sums_under_noise_are_those_of_relabelled_matrices() -> None:
    rng = np.random.default_rng(2)
    matrix = rng.integers(1, 50, (3, 3)).astype(float)
    rho = 0.2
    mixing = (1 - rho - rho / 2) * np.eye(3) + rho / 2 * np.ones((3, 3))
    observed = mixing @ matrix
    undone = without_random_labels(class_sums(observed.ravel(), 3), rho)
    assert undone == pytest.approx(class_sums(matrix.ravel(), 3))
    excused = matrix * 0.7
    excused[np.diag_indices(3)] = np.diag(matrix) + 0.3 * (matrix.sum(0) - np.diag(matrix))
    assert turned_right(class_sums(matrix.ravel(), 3), 0.3) == pytest.approx(class_sums(excused.ravel(), 3))


def test_a_failure_that_no_labels_explain_says_so() -> None:
    finding = decided(table({"Irish": 0.99, "Welsh": 0.05}), GAP)
    assert finding.label_noise is not None
    assert finding.label_noise.adverse is None


def test_values_of_groups_and_odds_have_a_tolerance_too() -> None:
    frame = table({"Irish": 0.8, "Welsh": 0.5})
    floor = Criterion(id="floor", metric="accuracy", at_least=0.7, scope="groups", source="test")
    policy = Policy(version=1, name="p", title="p", statement="p", frozen_before_results=True, criteria=(floor,))
    plan = AuditPlan(runs={"r": RunSource(table="t")}, statistics=FAST, examinations=(Choice(name="performance"),))
    found = [f for f in audit(frame, by=["accent"], plan=plan, policy=policy).findings if f.criterion is not None]
    noise = {f.groups["accent"]: f.label_noise for f in found}
    assert noise["Irish"] is None  # it passes
    assert noise["Welsh"] is not None
    assert noise["Welsh"].adverse is not None
    odds = Criterion(id="odds", metric="equalized_odds_difference_max", at_most=0.05, source="test")
    finding = decided(frame, odds, "equalized-odds")
    assert finding.verdict is Verdict.FAIL
    assert finding.label_noise is not None
    assert not finding.label_noise.uniform_defined


def test_what_does_not_rest_on_labels_has_none() -> None:
    frame = table({"Irish": 0.8, "Welsh": 0.5})
    frame.loc[frame["accent"] == "Welsh", "y_pred"] = "joy"
    parity = Criterion(id="parity", metric="demographic_parity_difference_max", at_most=0.1, source="test")
    finding = decided(frame, parity, "demographic-parity")
    assert finding.verdict is Verdict.FAIL
    assert finding.label_noise is None


def test_random_labels_do_not_explain_an_accuracy_below_chance() -> None:
    """Undone, such noise leaves less than there was, and at last less than nothing: no cure, whatever the interval."""
    frame = table({"Irish": 0.8, "Welsh": 0.8}, per_unit=10)
    two = frame[(frame["y_true"] != "sadness") & (frame["y_pred"] != "sadness")].copy()
    welsh = two["accent"] == "Welsh"
    kept = np.random.default_rng(3).random(len(two)) < 0.2
    other = two["y_true"].map({"anger": "joy", "joy": "anger"})
    two["y_pred"] = np.where(welsh & ~kept, other, two["y_true"])
    floor = Criterion(id="floor", metric="accuracy", at_least=0.7, scope="groups", source="test")
    policy = Policy(version=1, name="p", title="p", statement="p", frozen_before_results=True, criteria=(floor,))
    plan = AuditPlan(runs={"r": RunSource(table="t")}, statistics=FAST, examinations=(Choice(name="performance"),))
    found = audit(two, by=["accent"], plan=plan, policy=policy).findings
    noise = next(f.label_noise for f in found if f.criterion is not None and f.groups == {"accent": "Welsh"})
    assert noise is not None
    assert noise.uniform_defined
    assert noise.uniform is None


def test_a_share_that_leaves_nothing_to_measure_is_no_cure() -> None:
    def undefined_from(share: float, level: float) -> Interval | str:
        return "nothing" if share > 0.2 else Interval(low=0.3, high=0.4, level=level, method="m")

    def never(share: float, level: float) -> Interval | str:
        return "nothing"

    for interval_at in (undefined_from, never):
        found = label_noise(Mislabelled(group="g", adverse=interval_at, uniform=None), GAP, 0.95)
        assert found.adverse is None


@pytest.mark.parametrize("width", [0.05, 0.004, 0.0004])
def test_a_gap_that_closes_and_opens_again_is_not_stepped_over(width: float) -> None:
    """With many rows the cure is a narrow place between failing one way and failing the other."""
    gap = 0.1537

    def interval_at(share: float, level: float) -> Interval | str:
        now = abs(gap - share)
        return Interval(low=max(0.0, now - width / 2), high=now + width / 2, level=level, method="m")

    criterion = Criterion(id="c", metric="accuracy_difference", at_most=0.0, source="s")
    found = label_noise(Mislabelled(group="g", adverse=interval_at, uniform=None), criterion, 0.95).adverse
    assert found == pytest.approx(gap - width / 2, abs=2e-4)


def test_sums_without_noise_are_the_accuracy_without_noise() -> None:
    matrix = np.array([[30.0, 10.0, 5.0], [4.0, 50.0, 6.0], [10.0, 5.0, 60.0]])
    hits, true, _ = np.split(without_random_labels(class_sums(matrix.ravel(), 3), 0.1), 3)
    expected = without_noise(140 / 180, 0.1, n_labels=3)
    assert hits.sum() / true.sum() == pytest.approx(expected)
