"""The examination `gradient-canaries`: from a live model or a table, what it tells and refuses, and its contract."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.errors import InputError, PlanError, RowError
from affidavit.examinations import Testimony
from affidavit.records import Finding, Refusal, Verdict
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from privacy.canaries.inside import models
from privacy.canaries.inside.examination import EXAMINATION
from privacy.canaries.inside.games import Mechanism
from privacy.canaries.inside.measures import CEILING, EPSILON, MU, MU_CEILING, NOISE, REACH, SIZES
from privacy.canaries.instruments import FAULTS, INSTRUMENTS
from tests.privacy.canaries.trainings import (
    Toy,
    card_of,
    dealing,
    live_case,
    options,
    people,
    quieter,
    turn_by_turn,
)


class TestContractFromAModel(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Case:
        return live_case()


def answered(case: Case) -> Testimony:
    refusal = EXAMINATION.refuses(case)
    assert refusal is None, refusal
    return EXAMINATION.examine(case)


def found(case: Case) -> dict[str, Finding]:
    return {claim.finding.metric: claim.finding for claim in answered(case).claims}


def refused(case: Case) -> Refusal:
    refusal = EXAMINATION.refuses(case)
    assert refusal is not None
    return refusal


def test_every_number_says_that_it_is_of_the_mechanism_now_and_what_its_card_promises() -> None:
    findings = found(live_case())
    assert set(findings) == {EPSILON, CEILING, MU, MU_CEILING, NOISE, REACH, SIZES}
    for metric in (EPSILON, MU, NOISE, REACH, SIZES):
        said = " | ".join(findings[metric].caveats)
        assert "as it ran now" in said, metric
        assert "spent epsilon 3.5 at delta 1e-05 for one patient after 60 steps" in said, metric
        assert "4 patients whom no training of the model met" in said, metric
        assert findings[metric].because is None
        assert findings[metric].verdict is Verdict.INFORMATIVE
    assert findings[EPSILON].controls == (findings[CEILING].id,)
    assert findings[MU].controls == (findings[MU_CEILING].id,)
    assert any("conditional" in caveat for caveat in findings[MU].caveats)
    assert findings[NOISE].estimate.interval is not None
    assert findings[NOISE].estimate.interval.low <= 1 <= findings[NOISE].estimate.interval.high


def with_fault(monkeypatch: pytest.MonkeyPatch, **broken: Any) -> dict[str, Finding]:
    """Let the model be trained by broken code."""

    def made(*given: Any, **named: Any) -> Mechanism:
        return replace(models_mechanism(*given, **named), **broken)

    models_mechanism = models.mechanism_of
    monkeypatch.setattr("privacy.canaries.inside.examination.mechanism_of", made)
    return found(live_case(canaries=100, single_steps=5, run_steps=25, patients=6))


def test_each_planted_fault_is_named_by_who_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    halved = with_fault(monkeypatch, source=quieter)
    monkeypatch.undo()
    shuffled = with_fault(monkeypatch, source=dealing)
    monkeypatch.undo()
    by_turn = with_fault(monkeypatch, gradients=turn_by_turn)
    refuting = [{metric for metric, finding in told.items() if finding.because} for told in (halved, shuffled, by_turn)]
    assert refuting == [{MU, NOISE}, {SIZES}, {REACH}]
    assert "0.5" in halved[NOISE].caveats[0]
    assert "has failed" in (by_turn[REACH].because or "")


def test_the_exhibits_say_what_each_instrument_could_show_and_what_it_is_blind_to() -> None:
    checks, instruments = answered(live_case()).exhibits
    assert checks.id == "gradient-canary-checks"
    assert checks.table().num_rows == 6
    assert all(checks.values["blind_to"])
    assert set(checks.values["verdict"]) <= {"not refuted", "could not have been refuted", "conditional"}
    row = list(checks.values["instrument"]).index("one run of canaries")
    assert checks.values["verdict"][row] == "could not have been refuted"  # 60 canaries against epsilon 3
    assert instruments.id == "privacy-instruments"
    assert instruments.table().num_rows == len(FAULTS) * len(INSTRUMENTS)


def test_few_canaries_say_that_they_could_not_have_refuted() -> None:
    findings = found(live_case(card=card_of(options(noise_multiplier=0.1), noise_multiplier=0.1), canaries=20))
    assert any("could not have refuted" in caveat for caveat in findings[EPSILON].caveats)
    assert any("could not have refuted" in caveat for caveat in findings[MU].caveats)


def test_where_everybody_is_in_every_step_there_are_no_draws_to_judge() -> None:
    said = answered(live_case(card=card_of(options(sample_rate=1.0))))
    assert SIZES not in {claim.finding.metric for claim in said.claims}
    assert "every unit is in every step" in said.refusals[0].because


def test_patients_whom_the_model_met_are_not_asked() -> None:
    said = found(live_case(card=card_of(options(), trained=["p0", "p1", "p2", "p3", "p4"])))
    assert any("among 1 patients" in caveat for caveat in said[NOISE].caveats)
    alone = found(live_case(card=card_of(options(), trained=[f"p{i}" for i in range(6)])))
    assert any("canaries alone" in caveat for caveat in alone[NOISE].caveats)


def test_no_more_steps_than_the_training_planned() -> None:
    said = found(live_case(card=card_of(options(steps=6)), run_steps=50))
    assert said[SIZES].estimate.n == 6


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({}, "no card"),
        ({"options": {"epochs": 3}}, "not trained privately"),
        ({"options": {"clip": 1}, "privacy": {"noise_multiplier": 1.0}}, "not those of the trainer dp-sgd"),
        (card_of(options(), noise_multiplier=None), "names no noise"),
    ],
)
def test_a_card_that_tells_of_no_mechanism_is_refused(card: Mapping[str, Any], said: str) -> None:
    case = live_case()
    trained = replace(case.trained_on["run"], card=card)
    refusal = refused(replace(case, trained_on={"run": trained}))
    assert said in refusal.because
    assert refusal.remedy


def test_a_model_that_does_not_open_is_refused_with_what_to_ask_for() -> None:
    refusal = refused(replace(live_case(), live={}))
    assert "cannot be opened" in refusal.because
    assert "observations" in refusal.remedy


def test_cards_of_models_trained_elsewhere_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "cards.json").write_text(json.dumps({"run": card_of(options(steps=9))}))
    case = replace(live_case(cards="cards.json"), trained_on={}, folder=tmp_path)
    assert found(case)[SIZES].estimate.n == 8
    with pytest.raises(InputError):
        EXAMINATION.refuses(replace(case, folder=tmp_path / "elsewhere"))


def test_a_model_of_a_few_parameters_is_refused() -> None:
    case = live_case()
    opened = replace(case.live["run"], reasoner=lambda: Toy(dimension=4))
    said = answered(replace(case, live={"run": opened}))
    assert not said.claims
    assert "7 parameters" in said.refusals[0].because


def test_losses_that_are_no_numbers_add_nothing_and_do_not_crash() -> None:
    class Broken(Toy):
        def _loss(self, turn: Any) -> Any:
            return super()._loss(turn) * float("nan")

    case = live_case()
    said = found(replace(case, live={"run": replace(case.live["run"], reasoner=Broken)}))
    assert said[REACH].estimate.value == pytest.approx(1.0, abs=1e-4)


def test_hostile_patients_are_patients() -> None:
    """Names and words of any kind, one turn or many, no label: nothing of it reaches a canary."""
    case = live_case()
    turns = list(people(3).utterances)
    turns[:3] = [replace(turn, unit_id="canary-00001", text="<script>" * 5000) for turn in turns[:3]]
    turns[4] = replace(turns[4], label=None, text=None)
    corpus = replace(case.live["run"].corpus, utterances=turns)
    said = found(replace(case, live={"run": replace(case.live["run"], corpus=corpus)}))
    assert said[NOISE].because is None


def test_patients_who_share_a_dialogue_are_a_refusal() -> None:
    case = live_case()
    turns = [replace(turn, dialogue_id="one") for turn in people(3).utterances]
    corpus = replace(case.live["run"].corpus, utterances=turns)
    said = answered(replace(case, live={"run": replace(case.live["run"], corpus=corpus)}))
    assert "share a dialogue" in said.refusals[0].because
    assert not said.claims


def scores(n: int = 400, *, mu: float, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    included = rng.random(n) < 0.5
    score = included + rng.normal(0, 1 / mu, n)
    return pd.DataFrame({"canary": [f"c{i}" for i in range(n)], "included": included, "score": score})


@pytest.fixture
def tabled(tmp_path: Path) -> Callable[..., Case]:
    def made(frame: pd.DataFrame, **asked: Any) -> Case:
        frame.to_csv(tmp_path / "seen.csv", index=False)
        case = case_of(predictions_frame(n_speakers=8, per_speaker=2), options={"observations": "seen.csv", **asked})
        return replace(case, folder=tmp_path)

    return made


def test_scores_of_steps_from_a_table_bound_mu(tabled: Callable[..., Case]) -> None:
    honest = found(tabled(scores(mu=1.0), each="step", noise_multiplier=1.0))
    halved = found(tabled(scores(mu=2.0), each="step", noise_multiplier=1.0))
    assert set(honest) == {MU, MU_CEILING}
    assert honest[MU].because is None
    assert "refuted" in (halved[MU].because or "")
    assert any("no step was taken here" in caveat for caveat in halved[MU].caveats)


def test_scores_of_a_training_from_a_table_bound_epsilon(tabled: Callable[..., Case]) -> None:
    promised = {"epsilon": 1.0, "delta": 1e-5}
    told = answered(tabled(scores(mu=6.0), promised=promised))
    findings = {claim.finding.metric: claim.finding for claim in told.claims}
    assert set(findings) == {EPSILON, CEILING}
    assert "refuted" in (findings[EPSILON].because or "")
    assert "noise" in told.refusals[0].because
    assert found(tabled(scores(mu=1.0), promised={"epsilon": 5.0, "delta": 1e-5}))[EPSILON].because is None


def test_the_order_of_rows_is_of_no_account(tabled: Callable[..., Case]) -> None:
    frame = scores(mu=2.0)
    for asked in ({"each": "step", "noise_multiplier": 1.0}, {}):
        first = found(tabled(frame, **asked))
        assert first == found(tabled(frame.sample(frac=1, random_state=1), **asked))


@pytest.mark.parametrize(
    ("change", "asked", "said"),
    [
        ({"included": True}, {}, "fair coins"),
        ({"included": True}, {"each": "step", "noise_multiplier": 1.0}, "0 without"),
        ({"score": 1.0}, {}, "no attack"),
        ({"score": float("inf")}, {"each": "step", "noise_multiplier": 1.0}, "infinite"),
    ],
)
def test_a_table_that_shows_nothing_is_refused(
    tabled: Callable[..., Case], change: Mapping[str, Any], asked: Mapping[str, Any], said: str
) -> None:
    assert said in refused(tabled(scores(mu=2.0).assign(**change), **asked)).because


def test_guesses_are_no_scores_of_steps(tabled: Callable[..., Case]) -> None:
    frame = scores(mu=2.0).rename(columns={"score": "guess"}).assign(guess=1)
    assert "guesses" in refused(tabled(frame, each="step", noise_multiplier=1.0)).because


def test_a_score_that_does_not_read_is_an_error_that_names_its_row(tabled: Callable[..., Case]) -> None:
    frame = scores(mu=2.0).astype({"score": object})
    frame.loc[3, "score"] = "<b>high</b>"
    with pytest.raises(RowError, match="score"):
        EXAMINATION.refuses(tabled(frame))


@pytest.mark.parametrize(
    "asked",
    [{"each": "step"}, {"canaries": 3}, {"strange": 1}, {"confidence": 0.2}],
)
def test_options_that_make_no_sense_are_errors_in_the_plan(tabled: Callable[..., Case], asked: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        EXAMINATION.refuses(tabled(scores(mu=1.0), **asked))


def test_what_a_card_says_is_not_said_again_by_the_plan() -> None:
    with pytest.raises(PlanError, match="gradient-canaries"):
        EXAMINATION.refuses(live_case(noise_multiplier=2.0))


def test_one_table_for_two_runs_is_refused(tabled: Callable[..., Case]) -> None:
    case = tabled(scores(mu=1.0))
    both = replace(case, runs={"one": case.runs["run"], "two": case.runs["run"]})
    assert "2 runs" in refused(both).because
