"""What the benchmark of conditions compares, and that a difference would show."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

import affidavit as af
from affidavit.corpus import Corpus
from affidavit.predictions import Predictions
from affidavit.utterances import Judgement, Utterance

SCRIPT = Path(__file__).resolve().parents[2] / "bench" / "conditions.py"


@pytest.fixture(scope="module")
def conditions() -> ModuleType:
    spec = importlib.util.spec_from_file_location("conditions", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["conditions"] = module
    spec.loader.exec_module(module)
    return module


def judged(*names: str, wrong: str = "") -> Predictions:
    """Return judgements of one utterance; under the condition `wrong` they differ."""
    utterance = Utterance(
        utterance_id="u",
        text="fine",
        audio=af.MediaSpan(path=Path("a.wav")),
        video=af.MediaSpan(path=Path("a.mp4")),
        label="joy",
    )
    corpus = Corpus(name="one", utterances=(utterance,), digest="sha256:0", licence="none", label_space=("joy", "fear"))
    letters = {"text": "T", "audio": "A", "video": "V"}

    def predict(_: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        under = "".join(letters[name] for name in modalities)
        return Judgement(label="fear" if under == wrong else "joy", rationale="one two three")

    return af.judge(predict, corpus, conditions=names)


def test_agreement_is_of_every_answer(conditions: ModuleType) -> None:
    together = judged(*conditions.ALL)
    assert conditions.agreement(together, [judged(name) for name in conditions.ALL]) == 1.0
    apart = [judged(name, wrong="TA") for name in conditions.ALL]
    assert conditions.agreement(together, apart) == pytest.approx(6 / 7)


def test_words_of_rationales_are_counted(conditions: ModuleType) -> None:
    assert conditions.words_of(judged("TAV")) == 3.0


def test_ways_are_timed_in_turn(conditions: ModuleType) -> None:
    order = []

    def way(name: str) -> Predictions:
        order.append(name)
        return judged("TAV")

    taken = conditions.timed({"a": lambda: way("a"), "b": lambda: way("b")}, 3)
    assert order == ["a", "b"] * 3
    assert all(len(one.seconds) == 3 and one.said is not None for one in taken.values())


def test_a_cache_is_empty_and_the_former_comes_back(conditions: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", "/somewhere")
    with conditions._empty_cache() as folder:
        assert conditions.os.environ["AFFIDAVIT_CACHE"] == str(folder)
        assert list(folder.iterdir()) == []
    assert conditions.os.environ["AFFIDAVIT_CACHE"] == "/somewhere"
    assert not folder.exists()
