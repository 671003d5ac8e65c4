from __future__ import annotations

from affidavit.privacy_summary import privacy_in_words
from affidavit.records import Estimate, Finding, Interval, SignificanceTest, Verdict


def _finding(examination: str, metric: str, value: float | None, **changes: object) -> Finding:
    finding = Finding(
        id=f"{examination}/{metric}",
        examination=examination,
        method_version="1",
        metric=metric,
        higher_is_better=False,
        run="listener",
        condition="TAV",
        groups={},
        estimate=Estimate(value=value, why_no_interval="a step without noise", n=0, n_clusters=None),
        verdict=Verdict.INFORMATIVE,
        source="s",
    )
    return finding.model_copy(update=changes)


def _test(p_value: float, p_adjusted: float | None = None) -> SignificanceTest:
    return SignificanceTest(null="the promise holds", p_value=p_value, p_adjusted=p_adjusted, method="m")


def test_nothing_asked_is_nothing_said() -> None:
    assert privacy_in_words([_finding("performance", "accuracy", 0.7)]) == []


def test_a_promise_stands_with_its_delta_and_unit() -> None:
    promised = _finding("privacy-ledger", "accounted_epsilon", 3.0161, caveats=("delta 1e-05; unit: patient", "more"))
    assert privacy_in_words([promised]) == [
        "listener: by its ledger the model has spent epsilon 3.02 (delta 1e-05; unit: patient)."
    ]


def test_what_is_unbounded_is_no_number() -> None:
    unbounded = _finding("privacy-ledger", "accounted_epsilon", None, caveats=("delta 1e-05; unit: patient",))
    assert "promises nothing: a step without noise" in privacy_in_words([unbounded])[0]


def test_a_lower_bound_stands_beside_its_ceiling() -> None:
    bound = _finding("membership", "membership_epsilon_lower_bound", 0.41)
    ceiling = _finding("membership", "membership_epsilon_lower_bound_ceiling", 4.906)
    of_group = bound.model_copy(update={"groups": {"accent": "Irish"}})
    assert privacy_in_words([bound, ceiling, of_group]) == [
        "listener: membership shows epsilon at least 0.41, of 4.91 that a perfect one could have shown."
    ]


def test_a_refuted_promise_is_told_also_where_it_failed_one_group() -> None:
    said = "the promise of epsilon 1 is refuted: it has failed"
    metric = "canary_epsilon_lower_bound"
    of_group = _finding(
        "one-run-audit", metric, 2.0, groups={"accent": "Irish"}, because=said, test=_test(0.001, 0.004)
    )
    adjusted_away = of_group.model_copy(update={"test": _test(0.04, 0.4)})
    assert privacy_in_words([of_group]) == [f"listener: {said}."]
    assert privacy_in_words([adjusted_away]) == []


def test_runs_of_which_the_same_is_true_share_a_sentence() -> None:
    promised = _finding("privacy-ledger", "accounted_epsilon", 1.0, caveats=("delta 0.001",))
    other = promised.model_copy(update={"run": "listener, again"})
    assert privacy_in_words([promised, other]) == [
        "listener, listener, again: by its ledger the model has spent epsilon 1 (delta 0.001)."
    ]


def test_what_privacy_costs_is_told_in_points() -> None:
    interval = Interval(low=0.022, high=0.06, level=0.95, method="m")
    estimate = Estimate(value=0.041, interval=interval, n=900, n_clusters=300)
    cost = _finding("price-of-privacy", "accuracy_lost", 0.0, run="epsilon 1", estimate=estimate)
    assert privacy_in_words([cost]) == ["epsilon 1: privacy costs 4.1 points (2.2 to 6.0) of accuracy."]
