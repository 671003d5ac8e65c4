"""The reward rises, and explanations agree with answers more, by another judge; interrupted, it goes on as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.errors import CheckpointError, PlanError, RowError
from affidavit.protocols import silent
from affidavit.testing import case_of
from affidavit.unit_keys import unit_keys
from faithfulness.conclusions.examination import EXAMINATION
from reasoners.completions import parse_completion
from reasoners.grpo.rewarded import reward_origins
from reasoners.grpo.rewards import Rewards
from reasoners.grpo.trainer import TRAINER
from reasoners.grpo.writers import writer_of
from reasoners.grpo.writing import Sampling
from reasoners.language.reasoner import LanguageReasoner
from reasoners.verifier.checkpoints import load_verifier
from reasoners.verifier.config import FittingOptions
from reasoners.verifier.examples import read_sentences
from reasoners.verifier.training import trained_verifier
from tests.reasoners.grpo.conftest import LABELS, READ

EPC = "explanation_prediction_consistency"
Made = Callable[..., LanguageReasoner]
MakeCorpus = Callable[..., Corpus]
FEW = {
    "cold_start": 2,
    "cold_start_rate": 5e-3,
    "learning_rate": 1e-3,
    "epochs": 1,
    "most_steps": 4,
    "turns_per_step": 2,
    "generations": 2,
    "max_tokens": 6,
    "checkpoint_every": 2,
    "fitting": {"epochs": 2, "least_steps": 10, "folds": 2},
    "training_digest": "sha256:7",
}


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A verifier of sentences that nobody in the corpus wrote, in a folder of its own."""
    folder = tmp_path_factory.mktemp("sentences")
    lines = [f'"{text}",{name},s{i}' for name, some in READ.items() for i, text in enumerate(some)]
    (folder / "table.csv").write_text("\n".join(["text,emotion,speaker_id", *lines]), encoding="utf-8")
    options = FittingOptions(epochs=60, batch=32, folds=2)
    trained_verifier(read_sentences(folder / "table.csv"), options, folder=folder / "verifier")
    return folder / "verifier"


def fitted(reasoner: LanguageReasoner, corpus: Corpus, folder: Path, **options: Any) -> dict[str, Any]:
    """Train, and return the checkpoint's card."""
    progress = options.pop("progress", silent)
    TRAINER.train(reasoner, corpus, options, folder=folder, rng=np.random.default_rng(0), progress=progress)
    card: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return card


def consistency(reasoner: LanguageReasoner, corpus: Corpus) -> tuple[float, float]:
    """Return EPC of four completions a turn as `coherence` measures it, and the share that took no part in it.

    Its judge reads words of a lexicon, and has no verifier.
    """
    drawn = writer_of(reasoner, corpus.utterances).sampled(
        corpus.utterances, each=4, sampling=Sampling(max_tokens=24), rng=np.random.default_rng(9)
    )
    rows = []
    for turn, some in zip(corpus.utterances, drawn, strict=True):
        for repeat, completion in enumerate(some):
            read = parse_completion(completion.text, LABELS)
            if read.label is not None:
                whole = {"utterance_id": turn.utterance_id, "speaker_id": turn.unit, "repeat": repeat}
                rows.append({**whole, "condition": "T", "y_true": turn.label, "y_pred": read.label})
                rows[-1]["rationale"] = read.rationale
    found = [claim.finding for claim in EXAMINATION.examine(case_of(pd.DataFrame(rows), ())).claims]
    values = {each.metric: each.estimate.value for each in found}
    epc, silent_share = values[EPC], values["abstention_rate"]
    assert epc is not None
    assert silent_share is not None
    return epc, silent_share * len(rows) / (4 * len(corpus.utterances)) + 1 - len(rows) / (4 * len(corpus.utterances))


def trained_long(reasoner: LanguageReasoner, corpus: Corpus, folder: Path, verifier: Path) -> dict[str, Any]:
    return fitted(
        reasoner,
        corpus,
        folder,
        verifier=str(verifier),
        cold_start=20,
        cold_start_rate=5e-3,
        learning_rate=1e-3,
        epochs=20,
        most_steps=45,
        generations=8,
        turns_per_step=6,
        max_tokens=24,
        checkpoint_every=5,
    )


