"""A checkpoint's card: what earlier versions wrote is read, and whatever was changed since is refused by its name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from affidavit.digests import digest_of
from affidavit.errors import CheckpointError, PlanError
from reasoners.checkpoint_cards import CheckpointKind, write_card
from reasoners.requirements import corpus_to_judge, placed_weights

KIND = CheckpointKind(of="a test", weights="weights.safetensors")


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.own = torch.nn.Parameter(torch.zeros(2))
        self.frozen = torch.nn.Parameter(torch.zeros(3))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint as it was written before there was one module for cards."""
    save_file({"own": torch.tensor([1.0, 2.0])}, tmp_path / "weights.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text("{}")
    names = ("weights.safetensors", "config.json")
    files = {name: f"sha256:{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}" for name in names}
    card = {"units": {"train": ["a"]}, "format": 1, "weights_digest": files[names[0]], "files": files}
    card["card_digest"] = digest_of(card)
    (tmp_path / "card.json").write_text(json.dumps(card, indent=2, sort_keys=True))
    return tmp_path


def test_a_card_of_before_is_read_and_one_of_now_is_the_same_to_the_byte(folder: Path) -> None:
    written = (folder / "card.json").read_bytes()
    card = KIND.read(folder)
    KIND.require_files(folder, card)
    model = Model()
    KIND.fill(folder, model, ["own"])
    assert model.own.tolist() == [1.0, 2.0]
    assert model.frozen.tolist() == [0.0] * 3
    write_card(folder, KIND.sealed(folder, {"units": {"train": ["a"]}}, ("weights.safetensors", "config.json", "gone")))
    assert (folder / "card.json").read_bytes() == written


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"units": {}}, "card.json was changed"),
        ({"format": 2}, "format 2, and this version reads 1"),
        ({"card_digest": "sha256:0"}, "card.json was changed"),
    ],
)
def test_a_card_that_is_not_as_it_was_written_is_refused(folder: Path, change: dict[str, Any], found: str) -> None:
    card = {**json.loads((folder / "card.json").read_text()), **change}
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match=found):
        KIND.read(folder)


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ({"own": torch.zeros(2), "frozen": torch.zeros(3)}, r"has \['frozen'\] that are not its own"),
        ({"own": torch.zeros(2), "other": torch.zeros(1)}, r"has \['other'\]"),
        ({"frozen": torch.zeros(3)}, r"lacks \['own'\]"),
        ({"own": torch.zeros(5)}, "size mismatch"),
    ],
)
def test_tensors_that_are_not_the_checkpoints_own_are_refused(folder: Path, state: Any, found: str) -> None:
    """A file that brings a frozen part as well would put other weights in the place of pretrained ones."""
    save_file(state, folder / "weights.safetensors")
    with pytest.raises(CheckpointError, match=found):
        KIND.fill(folder, Model(), ["own"])


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json"])
def test_files_that_are_gone_or_others_are_named(folder: Path, name: str) -> None:
    card = KIND.read(folder)
    (folder / name).write_bytes(b"x")
    with pytest.raises(CheckpointError, match=f"{name} is not the file"):
        KIND.require_files(folder, card)
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"no {name}"):
        KIND.require_files(folder, card)


def test_folders_of_weights_are_found_from_the_plans_and_packages_by_their_name(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "minilm").mkdir()
    assert placed_weights("mine", tmp_path, packaged=("minilm",)) == str((tmp_path / "mine").resolve())
    for untouched in ("minilm", "org/model", None, ""):
        assert placed_weights(untouched, tmp_path, packaged=("minilm",)) == untouched


def test_a_run_without_a_corpus_is_refused_by_the_reasoners_name() -> None:
    with pytest.raises(PlanError, match="nothing to judge") as caught:
        corpus_to_judge(None, reasoner="omni")
    assert "reasoner omni" in str(caught.value)
