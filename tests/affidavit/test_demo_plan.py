"""The demonstration's plan keeps what README promises of it; tests/docs/test_walkthrough.py carries it out."""

from __future__ import annotations

import re
from collections import defaultdict
from importlib.resources import files
from pathlib import Path

import pytest

from affidavit.cli.audits import models_folder, run_demo
from affidavit.errors import PlanError
from affidavit.options import read_options
from affidavit.plan import AuditPlan, Training, read_plan
from affidavit.policy import read_policy
from affidavit.privacy_promises import check_promises
from affidavit.protocols import silent
from affidavit.registry import Door, load, names
from corpora.clinic.options import ClinicOptions
from federated.trainer.options import FederatedOptions
from reasoners.instructed.options import JudgingOptions, NewModelOptions
from reasoners.instructed.sizes import SIZES
from reasoners.supervised import SupervisedOptions

LEAST_PATIENTS = 100


@pytest.fixture(scope="module")
def plan() -> AuditPlan:
    return read_plan(Path(str(files("affidavit") / "plans" / "demo.yaml")))


@pytest.fixture(scope="module")
def sites(plan: AuditPlan) -> dict[str, set[str]]:
    """The patients who are trained on, by hospital."""
    options = {**plan.training["private"].corpus.options, "media": "none"}
    corpus = load(Door.CORPORA, "clinic").load(options, folder=Path(), progress=silent)
    found: dict[str, set[str]] = defaultdict(set)
    for turn in corpus.utterances:
        if turn.label is not None:
            found[str(turn.site)].add(turn.unit)
    return found


def federated(training: Training) -> FederatedOptions:
    return read_options(FederatedOptions, training.trainer.options, of="federated")


def test_it_names_what_there_is_and_its_options_are_read(plan: AuditPlan) -> None:
    assert {choice.name for choice in plan.examinations or ()} <= set(names(Door.EXAMINATIONS))
    for training in plan.training.values():
        assert training.corpus.name == "clinic"
        read_options(ClinicOptions, training.corpus.options, of="clinic")
        read_options(NewModelOptions, training.reasoner.options, of="instructed")
        trainer = SupervisedOptions if training.trainer.name == "supervised" else FederatedOptions
        assert training.trainer.name in names(Door.TRAINERS)
        read_options(trainer, training.trainer.options, of=training.trainer.name)
    for run in plan.runs.values():
        assert run.reasoner is not None
        assert run.corpus is not None
        assert run.reasoner.name in names(Door.REASONERS)
        read_options(JudgingOptions, {**run.reasoner.options, "checkpoint": "somewhere"}, of="instructed")
        read_options(ClinicOptions, run.corpus.options, of="clinic")
    assert plan.policy is not None
    read_policy(plan.policy, folder=Path(), by=plan.by)


def test_what_it_says_of_privacy_is_counted_and_not_simulated(plan: AuditPlan, sites: dict[str, set[str]]) -> None:
    check_promises(plan)
    assert "privacy-ledger" in {choice.name for choice in plan.examinations or ()}
    private = federated(plan.training["private"]).private
    assert private is not None
    assert not private.simulated
    assert private.epsilon is not None
    assert private.delta is not None
    assert private.delta < 1 / max(map(len, sites.values()))


def test_its_three_hospitals_have_patients_enough_and_nobody_is_at_two(sites: dict[str, set[str]]) -> None:
    assert len(sites) == 3
    assert min(map(len, sites.values())) >= LEAST_PATIENTS
    assert len(frozenset().union(*sites.values())) == sum(map(len, sites.values()))


def test_the_twin_differs_in_privacy_alone(plan: AuditPlan) -> None:
    private, twin = plan.training["private"], plan.training["open"]
    assert private.corpus == twin.corpus
    assert private.reasoner == twin.reasoner
    ours, theirs = federated(private), federated(twin)
    assert ours.secure is not None
    assert ours.model_copy(update={"private": None, "local": theirs.local}) == theirs
    assert plan.runs["private"].corpus == plan.runs["open"].corpus


def test_a_head_of_under_a_thousand_numbers_is_trained_on_a_model_of_other_patients(plan: AuditPlan) -> None:
    clinics = {name: training.corpus.options["seed"] for name, training in plan.training.items()}
    judged = {run.corpus.options["seed"] for run in plan.runs.values() if run.corpus is not None}
    assert clinics["private"] == clinics["open"] != clinics["public"]
    assert not judged & set(clinics.values()), "nobody who is judged was met in training"
    head = plan.training["private"].reasoner.options
    assert head["only"] == ["emotion"]
    labels = load(Door.CORPORA, "clinic").load({"n_utterances": 4, "media": "none"}, folder=Path(), progress=silent)
    assert (SIZES["tiny"].hidden + 1) * len(labels.label_space) < 1000
    begun = head["start"]
    assert isinstance(begun, str)
    assert Path(begun).parent == Path(str(plan.training["public"].out))
    assert list(plan.training).index("public") < list(plan.training).index("private")


def test_the_private_model_is_judged_under_every_subset_and_its_twin_under_all_of_them_at_once(plan: AuditPlan) -> None:
    conditions = {}
    for name, run in plan.runs.items():
        assert run.reasoner is not None
        asked = read_options(JudgingOptions, {**run.reasoner.options, "checkpoint": "somewhere"}, of="instructed")
        conditions[name] = set(asked.conditions)
    assert conditions == {"private": {"T", "A", "V", "TA", "TV", "AV", "TAV"}, "open": {"TAV"}}


def test_what_is_planted_is_said(plan: AuditPlan) -> None:
    assert plan.purpose is not None
    for run in plan.runs.values():
        assert run.corpus is not None
        faults = read_options(ClinicOptions, run.corpus.options, of="clinic").faults
        assert set(faults.model_fields_set) == {"accent_noise"}
        for accent, level in faults.accent_noise.items():
            assert accent in plan.purpose
            assert f"({level:g} dB)" in plan.purpose
    for training in plan.training.values():
        assert "faults" not in training.corpus.options, "no training met the noise"


def test_it_writes_beside_the_report_and_nowhere_else(plan: AuditPlan, tmp_path: Path) -> None:
    for training in plan.training.values():
        assert training.out is not None
        assert re.fullmatch(r"[a-z]+", training.out)
    place = models_folder(tmp_path / "demo", plan)
    assert place.parent == tmp_path / "demo-models"
    assert models_folder(tmp_path / "demo", plan) == place
    other = plan.model_copy(update={"seed": plan.seed + 1})
    assert models_folder(tmp_path / "demo", other) != place, "another plan's ledgers are not these"


@pytest.mark.parametrize("out", [".", "/", ".."])
def test_a_folder_that_cannot_be_written_is_refused_in_words_before_anything_is_made(
    out: str, plan: AuditPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert models_folder(Path(out), plan).name
    with pytest.raises(PlanError, match="the output folder"):
        run_demo(Path(out), plan="demo")
    assert [path.name for path in tmp_path.rglob("*")] == ["below"]
