"""Corpora are loaded once, in order, while nobody waits; what is wrong with one reaches whoever asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from affidavit import registry
from affidavit.corpora_ahead import loaded_ahead
from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.plan import Choice
from affidavit.protocols import Progress, silent
from affidavit.registry import Door, register
from affidavit.utterances import Utterance
from affidavit.withdrawals import ENVIRONMENT, withdrawals

PATIENCE_S = 30


class Told:
    """A loader that notes what it is asked for, and can be held up."""

    name = "told"

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.slow_begun, self.may_go_on, self.stopped, self.all_loaded = Event(), Event(), Event(), Event()

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        called = str(options["called"])
        self.begun.append(called)
        if called == "broken":
            raise PlanError("this corpus is broken", slug="plan-invalid", remedy="mend it")
        if called == "slow":
            self.slow_begun.set()
            try:
                for step in range(1000):
                    progress("reading", step, None)
                    if self.may_go_on.wait(0.01):
                        break
            except BaseException:
                self.stopped.set()
                raise
        if called == "last":
            self.all_loaded.set()
        spoken = tuple(
            Utterance(utterance_id=f"u{i}", speaker_id=speaker, text="yes")
            for i, speaker in enumerate((f"speaker of {called}", "somebody else"))
        )
        return Corpus(name="told", utterances=spoken, digest="sha256:0", licence="none", label_space=("joy",))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    loader = Told()
    register(Door.CORPORA, loader.name, loader)
    yield loader
    loader.may_go_on.set()


def choices(*called: str) -> list[Choice]:
    return [Choice(name="told", options={"called": name}) for name in called]


def who(corpus: Corpus) -> str:
    return corpus.utterances[0].speaker_id


def test_each_is_loaded_once_in_order_without_being_asked_for(told: Told) -> None:
    wanted = choices("first", "second", "first", "last")
    with loaded_ahead(wanted, Path()) as corpora:
        assert told.all_loaded.wait(PATIENCE_S)
        assert [who(corpora(choice, silent)) for choice in reversed(wanted)] == [
            f"speaker of {name}" for name in ("last", "first", "second", "first")
        ]
    assert told.begun == ["first", "second", "last"]


def test_one_corpus_alone_is_loaded_when_it_is_asked_for(told: Told) -> None:
    (only,) = choices("only")
    with loaded_ahead([only, only], Path()) as corpora:
        assert told.begun == []
        assert who(corpora(only, silent)) == "speaker of only"


def test_a_broken_one_is_told_to_whoever_asks_for_it(told: Told) -> None:
    broken, last = wanted = choices("broken", "last")
    with loaded_ahead(wanted, Path()) as corpora:
        assert who(corpora(last, silent)) == "speaker of last"
        with pytest.raises(PlanError, match="this corpus is broken"):
            corpora(broken, silent)


def test_progress_is_heard_while_somebody_waits(told: Told) -> None:
    slow, _ = wanted = choices("slow", "last")
    heard = []

    def progress(what: str, done: int, total: int | None) -> None:
        heard.append(what)
        told.may_go_on.set()

    with loaded_ahead(wanted, Path()) as corpora:
        corpora(slow, progress)
    assert heard[0] == "reading"


def test_loading_ends_with_the_block(told: Told) -> None:
    first, *_ = wanted = choices("first", "slow", "last")
    with loaded_ahead(wanted, Path()) as corpora:
        corpora(first, silent)
        assert told.slow_begun.wait(PATIENCE_S)
    assert told.stopped.wait(PATIENCE_S)
    assert not told.all_loaded.is_set()


def test_who_withdraws_after_the_loading_is_left_out(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    first, last = wanted = choices("first", "last")
    with loaded_ahead(wanted, Path()) as corpora:
        assert told.all_loaded.wait(PATIENCE_S)
        withdrawals().add("speaker of last")
        assert len(corpora(first, silent).utterances) == 2
        assert who(corpora(last, silent)) == "somebody else"
