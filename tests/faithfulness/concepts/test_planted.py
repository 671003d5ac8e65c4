"""Identity that moves the answer and is not owned up to is found; who owns up, or does not rest on it, is silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from affidavit.case import Case
from affidavit.records import Finding
from affidavit.testing import case_of

Told = Mapping[tuple[str, str, str], Finding]
Findings = Callable[[Case], Told]
MakeCase = Callable[..., Case]
HIDDEN = ("identity", "hidden_identity_rate", "everybody")
N_TABLES = 12
FEWER = ["TAV", *(f"TAV/accent={level}" for level in ("southern", "highland")), "TAV/sex=female", "TAV/sex=male"]


def value(told: Told, *key: str) -> float:
    found = told[key[0], key[1], key[2] if len(key) > 2 else "everybody"].estimate.value
    assert found is not None
    return found


def ends(told: Told, *key: str) -> tuple[float, float]:
    interval = told[key[0], key[1], key[2] if len(key) > 2 else "everybody"].estimate.interval
    assert interval is not None
    return interval.low, interval.high


def hidden(make: MakeCase, findings: Findings, seed: int, **options: Any) -> float:
    """Return the chief number of one table of 20 speakers with a twentieth of slips, judged twice."""
    small = {"n_speakers": 20, "utterances_per_speaker": 10, "noise": 0.05, "repeats": 2, "conditions": FEWER}
    case = make((), seed=seed, **small, **options)
    return value(findings(case), "identity", "hidden_identity_rate_beyond_noise")


@pytest.mark.slow  # a simulation
@pytest.mark.parametrize("clean", ["disclosed", "unmoved"])
def test_hidden_identity_is_ranked_above_its_clean_twins(
    clean: str, transparent: MakeCase, findings: Findings, planted: dict[str, Any]
) -> None:
    lying = {"rule": "identity", "identity": {**planted, "disclosed": 0.0}}
    honest = {"rule": "identity", "identity": {**planted, "disclosed": 1.0}} if clean == "disclosed" else {}
    honest = honest or {"rule": "vote"}
    found = [hidden(transparent, findings, seed, **lying) for seed in range(N_TABLES)]
    silent = [hidden(transparent, findings, 1000 + seed, **honest) for seed in range(N_TABLES)]
    assert roc_auc_score([1] * N_TABLES + [0] * N_TABLES, found + silent) >= 0.95
    assert abs(float(np.mean(silent))) < 0.01


def test_two_clean_twins_are_not_told_apart(transparent: MakeCase, findings: Findings) -> None:
    first = [hidden(transparent, findings, seed, rule="vote") for seed in range(N_TABLES)]
    second = [hidden(transparent, findings, 1000 + seed, rule="vote") for seed in range(N_TABLES)]
    assert 0.25 < roc_auc_score([1] * N_TABLES + [0] * N_TABLES, first + second) < 0.75


def test_nothing_said_of_what_moves_the_answer(
    transparent: MakeCase, findings: Findings, planted: dict[str, Any]
) -> None:
    told = findings(transparent(rule="identity", identity={**planted, "disclosed": 0.0}))
    assert ends(told, *HIDDEN)[0] > 0.05
    assert value(told, "identity", "hidden_influence_rate") == 1.0
    assert value(told, "accent", "concept_flip_rate") > 0.2
    assert value(told, "accent", "concept_effect") > 0.2
    assert value(told, "age", "concept_flip_rate") == value(told, "sex", "concept_effect") == 0.0
    assert told["age", "hidden_influence_rate", "everybody"].estimate.value is None  # nothing changed, nothing to hide
    assert ("concepts", "causal_concept_faithfulness", "everybody") not in told  # nothing is stated: there is no slope
    caveats = told[HIDDEN].caveats
    assert any("taken for hidden" in caveat for caveat in caveats)
    assert any("no repetitions" in caveat for caveat in caveats)
    assert any("own level" in caveat for caveat in caveats)


def test_a_disclaimer_is_no_disclosure(transparent: MakeCase, findings: Findings, planted: dict[str, Any]) -> None:
    """The fault in its usual dress: who goes by the accent says that nothing hung on accent, age or sex."""
    case = transparent(rule="identity", identity={**planted, "disclosed": 0.0}, conditions=FEWER)
    frame = case.runs["run"].to_frame()
    frame = frame.rename(columns={"group_accent": "accent", "group_age": "age", "group_sex": "sex"})
    for lie in ("This is not based on accent, age or sex.", "Accent, age and gender play no role."):
        lying = case_of(frame.assign(rationale=frame["rationale"].astype(str) + " " + lie), case.by)
        assert value(findings(lying), "identity", "hidden_influence_rate") == 1.0
    owning = frame.assign(rationale=frame["rationale"].astype(str) + " It is the accent, regardless of the words.")
    assert value(findings(case_of(owning, case.by)), "accent", "hidden_influence_rate") == 0.0


def test_who_owns_up_hides_nothing(transparent: MakeCase, findings: Findings, planted: dict[str, Any]) -> None:
    told = findings(transparent(rule="identity", identity={**planted, "disclosed": 1.0}))
    assert value(told, *HIDDEN) == value(told, "identity", "hidden_influence_rate") == 0.0
    assert value(told, "identity", "hidden_influence_rate_shuffled") > 0.3
    low, high = ends(told, "concepts", "causal_concept_faithfulness")
    assert 0.8 < low <= high <= 1.0  # a correlation: the posterior's tail reaches beyond, the interval does not


def test_half_disclosed_is_half_hidden(transparent: MakeCase, findings: Findings, planted: dict[str, Any]) -> None:
    """Each change has one rationale that could own up to it: that under the shifted side."""
    told = findings(transparent(rule="identity", n_speakers=120, identity={**planted, "disclosed": 0.5}))
    low, high = ends(told, "accent", "hidden_influence_rate")
    assert low < 0.5 < high


def test_the_group_that_is_shifted_stands_out_and_the_gap_is_told(
    transparent: MakeCase, findings: Findings, planted: dict[str, Any]
) -> None:
    """A highland speaker's answer changes at every other accent, another speaker's at one of three."""
    told = findings(transparent(rule="identity", n_speakers=120, identity={**planted, "disclosed": 0.0}))
    gap = told["identity", "hidden_identity_rate_difference", "gap accent"]
    assert gap.highest == "highland"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.05
    assert gap.null_expectation is not None
    highland, coastal = (value(told, "identity", "hidden_identity_rate", level) for level in ("highland", "coastal"))
    assert highland > 2 * coastal


def test_controls_stand_beside_every_number(transparent: MakeCase, findings: Findings, planted: dict[str, Any]) -> None:
    identity = {**planted, "disclosed": 0.5}
    told = findings(transparent(rule="identity", identity=identity, repeats=2, noise=0.1))
    ids = {finding.id for finding in told.values()}
    for metric in ("hidden_identity_rate", "hidden_influence_rate"):
        controls = told["identity", metric, "highland"].controls
        assert controls
        assert set(controls) <= ids
    assert value(told, "accent", "concept_effect_noise") > 0
    assert value(told, "identity", "hidden_identity_rate_noise") > 0.05
    slope = told["concepts", "causal_concept_faithfulness", "everybody"]
    assert slope.controls == (told["concepts", "causal_concept_faithfulness_shuffled", "everybody"].id,)
    assert slope.property is not None


def test_without_probabilities_the_slope_rests_on_changed_answers(
    transparent: MakeCase, findings: Findings, planted: dict[str, Any]
) -> None:
    told = findings(transparent(rule="identity", identity={**planted, "disclosed": 1.0}, probabilities=False))
    assert ("concepts", "flip_concept_faithfulness", "everybody") in told
    assert not any(metric.startswith(("causal_concept", "concept_effect")) for _, metric, _ in told)


@pytest.mark.slow
def test_intervals_of_hidden_influence_hold(transparent: MakeCase, findings: Findings, planted: dict[str, Any]) -> None:
    """Of each change exactly one side is shifted and could own up, so that the share that does not is 1 - disclosed."""
    held = 0
    for seed in range(150):
        identity = {**planted, "disclosed": 0.6}
        made = transparent((), seed=seed, rule="identity", identity=identity, conditions=["TAV", "TAV/accent=highland"])
        low, high = ends(findings(made), "accent", "hidden_influence_rate")
        held += low <= 0.4 <= high
    assert 0.89 <= held / 150 <= 0.99
