"""Sound and pictures: the same bytes each time, made once, taken up where a killed process left them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from affidavit.corpus import Corpus
from affidavit.digests import folder_digest
from affidavit.errors import MediaError, MissingPartError
from affidavit.protocols import silent
from corpora.clinic import parts, studio
from corpora.clinic.faults import scripts
from corpora.clinic.jobs import FilmJob, SpeechJob, from_json, to_json
from corpora.clinic.loader import LOADER
from corpora.clinic.measures import measured
from corpora.clinic.options import ClinicOptions
from corpora.clinic.performance import performance
from corpora.clinic.sound import SAMPLE_RATE

Load = Callable[..., Corpus]
FEW = 12


def folder_of(corpus: Corpus) -> Path:
    return next(utterance.audio.path.parents[1] for utterance in corpus.utterances if utterance.audio)


def contents(corpus: Corpus) -> list[Any]:
    """What an utterance is, without where its files are."""
    return [
        (u.utterance_id, u.text, u.label, u.intensity, u.rationales, u.cues, u.evidence, dict(u.sensitive))
        for u in corpus.utterances
    ]


def loaded(cache: Path, patch: pytest.MonkeyPatch, **options: Any) -> Corpus:
    patch.setenv("AFFIDAVIT_CACHE", str(cache))
    return LOADER.load(options, folder=Path(), progress=silent)


@pytest.mark.slow  # speaks and draws its own corpus
def test_the_same_options_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = loaded(tmp_path / "a", monkeypatch, n_utterances=FEW, workers=2)
    second = loaded(tmp_path / "b", monkeypatch, n_utterances=FEW, workers=1)
    assert first.digest == second.digest
    assert contents(first) == contents(second)
    assert folder_of(first) != folder_of(second)
    assert folder_digest(folder_of(first)) == folder_digest(folder_of(second))
    other = loaded(tmp_path / "a", monkeypatch, n_utterances=FEW, seed=1)
    assert other.digest != first.digest
    assert contents(other) != contents(first)
    assert folder_of(other) != folder_of(first)


def test_sound_and_pictures_are_there_where_agreed_to_and_nowhere_else(small: Corpus, clinic: Load) -> None:
    folder = folder_of(small)
    for utterance in small.utterances:
        assert (utterance.audio is not None) == utterance.consent["audio"]
        assert (utterance.video is not None) == (utterance.consent["video"] and utterance.speaker_role == "patient")
    spans = [span for u in small.utterances for span in (u.audio, u.video) if span is not None]
    made = {path for path in folder.rglob("*") if path.is_file()}
    assert made == {span.path for span in spans} | {folder / "notes.json"}


def test_who_declines_is_not_recorded(clinic: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpora.clinic.people.DECLINES_VIDEO", 0.6)
    monkeypatch.setattr("corpora.clinic.people.DECLINES_AUDIO", 0.6)
    corpus = clinic(n_utterances=FEW)
    declined = {m: [u for u in corpus.utterances if u.label and not u.consent[m]] for m in ("audio", "video")}
    assert all(declined.values())
    for modality, utterances in declined.items():
        for utterance in utterances:
            assert getattr(utterance, modality) is None
            assert utterance.evidence is not None
            assert modality not in utterance.evidence
            assert not any(cue.modality == modality for cue in utterance.cues)
            folder, suffix = folder_of(corpus) / modality, {"audio": "flac", "video": "mkv"}[modality]
            assert not (folder / f"{utterance.utterance_id}.{suffix}").exists()


def test_a_clip_is_sixteen_kilohertz_mono(small: Corpus) -> None:
    for utterance in list(small.utterances)[:10]:
        assert utterance.audio is not None
        about = soundfile.info(utterance.audio.path)
        assert (about.samplerate, about.channels, about.format) == (SAMPLE_RATE, 1, "FLAC")
        assert 0.5 < about.duration < 15


def test_a_finished_corpus_is_not_made_again(small: Corpus, clinic: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("something was made again")

    monkeypatch.setattr(studio, "_work", refuse)
    assert contents(clinic(n_utterances=len(small.utterances))) == contents(small)


@pytest.mark.slow  # speaks and draws its own corpus
def test_a_lost_clip_is_made_again_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = loaded(tmp_path, monkeypatch, n_utterances=FEW)
    before = folder_digest(folder_of(corpus))
    lost = corpus.utterances[3].audio
    assert lost is not None
    lost.path.unlink()
    told: list[tuple[str, int, int | None]] = []
    LOADER.load({"n_utterances": FEW}, folder=Path(), progress=lambda *said: told.append(said))
    assert told == [("speaking", told[0][1], told[0][2]), ("speaking", told[0][1] + 1, told[0][2])]
    assert folder_digest(folder_of(corpus)) == before
    (folder_of(corpus) / "notes.json").write_text("{")  # as good as none
    again = loaded(tmp_path, monkeypatch, n_utterances=FEW)
    assert contents(again) == contents(corpus)
    assert folder_digest(folder_of(again)) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from corpora.clinic.loader import LOADER
def progress(what, done, total):
    if done >= 10:
        os.kill(os.getpid(), signal.SIGKILL)
LOADER.load({"n_utterances": 24}, folder=Path(), progress=progress)
"""


