"""What a form puts into a plan's text is what somebody filled in, and nothing else of the plan changes."""

from __future__ import annotations

import pytest
import yaml

from affidavit.errors import PlanError
from affidavit.plan import AuditPlan
from dashboards.composing.pieces import Filled, NewRun, NewTraining, names_in, with_run, with_scope, with_training

PLAN = "title: A plan\nruns:\n  old: {reasoner: {name: simulator}}\nseed: 7\n"
CLINIC = Filled(
    name="clinic", options={"n_utterances": "40", "accents": "{american: 0.5, caribbean: 0.5}", "seed": " "}
)


def read(text: str) -> AuditPlan:
    return AuditPlan.model_validate(yaml.safe_load(text))


def test_a_run_is_added_and_the_rest_stays() -> None:
    run = NewRun(name="new", corpus=CLINIC, reasoner=Filled(name="instructed"), trained="tiny")
    plan = with_training(PLAN, training("tiny"))
    found = read(with_run(plan, run))
    assert list(found.runs) == ["new", "old"]
    assert (found.title, found.seed) == ("A plan", 7)
    source = found.runs["new"]
    assert source.corpus is not None
    assert source.corpus.options == {"n_utterances": 40, "accents": {"american": 0.5, "caribbean": 0.5}}
    assert source.trained is not None
    assert source.trained.name == "tiny"


def training(name: str) -> NewTraining:
    trainer = Filled(name="supervised", options={"epochs": "2"})
    return NewTraining(name=name, corpus=CLINIC, reasoner=Filled(name="instructed"), trainer=trainer)


def test_one_of_the_same_name_is_replaced() -> None:
    run = NewRun(name="old", reasoner=Filled(name="simulator", options={"n_speakers": "9"}))
    found = read(with_run(PLAN, run))
    assert found.runs["old"].reasoner is not None
    assert found.runs["old"].reasoner.options == {"n_speakers": 9}


def test_a_training_is_added_to_an_empty_text() -> None:
    assert names_in(with_training("", training("tiny")), "training") == ("tiny",)
    assert names_in("", "training") == ()
    assert names_in("[", "runs") == ()


def test_scope_keeps_the_options_of_what_stays() -> None:
    text = PLAN + "examinations:\n- performance\n- {name: worst-group, options: {a: 1}}\nby: [age]\n"
    found = yaml.safe_load(with_scope(text, by=["accent"], examinations=["worst-group", "calibration"]))
    assert found["by"] == ["accent"]
    assert found["examinations"] == [{"name": "worst-group", "options": {"a": 1}}, "calibration"]
    bare = yaml.safe_load(with_scope(text, by=[], examinations=[]))
    assert "by" not in bare
    assert "examinations" not in bare


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("[", NewRun(name="a", reasoner=Filled(name="simulator"))),
        ("- a list", NewRun(name="a", reasoner=Filled(name="simulator"))),
        (PLAN, NewRun(name=" ", reasoner=Filled(name="simulator"))),
        (PLAN, NewRun(name="a", reasoner=Filled(name="simulator", options={"n_speakers": "[1,"}))),
    ],
)
def test_what_cannot_be_put_in_says_why(text: str, run: NewRun) -> None:
    with pytest.raises(PlanError) as refused:
        with_run(text, run)
    assert refused.value.slug == "plan-invalid"


def test_hostile_values_are_values_and_run_nothing() -> None:
    run = NewRun(name="a", reasoner=Filled(name="simulator", options={"x": "!!python/object/apply:os.system [echo]"}))
    with pytest.raises(PlanError):
        with_run(PLAN, run)
