"""Flower's entry points: one plan at server and sites, approvals and policies that bind, and no silent success."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from affidavit.errors import FederationError, PlanError
from federated.deployment.approvals import Word, approve
from federated.deployment.house import House
from federated.entry.places import OWN_PLAN
from federated.entry.plan import read_federation_plan
from federated.record.log import read_log
from federated.rounds.events import ReplyRefused, RoundClosed, SiteLeft, SiteRefused, Summed
from tests.federated.entry.conftest import NAMES, Federated

Make = Callable[..., Federated]
WHOLE = {"learning_rate": 0.2, "rows_per_step": 100}
PRIVATE = {
    "steps": 1,
    "noise_multiplier": 2.0,
    "epsilon": 9.0,
    "delta": 1e-3,
    "sample_rate": 0.5,
    "learning_rate": 0.2,
    "counted": "public",
}


def weights(place: Path) -> np.ndarray:
    return np.concatenate([value.numpy().ravel() for value in torch.load(place / "model.pt").values()])


def card(place: Path) -> dict[str, Any]:
    return dict(json.loads((place / "card.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("training", [{"local": WHOLE}, {"local": WHOLE, "secure": {}}])
def test_a_simulation_takes_the_plans_rounds(federated: Make, training: dict[str, Any]) -> None:
    one = federated(**training)
    one.simulated()
    place = one.run()

    told = card(place)
    assert told["federated"]["rounds"]["done"] == 2
    assert set(told["federated"]["sites"]) == set(NAMES)
    assert (told["federated"]["secure"] is None) == ("secure" not in training)
    assert read_log(one.folder / "model.rounds.jsonl").of(RoundClosed)


def test_sites_with_policies_and_keys_of_their_own_make_the_same_model(federated: Make, tmp_path: Path) -> None:
    deployed = federated(local=WHOLE, secure={}, held_out=0)
    deployed.deployed()
    place = deployed.run()

    told = card(place)
    assert told["federated"]["parties"] == "a server and sites across machines"
    assert told["federated"]["secure"]["minimum"] == 3
    assert "units" not in told, "whom the sites trained on is theirs to know"
    assert [event.contributors for event in read_log(tmp_path / "model.rounds.jsonl").of(Summed)] == [NAMES] * 2

    simulated = federated(local=WHOLE, secure={}, held_out=0)
    simulated.simulated()
    simulated.folder = tmp_path / "simulated"
    simulated.folder.mkdir()
    np.testing.assert_allclose(weights(place), weights(simulated.run()), atol=3e-6)


def test_what_a_site_trained_on_stays_in_its_own_folder(federated: Make, tmp_path: Path) -> None:
    one = federated(private=PRIVATE, secure={})
    one.deployed(budget={"epsilon": 9.0, "delta": 1e-3})
    place = one.run()

    for name in NAMES:
        assert (tmp_path / name / "ledger.jsonl").is_file()
        assert list((tmp_path / name / "private").rglob("secure.json"))
    told = card(place)["privacy"]
    assert told["epsilon"] is None
    assert "each site's ledger" in told["why_no_epsilon"]
    assert "patient " not in (tmp_path / "model.rounds.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("secure", [{}, None])
def test_a_plan_that_no_officer_approved_runs_nowhere(federated: Make, tmp_path: Path, secure: Any) -> None:
    one = federated(deadline=0.2, local=WHOLE, **({} if secure is None else {"secure": secure}))
    one.deployed(approved=False)

    with pytest.raises(FederationError, match="no round could begin"):
        one.run()

    left = read_log(tmp_path / "model.rounds.jsonl").of(SiteLeft)
    assert {event.slug for event in left} == {"plan-not-approved"}
    assert not (tmp_path / "model" / "card.json").exists(), "a run that failed leaves no checkpoint"


@pytest.mark.parametrize("secure", [{"secure": {}}, {}])
def test_a_server_that_has_another_plan_than_the_sites_gets_nothing(federated: Make, secure: dict[str, Any]) -> None:
    """The run's digest is of the plan, and every order and key names it."""
    one = federated(deadline=0.2, local=WHOLE, **secure)
    one.deployed()
    one.plan["seed"] = 4

    with pytest.raises(FederationError):
        one.run()


