"""What a site remembers is of the terms that it was said under; other terms begin anew, and forget nothing of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from federated.secure.attempts import Memory
from federated.secure.client import SecureClient
from federated.secure.refusals import Reason, SecureRefusalError
from federated.secure.rehearsal import rehearse
from federated.secure.server import SecureSum
from federated.secure.stages import Stage


def under(many: Any, terms: Any, memories: dict[str, bytes]) -> dict[str, SecureClient]:
    """Return every site opened anew, with what it had written down."""
    return {
        site: SecureClient(site=site, key=many.keys[site], terms=terms, memory=Memory.read(memories[site]))
        for site in many.sites
    }


def test_another_run_begins_anew_with_the_memory_of_the_one_before(party: Callable) -> None:
    """A run was given up in round 7; the next one, of another plan, has a round 1."""
    many = party(4)
    rehearse(many.clients, many.vectors, numbers=(7, 2))
    memories = {site: many.clients[site].memory.written() for site in many.sites}

    other = under(many, replace(many.terms, run="another"), memories)
    assert rehearse(other, many.vectors, numbers=(1, 1)).contributors == many.sites


def test_a_run_that_is_gone_back_to_is_where_it_was(party: Callable) -> None:
    """Else the server would ask for another run in between, and then for the same round again, without one site."""
    many = party(4)
    rehearse(many.clients, many.vectors, numbers=(7, 2))
    memories = {site: many.clients[site].memory.written() for site in many.sites}
    other = under(many, replace(many.terms, run="another"), memories)
    rehearse(other, many.vectors, numbers=(1, 1))
    memories = {site: other[site].memory.written() for site in many.sites}

    for numbers in ((7, 3), (7, 2), (1, 1)):
        back = under(many, many.terms, memories)
        with pytest.raises(SecureRefusalError) as refusal:
            rehearse(back, many.vectors, numbers=numbers)
        assert refusal.value.reason is Reason.REPLAYED
    assert rehearse(under(many, many.terms, memories), many.vectors, numbers=(8, 1)).contributors == many.sites


@pytest.mark.parametrize("stage", [Stage.SHARES, Stage.MASKED, Stage.AGREE, Stage.UNMASK])
def test_an_attempt_is_not_gone_on_with_under_other_terms(party: Callable, stage: Stage) -> None:
    many = party(4)
    server = many.until(stage)
    site = many.sites[0]
    terms = replace(many.terms, purpose="another")
    opened = SecureClient(site=site, key=many.keys[site], terms=terms, memory=many.clients[site].memory)
    honest = {**server.request(site), "terms": terms.digest}
    with pytest.raises(SecureRefusalError) as refusal:
        opened.handle(stage, honest, many.vectors[site])
    assert refusal.value.reason is Reason.REPLAYED


def test_memory_goes_through_bytes_at_every_stage(party: Callable) -> None:
    for stage in Stage:
        many = party(4)
        server = many.until(stage)
        for site in many.sites:
            memory = many.clients[site].memory
            assert Memory.read(memory.written()) == memory
            memory = Memory.read(memory.written())
            again = SecureClient(site=site, key=many.keys[site], terms=many.terms, memory=memory)
            values = many.vectors[site] if stage is Stage.MASKED else None
            server.receive(site, again.handle(stage, server.request(site), values))


def test_one_attempt_at_a_time_is_remembered(party: Callable) -> None:
    """However many there were: what is written does not grow with rounds and attempts."""
    many = party(4)
    sizes = []
    for number in range(1, 6):
        rehearse(many.clients, many.vectors, numbers=(number, 1))
        sizes.append(len(many.clients[many.sites[0]].memory.written()))
    assert max(sizes) - min(sizes) < 200
    site = many.sites[0]
    many.clients[site].handle(Stage.KEYS, SecureSum(many.terms, round=6, attempt=1).request(site))
    kept = many.clients[site].memory.current
    assert kept is not None
    assert (kept.round, kept.held, kept.cards) == (6, {}, {})