def before_rewards(make_reasoner: Made, corpus: Corpus, folder: Path, verifier: Path) -> LanguageReasoner:
    """Return the model as the cold start leaves it: the first step is not taken with a learning rate that moves it."""
    reasoner = make_reasoner()
    options = {"cold_start": 20, "cold_start_rate": 5e-3, "learning_rate": 1e-12, "most_steps": 1}
    fitted(reasoner, corpus, folder, verifier=str(verifier), max_tokens=24, turns_per_step=6, **options)
    return reasoner


@pytest.mark.slow  # trains for forty seconds of processor time
def test_the_reward_rises_and_explanations_agree_with_answers_more_by_a_judge_of_another_kind(
    make_reasoner: Made, make_corpus: MakeCorpus, verifier: Path, tmp_path: Path
) -> None:
    """The references explain another label in two of five cases; what is rewarded explains the answer."""
    corpus = make_corpus(30, honest=0.6)
    start, silent_before = consistency(before_rewards(make_reasoner, corpus, tmp_path / "before", verifier), corpus)
    reasoner = make_reasoner()
    card = trained_long(reasoner, corpus, tmp_path / "after", verifier)
    first, last = card["history"][0], card["history"][-1]
    assert last["reward"] > first["reward"] + 0.3
    assert last["explanation"] > first["explanation"] + 0.2
    assert last["format"] > 0.85
    assert start < 0.75
    after, silent_after = consistency(reasoner, corpus)
    assert after > start + 0.15
    assert silent_after < silent_before + 0.1, "it agrees because it says nothing"
    assert {"words", "emotive_sentences", "emotion_words", "kl", "ended"} <= last.keys()


