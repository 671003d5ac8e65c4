"""Training: it learns and stops, several seeds hold out the same units, and the card names nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.protocols import silent
from affidavit.splits import grouped
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.scope import whom_to_judge
from reasoners.supervised import TRAINER
from reasoners.units import seen_by, unit_keys

pytestmark = pytest.mark.usefixtures("no_shards")
Train = Callable[..., InstructedReasoner]


def test_two_utterances_with_one_id_are_not_trained_on(
    make_reasoner: Callable, make_corpus: Callable[..., Corpus], as_corpus: Callable, tmp_path: Path
) -> None:
    corpus = make_corpus(8)
    twice = as_corpus([*corpus.utterances, corpus.utterances[1]])
    rng = np.random.default_rng(0)
    with pytest.raises(PlanError, match="same id"):
        TRAINER.train(make_reasoner(), twice, {}, folder=tmp_path, rng=rng, progress=silent)


def test_a_split_by_dialogue_says_whose_other_dialogues_were_trained_on(
    train: Train, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    corpus = make_corpus(8)
    train(tmp_path, epochs=1, split_by="dialogue")
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    assert len(card["units"]["train"]) == card["n_units"]["train"]
    chosen, said = whom_to_judge(corpus, card, everybody=False)
    dialogues = {turn.dialogue_id for turn in chosen}
    assert len(dialogues) == card["n_units"]["held_out"]
    known = {turn.unit for turn in corpus.utterances if turn.dialogue_id not in dialogues}
    judged = [turn for turn in chosen if turn.label is not None]
    n_known = sum(turn.unit in known for turn in judged)
    assert 0 < n_known < len(judged), "a test of all or none would prove little"
    assert any(f"{n_known} of {len(judged)} judged utterances are of speakers it was trained on" in s for s in said)
    left = len(corpus.utterances) - len(chosen)
    assert f"{left} utterances of dialogues that it was trained on were left out" in said
    assert not any("units" in line for line in said)


def test_a_corpus_of_its_own_of_which_it_knows_no_id_is_refused(
    train: Train, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    corpus = make_corpus(8)
    train(tmp_path, epochs=1)
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    n_known = len(card["units"]["train"]) + len(card["units"]["development"])
    _, said = whom_to_judge(corpus, card, everybody=False)
    assert f"{n_known} of the {n_known} units that it was trained on are in this corpus, by their ids" in said
    renamed = replace(corpus, utterances=tuple(replace(u, unit_id=u.unit.upper()) for u in corpus.utterances))
    with pytest.raises(PlanError, match="trained on this corpus") as caught:
        whom_to_judge(renamed, card, everybody=False)
    assert caught.value.slug == "units-overlap"
    for chosen, said in (
        whom_to_judge(renamed, card, everybody=True),
        whom_to_judge(replace(renamed, digest="sha256:other"), card, everybody=False),
    ):
        assert len(chosen) == len(corpus.utterances)
        assert f"0 of the {n_known} units that it was trained on are in this corpus, by their ids" in said


@pytest.mark.slow
def test_training_learns_what_it_is_shown(train: Train, tmp_path: Path) -> None:
    train(tmp_path, epochs=30, patience=30, learning_rate=1e-2)
    history = json.loads((tmp_path / "card.json").read_text())["history"]
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]
    assert max(epoch["weighted_f1"] for epoch in history) > 0.8


@pytest.mark.slow
def test_training_stops_where_it_no_longer_gets_better(train: Train, tmp_path: Path) -> None:
    train(tmp_path, epochs=40, patience=2, learning_rate=1e-6, pretrained_learning_rate=1e-6)
    history = json.loads((tmp_path / "card.json").read_text())["history"]
    assert len(history) < 40
    f1 = [epoch["weighted_f1"] for epoch in history]
    assert max(f1[:-2]) >= max(f1), "the last epochs before the stop were no better"


def test_the_card_knows_whom_it_was_trained_on_and_names_nobody(
    train: Train, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    train(tmp_path, epochs=1)
    written = "".join(
        path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.suffix in (".json", ".md")
    )
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    units = sorted(grouped(make_corpus(8).utterances))
    assert not any(name in written for name in units)
    assert not any(u.utterance_id in written for u in make_corpus(8).utterances)
    seen = [name for name in units if name in seen_by(card)]
    assert len(seen) == card["n_units"]["train"] + card["n_units"]["development"]
    assert len(units) - len(seen) == card["n_units"]["held_out"] == round(0.3 * len(units))
    keys = unit_keys({"train": units}, "sha256:7")["train"]
    assert set(card["units"]["train"]) < set(keys)
    assert not set(card["units"]["train"]) & set(unit_keys({"train": units}, "sha256:8")["train"])


def test_several_seeds_hold_out_the_same_units_and_a_split_seed_moves_them(train: Train, tmp_path: Path) -> None:
    cards = []
    for i, (seed, split_seed) in enumerate(((0, 0), (1, 0), (0, 5))):
        train(tmp_path / str(i), seed=seed, split_seed=split_seed, epochs=1)
        cards.append(json.loads((tmp_path / str(i) / "card.json").read_text())["units"])
    assert cards[0] == cards[1] != cards[2]
