"""Interventions narrow what they aim at on unseen units, cost what is said, and leave a clean twin alone."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.errors import PlanError, RowError
from affidavit.plan import Feature, Statistics
from affidavit.predictions import Reading
from affidavit.records import Finding, Interval, Verdict
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from audit.mitigation.examination import EXAMINATION
from audit.mitigation.material import read_material
from audit.mitigation.methods import METHODS
from audit.mitigation.told import Moved

ROOT = Path(__file__).resolve().parents[3]
Maker = Callable[..., pd.DataFrame]
QUICK = Statistics(n_resamples=200, n_permutations=99)
ALL_BUT_FAIRLEARN = ["stacking", "reweighing", "parity-offsets"]


def found(case: Case) -> dict[str, Finding]:
    assert EXAMINATION.refuses(case) is None
    claims = EXAMINATION.examine(case).claims
    findings = [claim.finding for claim in claims]
    assert {f.metric for f in findings} <= EXAMINATION.metrics
    assert len({f.id for f in findings}) == len(findings)
    for claim in claims:
        assert claim.interval_at is not None
        interval = claim.interval_at(case.statistics.level)
        assert interval == claim.finding.estimate.interval or isinstance(interval, str), claim.finding.id
    return {f.id.removeprefix("run/TAV/mitigation/"): f for f in findings}


def exhibit(case: Case, name: str) -> pd.DataFrame:
    (table,) = [e for e in EXAMINATION.examine(case).exhibits if e.id == name]
    return pd.DataFrame(table.table().to_pydict())


def bounds(finding: Finding) -> tuple[float, float]:
    assert finding.estimate.interval is not None, finding.because
    return finding.estimate.interval.low, finding.estimate.interval.high


AIMS = {
    "reweighing": "demographic_parity",
    "parity_offsets": "demographic_parity",
    "threshold_optimizer": "equalized_odds",
    "exponentiated_gradient": "equalized_odds",
    "adversarial": "equalized_odds",
}


@pytest.fixture(scope="module")
def planted(leaning: Maker) -> dict[str, Finding]:
    options = {"labels": ["anger"], "interventions": [method.name for method in METHODS]}
    return found(case_of(leaning(), by=("accent",), statistics=QUICK, options=options))


@pytest.mark.parametrize(
    ("method", "task", "narrows"),
    [
        ("parity_offsets", "", True),
        ("threshold_optimizer", "anger against the rest/", True),
        ("exponentiated_gradient", "anger against the rest/", True),
        ("reweighing", "", False),
    ],
)
def test_each_narrows_the_gap_that_it_aims_at_or_says_that_it_did_not(
    planted: dict[str, Finding], method: str, task: str, narrows: bool
) -> None:
    change = planted[f"{method}_{AIMS[method]}_change/{task}between accent"]
    assert {change.highest, change.lowest} >= {"Welsh"}
    assert change.label == "anger"
    assert "this is the gap that it aims at" in change.caveats
    said = "it narrowed the gap on held-out units" if narrows else "it is not shown to have narrowed the gap"
    assert any(caveat.startswith(said) for caveat in change.caveats), change.caveats
    assert (bounds(change)[1] < 0) == narrows
    assert change.test is None, "no test enters the report's family"


def test_who_decides_by_the_group_says_so(planted: dict[str, Finding]) -> None:
    for method in METHODS:
        findings = [f for f in planted.values() if f.metric == f"{method.prefix}_accuracy_change"]
        assert findings
        for finding in findings:
            assert any("may be unlawful" in caveat for caveat in finding.caveats) == method.needs_group


def test_a_strict_constraint_without_the_group_has_a_price(planted: dict[str, Finding]) -> None:
    price = planted["exponentiated_gradient_accuracy_change/anger against the rest/between accent"]
    assert bounds(price)[1] < 0
    worst = planted["parity_offsets_worst_group_accuracy_change/between accent"]
    assert "Welsh, which had the lowest accuracy in the other half" in worst.caveats
    assert bounds(worst)[0] > 0


@pytest.mark.parametrize("seed", [0, 1])
def test_a_clean_twin_has_nothing_to_narrow_and_the_price_is_told(leaning: Maker, seed: int) -> None:
    findings = found(
        case_of(
            leaning(lean=0.0, seed=seed),
            by=("accent",),
            statistics=QUICK,
            options={"interventions": ALL_BUT_FAIRLEARN},
        )
    )
    for name in ("reweighing", "parity_offsets"):
        change = findings[f"{name}_demographic_parity_change/between accent"]
        assert any(caveat.startswith("no gap between them is shown") for caveat in change.caveats), change.caveats
        assert findings[f"{name}_accuracy_change/between accent"].estimate.interval is not None


def test_numbers_equal_their_definition_by_hand(leaning: Maker) -> None:
    frame = leaning()
    case = case_of(frame, by=("accent",), statistics=QUICK, options={"interventions": ["parity-offsets"]})
    price, gaps = exhibit(case, "mitigation-price"), exhibit(case, "mitigation-gaps")
    material = read_material(case.runs["run"], ("accent",), "TAV")
    from affidavit.seeds import seed_of
    from audit.mitigation.offsets import parity_offsets

    second = material.held_out(("accent",), seed=seed_of(0, "mitigation", "run", "TAV"))
    p = frame[[f"prob_{k}" for k in ("anger", "fear", "joy")]].to_numpy()
    group = frame["accent"].factorize(sort=True)[0]
    offsets = parity_offsets(p[~second], group[~second], np.ones((~second).sum()), n_groups=3)
    after = (p - offsets[group]).argmax(axis=1)[second]
    held = frame[second].assign(after=np.array(["anger", "fear", "joy"])[after])
    right = (held["after"] == held["y_true"]).groupby(held["accent"]).mean()
    rows = price[(price["when"] == "after") & (price["intervention"] == "parity-offsets")].set_index("group")["value"]
    for accent, value in right.items():
        assert rows[accent] == pytest.approx(value)
    shares = pd.crosstab(held["accent"], held["after"], normalize="index")
    widest = (shares.max() - shares.min()).max()
    gap = gaps[(gaps["when"] == "after") & (gaps["metric"] == "demographic_parity_difference_max")]["value"]
    assert gap.item() == pytest.approx(widest)
    pair = gaps[(gaps["metric"] == "demographic_parity_of_pair")].set_index("when")
    change = found(case)["parity_offsets_demographic_parity_change/between accent"]
    assert change.estimate.value == pytest.approx(pair["value"]["after"] - pair["value"]["before"])
    own = shares["anger"][str(change.highest)] - shares["anger"][str(change.lowest)]
    assert pair["value"]["after"] == pytest.approx(own)


def test_halves_share_neither_units_nor_dialogues_and_groups_are_alike_in_both(leaning: Maker) -> None:
    frame = leaning(n_speakers=61)
    dialogues = [f"d{int(s[1:]) // 2}" if s != "s60" else None for s in frame["speaker_id"]]  # two speakers share each
    by = ("accent", "age")
    for names, shared in ((dialogues, {"speaker_id", "dialogue_id"}), ([None] * len(frame), {"speaker_id"})):
        frame["dialogue_id"] = names
        material = read_material(case_of(frame).runs["run"], by, "TAV")
        second = material.held_out(by, seed=3)
        for column in shared:
            assert not set(frame[column][second].dropna()) & set(frame[column][~second].dropna())
        units = frame.assign(second=second).drop_duplicates("speaker_id")
        counts = units.groupby(["accent", "age", "second"]).size().unstack(fill_value=0)
        assert (counts[True] - counts[False]).abs().max() <= 4
        assert (second == material.held_out(by, seed=3)).all()
        assert (second != material.held_out(by, seed=4)).any()


def test_a_cast_that_meets_in_every_dialogue_is_refused_or_cut_knowingly(leaning: Maker) -> None:
    frame = leaning().assign(dialogue_id=lambda f: np.where(f["speaker_id"].str[1:].astype(int) < 100, "d", "e"))
    case = case_of(frame, by=("accent",), statistics=QUICK, options={"interventions": ["stacking"]})
    (refusal,) = EXAMINATION.examine(case).refusals
    assert "units share dialogues, so that 56% of them hang together" in refusal.because
    assert "dialogues: cut" in refusal.remedy
    cut = replace(case, options={**case.options, "dialogues": "cut"})
    assert EXAMINATION.examine(cut).refusals == ()
    assert found(cut)


def test_without_units_dialogues_are_kept_whole(leaning: Maker) -> None:
    frame = leaning().rename(columns={"speaker_id": "dialogue_id"})
    case = case_of(frame, by=("accent",), statistics=QUICK, options={"interventions": ["stacking"]})
    assert case.runs["run"].unit == "row"
    second = read_material(case.runs["run"], ("accent",), "TAV").held_out(("accent",), seed=3)
    assert not set(frame["dialogue_id"][second]) & set(frame["dialogue_id"][~second])
    assert found(case)


def test_what_cannot_be_decided_between_several_labels_is_refused_with_a_reason(leaning: Maker) -> None:
    case = case_of(leaning(), statistics=QUICK, options={"interventions": ["threshold-optimizer", "parity-offsets"]})
    testimony = EXAMINATION.examine(case)
    (refusal,) = testimony.refusals
    assert "3 labels are no such decision" in refusal.because
    assert "option labels" in refusal.remedy
    assert {c.finding.metric.partition("_demo")[0] for c in testimony.claims} >= {"parity_offsets"}


def test_one_label_against_the_rest_is_for_those_that_need_it_and_the_control(planted: dict[str, Finding]) -> None:
    named = {
        key.partition("_accuracy_change")[0] for key in planted if "_accuracy_change/anger against the rest" in key
    }
    assert {name.removesuffix("_worst_group") for name in named} == {
        "stacking",
        "threshold_optimizer",
        "exponentiated_gradient",
    }


def test_two_labels_are_a_decision_as_they_are(leaning: Maker) -> None:
    options = {"interventions": [method.name for method in METHODS]}
    case = case_of(leaning(n_labels=2), by=("accent",), statistics=QUICK, options=options)
    testimony = EXAMINATION.examine(case)
    assert testimony.refusals == ()
    metrics = {claim.finding.metric for claim in testimony.claims}
    assert metrics == EXAMINATION.metrics


def test_of_two_labels_the_one_that_is_named_is_decided_on(leaning: Maker) -> None:
    for labels, decided in (([], {"fear"}), (["anger"], {"anger"}), (["anger", "fear"], {"anger", "fear"})):
        options = {"interventions": ["parity-offsets"], "labels": labels}
        case = case_of(leaning(n_labels=2), by=("accent",), statistics=QUICK, options=options)
        assert {finding.label for finding in found(case).values()} == decided


def pair_after(frame: pd.DataFrame, method: str) -> float:
    """The difference between the pair, in what the intervention aims at, on the half that it was not fitted on."""
    options = {"interventions": [method], "constraint": "demographic_parity"}
    gaps = exhibit(case_of(frame, by=("accent",), statistics=QUICK, options=options), "mitigation-gaps")
    rows = gaps[(gaps["when"] == "after") & (gaps["metric"] == "demographic_parity_of_pair")]
    return float(rows["value"].item())


@pytest.mark.parametrize("method", ["threshold-optimizer", "exponentiated-gradient", "parity-offsets"])
def test_rows_that_weigh_nearly_nothing_have_nearly_no_say(leaning: Maker, method: str) -> None:
    """They lean the other way: taken for whole rows they would hide the gap that the intervention is to close."""
    frame, others = leaning(lean=1.5, n_labels=2), leaning(lean=-1.5, n_labels=2, seed=1)
    others["utterance_id"] += "b"
    both = pd.concat([frame.assign(weight=1.0), others.assign(weight=0.001)], ignore_index=True)
    assert abs(pair_after(both, method)) < 0.11


@pytest.mark.parametrize("zero", ["of a cell", "of a group", "of all"])
def test_rows_that_weigh_nothing_are_not_fitted_on(leaning: Maker, zero: str) -> None:
    frame = leaning()
    nothing = {
        "of a cell": (frame["accent"] == "Welsh") & (frame["y_true"] == "anger"),
        "of a group": frame["accent"] == "Welsh",
        "of all": frame["accent"] != "",
    }[zero]
    frame["weight"] = np.where(nothing, 0.0, 1.0)
    options = {"interventions": ["reweighing", "parity-offsets"]}
    testimony = EXAMINATION.examine(case_of(frame, by=("accent",), statistics=QUICK, options=options))
    assert bool(testimony.claims) == (zero != "of all")
    if zero == "of all":
        (refusal,) = testimony.refusals
        assert refusal.because.startswith("reweighing, parity-offsets: fewer than two groups of accent have 5 units")


def test_a_group_with_few_units_of_an_answer_is_not_decided_for(leaning: Maker) -> None:
    frame = leaning()
    anger = frame.index[(frame["accent"] == "Welsh") & (frame["y_true"] == "anger")]
    frame.loc[anger[1:], "y_true"] = "fear"
    options = {"interventions": ["threshold-optimizer"], "labels": ["anger"]}
    testimony = EXAMINATION.examine(case_of(frame, by=("accent",), statistics=QUICK, options=options))
    price = next(c.finding for c in testimony.claims if c.finding.metric.endswith("optimizer_accuracy_change"))
    assert any("left as they were, for want of units: Welsh" in caveat for caveat in price.caveats)


def test_what_came_of_a_gap_is_said_as_it_is() -> None:
    def said(before: tuple[float, float], after: tuple[float, float], change: tuple[float, float]) -> str:
        made = [Interval(low=low, high=high, level=0.95, method="m") for low, high in (before, after, change)]
        middle = [abs(sum(bounds)) / 2 for bounds in (before, after)]
        return Moved(before=made[0], after=made[1], change=made[2], smaller=middle[1] < middle[0]).said

    assert said((0.1, 0.2), (-0.05, 0.05), (-0.2, -0.1)) == "it narrowed the gap on held-out units"
    assert said((0.1, 0.2), (-0.1, -0.02), (-0.3, -0.2)).endswith(
        "narrowed the gap on held-out units and turned it round"
    )
    assert said((0.05, 0.15), (-0.4, -0.3), (-0.5, -0.4)) == (
        "it turned the gap round on held-out units, and made it no smaller"
    )
    assert said((0.1, 0.2), (0.3, 0.4), (0.1, 0.3)) == "it widened the gap on held-out units"
    assert said((0.1, 0.2), (0.1, 0.2), (-0.05, 0.05)).startswith("it is not shown to have narrowed")
    assert said((-0.1, 0.1), (-0.4, -0.2), (-0.5, -0.1)).endswith("and it made one the other way round")


def test_where_nobody_is_ever_wrong_the_groups_are_still_compared(leaning: Maker) -> None:
    frame = leaning()
    case = case_of(
        frame.assign(y_pred=frame["y_true"]), by=("accent",), statistics=QUICK, options={"interventions": ["stacking"]}
    )
    change = found(case)["stacking_equalized_odds_change/between accent"]
    assert change.estimate.interval is not None
    assert (change.highest, change.lowest) == ("Irish", "Scottish")
    assert any("in which no two groups were apart" in caveat for caveat in change.caveats)


def test_a_package_that_is_missing_is_named_with_its_extra(leaning: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "audit.mitigation.methods.find_spec", lambda name: None if name in ("fairlearn", "sklearn") else real(name)
    )
    options = {"labels": ["anger"]}
    testimony = EXAMINATION.examine(case_of(leaning(), by=("accent",), statistics=QUICK, options=options))
    assert {c.finding.metric.split("_")[0] for c in testimony.claims} == {"parity"}
    assert all("affidavit[mitigate" in r.remedy for r in testimony.refusals if "not installed" in r.because)
    assert any("'fairlearn'" in r.because for r in testimony.refusals)


def test_groups_too_small_to_be_fitted_are_left_as_they_were_and_named(leaning: Maker) -> None:
    frame = leaning()
    frame.loc[frame["speaker_id"] == "s0", "accent"] = "Manx"
    case = case_of(frame, by=("accent",), statistics=QUICK, options={"interventions": ["parity-offsets"]})
    rows = exhibit(case, "mitigation-price")
    manx = rows[(rows["group"] == "Manx") & (rows["when"] == "change")]
    assert len(manx) == 1, "a row of its own, though nothing can be said"
    findings = found(case)
    price = findings["parity_offsets_accuracy_change/between accent"]
    held_out = manx["n"].item() > 0
    assert any("left as they were, for want of units: Manx" in c for c in price.caveats) == held_out


def test_bad_material_is_refused_or_inconclusive_and_never_zero(leaning: Maker) -> None:
    refusal = EXAMINATION.refuses(case_of(predictions_frame()))
    assert refusal is not None
    assert "a probability of every label" in refusal.because
    refusal = EXAMINATION.refuses(case_of(leaning(), by=()))
    assert refusal is not None
    assert "no sensitive feature" in refusal.because
    refusal = EXAMINATION.refuses(case_of(leaning(), options={"most_rows": 10}))
    assert refusal is not None
    assert "1,800 rows" in refusal.because
    for changed, because in (
        (leaning().assign(accent="Irish"), "fewer than two groups of accent"),
        (leaning().assign(speaker_id="s"), "all rows are of one unit"),
        (leaning().assign(y_true="joy"), "one label only"),
    ):
        frame = changed.assign(accent="Irish") if "one unit" in because else changed
        options = {"interventions": ["stacking", "parity-offsets"]}
        testimony = EXAMINATION.examine(case_of(frame, by=("accent",), statistics=QUICK, options=options))
        assert testimony.claims == ()
        assert all(because in refusal.because and refusal.remedy for refusal in testimony.refusals)
        assert testimony.refusals


def test_a_group_that_the_condition_lacks_has_rows_that_say_so(leaning: Maker) -> None:
    frame = pd.concat([leaning(), leaning().assign(condition="A")])
    frame = frame[(frame["accent"] != "Welsh") | (frame["condition"] == "A")]
    case = case_of(frame, by=("accent",), statistics=QUICK, options={"interventions": ALL_BUT_FAIRLEARN})
    rows = exhibit(case, "mitigation-price")
    welsh = rows[rows["group"] == "Welsh"]
    assert len(welsh)
    assert welsh["value"].isna().all()
    assert (welsh["n"] == 0).all()
    other = case_of(frame, statistics=QUICK, options={"interventions": ["parity-offsets"], "condition": "A"})
    assert {c.finding.condition for c in EXAMINATION.examine(other).claims} == {"A"}


def test_rows_without_whole_distributions_do_not_get_here(leaning: Maker) -> None:
    for changed in ({"prob_anger": 0.9}, {"prob_anger": np.nan}):
        with pytest.raises(RowError):
            case_of(leaning().assign(**changed))


def test_nothing_heavy_is_imported_before_it_is_fitted() -> None:
    heavy = "{'sklearn', 'fairlearn', 'torch'} & set(sys.modules)"
    code = f"import sys, audit.mitigation.examination, audit.mitigation.leakage_probe; assert not {heavy}, {heavy}"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("options", [{"labels": ["boredom"]}, {"features": ["height"]}, {"condition": "A"}, {"x": 1}])
def test_options_that_name_nothing_are_refused(leaning: Maker, options: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        EXAMINATION.examine(case_of(leaning(), statistics=QUICK, options=options))


def test_a_label_that_no_group_has_is_never_a_zero(leaning: Maker) -> None:
    frame = leaning(n_labels=4)
    frame = frame[frame["y_true"] != "sadness"]
    findings = found(
        case_of(frame, by=("accent",), statistics=QUICK, options={"interventions": ["stacking", "parity-offsets"]})
    )
    change = findings["stacking_equalized_odds_change/between accent"]
    assert change.label != "sadness" or "false positive rate" in " ".join(change.caveats)
    assert change.verdict is Verdict.INFORMATIVE


@pytest.mark.parametrize("kind", ["weights", "rows are units", "a feature of the utterance"])
def test_other_kinds_of_tables(leaning: Maker, kind: str) -> None:
    frame, reading = leaning(), None
    if kind == "weights":
        frame["weight"] = np.arange(len(frame)) % 5 + 0.25
    elif kind == "rows are units":
        frame = frame.drop(columns="speaker_id")
    else:
        frame["accent"] = np.array(["quiet", "noisy", "hall"])[np.arange(len(frame)) % 3]
        reading = Reading(run="run", by=("accent",), features={"accent": Feature(level="utterance")})
    options = {"interventions": ALL_BUT_FAIRLEARN}
    case = case_of(frame, by=("accent",), statistics=QUICK, options=options, reading=reading)
    findings = found(case)
    for finding in findings.values():
        assert finding.estimate.interval is not None, finding.id
        assert (finding.estimate.n_clusters is None) == (kind == "rows are units")
    if kind == "weights":
        rows = exhibit(case, "mitigation-price")
        before = rows[(rows["when"] == "before") & (rows["group"] == "Welsh")]["value"].item()
        unweighted = case_of(leaning(), by=("accent",), statistics=QUICK, options=options)
        others = exhibit(unweighted, "mitigation-price")
        assert before != others[(others["when"] == "before") & (others["group"] == "Welsh")]["value"].item()


def test_a_few_rows_to_fit_on_are_drawn_and_the_same_each_time(leaning: Maker) -> None:
    options = {"interventions": ALL_BUT_FAIRLEARN, "most_fitting_rows": 300}
    one, two = (found(case_of(leaning(), statistics=QUICK, options=options)) for _ in range(2))
    assert one == two
    whole = found(case_of(leaning(), statistics=QUICK, options={"interventions": ALL_BUT_FAIRLEARN}))
    assert one != whole


def test_the_change_of_a_pair_covers_the_truth_when_nothing_changes_groups_apart(leaning: Maker) -> None:
    """A stacked model without a planted gap: the true change of every pair's difference is near none."""
    held, n = 0, 25
    for seed in range(n):
        frame = leaning(lean=0.0, n_speakers=60, per_speaker=6, seed=seed)
        case = case_of(frame, by=("accent",), statistics=QUICK, options={"interventions": ["stacking"]})
        low, high = bounds(found(case)["stacking_demographic_parity_change/between accent"])
        held += low <= 0 <= high
    assert held / n >= 0.95 - 3 * (0.95 * 0.05 / n) ** 0.5


class TestContract(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Any:
        rng = np.random.default_rng(0)
        frame = predictions_frame()
        shares = rng.dirichlet(np.ones(3), len(frame))
        probabilities = {f"prob_{label}": shares[:, k] for k, label in enumerate(("anger", "joy", "sadness"))}
        return case_of(frame.assign(**probabilities), options={"interventions": ALL_BUT_FAIRLEARN})
