"""The frame of a training's state, without torch: written whole, read back, and refused where it is of no use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.training_state import DIGEST, MODEL, STATE, StateFormat, UnusableStateError, fill


@dataclass
class Parameter:
    """An array that answers as a parameter does."""

    values: Any
    requires_grad: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(np.shape(self.values))

    def detach(self) -> Parameter:
        return self

    def copy_(self, value: Any) -> None:
        self.values[:] = value


@dataclass
class Module:
    parameters: dict[str, Parameter]

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        yield from self.parameters.items()


def saved(state: dict[str, Any], file: BytesIO) -> None:
    told = {**state, MODEL: {name: np.asarray(value).tolist() for name, value in state[MODEL].items()}}
    file.write(json.dumps(told).encode())


def half_saved(state: dict[str, Any], file: BytesIO) -> None:
    file.write(b"{")
    raise OSError("no room")


def loaded(path: Path) -> object:
    state = json.loads(path.read_text())
    if isinstance(state, dict) and MODEL in state:
        state[MODEL] = {name: np.array(value) for name, value in state[MODEL].items()}
    return state


FORMAT = StateFormat(needs=frozenset({DIGEST, MODEL, "taken"}), save=saved, load=loaded)
VALUES = {"weight": [[1.0, 2.0]]}


def module() -> Any:
    return Module({"weight": Parameter(np.zeros((1, 2))), "frozen": Parameter(np.ones(3), requires_grad=False)})


def test_what_was_written_is_read_and_put_back(tmp_path: Path) -> None:
    FORMAT.write(tmp_path / STATE, {DIGEST: "mine", MODEL: VALUES, "taken": 7})
    found, model = FORMAT.read(tmp_path / STATE, digest="mine", module=module()), module()
    assert found is not None
    assert found["taken"] == 7
    fill(model, found[MODEL])
    assert dict(model.named_parameters())["weight"].values.tolist() == VALUES["weight"]
    assert dict(model.named_parameters())["frozen"].values.tolist() == [1.0, 1.0, 1.0]


def test_none_and_another_trainings_are_no_state(tmp_path: Path) -> None:
    assert FORMAT.read(tmp_path / STATE, digest="mine", module=module()) is None
    FORMAT.write(tmp_path / STATE, {DIGEST: "another", MODEL: VALUES, "taken": 7})
    assert FORMAT.read(tmp_path / STATE, digest="mine", module=module()) is None


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("{", "does not read"),
        ("[]", "lacks digest, model, taken"),
        ('{"digest": "mine", "model": {"weight": [[1, 2]]}}', "lacks taken"),
        ('{"digest": "mine", "model": {"weight": [1, 2, 3]}, "taken": 1}', "another shape"),
        ('{"digest": "mine", "model": {}, "taken": 1}', "another shape"),
        ('{"digest": "mine", "model": {"weight": [[1, 2]], "frozen": [1, 1, 1]}, "taken": 1}', "another shape"),
    ],
)
def test_what_is_of_no_use_says_why(tmp_path: Path, written: str, why: str) -> None:
    (tmp_path / STATE).write_text(written)
    with pytest.raises(UnusableStateError, match=why):
        FORMAT.read(tmp_path / STATE, digest="mine", module=module())


def test_a_write_that_fails_leaves_the_former_state(tmp_path: Path) -> None:
    FORMAT.write(tmp_path / STATE, {DIGEST: "mine", MODEL: VALUES, "taken": 7})
    with pytest.raises(OSError, match="no room"):
        replace(FORMAT, save=half_saved).write(tmp_path / STATE, {DIGEST: "mine", MODEL: VALUES, "taken": 8})
    found = FORMAT.read(tmp_path / STATE, digest="mine", module=module())
    assert found is not None
    assert found["taken"] == 7
    assert [path.name for path in tmp_path.iterdir()] == [STATE]


def test_torch_tensors_are_filled_in_place_and_go_on_learning() -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Linear(2, 1)
    held = net.weight.data_ptr()
    fill(net, {"weight": torch.tensor([[3.0, 4.0]])})
    assert net.weight.tolist() == [[3.0, 4.0]]
    assert net.weight.data_ptr() == held
    assert net.weight.requires_grad
    net(torch.ones(1, 2)).sum().backward()
    assert net.weight.grad.tolist() == [[1.0, 1.0]]
