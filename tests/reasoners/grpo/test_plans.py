"""The example plans that reward: each is read, and every option of theirs is one that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from affidavit.options import read_options
from affidavit.plan import read_plan
from affidavit.registry import BUILT_IN, Door, load
from reasoners.grpo.options import GrpoOptions
from reasoners.instructed.options import NewModelOptions
from reasoners.omni.door import REASONER as OMNI

PLANS = Path(__file__).resolve().parents[3] / "examples" / "plans"


@pytest.mark.parametrize("name", ["clinic_grpo", "omni_grpo"])
def test_a_plan_that_rewards_validates_to_its_last_option(name: str) -> None:
    plan = read_plan(PLANS / f"{name}.yaml")
    training = plan.training["rewarded"]
    assert training.trainer.name == "grpo"
    chosen = read_options(GrpoOptions, training.trainer.options, of="trainer grpo")
    assert chosen.explanation == ("guarded" if name == "clinic_grpo" else "plain")
    for run in plan.runs.values():
        assert run.reasoner is not None
        assert run.reasoner.name == training.reasoner.name
        assert run.trained is not None
    for choice in plan.examinations or ():
        assert choice.name in BUILT_IN[Door.EXAMINATIONS]
        load(Door.EXAMINATIONS, choice.name)


def test_the_configuration_for_a_gpu_is_ervs_third_stage() -> None:
    plan = read_plan(PLANS / "omni_grpo.yaml")
    training = plan.training["rewarded"]
    chosen = read_options(GrpoOptions, training.trainer.options, of="trainer grpo")
    assert (chosen.generations, chosen.beta, chosen.epochs, chosen.max_tokens) == (4, 0.04, 2, 512)
    assert chosen.generations * chosen.turns_per_step == 16, "completions in a step, as ERV's eight devices had"
    assert plan.execution.device == "cuda"
    told = read_options(OMNI.family.training, training.reasoner.options, of="reasoner omni")
    assert told.lora.rank == 16
    run = plan.runs["rewarded"].reasoner
    assert run is not None
    asked = read_options(OMNI.family.judging, run.options, of="reasoner omni")
    assert "TAV/early=0" in asked.conditions


def test_the_clinic_is_taught_and_rewarded_on_different_patients() -> None:
    plan = read_plan(PLANS / "clinic_grpo.yaml")
    seeds = [training.corpus.options["seed"] for training in plan.training.values()]
    [judged] = {run.corpus.options["seed"] for run in plan.runs.values() if run.corpus is not None}
    assert len({*map(str, seeds), str(judged)}) == 3
    told = read_options(NewModelOptions, plan.training["rewarded"].reasoner.options, of="reasoner instructed")
    assert told.only == ("rationale",)
    assert told.start == f"{plan.training['taught'].out}/seed-0"
