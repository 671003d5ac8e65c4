"""The limits of `site.yaml` and the officer's word bind on each message, whatever the plan and the server say."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from flwr.app import Context, Message

from affidavit.errors import FederationError
from federated.client_app import app as client_app
from federated.deployment.approvals import Word, approve, refuse
from federated.deployment.house import House
from federated.deployment.leaving import left
from federated.entry.places import OWN_PLAN
from federated.record.entries import Declined, Sent
from federated.record.log import read_log
from federated.rounds.events import RoundClosed, SiteLeft
from tests.federated.entry import conftest
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


def slugs(one: Federated, name: str) -> set[str]:
    return {told.slug for told in read_log(one.folder / name).of(Declined)}


def sent(one: Federated, name: str) -> int:
    return sum(told.what.startswith("train.") for told in read_log(one.folder / name).of(Sent))


@pytest.mark.slow
def test_a_sites_epsilon_binds_below_the_plans(federated: Make) -> None:
    one = federated(private=PRIVATE)
    one.plan["training"]["rounds"] |= {"rounds": 40, "attempts": 1}
    one.deployed(budget={"epsilon": 1.6, "delta": 1e-3}, tells=["epsilon"])
    one.run()
    record = read_log(one.folder / "model.rounds.jsonl")
    assert 0 < len(record.of(RoundClosed)) < 40
    assert {(event.site, event.slug) for event in record.of(SiteLeft)} == {(name, "budget-spent") for name in NAMES}
    for name in NAMES:
        assert "budget-spent" in slugs(one, name)
        said = [told.epsilon for told in read_log(one.folder / name).of(Sent) if told.epsilon is not None]
        assert 0 < max(said) <= 1.6


@pytest.mark.parametrize("secure", [{}, {"secure": {}}])
def test_a_site_with_fewer_patients_than_its_floor_takes_no_part(federated: Make, secure: dict[str, Any]) -> None:
    one = federated(deadline=0.2, local=WHOLE, **secure)
    one.deployed(floor=11)
    with pytest.raises(FederationError):
        one.run()
    for name in NAMES:
        assert slugs(one, name) == {"too-few-patients"}
        assert sent(one, name) == 0


def test_a_smallest_cohort_above_what_came_binds(federated: Make) -> None:
    one = federated(local=WHOLE, secure={})
    one.plan["training"]["rounds"]["attempts"] = 1
    one.deployed(smallest_cohort=4)
    with pytest.raises(FederationError):
        one.run()
    for name in NAMES:
        assert slugs(one, name) == {"secure-cohort"}
        assert sent(one, name) == 0


def test_an_approval_taken_back_between_two_rounds_binds(federated: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The officer is asked on each message and not once a run: west sends in the first round and not in the second."""
    one = federated(local=WHOLE)
    one.deployed()
    west = House(folder=one.folder / "west")

    def taken_back(message: Message, context: Context) -> Message:
        reply: Message = client_app(message, context)
        if sent(one, "west") == 1 and "plan-not-approved" not in slugs(one, "west"):
            refuse(west, str(west.folder / OWN_PLAN), word=Word(by="A. Officer", because="second thoughts"))
        return reply

    monkeypatch.setattr(conftest, "client_app", taken_back)
    one.run()
    closed = read_log(one.folder / "model.rounds.jsonl").of(RoundClosed)
    assert [event.contributors for event in closed] == [("east", "north", "west"), ("east", "north")]
    assert slugs(one, "west") == {"plan-not-approved"}
    assert sent(one, "west") == 1


def test_a_site_that_took_its_leave_answers_nothing(federated: Make, tmp_path: Path) -> None:
    one = federated(deadline=1, local=WHOLE)
    one.deployed()
    left(House(folder=tmp_path / "west"), word=Word(by="A. Officer", because="the study ended"))
    one.run()
    closed = read_log(one.folder / "model.rounds.jsonl").of(RoundClosed)
    assert [event.contributors for event in closed] == [("east", "north")] * 2


@pytest.mark.slow
def test_one_ledger_counts_every_run_of_a_site(federated: Make, tmp_path: Path) -> None:
    """A second federation goes on from what the first one spent, and stays within the site's own epsilon."""
    one = federated(private=PRIVATE)
    one.deployed(budget={"epsilon": 9.0, "delta": 1e-3}, tells=["epsilon"])
    one.run()
    told = [line.epsilon for line in read_log(tmp_path / "east").of(Sent) if line.epsilon is not None]
    assert len(told) == 2
    assert told[0] < told[1]

    again = Federated(folder=tmp_path / "again", plan={**one.plan, "nonce": "autumn"}, nodes=one.nodes)
    again.folder.mkdir()
    again.plan["training"]["rounds"] |= {"deadline": 0.2}
    for name in NAMES:
        house = House(folder=tmp_path / name)
        said = yaml.safe_load(house.policy.read_text(encoding="utf-8"))
        said["budget"]["epsilon"] = told[1] * 1.001
        house.policy.write_text(yaml.safe_dump(said), encoding="utf-8")
        shutil.copy(again.written(), house.folder / OWN_PLAN)
        approve(house, str(house.folder / OWN_PLAN), word=Word(by="A. Officer", because="a second run"))
    with pytest.raises(FederationError):
        again.run()
    assert len([line for line in read_log(tmp_path / "east").of(Sent) if line.what == "train.round"]) == 2
