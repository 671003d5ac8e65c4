"""What a patient has lost at several sites: the largest only where every two attest, each for itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from affidavit.errors import PlanError
from affidavit.hash_chain import ChainWriter
from federated.sites.composition import lost_as_told, lost_overall
from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded
from privacy.ledger.book import read_book
from privacy.ledger.events import DisjointAttested, RunFacts, StepEvent
from privacy.ledger.ledger import Ledger

STEP = StepEvent(noise_multiplier=9.0, sample_rate=1.0, clip_norm=1.0, sampler="full", neighbours="add-remove")
DELTA = 1e-5


def _epsilon(n_steps: int) -> float:
    answer = account((STEP.mechanism.times(n_steps),), delta=DELTA)
    assert isinstance(answer, Bounded)
    return answer.epsilon


@pytest.fixture
def ledgers(tmp_path: Path) -> Any:
    def made(steps: dict[str, int], attested: dict[str, Sequence[Sequence[str]]]) -> dict[str, Path]:
        paths = {site: tmp_path / f"{site}.jsonl" for site in steps}
        for site, n in steps.items():
            facts = RunFacts(n_units=100)
            with Ledger.opened(paths[site], site=site, unit="patient", run="run", budget=None, facts=facts) as ledger:
                for _ in range(n):
                    ledger.confirm(ledger.intend(STEP))
            for sites in attested.get(site, ()):
                event = DisjointAttested(sites=tuple(sites), by=f"officer of {site}", because="compared by hand")
                with ChainWriter(paths[site]) as writer:
                    writer.append(event.model_dump(mode="json"))
        return paths

    return made


STEPS = {"east": 10, "north": 30, "west": 20}
ALL = ("east", "north", "west")


def test_where_every_site_attests_the_largest_loss_is_everybodys_bound(ledgers: Any) -> None:
    spent = lost_overall(ledgers(STEPS, {site: [ALL] for site in ALL}), delta=DELTA)

    assert spent.epsilon == pytest.approx(_epsilon(30))
    assert spent.sites == ("north",)
    assert any("officer of east and officer of north" in caveat for caveat in spent.caveats)


@pytest.mark.parametrize("attested", [{}, {"east": [ALL]}, {"east": [ALL], "north": [ALL]}])
def test_where_a_site_does_not_attest_losses_add_up(ledgers: Any, attested: Any) -> None:
    """What the others say of a site that says nothing does not count; those who do say it of each other, do."""
    spent = lost_overall(ledgers(STEPS, attested), delta=DELTA)

    apart = {"east", "north"} <= set(attested)
    assert spent.epsilon == pytest.approx(_epsilon(50 if apart else 60))  # west and the larger of two, or all three
    assert any("nobody attested" in caveat for caveat in spent.caveats)


def test_one_site_alone_is_its_own_ledger(ledgers: Any) -> None:
    spent = lost_overall(ledgers({"east": 10}, {}), delta=DELTA)
    assert spent.epsilon == pytest.approx(_epsilon(10))


def test_nothing_that_was_read_is_changed(ledgers: Any) -> None:
    paths = ledgers(STEPS, {"east": [ALL]})
    before = [path.read_bytes() for path in paths.values()]
    lost_overall(paths, delta=DELTA)
    assert [path.read_bytes() for path in paths.values()] == before
    assert len(read_book(paths["east"]).attested) == 1


def test_a_ledger_under_another_sites_name_is_refused(ledgers: Any) -> None:
    paths = ledgers({"east": 1, "north": 1}, {})
    with pytest.raises(PlanError, match="another site"):
        lost_overall({"east": paths["north"], "north": paths["east"]}, delta=DELTA)


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