def test_a_site_without_a_copy_takes_no_plan_from_elsewhere_on_its_machine(federated: Make, tmp_path: Path) -> None:
    one = federated(deadline=2, local=WHOLE)
    one.deployed()
    for name in NAMES:
        (tmp_path / name / OWN_PLAN).unlink()

    with pytest.raises(FederationError, match="no round could begin"):
        one.run()
    refused = read_log(tmp_path / "model.rounds.jsonl").of(SiteRefused)
    assert all("plan-impossible" in event.because for event in refused)


def test_a_plan_changed_after_its_approval_runs_nowhere(federated: Make) -> None:
    one = federated(local=WHOLE)
    one.deployed()
    one.run()
    one.plan["nonce"] = "another"
    one.plan["training"]["rounds"]["deadline"] = 0.2
    for name in NAMES:
        shutil.copy(one.written(), one.folder / name / OWN_PLAN)
    one.folder = one.folder / "again"
    one.folder.mkdir()

    with pytest.raises(FederationError, match="no round could begin"):
        one.run()


@pytest.mark.parametrize(
    ("training", "policy"),
    [
        ({"local": WHOLE}, {"unprotected_training": False}),
        ({"private": PRIVATE}, {}),
        ({"strategy": {"name": "q-ffl", "local_learning_rate": 0.1}}, {}),
        ({"private": PRIVATE}, {"budget": {"epsilon": 9.0, "delta": 1e-6}}),
        (
            {"private": {**PRIVATE, "simulated": True, "epsilon": None, "delta": None}},
            {"budget": {"epsilon": 9.0, "delta": 1e-3}},
        ),
    ],
)
def test_the_sites_policy_binds_whatever_the_plan_says(
    federated: Make, tmp_path: Path, training: dict[str, Any], policy: dict[str, Any]
) -> None:
    one = federated(deadline=0.2, **training)
    one.deployed(**policy)

    with pytest.raises(FederationError):
        one.run()

    assert {event.slug for event in read_log(tmp_path / "model.rounds.jsonl").of(SiteLeft)} == {"plan-unprotected"}


def test_a_sites_smallest_cohort_binds(federated: Make, tmp_path: Path) -> None:
    one = federated(local=WHOLE, secure={})
    one.deployed(smallest_cohort=4)

    with pytest.raises(FederationError, match="round 1 did not come together"):
        one.run()

    refused = read_log(tmp_path / "model.rounds.jsonl").of(ReplyRefused)
    assert all("secure-cohort" in event.because for event in refused)


def test_a_run_does_not_replace_what_is_there(federated: Make) -> None:
    one = federated(local=WHOLE)
    one.simulated()
    place = one.run()
    before = weights(place)

    with pytest.raises(PlanError, match="holds something"):
        one.run()
    np.testing.assert_array_equal(weights(place), before)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nonce": ""}, "nonce"),
        ({"label_space": ["joy"]}, "label_space"),
        ({"sites": {"East!": None}}, "sites"),
        ({"sites": {"east": "zz"}}, "sites"),
        (
            {
                "training": {"rounds": {"rounds": 1, "norm_bound": 1.0}, "secure": {}, "local": {}},
                "sites": {"east": None},
            },
            "key",
        ),
        ({"patients": []}, "patients"),
    ],
)
def test_a_plan_at_fault_is_refused_by_name(
    federated: Make, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    one = federated(local=WHOLE)
    one.simulated()
    one.plan |= change
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(one.plan), encoding="utf-8")

    with pytest.raises(PlanError, match=words):
        read_federation_plan(tmp_path / "plan.yaml")


def test_a_plan_without_anybody_is_refused(federated: Make) -> None:
    with pytest.raises(PlanError, match="say sites"):
        federated(local=WHOLE).run()


def test_an_approval_is_of_one_plan(federated: Make, tmp_path: Path) -> None:
    one = federated(deadline=0.2, local=WHOLE)
    one.deployed(approved=False)
    for name in NAMES:
        approve(House(folder=tmp_path / name), "sha256:" + "0" * 64, word=Word(by="A. Officer", because="another"))
    with pytest.raises(FederationError):
        one.run()
