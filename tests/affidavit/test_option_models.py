"""What a plan may say to a door is told in words, and a plan is held against it before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from affidavit.errors import AffidavitError, PlanError
from affidavit.option_models import check_options, new_option_model, option_facts, option_model
from affidavit.plan import AuditPlan, read_plan
from affidavit.registry import Door, names

PLANS = Path(__file__).parents[2] / "examples" / "plans"


@pytest.mark.parametrize("door", [Door.CORPORA, Door.REASONERS, Door.TRAINERS])
def test_every_built_in_door_says_what_it_takes(door: Door) -> None:
    for name in names(door):
        model = option_model(door, name)
        assert model is not None, name
        assert option_facts(model), name


def test_facts_are_in_words() -> None:
    model = option_model(Door.TRAINERS, "supervised")
    assert model is not None
    facts = {fact.name: fact for fact in option_facts(model)}
    assert "training_digest" not in facts
    assert facts["epochs"].kind == "whole number"
    assert facts["epochs"].default == "14"
    assert facts["keep"].kind == "one of best, last"
    assert facts["untaught"].kind == "list"
    assert "at most" in facts["epochs"].meaning
    manifest = option_model(Door.CORPORA, "manifest")
    assert manifest is not None
    assert [(fact.name, fact.default) for fact in option_facts(manifest) if fact.required] == [("path", "")]


def test_a_new_model_takes_other_options_than_one_that_judges() -> None:
    new, judging = new_option_model("instructed"), option_model(Door.REASONERS, "instructed")
    assert new is not None
    assert judging is not None
    assert new is not judging
    assert new_option_model("simulator") is None


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_holds(path: Path) -> None:
    check_options(read_plan(path))


SIMULATED = {"reasoner": {"name": "simulator"}}
CLINIC = {"name": "clinic", "options": {"n_utterances": 20}}


@pytest.mark.parametrize(
    ("told", "where", "found"),
    [
        (
            {"runs": {"a": {"reasoner": {"name": "simulator", "options": {"n_speaker": 3}}}}},
            "runs.a.reasoner",
            "n_speaker",
        ),
        (
            {"runs": {"a": {"corpus": {"name": "clinic", "options": {"n_utterances": "many"}}, **SIMULATED}}},
            "runs.a.corpus",
            "n_utterances",
        ),
        (
            {
                "training": {"m": {"corpus": CLINIC, "reasoner": {"name": "instructed", "options": {"size": "vast"}}}},
                "runs": {"a": SIMULATED},
            },
            "training.m.reasoner",
            "size",
        ),
        (
            {
                "training": {
                    "m": {
                        "corpus": CLINIC,
                        "reasoner": {"name": "instructed"},
                        "trainer": {"name": "supervised", "options": {"epochs": 0}},
                    }
                },
                "runs": {"a": SIMULATED},
            },
            "training.m.trainer",
            "epochs",
        ),
    ],
)
def test_what_does_not_validate_is_named_with_its_place(told: dict[str, object], where: str, found: str) -> None:
    with pytest.raises(PlanError) as refused:
        check_options(AuditPlan.model_validate({"title": "x", **told}))
    assert refused.value.where == where
    assert found in str(refused.value)


def test_a_checkpoint_that_the_plan_trains_is_not_missed() -> None:
    told = {
        "title": "x",
        "training": {"m": {"corpus": CLINIC, "reasoner": {"name": "instructed"}}},
        "runs": {"a": {"corpus": CLINIC, "reasoner": {"name": "instructed"}, "trained": "m"}},
    }
    check_options(AuditPlan.model_validate(told))
    with pytest.raises(AffidavitError, match="checkpoint"):
        check_options(AuditPlan.model_validate({**told, "runs": {"a": {"corpus": CLINIC, "reasoner": "instructed"}}}))
