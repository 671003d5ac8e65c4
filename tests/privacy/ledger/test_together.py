"""What a patient has lost at several sites: the largest loss only where every two attest, each in its own ledger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from affidavit.hash_chain import ChainWriter
from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded
from privacy.ledger.book import read_book, together
from privacy.ledger.events import DisjointAttested, RunFacts, StepEvent
from privacy.ledger.ledger import Ledger
from privacy.ledger.spending import Spent, spent_overall

STEP = StepEvent(noise_multiplier=9.0, sample_rate=1.0, clip_norm=1.0, sampler="full", neighbours="add-remove")
DELTA = 1e-5


def _epsilon(n_steps: int) -> float:
    answer = account((STEP.mechanism.times(n_steps),), delta=DELTA)
    assert isinstance(answer, Bounded)
    return answer.epsilon


def lost(ledgers: dict[str, Path]) -> Spent:
    whole = together({site: read_book(path) for site, path in ledgers.items()})
    return spent_overall(whole, unit="patient", delta=DELTA)


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
    spent = lost(ledgers(STEPS, {site: [ALL] for site in ALL}))

    assert spent.epsilon == pytest.approx(_epsilon(30))
    assert spent.sites == ("north",)
    assert any("officer of east and officer of north" in caveat for caveat in spent.caveats)


@pytest.mark.parametrize("attested", [{}, {"east": [ALL]}, {"east": [ALL], "north": [ALL]}])
def test_where_a_site_does_not_attest_losses_add_up(ledgers: Any, attested: Any) -> None:
    """What the others say of a site that says nothing does not count; those who do say it of each other, do."""
    spent = lost(ledgers(STEPS, attested))

    apart = {"east", "north"} <= set(attested)
    assert spent.epsilon == pytest.approx(_epsilon(50 if apart else 60))  # west and the larger of two, or all three
    assert any("nobody attested" in caveat for caveat in spent.caveats)


def test_nothing_that_was_read_is_changed(ledgers: Any) -> None:
    paths = ledgers(STEPS, {"east": [ALL]})
    before = [path.read_bytes() for path in paths.values()]
    lost(paths)
    assert [path.read_bytes() for path in paths.values()] == before
    assert len(read_book(paths["east"]).attested) == 1


def test_the_word_of_a_third_counts_for_nobody(ledgers: Any) -> None:
    """Whoever coordinates keeps a ledger too, and knows no site's patients."""
    spent = lost(ledgers(STEPS, {"east": [("north", "west")], "north": [ALL]}))
    assert spent.epsilon == pytest.approx(_epsilon(60))
