"""Whoever was measured a while ago is not measured again, unless a file, the consent or the model's senses changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.protocols import silent
from affidavit.utterances import Utterance
from reasoners.instructed import inputs
from reasoners.instructed.inputs import Perceived, Senses, perceive, perceive_again, senses_of
from reasoners.instructed.recent import Recent
from reasoners.instructed.sizes import SIZES

SENSES = senses_of(SIZES["tiny"])


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who is measured, in order, from an empty memory on."""
    asked: list[str] = []
    measure = inputs._perceived

    def counted(job: inputs._Job) -> tuple[Perceived, ...]:
        asked.append(job.utterance.utterance_id)
        return measure(job)

    monkeypatch.setattr(inputs, "RECENT", Recent[Perceived]())
    monkeypatch.setattr(inputs, "_perceived", counted)
    return asked


@pytest.fixture
def turns(make_corpus: Callable[..., Corpus]) -> list[Utterance]:
    return [turn for turn in make_corpus(1).utterances if turn.audio is not None and turn.video is not None]


def perceived(turns: list[Utterance], senses: Senses = SENSES) -> list[Perceived]:
    return list(perceive(turns, senses, progress=silent))


def test_the_same_turns_are_measured_once_and_are_the_same(measured: list[str], turns: list[Utterance]) -> None:
    first = perceived(turns[:3])
    again = perceived(turns)

    assert measured == [turn.utterance_id for turn in turns], "three at first, then the others"
    assert [one.utterance_id for one in again] == [turn.utterance_id for turn in turns], "in order"
    assert all(one is other for one, other in zip(first, again, strict=False))


def test_what_is_kept_is_what_would_be_measured(
    measured: list[str], turns: list[Utterance], monkeypatch: pytest.MonkeyPatch
) -> None:
    perceived(turns)
    kept = perceived(turns)
    monkeypatch.setattr(inputs, "RECENT", Recent[Perceived]())
    for one, other in zip(kept, perceived(turns), strict=True):
        assert (one.text, one.refused) == (other.text, other.refused)
        for name in ("mel", "functionals", "frames"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
    assert len(measured) == 2 * len(turns)


def test_judging_finds_what_training_measured_but_for_degraded_inputs(
    measured: list[str], turns: list[Utterance]
) -> None:
    perceived(turns)
    list(perceive_again(turns, SENSES, conditions=(), progress=silent))
    assert len(measured) == len(turns)
    noisy = list(perceive_again(turns, SENSES, conditions=("TAV/noise=0dB",), progress=silent))
    assert len(measured) == 2 * len(turns)
    assert all(len(one) == 2 for one in noisy)


def test_a_changed_file_consent_text_or_model_is_measured_anew(measured: list[str], turns: list[Utterance]) -> None:
    turn = turns[0]
    perceived([turn])
    assert turn.audio is not None
    told = turn.audio.path.stat()
    os.utime(turn.audio.path, ns=(told.st_atime_ns, told.st_mtime_ns + 1))
    perceived([turn])
    perceived([replace(turn, text="other words")])
    perceived([turn], replace(SENSES, n_frames=2))
    (mute,) = perceived([replace(turn, consent={**turn.consent, "audio": False})])
    assert mute.mel is None
    assert len(measured) == 5


def test_who_was_refused_is_asked_again(measured: list[str], turns: list[Utterance]) -> None:
    mute = replace(turns[0], consent={**turns[0].consent, "audio": False})
    perceived([mute])
    perceived([mute])
    assert len(measured) == 2


def test_the_oldest_goes_first_and_nothing_outgrows_its_bound() -> None:
    recent = Recent[str](most=10)
    for key in "abc":
        recent.keep(key, key.upper(), size=4)
    assert [recent.get(key) for key in "abc"] == [None, "B", "C"]
    recent.get("b")
    recent.keep("d", "D", size=4)
    assert [recent.get(key) for key in "bcd"] == ["B", None, "D"], "who was asked for last stays"
    recent.keep("b", "twice", size=2)
    recent.keep("e", "E", size=4)
    assert len(recent) == 3
    recent.keep("f", "too large", size=11)
    recent.keep("e", "too large now", size=11)
    assert [recent.get(key) for key in "bdef"] == ["twice", "D", None, None]
    recent.keep("g", "G", size=4)
    assert len(recent) == 3, "what was replaced no longer counts"
