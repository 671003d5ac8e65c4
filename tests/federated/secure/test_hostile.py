"""Whatever a message holds, a site and the server answer with a refusal and words, and never crash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federated.secure.contents import fingerprint, names, packed, shown, unpacked
from federated.secure.refusals import Reason, SecureRefusalError
from federated.secure.server import SecureSum
from federated.secure.stages import Stage

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=8),
    st.binary(max_size=170),
    st.just("<script>alert(1)</script>" * 50),
    st.just(np.zeros(3)),
)
JUNK = st.one_of(LEAVES, st.lists(LEAVES, max_size=6), st.dictionaries(st.text(max_size=3), LEAVES, max_size=2))
QUIET = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.parametrize("stage", list(Stage))
@QUIET
@given(junk=JUNK, data=st.data())
def test_a_site_refuses_whatever_is_no_request(party: Callable, stage: Stage, junk: Any, data: st.DataObject) -> None:
    many = party(3)
    honest = dict(many.until(stage).request(many.sites[0]))
    key = data.draw(st.sampled_from(sorted(honest)))
    _answers(many.clients[many.sites[0]].handle, stage, {**honest, key: junk}, many.vectors[many.sites[0]])


def _answers(handle: Callable[..., Any], stage: Stage, content: Mapping[str, Any], values: Any) -> None:
    try:
        assert handle(stage, content, values)
    except SecureRefusalError as refusal:
        assert refusal.words
        assert len(refusal.words) < 700
        assert refusal.reason.value.startswith("secure-")


@pytest.mark.parametrize("stage", list(Stage))
@QUIET
@given(junk=JUNK, data=st.data())
def test_the_server_refuses_whatever_is_no_reply(party: Callable, stage: Stage, junk: Any, data: st.DataObject) -> None:
    many = party(3)
    server: SecureSum = many.until(stage)
    honest = dict(many.answer(many.sites[0], server))
    key = data.draw(st.sampled_from(sorted(honest)))
    before = server.waiting
    try:
        server.receive(many.sites[0], {**honest, key: junk})
    except SecureRefusalError as refusal:
        assert refusal.words
        assert server.waiting == before


@pytest.mark.parametrize("stage", list(Stage))
def test_a_message_without_its_fields_is_malformed(party: Callable, stage: Stage) -> None:
    many = party(3)
    server = many.until(stage)
    site = many.sites[0]
    honest = dict(server.request(site))
    for key in honest:
        with pytest.raises(SecureRefusalError) as refusal:
            many.clients[site].handle(stage, {k: v for k, v in honest.items() if k != key}, many.vectors[site])
        assert refusal.value.reason in {Reason.MALFORMED, Reason.ORDER}
    with pytest.raises(SecureRefusalError):
        server.receive(site, {})


@pytest.mark.parametrize(
    "vector",
    [
        np.zeros(6, dtype=np.uint64),
        np.zeros(7, dtype=np.int64),
        np.zeros((7, 1), dtype=np.uint64),
        np.array([None] * 7),
        [0] * 7,
    ],
)
def test_a_vector_of_another_form_is_not_folded(party: Callable, vector: Any) -> None:
    many = party(3)
    server = many.until(Stage.MASKED)
    reply = {**many.answer(many.sites[0], server), "vector": vector}
    with pytest.raises(SecureRefusalError) as refusal:
        server.receive(many.sites[0], reply)
    assert refusal.value.reason is Reason.MALFORMED
    assert many.sites[0] in server.waiting


def test_contents_go_through_bytes() -> None:
    content = {"round": 3, "terms": "x\ud800", "sites": ["a", "b"], "cards": [b"\x00", b"\xff"], "none": []}
    assert unpacked(packed(content)) == content
    assert fingerprint(content) == fingerprint(dict(reversed(content.items()))) != fingerprint({**content, "round": 4})


def test_text_and_bytes_are_told_apart() -> None:
    assert fingerprint({"a": "00"}) != fingerprint({"a": b"\x00"})


@pytest.mark.parametrize("found", [["b", "a"], ["a", "a"], ["a", 1], "ab", None, ["a"] * 100_001])
def test_names_have_one_form(found: Any) -> None:
    with pytest.raises(SecureRefusalError):
        names({"sites": found}, "sites")


def test_long_names_are_cut_in_words() -> None:
    assert shown(["a"] * 7) == "'a', 'a', 'a', 'a', 'a' and 2 more"
    assert len(shown(["x" * 10_000])) < 80
