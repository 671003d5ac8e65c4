"""A stage goes through Flower's records and back, and a record that is none is a refusal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("flwr")

from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict
from flwr.common.serde import recorddict_from_proto, recorddict_to_proto

from federated.secure.fixed_point import fixed_point
from federated.secure.messages import TYPES, carried, content_of, refusal_of, refused
from federated.secure.refusals import Reason, SecureRefusalError
from federated.secure.server import SecureSum
from federated.secure.stages import ORDER, Stage


def sent(records: RecordDict) -> RecordDict:
    """What arrives at the other end of a wire."""
    return recorddict_from_proto(recorddict_to_proto(records))


@pytest.mark.parametrize("bits", [32, 64])
def test_a_sum_goes_through_messages(party: Callable, bits: int) -> None:
    many = party(4, encoding=fixed_point(max_norm=1.0, n_sites=4, bits=bits))
    server = SecureSum(many.terms, round=1, attempt=1)
    stage: Stage | None = Stage.KEYS
    while stage is not None:
        for site in server.waiting[: 4 if stage in ORDER[:2] else 3]:
            asked, content = content_of(sent(carried(stage, server.request(site))))
            reply = many.clients[site].handle(asked, content, many.vectors[site] if asked is Stage.MASKED else None)
            back, said = content_of(sent(carried(stage, reply)))
            assert back is stage
            server.receive(site, said)
        stage = server.close()
    found = server.result()
    assert found.contributors == many.sites[:3]
    assert found.total == pytest.approx(sum(many.vectors[site] for site in many.sites[:3]), abs=1e-6)


def test_every_stage_has_a_message_type_that_flower_takes() -> None:
    assert set(TYPES) == {*Stage}
    assert len(set(TYPES.values())) == len(TYPES)
    assert all(of.split(".")[0] in {"train", "evaluate", "query"} and of.count(".") == 1 for of in TYPES.values())


def test_a_refusal_is_a_reply() -> None:
    refusal = SecureRefusalError(Reason.COHORT, "3, and site-a asks for 5")
    assert refusal_of(sent(refused(refusal))) == ("secure-cohort", "3, and site-a asks for 5")
    assert refusal_of(RecordDict()) is None
    long = RecordDict({"refusal": ConfigRecord({"slug": "x" * 999, "words": "y" * 9999})})
    slug, words = refusal_of(long) or ("", "")
    assert (len(slug), len(words)) == (80, 600)


@pytest.mark.parametrize(
    "records",
    [
        RecordDict(),
        RecordDict({"secure": ConfigRecord({})}),
        RecordDict({"secure": ConfigRecord({"stage": "coffee"})}),
        RecordDict({"secure": ConfigRecord({"stage": 3})}),
        RecordDict({"secure": ArrayRecord({"a": Array(np.zeros(2))})}),
        RecordDict({"secure": ConfigRecord({"stage": "masked"}), "vector": ArrayRecord({"a": Array(np.zeros(2))})}),
        RecordDict(
            {
                "secure": ConfigRecord({"stage": "masked"}),
                "vector": ArrayRecord({"vector": Array("uint32", (3,), "numpy.ndarray", b"no array at all")}),
            }
        ),
    ],
)
def test_records_that_carry_no_stage_are_refused(records: RecordDict) -> None:
    with pytest.raises(SecureRefusalError) as refusal:
        content_of(records)
    assert refusal.value.reason is Reason.MALFORMED
