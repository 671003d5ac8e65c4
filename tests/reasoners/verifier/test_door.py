"""The verifier behind its door: a reasoner of words, and, opened, a reader of rationales with a digest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import CheckpointError, PlanError, RowError
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Reasoner, silent
from affidavit.testing import ReasonerContract
from affidavit.utterances import Utterance
from reasoners.verifier.config import FittingOptions
from reasoners.verifier.door import REASONER
from reasoners.verifier.examples import read_sentences
from reasoners.verifier.training import trained_verifier
from tests.reasoners.verifier.conftest import CUES, write_table

LABELS = ("anger", "joy", "sadness")


def spoken_corpus(n: int = 12) -> Corpus:
    turns = [
        Utterance(
            utterance_id=f"u{i}",
            speaker_id=f"p{i % 4}",
            text=CUES[LABELS[i % 3]][i % 4] + ".",
            label=LABELS[i % 3],
            sensitive={"town": ("north", "south")[i % 2]},
        )
        for i in range(n)
    ]
    return Corpus(name="said", utterances=tuple(turns), digest="sha256:0", licence="none", label_space=LABELS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("door")
    sentences = read_sentences(write_table(place / "t.csv"), licence="CC0-1.0")
    trained_verifier(sentences, FittingOptions(epochs=10, least_steps=150, folds=2), folder=place / "v")
    return place


def judged(folder: Path, corpus: Corpus | None, **reading: Any) -> Predictions:
    rng = np.random.default_rng(0)
    options = {"path": "v"}
    return REASONER.judge(
        corpus, options, reading=Reading(run="run", folder=folder, **reading), rng=rng, progress=silent
    )


class TestContract(ReasonerContract):
    reasoner: ClassVar[Reasoner] = REASONER

    @pytest.fixture(autouse=True)
    def _given(self, folder: Path) -> None:
        type(self).options = {"path": str(folder / "v")}

    def make_corpus(self) -> Corpus:
        return spoken_corpus()


def test_it_judges_the_words_and_says_whose_weights_it_has(folder: Path) -> None:
    corpus = spoken_corpus()
    found = judged(folder, corpus, by=("town",))
    rows = found.side_tables["judgements"].to_pylist()
    right = [row["y_pred"] == corpus.utterances[i].label for i, row in enumerate(rows)]
    assert sum(right) >= 11
    assert sum(rows[0][f"prob_{label}"] for label in LABELS) == pytest.approx(1)
    [model] = found.models
    assert model.digest == REASONER.opened({"path": "v"}, reading=Reading(run="run", folder=folder)).digest
    assert model.licence == "CC0-1.0"
    assert model.source == "trained on table t.csv"


def test_a_turn_without_words_is_counted_and_not_guessed(folder: Path) -> None:
    corpus = spoken_corpus()
    silent_turn = replace(corpus.utterances[0], text="...")
    found = judged(folder, replace(corpus, utterances=(silent_turn, *corpus.utterances[1:])))
    [row] = found.side_tables["unjudged"].to_pylist()
    assert row["utterance_id"] == "u0"
    assert found.n_rows == 11


def test_labels_that_it_cannot_tell_apart_or_does_not_have_are_said(folder: Path) -> None:
    corpus = spoken_corpus()
    found = judged(folder, corpus, label_space=("anger", "joy", "happiness", "contempt", "sadness"))
    assert "not told apart: joy and happiness" in found.assumptions
    assert "read by the index of another emotion: contempt (disapproval)" in found.assumptions
    with pytest.raises(RowError, match="boredom"):
        judged(folder, replace(corpus, label_space=("joy", "boredom")))
    with pytest.raises(PlanError, match="nothing to judge"):
        judged(folder, None)


def test_options_stand_for_the_verifier_by_content(folder: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(folder / "v", tmp_path / "elsewhere")
    here = REASONER.options_digest({"path": "v"}, folder)
    assert here == REASONER.options_digest({"path": "elsewhere"}, tmp_path)
    assert str(folder) not in str(here)
    with pytest.raises(CheckpointError):
        REASONER.options_digest({"path": "nowhere"}, folder)


def test_opened_it_reads_rationales(folder: Path) -> None:
    opened: Any = REASONER.opened({"path": "v"}, reading=Reading(run="run", folder=folder))
    reads: Callable[..., list[str | None]] = opened.concluded
    assert reads(["he bangs on the door.", "she claps both hands.", None], LABELS) == ["anger", "joy", None]
    assert opened.name.startswith("verifier ")