@pytest.mark.slow
def test_rewards_that_are_dealt_anew_raise_nothing(
    make_reasoner: Made, make_corpus: MakeCorpus, verifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same training, but what a completion earns is what another one of all labels would have earned."""
    corpus = make_corpus(30, honest=0.6)
    start, _ = consistency(before_rewards(make_reasoner, corpus, tmp_path / "before", verifier), corpus)
    genuine = Rewards.of_one
    rng = np.random.default_rng(5)

    def dealt(self: Rewards, completion: str, label: str) -> Any:
        told = genuine(self, completion, label)
        anew = float(rng.random() * 3)
        return replace(told, format=anew, accuracy=0.0, explanation=told.explanation * 0)

    monkeypatch.setattr(Rewards, "of_one", dealt)
    reasoner = make_reasoner()
    trained_long(reasoner, corpus, tmp_path / "after", verifier)
    after, _ = consistency(reasoner, corpus)
    assert after < start + 0.15


class StoppedError(Exception):
    """A training was killed."""


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "at", "left"), [("learning reference completions", 2, 4), ("rewarding", 4, 2)])
def test_interrupted_it_goes_on_to_the_same_model_bit_for_bit(
    make_reasoner: Made, make_corpus: MakeCorpus, tmp_path: Path, stage: str, at: int, left: int
) -> None:
    corpus = make_corpus(12)
    whole = make_reasoner(hidden=16)
    card = fitted(whole, corpus, tmp_path / "whole", **FEW)
    seen = 0

    def stop(what: str, done: int, total: int | None) -> None:
        nonlocal seen
        seen += what == stage
        if seen == at and what == stage:
            raise StoppedError

    with pytest.raises(StoppedError):
        fitted(make_reasoner(hidden=16), corpus, tmp_path / "cut", progress=stop, **FEW)
    assert all(file.name.startswith(".") for file in (tmp_path / "cut").iterdir()), "training takes it for its own"
    told: list[str] = []
    again = make_reasoner(hidden=16, seed=3)
    resumed = fitted(again, corpus, tmp_path / "cut", progress=lambda what, *_: told.append(what), **FEW)
    assert resumed == card
    assert told.count("rewarding") == left, "steps since the last state are taken again, and no others"
    for one, other in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_state_that_is_damaged_is_told_and_training_begins_anew(
    make_reasoner: Made, make_corpus: MakeCorpus, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".training.pt").write_bytes(b"no state")
    card = fitted(make_reasoner(hidden=16), make_corpus(12), tmp_path / "out", **FEW)
    assert "of no use" in card["not_resumed"]
    assert not (tmp_path / "out" / ".training.pt").exists()


def test_the_verifier_is_made_of_the_units_that_are_rewarded_and_lies_in_the_checkpoint(
    make_reasoner: Made, make_corpus: MakeCorpus, tmp_path: Path
) -> None:
    corpus = make_corpus(12)
    card = fitted(make_reasoner(hidden=16), corpus, tmp_path / "out", **FEW)
    kept = load_verifier(tmp_path / "out" / "verifier")
    assert kept.digest == card["reward"]["verifier"]
    assert kept.card["trained_on"]["source"] == "reference rationales of corpus made"
    assert kept.card["trained_on"]["n_units"] == card["n_units"]["train"] == 8
    assert card["n_units"]["held_out"] == 4
    trained = unit_keys({"train": [turn.unit for turn in corpus.utterances]}, "sha256:7")["train"]
    assert len(set(card["units"]["train"]) & set(trained)) == 8
    [origin] = reward_origins(card)
    assert (origin.digest, origin.part) == (kept.digest, "reward of explanations")
    assert reward_origins({}) == ()
    assert card["versions"]["trl"].startswith("1.16")
    assert card["trainer"] == "grpo"
    assert len(card["cold_start"]) == 2


def test_held_out_units_are_those_of_supervised(make_reasoner: Made, make_corpus: MakeCorpus, tmp_path: Path) -> None:
    from affidavit.seeds import seed_of
    from affidavit.splits import split

    corpus = make_corpus(12)
    card = fitted(make_reasoner(hidden=16), corpus, tmp_path / "out", **FEW)
    names = sorted(turn.unit for turn in corpus.utterances)
    theirs = split(names, {"held_out": 0.3, "development": 0.1}, seed=seed_of(0, "split"))
    away = unit_keys({"held_out": list(theirs["held_out"])}, "sha256:7")["held_out"]
    assert not set(away) & set(card["units"]["train"])


def test_without_an_explanation_reward_no_verifier_is_needed(
    make_reasoner: Made, make_corpus: MakeCorpus, tmp_path: Path
) -> None:
    card = fitted(make_reasoner(hidden=16), make_corpus(12), tmp_path / "out", **{**FEW, "explanation": "none"})
    assert "reward" not in card
    assert not (tmp_path / "out" / "verifier").exists()
    assert {window["explanation"] for window in card["history"]} == {0.0}


def test_the_guarded_reward_is_asked_for_by_name(make_reasoner: Made, make_corpus: MakeCorpus, tmp_path: Path) -> None:
    card = fitted(make_reasoner(hidden=16), make_corpus(12), tmp_path / "out", **{**FEW, "explanation": "guarded"})
    assert card["reward"]["explanation"] == "guarded"


@pytest.mark.parametrize(
    ("change", "options", "error", "names"),
    [
        ({}, {"generations": 1}, PlanError, "generations"),
        ({}, {"verifier": "nowhere"}, CheckpointError, "nowhere"),
        ({"rationales": {}}, {}, PlanError, "no reference rationales"),
        ({"label": None}, {}, PlanError, "nobody in the corpus has a label"),
        ({"label": "boredom"}, {}, PlanError, "boredom"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name(
    make_reasoner: Made,
    make_corpus: MakeCorpus,
    tmp_path: Path,
    change: dict[str, Any],
    options: dict[str, Any],
    error: type[Exception],
    names: str,
) -> None:
    whole = make_corpus(12)
    corpus = replace(whole, utterances=tuple(replace(turn, **change) for turn in whole.utterances))
    with pytest.raises(error, match=names):
        fitted(make_reasoner(hidden=16), corpus, tmp_path / "out", **{**FEW, **options})


def test_labels_without_an_index_are_refused(make_reasoner: Made, make_corpus: MakeCorpus, tmp_path: Path) -> None:
    whole = make_corpus(12)
    told = {"joy": "boredom"}
    corpus = replace(
        whole,
        utterances=tuple(replace(turn, label=told.get(str(turn.label), turn.label)) for turn in whole.utterances),
        label_space=("anger", "fear", "boredom"),
    )
    with pytest.raises(RowError, match="boredom"):
        fitted(make_reasoner(hidden=16), corpus, tmp_path / "out", **FEW)
