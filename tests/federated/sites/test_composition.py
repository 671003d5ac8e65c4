"""What can be said of a patient at several sites where each told an epsilon and kept its ledger."""

from __future__ import annotations

from typing import Any

import pytest

from federated.sites.composition import lost_as_told


@pytest.mark.parametrize(
    ("disjoint", "epsilon", "sites", "delta"),
    [
        ([], 6.0, ("east", "north", "west"), 3e-5),
        ([("east", "north")], 5.0, ("north", "west"), 2e-5),
        ([("east", "north"), ("north", "west"), ("east", "west")], 3.0, ("north",), 1e-5),
    ],
)
def test_told_losses_add_up_where_sites_may_share_patients(
    disjoint: Any, epsilon: float, sites: tuple[str, ...], delta: float
) -> None:
    told = lost_as_told(
        {"east": 1.0, "north": 3.0, "west": 2.0}, delta=1e-5, disjoint=frozenset(frozenset(pair) for pair in disjoint)
    )
    assert (told.epsilon, told.sites) == (epsilon, sites)
    assert told.delta == pytest.approx(delta)


@pytest.mark.parametrize("epsilons", [{}, {"east": None}, {"east": 1.0, "north": None}])
def test_a_site_that_tells_nothing_leaves_nothing_to_say(epsilons: Any) -> None:
    told = lost_as_told(epsilons, delta=1e-5)
    assert told.epsilon is None
    assert "told" in told.because
