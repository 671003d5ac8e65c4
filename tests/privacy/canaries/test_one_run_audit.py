"""The examination: a broken promise is found, a kept one is not accused, and every number stands beside its ceiling."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from affidavit.case import Case, EvidenceBook
from affidavit.errors import PlanError, RowError
from affidavit.records import Finding, Interval, Verdict
from affidavit.statistics.proportions import clopper_pearson_bounds
from affidavit.testing import ExaminationContract
from privacy.bounds.one_run import OneRun, one_run_epsilon
from privacy.canaries import promises
from privacy.canaries.examination import EXAMINATION
from privacy.canaries.measures import ACCURACY, CEILING, DROP, EPSILON, GAP, METRICS, OVER
from privacy.canaries.options import Promise
from privacy.canaries.telling import most_right

Maker = Callable[..., pd.DataFrame]
CaseMaker = Callable[..., Case]
K = {"k_plus": 100, "k_minus": 100}


def found(case: Case) -> dict[str, Finding]:
    assert EXAMINATION.refuses(case) is None
    findings = [claim.finding for claim in EXAMINATION.examine(case).claims]
    assert {finding.metric for finding in findings} <= METRICS
    return {f"{f.metric}:{'/'.join(f.groups.values()) or '/'.join(f.compared or ('',))}": f for f in findings}


def value(finding: Finding) -> float:
    assert finding.estimate.value is not None
    return finding.estimate.value


def p_value(finding: Finding) -> float:
    assert finding.test is not None
    return finding.test.p_value


def test_the_bound_stands_beside_its_ceiling_and_below_the_truth(responses: Maker, case_with: CaseMaker) -> None:
    findings = found(case_with(responses(epsilon=2.0), **K))
    bound, ceiling = findings[f"{EPSILON}:"], findings[f"{CEILING}:"]
    perfect = one_run_epsilon(OneRun(n_canaries=1000, n_guesses=200, n_correct=200), delta=1e-5, confidence=0.95)
    assert 1.0 < value(bound) < 2.0 < value(ceiling) == pytest.approx(perfect.epsilon)
    assert bound.controls == (ceiling.id,)
    assert bound.verdict is Verdict.INFORMATIVE
    assert bound.estimate.interval is None
    assert bound.test is None
    assert f"ceiling {value(ceiling):.2f}" in bound.caveats[0]
    assert any("fixed beforehand" in caveat for caveat in bound.caveats)
    assert any("does not prove" in caveat for caveat in bound.caveats)
    accuracy = findings[f"{ACCURACY}:"]
    assert accuracy.null_expectation is not None
    assert accuracy.null_expectation.value == 0.5
    assert value(accuracy) > accuracy.null_expectation.high
    assert not any(key.startswith((OVER, DROP)) for key in findings)


def test_a_broken_promise_is_refuted_and_a_kept_one_is_not(responses: Maker, case_with: CaseMaker) -> None:
    promised = {"promised": {"epsilon": 1.0, "delta": 1e-5}}
    broken = found(case_with(responses(epsilon=3.0), **K, **promised))
    assert p_value(broken[f"{EPSILON}:"]) < 0.001
    assert "refuted" in (broken[f"{EPSILON}:"].because or "")
    over = broken[f"{OVER}:"].estimate.interval
    assert over is not None
    assert over.low > 0
    kept = found(case_with(responses(epsilon=0.8), **K, **promised))
    assert kept[f"{EPSILON}:"].because is None
    assert p_value(kept[f"{EPSILON}:"]) > 0.05


@pytest.mark.parametrize("options", [K, {}], ids=["fixed", "corrected"])
def test_over_many_trainings_a_kept_promise_is_accused_no_more_often_than_promised(
    responses: Maker, case_with: CaseMaker, options: dict[str, int]
) -> None:
    n, refuted, tested = 20, 0, 0
    for seed in range(n):
        frame = responses(400, epsilon=1.0, seed=100 + seed, groups=False)
        case = case_with(frame, promised={"epsilon": 1.0, "delta": 1e-5}, **options)
        finding = found(case)[f"{EPSILON}:"]
        refuted += value(finding) > 1.0
        tested += p_value(finding) <= 0.05
    assert refuted <= binom.ppf(0.99, n, 0.05)
    assert tested <= binom.ppf(0.99, n, 0.05)


def test_numbers_that_nobody_fixed_are_corrected_for_and_said_to_be(responses: Maker, case_with: CaseMaker) -> None:
    fixed = found(case_with(responses(epsilon=2.0), k_plus=500, k_minus=500))[f"{EPSILON}:"]
    free = found(case_with(responses(epsilon=2.0)))[f"{EPSILON}:"]
    assert value(free) < value(fixed)
    assert any("not fixed beforehand: corrected for 8" in caveat for caveat in free.caveats)
    accuracy = found(case_with(responses(epsilon=2.0)))[f"{ACCURACY}:"].estimate
    assert accuracy.value is not None
    bounds = clopper_pearson_bounds(accuracy.value * accuracy.n, accuracy.n, level=1 - 0.05 / 8)
    assert accuracy.interval is not None
    assert (accuracy.interval.low, accuracy.interval.high) == pytest.approx((float(bounds.low), float(bounds.high)))


def test_guesses_in_place_of_scores(responses: Maker, case_with: CaseMaker) -> None:
    frame = responses(500, epsilon=3.0)
    told = frame.assign(guess=np.where(np.arange(500) < 300, (frame["score"] > 0).astype(int).astype(object), ""))
    told = told.drop(columns="score")
    free = found(case_with(told))[f"{EPSILON}:"]
    assert any("corrected for 500 numbers" in caveat for caveat in free.caveats)
    fixed = found(case_with(told, k_plus=200, k_minus=200))[f"{EPSILON}:"]
    assert any("of 300 guesses right, 400 allowed" in caveat for caveat in fixed.caveats)
    with pytest.raises(PlanError, match="do not fit"):
        EXAMINATION.refuses(case_with(told, k_plus=10, k_minus=10))


def test_a_planted_group_is_found_and_its_clean_twin_is_silent(responses: Maker, case_with: CaseMaker) -> None:
    frame = responses(900, epsilon=0.5, seed=3)
    exposed = responses(900, epsilon=5.0, seed=4)
    planted = pd.concat([frame[frame["group_accent"] != "Welsh"], exposed[exposed["group_accent"] == "Welsh"]])
    findings = found(case_with(planted, k_plus=450, k_minus=450))
    gap = findings[f"{GAP}:accent"]
    assert gap.highest == "Welsh"
    assert p_value(gap) < 0.01
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.1
    assert value(findings[f"{EPSILON}:Welsh"]) > 2 > value(findings[f"{EPSILON}:Irish"])
    clean = [
        found(case_with(responses(300, epsilon=1.0, seed=seed), k_plus=150, k_minus=150))[f"{GAP}:accent"]
        for seed in range(25)
    ]
    alarms = sum(p_value(gap) <= 0.05 for gap in clean)
    assert alarms <= binom.ppf(0.99, 25, 0.05)


def test_a_promise_broken_for_one_group_is_refuted_there_and_a_kept_one_nowhere(
    responses: Maker, case_with: CaseMaker
) -> None:
    options = {"k_plus": 450, "k_minus": 450, "promised": {"epsilon": 1.0, "delta": 1e-5}}
    frame, exposed = responses(900, epsilon=0.2, seed=3), responses(900, epsilon=4.0, seed=4)
    planted = pd.concat([frame[frame["group_accent"] != "Welsh"], exposed[exposed["group_accent"] == "Welsh"]])
    findings = found(case_with(planted, **options))
    assert findings[f"{EPSILON}:"].because is None  # of all canaries together too few are told
    assert "refuted, corrected for 3 groups of accent" in (findings[f"{EPSILON}:Welsh"].because or "")
    assert findings[f"{EPSILON}:Irish"].because is None
    accused, between = 0, 0
    for seed, promise in [(seed, 1.0) for seed in range(20)] + [(seed, 0.6) for seed in range(6)]:
        kept = found(case_with(responses(240, epsilon=1.0, seed=200 + seed), **K, **promised(promise)))
        groups = [finding for finding in kept.values() if finding.metric == EPSILON and finding.groups]
        assert all((finding.because is not None) == (3 * p_value(finding) <= 0.05) for finding in groups)
        accused += promise == 1.0 and any(finding.because is not None for finding in groups)
        between += sum(0.05 / 3 < p_value(finding) <= 0.05 for finding in groups)
    assert accused <= binom.ppf(0.99, 20, 0.05)
    assert between  # there are groups that only the correction spares


def promised(epsilon: float) -> dict[str, Any]:
    return {"promised": {"epsilon": epsilon, "delta": 1e-5}}


def test_the_tests_of_a_promise_are_families_of_their_own(responses: Maker, case_with: CaseMaker) -> None:
    claims = EXAMINATION.examine(case_with(responses(300), **K, **promised(1.0))).claims
    families = {claim.family for claim in claims if claim.finding.metric == EPSILON}
    assert families == {
        "the promise of run, by the canaries of everybody",
        "the promise of run, by the canaries of groups of accent",
    }


def test_guesses_that_fall_to_one_group_are_not_taken_for_more_than_were_allowed(
    responses: Maker, case_with: CaseMaker
) -> None:
    """Of 300 canaries 80 were guessed, all of them Welsh and by coins that know nothing."""
    rng, exceeded, n_runs = np.random.default_rng(11), 0, 20
    for seed in range(n_runs):
        frame = responses(300, seed=seed).drop(columns="score")
        guess = np.where(frame["group_accent"] == "Welsh", rng.integers(0, 2, 300).astype(str), "")
        guess[np.flatnonzero(guess)[80:]] = ""
        findings = found(case_with(frame.assign(guess=guess), k_plus=60, k_minus=60))
        exceeded += value(findings[f"{EPSILON}:Welsh"]) > 0.0
        assert findings[f"{EPSILON}:Irish"].estimate.value is None
    assert exceeded <= binom.ppf(0.99, n_runs, 0.05)
    knowing = frame.assign(guess=np.where(guess != "", frame["included"].astype(int).astype(str), ""))
    welsh = found(case_with(knowing, k_plus=80, k_minus=80))[f"{EPSILON}:Welsh"]
    assert 1.5 < value(welsh) < 4
    assert any("80 of 80 guesses right" in caveat for caveat in welsh.caveats)


def test_a_group_of_which_the_attack_says_nothing_is_undefined_and_not_zero(
    responses: Maker, case_with: CaseMaker
) -> None:
    frame = responses(300, epsilon=4.0)
    silent = frame.assign(score=frame["score"].where(frame["group_accent"] != "Welsh"))
    findings = found(case_with(silent, **K, **promised(1.0)))
    welsh = findings[f"{EPSILON}:Welsh"]
    assert welsh.estimate.value is None
    assert welsh.verdict is Verdict.INCONCLUSIVE
    assert welsh.test is None
    assert any("100 canaries have no score" in caveat for caveat in welsh.caveats)
    assert "corrected for 2 groups" in (findings[f"{EPSILON}:Irish"].because or "")


def test_groups_and_features_that_do_not_fit_the_run_are_said(responses: Maker, case_with: CaseMaker) -> None:
    frame = responses(300).assign(group_accent=["Welsh", "welsh", "x" * 999] * 100)
    testimony = EXAMINATION.examine(case_with(frame, by=("accent", "age"), **K))
    (gap,) = (claim.finding for claim in testimony.claims if claim.finding.metric == GAP)
    said = next(caveat for caveat in gap.caveats if "does not know" in caveat)
    assert "welsh (100)" in said
    assert len(said) < 200
    (refusal,) = testimony.refusals
    assert "by age" in refusal.because
    assert "group_age" in refusal.remedy


@pytest.mark.parametrize(("m", "epsilon", "delta", "n_made"), [(400, 1.0, 0.02, 40), (400, 2.0, 1e-3, 400)])
def test_a_kept_promise_with_a_large_delta_is_within_what_it_allows(
    m: int, epsilon: float, delta: float, n_made: int
) -> None:
    """The worst: whoever is told for certain is guessed first, the rest by randomised response."""
    rng, shares = np.random.default_rng(12), []
    for _ in range(400):
        certain = min(rng.binomial(m, delta), n_made)
        shares.append((certain + rng.binomial(n_made - certain, 1 / (1 + math.exp(-epsilon)))) / n_made)
    most = most_right(Promise(epsilon=epsilon, delta=delta), n_canaries=m, n_made=n_made)
    spread = float(np.std(shares)) / 400**0.5
    assert most == pytest.approx(np.mean(shares), abs=4 * spread + 1e-3)
    assert most_right(Promise(epsilon=0.0, delta=0.9), n_canaries=100, n_made=1) == 1.0


def test_a_group_without_canaries_is_there_and_undefined(responses: Maker, case_with: CaseMaker) -> None:
    frame = responses(300, epsilon=2.0)
    frame = frame[frame["group_accent"] != "Welsh"].assign(group_unheard="x")
    findings = found(case_with(frame, k_plus=50, k_minus=50))
    for metric in (EPSILON, ACCURACY):
        missing = findings[f"{metric}:Welsh"]
        assert missing.estimate.value is None
        assert missing.verdict is Verdict.INCONCLUSIVE
    gap = findings[f"{GAP}:accent"]
    assert "too small to be compared: Welsh" in gap.caveats
    assert not any("unheard" in key for key in findings)


def test_the_drop_from_a_training_without_privacy(responses: Maker, case_with: CaseMaker) -> None:
    private, rng = responses(600, epsilon=0.3), np.random.default_rng(9)
    public = np.where(private["included"], 3.0, 0.0) + rng.normal(0, 1, 600)
    drop = found(case_with(private.assign(score_baseline=public), **K))[f"{DROP}:"]
    assert drop.estimate.interval is not None
    assert drop.estimate.interval.low > 0.2
    assert drop.higher_is_better is True
    same = found(case_with(private.assign(score_baseline=private["score"]), **K))[f"{DROP}:"]
    assert value(same) == 0
    assert same.estimate.interval is not None
    assert same.estimate.interval.low < 0 < same.estimate.interval.high


def test_pairs_speak_of_replacing_one(responses: Maker, case_with: CaseMaker) -> None:
    rng, n = np.random.default_rng(10), 400
    first = rng.random(n) < 0.5
    included = np.stack([first, ~first], axis=1).ravel()
    frame = pd.DataFrame(
        {
            "canary": [f"c{i}" for i in range(2 * n)],
            "pair": [f"p{i // 2}" for i in range(2 * n)],
            "included": included,
            "score": 3.0 * included + rng.normal(0, 1, 2 * n),
            "group_accent": [("Irish", "Scottish", "Welsh")[i // 2 % 3] for i in range(2 * n)],
        }
    )
    findings = found(case_with(frame, k_plus=100, k_minus=100))
    assert value(findings[f"{EPSILON}:"]) > 2
    assert any("400 pairs, for replacing one" in caveat for caveat in findings[f"{EPSILON}:"].caveats)
    assert findings[f"{ACCURACY}:Welsh"].estimate.n > 30


def test_the_order_of_rows_changes_nothing(responses: Maker, case_with: CaseMaker) -> None:
    frame = responses(300)
    first = found(case_with(frame, **K))
    assert found(case_with(frame.sample(frac=1, random_state=1), **K)) == first


def test_what_is_refused(responses: Maker, case_with: CaseMaker) -> None:
    def because(case: Case) -> str:
        refusal = EXAMINATION.refuses(case)
        assert refusal is not None
        assert refusal.remedy
        return refusal.because

    frame = responses(300)
    assert "no table of canaries was named" in because(case_with(frame, guesses=None))
    assert "for the run run" in because(case_with(frame, guesses={"other": "canaries.csv"}))
    assert "fair coins" in because(case_with(frame.assign(included=np.arange(300) < 210)))
    assert "would show nothing" in because(case_with(frame.iloc[:4], k_plus=1, k_minus=1))
    by_group = frame.assign(included=frame["group_accent"] == "Welsh")
    half = by_group["included"] | ((frame["group_accent"] == "Irish") & (np.arange(300) % 2 == 0))
    assert "of 100 canaries of accent" in because(case_with(by_group.assign(included=half)))
    assert "without a score" in because(case_with(frame.assign(score=np.nan), **K))
    assert "the same score" in because(case_with(frame.assign(score=0.5), **K))
    case = case_with(frame)
    runs = {name: replace(case.runs["run"]) for name in ("run", "other")}
    book = EvidenceBook(runs=runs, by=case.by, statistics=case.statistics, seed=0)
    assert "of one training" in because(replace(case, runs=runs, book=book))
    both = {"run": "canaries.csv", "other": "canaries.csv"}
    assert "of one training" in because(replace(case_with(frame, guesses=both), runs=runs, book=book))


@pytest.mark.parametrize(
    "options",
    [
        {"k_plus": 3},
        {"k_plus": 0, "k_minus": 0},
        {"promised": {"epsilon": 1}},
        {"promised": {"epsilon": 1, "delta": 1e-5}, "ledger": "ledger.jsonl"},
        {"confidence": 1.0},
        {"k_plus": 3000, "k_minus": 0},
        {"threshold": 1},
    ],
)
def test_options_that_make_no_sense_are_errors(responses: Maker, case_with: CaseMaker, options: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        EXAMINATION.refuses(case_with(responses(50), **options))
    with pytest.raises(RowError):
        EXAMINATION.refuses(case_with(responses(50).assign(included="perhaps")))


def test_exactly_half_and_a_large_delta_are_said(responses: Maker, case_with: CaseMaker) -> None:
    frame = responses(300).assign(included=np.arange(300) % 2 == 0, score=np.nan)
    frame.loc[:250, "score"] = np.linspace(0, 1, 251)
    caveats = found(case_with(frame, k_plus=150, k_minus=150, delta=1e-2))[f"{EPSILON}:"].caveats
    said = " ".join(caveats)
    assert "exactly half were planted" in said
    assert "not well below 1 / 300" in said
    assert "49 canaries have no score" in said
    assert "guesses right, 300 allowed (the bound counts those that were not made as wrong)" in said


def test_the_exhibits_tell_the_conditional_bound_apart_and_what_is_not_seen(
    responses: Maker, case_with: CaseMaker
) -> None:
    bounds, instruments = EXAMINATION.examine(case_with(responses(600, epsilon=2.0), **K)).exhibits
    table = bounds.table().to_pandas()
    assert len(table) == 2 * 4
    own = table[table["group"] == "everybody"].set_index("bound")["epsilon"]
    conditional = [bound for bound in own.index if "conditional" in bound]
    assert len(conditional) == 1
    assert own[conditional[0]] > own.drop(conditional[0]).iloc[0]
    assert "blind" in instruments.values["sees"]


def test_a_ledger_is_held_against_the_bound(responses: Maker, case_with: CaseMaker, tmp_path: Path) -> None:
    from privacy.ledger.events import StepEvent
    from privacy.ledger.ledger import Ledger

    def ledger(noise: float, neighbours: Any = "add-remove") -> str:
        name = f"ledger-{noise}-{neighbours}.jsonl"
        opened = Ledger.opened(tmp_path / name, site="here", unit="patient", run="train", budget=None)
        step = StepEvent(noise_multiplier=noise, sample_rate=1.0, clip_norm=1.0, sampler="full", neighbours=neighbours)
        opened.confirm(opened.intend(step))
        return name

    frame = responses(600, epsilon=3.0)
    refuted = found(case_with(frame, **K, ledger=ledger(8.0)))[f"{EPSILON}:"]
    assert "refuted" in (refuted.because or "")
    assert any("promised by the ledger" in caveat for caveat in refuted.caveats)
    kept = found(case_with(frame, **K, ledger=ledger(0.5)))[f"{EPSILON}:"]
    assert kept.because is None
    other = found(case_with(frame, **K, ledger=ledger(8.0, "replace")))[f"{EPSILON}:"]
    assert other.test is None
    assert any("not held against it" in caveat for caveat in other.caveats)
    unbounded = found(case_with(frame, **K, ledger=ledger(0.0)))[f"{EPSILON}:"]
    assert unbounded.test is None
    assert any("bounds nothing" in caveat for caveat in unbounded.caveats)


def test_a_ledger_of_adding_one_is_held_against_pairs_as_twice_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spent = SimpleNamespace(neighbours="add-remove", unit="patient", samplers=("poisson",), accountants=("twin",))
    monkeypatch.setattr(promises, "read_book", lambda path: SimpleNamespace(sites=()))
    monkeypatch.setattr(promises, "spent_overall", lambda book, **asked: spent)

    def of(epsilon: float, *, paired: bool) -> promises.Promised:
        spent.epsilon = epsilon
        return promises.promise_of_ledger(tmp_path, delta=1e-5, paired=paired)

    assert of(1.5, paired=False).promise == Promise(epsilon=1.5, delta=1e-5)
    pairs = of(1.5, paired=True)
    assert pairs.promise is not None
    assert pairs.promise.epsilon == 3.0
    assert pairs.promise.delta == pytest.approx((1 + math.exp(1.5)) * 1e-5)
    assert "of replacing one" in pairs.said
    vacuous = of(12.0, paired=True)
    assert vacuous.promise is None
    assert "promises nothing" in vacuous.said
    spent.neighbours = "replace"
    assert of(1.5, paired=True).promise == Promise(epsilon=1.5, delta=1e-5)
    assert of(1.5, paired=False).promise is None


def test_intervals_are_those_of_the_level_asked_for(responses: Maker, case_with: CaseMaker) -> None:
    case = case_with(responses(300), promised={"epsilon": 1.0, "delta": 0.0}, **K)
    for claim in EXAMINATION.examine(case).claims:
        if claim.interval_at is not None and claim.finding.estimate.interval is not None:
            again = claim.interval_at(case.statistics.level)
            assert isinstance(again, Interval)
            assert again == claim.finding.estimate.interval


class TestContract(ExaminationContract):
    """The public contract."""

    examination = EXAMINATION  # type: ignore[assignment]  # a frozen one

    @pytest.fixture(autouse=True)
    def _made(self, responses: Maker, case_with: CaseMaker) -> None:
        case = case_with(responses(300), by=("accent", "age"), promised={"epsilon": 1.0, "delta": 1e-5}, **K)
        type(self).made = case

    made: Case

    def make_case(self) -> Case:
        """Return a case with canaries."""
        return self.made