@pytest.mark.slow  # speaks and draws its own corpus
def test_a_killed_generation_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {**os.environ, "AFFIDAVIT_CACHE": str(tmp_path / "killed")}
    ended = subprocess.run([sys.executable, "-c", KILLED], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    told: list[tuple[str, int, int | None]] = []
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "killed"))
    resumed = LOADER.load({"n_utterances": 24}, folder=Path(), progress=lambda *said: told.append(said))
    assert told[0][0] == "speaking"
    assert told[0][1] >= 10
    whole = loaded(tmp_path / "whole", monkeypatch, n_utterances=24)
    assert contents(resumed) == contents(whole)
    for utterance, same in zip(resumed.utterances, whole.utterances, strict=True):
        for ours, theirs in ((utterance.audio, same.audio), (utterance.video, same.video)):
            assert (ours is None) == (theirs is None)
            assert ours is None or theirs is None or ours.path.read_bytes() == theirs.path.read_bytes()


def test_a_process_that_fails_is_an_error_with_its_words(tmp_path: Path) -> None:
    options = ClinicOptions(n_utterances=4)
    job = performance(scripts(options)[0], options).speech
    assert job is not None
    broken = [SpeechJob(**{**{n: getattr(job, n) for n in SpeechJob.__slots__}, "voice": "en-gb"})]
    with pytest.raises(MediaError, match=r"(?s)status 1.*no such voice|no such voice"):
        studio.make(broken, tmp_path, workers=1, progress=silent)


def test_a_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "NEEDED", ("no_such_package",))
    with pytest.raises(MissingPartError, match=r"affidavit\[media\]"):
        loaded(tmp_path, monkeypatch, n_utterances=4)
    assert parts.part("json").__name__ == "json"


def test_a_cache_that_is_off_lives_as_long_as_the_process() -> None:
    code = (
        "from pathlib import Path; from corpora.clinic.studio import cache_root as r; a = r(); assert a == r();"
        "assert a.is_dir(); print(a)"
    )
    environment = {**os.environ, "AFFIDAVIT_CACHE": "off"}
    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert said.stderr == ""
    assert not Path(said.stdout.strip()).exists()


def test_jobs_cross_to_another_process_whole() -> None:
    options = ClinicOptions(n_utterances=60)
    made = [performance(turn, options) for turn in scripts(options)]
    jobs = [job for performed in made for job in (performed.speech, performed.film) if job is not None]
    assert {type(job) for job in jobs} == {SpeechJob, FilmJob}
    assert [from_json(to_json(job)) for job in jobs] == jobs


def test_a_voice_with_evidence_is_measurably_moved(small: Corpus) -> None:
    notes = studio._kept(folder_of(small))
    changes: dict[str, list[Mapping[str, float]]] = {}
    for utterance in small.utterances:
        note = notes.get(utterance.utterance_id)
        moved = utterance.evidence is not None and "audio" in utterance.evidence and utterance.label != "neutral"
        if note is not None:
            assert (note["change"] is not None) == moved
            if moved and utterance.label:
                changes.setdefault(utterance.label, []).append(note["change"])
    middle = {
        label: {name: float(np.median([change[name] for change in some])) for name in some[0]}
        for label, some in changes.items()
    }
    assert middle["fear"]["pitch_st"] > 2
    assert middle["fear"]["rate_ratio"] > 0.1
    assert middle["anger"]["level_db"] > 3
    assert middle["sadness"]["pitch_st"] < -1
    assert middle["sadness"]["rate_ratio"] < -0.1
    assert middle["joy"]["pitch_st"] > 2
    assert middle["disgust"]["creak"] > 0.3


def test_voices_without_evidence_have_one_level(small: Corpus) -> None:
    for utterance in small.utterances:
        if utterance.audio is not None and (utterance.evidence is None or "audio" not in utterance.evidence):
            samples, _ = soundfile.read(utterance.audio.path)
            assert measured(samples).level_db == pytest.approx(-24.4, abs=0.3)
