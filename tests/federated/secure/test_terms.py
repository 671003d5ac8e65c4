"""Terms under which nothing private can come about are refused before anybody asks anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from affidavit.errors import PlanError
from federated.secure.client import SecureClient
from federated.secure.counts import Counts
from federated.secure.identities import Roster
from federated.secure.rehearsal import roster_of, signing_keys
from federated.secure.terms import Terms
from federated.secure.topologies import Topology


def test_a_client_without_its_place_in_the_roster_does_not_begin(party: Callable) -> None:
    many = party(4)
    with pytest.raises(PlanError, match="roster"):
        SecureClient(site="elsewhere", key=many.keys[many.sites[0]], terms=many.terms)
    with pytest.raises(PlanError, match="roster"):
        SecureClient(site=many.sites[1], key=many.keys[many.sites[0]], terms=many.terms)


@pytest.mark.parametrize("names", [("a", "b\0c", "d"), ("", "b", "c"), ("a" * 65, "b", "c"), ("ä", "b", "c")])
def test_names_that_are_none_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(PlanError, match="name"):
        roster_of(signing_keys(names))


def test_rosters_that_are_none_are_refused() -> None:
    with pytest.raises(PlanError, match="key"):
        Roster(keys={"a": bytes(32), "b": bytes(32)})
    with pytest.raises(PlanError, match="key"):
        Roster(keys={"a": bytes(31)})


@pytest.mark.parametrize(("n_sites", "minimum"), [(2, 2), (2, 3), (4, 2), (4, 5)])
def test_terms_for_too_few_are_refused(n_sites: int, minimum: int) -> None:
    keys = signing_keys(tuple(f"s{i}" for i in range(n_sites)))
    shape = Topology(n_neighbours=n_sites - 1, threshold=n_sites, quorum=n_sites)
    with pytest.raises(PlanError, match="few"):
        Terms(
            run="r",
            purpose="counts",
            roster=roster_of(keys),
            size=1,
            encoding=Counts(bound=1),
            topology=shape,
            n_rounds=1,
            minimum=minimum,
        )


@pytest.mark.parametrize("change", [{"size": 0}, {"size": -1}, {"n_rounds": 0}])
def test_terms_about_nothing_are_refused(party: Callable, change: dict[str, int]) -> None:
    with pytest.raises(PlanError, match="nothing to sum"):
        replace(party(4).terms, **change)
