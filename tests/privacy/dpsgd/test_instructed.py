"""The instructed reasoner under the private trainer: its law holds, hooks tell the truth of it, and it learns."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.plan import Execution
from affidavit.protocols import silent
from affidavit.registry import Door, load
from affidavit.splits import grouped
from privacy.dpsgd.gradients import unit_gradients
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.trainer import TRAINER
from privacy.dpsgd.units import parts_of
from privacy.dpsgd.validation import chosen_way
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.checkpoints import new_model
from reasoners.instructed.config import BackboneConfig, LoraConfig, ModelConfig, TextEncoderConfig
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.vocabulary import learn_tokenizers, public_texts

BACKBONE = BackboneConfig(hidden=16, layers=1, heads=2, intermediate=16, max_tokens=6)


@cache
def clinic(n: int) -> Corpus:
    corpus: Corpus = load(Door.CORPORA, "clinic").load(
        {"seed": 0, "n_utterances": n, "media": "none"}, folder=Path(), progress=silent
    )
    return corpus


@cache
def tokenizers() -> Any:
    return learn_tokenizers(config_of(BACKBONE), public_texts())


def config_of(backbone: BackboneConfig | None) -> ModelConfig:
    return ModelConfig(
        label_space=clinic(300).label_space,
        hidden=16,
        text=TextEncoderConfig(hidden=16, heads=2, max_tokens=24),
        audio=None,
        visual=None,
        dialogue_heads=2,
        dropout=0.0,
        backbone=backbone,
    )


def reasoner_of(backbone: BackboneConfig | None) -> InstructedReasoner:
    words = tokenizers()
    calm = Augmentation(modality_dropout=0, turn_dropout=0, degraded_share=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return InstructedReasoner(model=new_model(config_of(backbone), words), tokenizers=words, augmentation=calm)


@pytest.mark.parametrize("backbone", [None, BACKBONE, BACKBONE.model_copy(update={"lora": LoraConfig(rank=2)})])
def test_hooks_tell_the_gradients_of_each_patient(backbone: BackboneConfig | None) -> None:
    pytest.importorskip("peft")
    reasoner = reasoner_of(backbone)
    rows = [turns[:6] for turns in grouped(clinic(300).utterances).values()][:3]
    reasoner.prepare([turn for row in rows for turn in row])
    assert chosen_way("auto", reasoner, rows, seed=0).way == "hooks"
    reasoner.module.train()
    for layer in reasoner.module.modules():  # what is drawn differs between one unit and several
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    hooks = unit_gradients("hooks", reasoner)
    found = hooks.clipped(rows, clip_norm=0.5, rng=np.random.default_rng(0))
    hooks.close()
    wanted = unit_gradients("loop", reasoner).clipped(rows, clip_norm=0.5, rng=np.random.default_rng(0))
    torch.testing.assert_close(found.norms, wanted.norms, rtol=1e-3, atol=1e-5)
    for mine, theirs in zip(found.sums, wanted.sums, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-2, atol=1e-5)


@pytest.mark.slow
def test_with_little_noise_it_learns_and_its_card_is_a_checkpoint_s(tmp_path: Path) -> None:
    reasoner, corpus = reasoner_of(None), clinic(600)
    options = {
        "simulated": True,
        "noise_multiplier": 0.02,
        "steps": 60,
        "sample_rate": 0.25,
        "learning_rate": 0.02,
        "units_at_once": 32,
    }
    TRAINER.train(reasoner, corpus, options, folder=tmp_path / "s", rng=np.random.default_rng(0), progress=silent)
    parts = parts_of(corpus, PrivateOptions.model_validate(options))
    turns = [turn for name in parts.train for turn in parts.groups[name] if turn.label]
    with torch.no_grad():
        answers = reasoner.logits(turns).argmax(1).tolist()
    right = float(np.mean([corpus.label_space[a] == turn.label for a, turn in zip(answers, turns, strict=True)]))
    commonest = max(np.mean([turn.label == label for turn in turns]) for label in corpus.label_space)
    assert right > commonest + 0.1
    card = json.loads((tmp_path / "s" / "card.json").read_text(encoding="utf-8"))
    assert card["privacy"]["gradients"] == "hooks"
    assert "references" not in card  # a count of patients' turns that no noise covers


def test_nothing_is_learnt_of_the_patients_beside_the_steps(tmp_path: Path) -> None:
    """Scales of intensity and second hearings are learnt without noise by other trainers."""
    reasoner = reasoner_of(None)
    scale = reasoner.intensity_scale
    options = {"simulated": True, "noise_multiplier": 1.0, "steps": 1, "sample_rate": 0.05}
    TRAINER.train(reasoner, clinic(300), options, folder=tmp_path / "s", rng=np.random.default_rng(0), progress=silent)
    assert reasoner.intensity_scale == scale
    assert not reasoner.degraded


def test_hostile_references_are_learnt_from_like_any_other(tmp_path: Path) -> None:
    """Each is bounded like any other; none stops the training."""
    hostile = (
        "",
        "x " * 5000,
        "<script>alert(1)</script>",
        "\u0432\u0441\u0451 \u043f\u043b\u043e\u0445\u043e",
        "\x00",
    )
    turns = [
        replace(turn, rationales={"evidence": hostile[i % len(hostile)]} if turn.label else {})
        for i, turn in enumerate(clinic(300).utterances)
    ]
    corpus = replace(clinic(300), utterances=tuple(turns))
    reasoner = reasoner_of(BACKBONE)
    options = {"simulated": True, "noise_multiplier": 1.0, "steps": 3, "sample_rate": 0.2}
    TRAINER.train(reasoner, corpus, options, folder=tmp_path / "s", rng=np.random.default_rng(0), progress=silent)
    assert all(bool(torch.isfinite(value).all()) for value in reasoner.module.parameters())


@pytest.mark.slow
def test_the_door_s_own_model_trains(tmp_path: Path) -> None:
    door = load(Door.REASONERS, "instructed")
    chosen = {"size": "tiny", "audio": False, "visual": False, "rationales": False}
    reasoner = door.untrained(clinic(300), chosen, seed=1, execution=Execution(device="cpu"))
    options = {"noise_multiplier": 1.0, "delta": 1e-4, "steps": 1, "sample_rate": 0.1}
    TRAINER.train(reasoner, clinic(300), options, folder=tmp_path / "s", rng=np.random.default_rng(0), progress=silent)
    card = json.loads((tmp_path / "s" / "card.json").read_text(encoding="utf-8"))
    assert card["trainer"] == "dp-sgd"
    assert card["privacy"]["epsilon"] > 0
    assert card["seed"] == 1


def test_a_search_trains_and_scores_the_clinic_s_reasoner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.dpsgd.search.drawn_trials", lambda source, *, mean, shape: 2)
    options = {
        "simulated": True,
        "noise_multiplier": 1.0,
        "steps": 1,
        "sample_rate": 0.2,
        "search": {"candidates": [{"learning_rate": 0.001}, {"learning_rate": 0.01}], "score_noise": 1.0},
    }
    reasoner = reasoner_of(BACKBONE)
    TRAINER.train(reasoner, clinic(300), options, folder=tmp_path / "s", rng=np.random.default_rng(0), progress=silent)
    card = json.loads((tmp_path / "s" / "card.json").read_text(encoding="utf-8"))
    assert card["privacy"]["search"]["released"] in (0, 1)
    assert set(card["units"]) == {"train", "development"}
    assert all(bool(torch.isfinite(value).all()) for value in reasoner.module.parameters())
