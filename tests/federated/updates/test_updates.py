"""The flat vector: what travels and what does not, there and back, and what is refused on arrival."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from flwr.app import Array, ArrayRecord, Message, RecordDict
from torch import nn

from affidavit.errors import PlanError
from federated.updates.arrays import UnusableVectorError, bounded, packed, unpacked
from federated.updates.layout import Layout


class Model(nn.Module):
    def __init__(self, *, width: int = 3) -> None:
        super().__init__()
        self.frozen, self.head = nn.Linear(4, width), nn.Linear(width, 2)
        self.norm = nn.LayerNorm(2)
        self.frozen.requires_grad_(requires_grad=False)


class Subject:
    """A reasoner of which only its parameters are looked at."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def parameter_groups(self) -> Mapping[str, Sequence[Any]]:
        return {"new": [value for value in self.module.parameters() if value.requires_grad], "pretrained": []}


@pytest.fixture
def subject() -> Any:
    torch.manual_seed(0)
    return Subject(Model())


def test_only_what_training_changes_travels(subject: Any) -> None:
    layout = Layout.of(subject)

    assert [slot.name for slot in layout.slots] == ["head.bias", "head.weight", "norm.bias", "norm.weight"]
    assert layout.size == 2 + 6 + 2 + 2


def test_there_and_back_is_exact(subject: Any) -> None:
    layout, other = Layout.of(subject), Subject(Model())

    vector = layout.gathered(subject)
    layout.scatter(vector, other)

    np.testing.assert_array_equal(layout.gathered(other), vector)
    torch.testing.assert_close(other.module.head.weight, subject.module.head.weight, rtol=0, atol=0)
    assert not torch.equal(other.module.frozen.weight, subject.module.frozen.weight)


def test_a_vector_that_was_set_is_not_the_callers_memory(subject: Any) -> None:
    layout = Layout.of(subject)
    vector = np.zeros(layout.size, np.float32)

    layout.scatter(vector, subject)
    vector += 1

    assert not layout.gathered(subject).any()


def test_a_tied_parameter_travels_once() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[1].weight = module[0].weight

    assert Layout.of(Subject(module)).size == 4 + 2 + 2


def test_another_model_is_named(subject: Any) -> None:
    wider = Subject(Model(width=5))

    with pytest.raises(PlanError, match=r"head\.weight \[2, 5\]"):
        Layout.of(subject).gathered(wider)
    assert Layout.of(wider).digest != Layout.of(subject).digest


def test_nothing_to_train_is_refused() -> None:
    with pytest.raises(PlanError, match="no parameters to train"):
        Layout.of(Subject(nn.Linear(2, 2).requires_grad_(requires_grad=False)))


def test_a_record_carries_a_vector_through_a_message(subject: Any) -> None:
    layout = Layout.of(subject)
    vector = layout.gathered(subject)
    asked = Message(content=RecordDict({"update": packed(vector)}), dst_node_id=1, message_type="train")

    np.testing.assert_array_equal(unpacked(asked.content["update"], layout), vector)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.full(12, np.nan, np.float32), "12 of its 12 numbers are not finite"),
        (np.array([np.inf] + [0] * 11, np.float32), "1 of its 12"),
        (np.zeros(11, np.float32), r"\(11,\)"),
        (np.zeros((3, 4), np.float32), r"\(3, 4\)"),
        (np.zeros(12, np.float64), "float64"),
        (np.zeros(12, np.int32), "int32"),
    ],
)
def test_what_is_no_vector_of_the_federation_is_refused(subject: Any, wrong: Any, words: str) -> None:
    with pytest.raises(UnusableVectorError, match=words):
        unpacked(ArrayRecord({"vector": Array(wrong)}), Layout.of(subject))


def test_an_unreadable_array_is_refused(subject: Any) -> None:
    torn = Array(dtype="float32", shape=(12,), stype="numpy.ndarray", data=b"no array at all")

    with pytest.raises(UnusableVectorError, match="cannot be read"):
        unpacked(ArrayRecord({"vector": torn}), Layout.of(subject))


def test_an_array_of_objects_is_not_unpickled(subject: Any) -> None:
    import io

    held = io.BytesIO()
    np.save(held, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    pickled = Array(dtype="object", shape=(1,), stype="numpy.ndarray", data=held.getvalue())

    with pytest.raises(UnusableVectorError):
        unpacked(ArrayRecord({"vector": pickled}), Layout.of(subject))


def test_more_or_other_arrays_are_refused(subject: Any) -> None:
    layout = Layout.of(subject)
    for names in ([], ["other"], ["vector", "more"]):
        record = ArrayRecord({name: Array(np.zeros(layout.size, np.float32)) for name in names})
        with pytest.raises(UnusableVectorError, match="arrays"):
            unpacked(record, layout)


def test_a_huge_update_is_refused_and_a_bounded_one_is_not() -> None:
    vector = np.full(4, 2.0, np.float32)

    assert bounded(vector, 4.0) is vector
    assert bounded(vector, None) is vector
    with pytest.raises(UnusableVectorError, match="bound of 3"):
        bounded(vector, 3.0)
