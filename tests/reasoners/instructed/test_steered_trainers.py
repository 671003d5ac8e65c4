"""The real reasoner trains towards other objectives, and its checkpoint loads like any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.protocols import silent
from reasoners.gradient_reversal import TRAINER as GRADIENT_REVERSAL
from reasoners.group_dro import TRAINER as GROUP_DRO
from reasoners.instructed.checkpoints import load_checkpoint
from reasoners.instructed.reasoner import InstructedReasoner

pytestmark = pytest.mark.usefixtures("no_shards")
OPTIONS = {"epochs": 1, "development": 0.25, "held_out": 0.25, "rows_per_step": 4, "features": ["accent"]}


@pytest.mark.parametrize("trainer", [GROUP_DRO, GRADIENT_REVERSAL], ids=lambda trainer: trainer.name)
def test_a_checkpoint_is_the_models_alone_and_says_what_it_was_trained_towards(
    trainer: Any,
    make_corpus: Callable[..., Corpus],
    make_reasoner: Callable[..., InstructedReasoner],
    tmp_path: Path,
) -> None:
    corpus, reasoner = make_corpus(6, turns=2), make_reasoner()
    own = {"fewest_units": 1} if trainer is GROUP_DRO else {}
    trainer.train(reasoner, corpus, {**OPTIONS, **own}, folder=tmp_path, rng=np.random.default_rng(0), progress=silent)
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["trainer"] == trainer.name
    assert card["options"]["features"] == ["accent"]
    assert "north" in json.dumps(card[trainer.name.replace("-", "_")])
    loaded = load_checkpoint(tmp_path)
    again = InstructedReasoner(model=loaded.model, tokenizers=loaded.tokenizers, card=loaded.card)
    turns = corpus.utterances[:3]
    assert again.judge_under(turns, condition="TAV") == reasoner.judge_under(turns, condition="TAV")
