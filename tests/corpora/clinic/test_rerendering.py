"""The clinic in another voice, with another face, in plainer words: one thing is other, and all else the same."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.digests import folder_digest
from affidavit.protocols import silent
from affidavit.rendering import CONCEPTS, Rendering, rendered, rendering_conditions
from affidavit.utterances import Utterance
from corpora.clinic.measures import measured
from corpora.clinic.options import ACCENTS
from corpora.clinic.phrases.neutral import LEADS
from corpora.clinic.rerendering import LEVELS

Load = Callable[..., Corpus]
FEW = 10


@pytest.fixture(scope="module")
def few(clinic: Load) -> Corpus:
    return clinic(n_utterances=FEW)


def bytes_of(utterance: Utterance) -> tuple[bytes | None, bytes | None]:
    audio, video = (span and span.path.read_bytes() for span in (utterance.audio, utterance.video))
    return audio, video


def pairs(corpus: Corpus, concept: str, level: str) -> list[tuple[Utterance, Utterance]]:
    other = rendered(corpus, concept, level, progress=silent)
    return list(zip(corpus.utterances, other.utterances, strict=True))


def pitch_of(utterance: Utterance) -> float:
    assert utterance.audio is not None
    return measured(soundfile.read(utterance.audio.path)[0]).pitch_st


def patients(both: list[tuple[Utterance, Utterance]]) -> list[tuple[Utterance, Utterance]]:
    return [(own, other) for own, other in both if own.speaker_role == "patient" and own.audio is not None]


def test_who_speaks_what_is_felt_and_what_is_known_stay(few: Corpus) -> None:
    for concept, level in (("voice-accent", "scottish"), ("face", "75 and over"), ("transcript", "neutral")):
        for own, other in pairs(few, concept, level):
            kept = ("utterance_id", "speaker_id", "unit_id", "dialogue_id", "turn", "label", "sensitive", "consent")
            assert all(getattr(own, name) == getattr(other, name) for name in kept)
            assert not other.cues
            assert not other.rationales


@pytest.mark.slow  # speaks and draws its own corpus
def test_a_voice_of_the_other_sex_has_another_pitch_and_says_the_same_words(few: Corpus) -> None:
    told = {level: patients(pairs(few, "voice-sex", level)) for level in ("female", "male")}
    for (own, high), (_, low) in zip(told["female"], told["male"], strict=True):
        assert pitch_of(high) > pitch_of(low) + 3  # semitones
        mine, another = (high, low) if own.sensitive["sex"] == "female" else (low, high)
        assert bytes_of(mine) == bytes_of(own)  # rendered as who they are, nothing is other
        assert bytes_of(another)[0] != bytes_of(own)[0]
        assert high.text == low.text == own.text
        assert high.video == low.video == own.video


def test_an_accent_and_an_age_change_the_sound_of_whoever_has_another(few: Corpus) -> None:
    for concept, feature, level in (("voice-accent", "accent", "scottish"), ("voice-age", "age", "75 and over")):
        changed = {
            own.sensitive[feature]: bytes_of(own)[0] != bytes_of(other)[0]
            for own, other in patients(pairs(few, concept, level))
            if feature in own.sensitive
        }
        assert any(changed.values())
        assert not changed.get(level, False)


def test_old_voices_speak_more_slowly(few: Corpus) -> None:
    for own, slow in patients(pairs(few, "voice-age", "75 and over")):
        assert own.audio is not None
        assert slow.audio is not None
        longer = soundfile.info(slow.audio.path).duration / soundfile.info(own.audio.path).duration
        assert longer > (1.05 if own.sensitive["age"] != "75 and over" else 0.99)


@pytest.mark.parametrize("level", ["male", "75 and over", "dark skin"])
def test_another_face_moves_as_the_own_one_and_the_sound_stays(few: Corpus, level: str) -> None:
    seen = [(own, other) for own, other in pairs(few, "face", level) if own.video is not None]
    assert seen
    assert any(bytes_of(own)[1] != bytes_of(other)[1] for own, other in seen)
    for own, other in seen:
        assert own.audio == other.audio
        assert level not in own.sensitive.values() or bytes_of(own) == bytes_of(other)


def test_emotional_words_become_plain_and_others_stay(words: Corpus) -> None:
    changed = 0
    for own, other in pairs(words, "transcript", "neutral"):
        moved = own.label not in (None, "neutral") and "text" in (own.evidence or ())
        assert moved == (own.text != other.text)
        changed += moved
        assert other.text
        quotes = [cue.quote for cue in own.cues if cue.modality == "text"] if moved else []
        assert not any(quote in other.text for quote in quotes)
        lead = next((lead for lead in LEADS if (own.text or "").startswith(f"{lead} ")), "")
        assert other.text.startswith(lead)
    assert changed > 200


def test_plain_words_speak_of_the_same_things(words: Corpus) -> None:
    """The tablets of a dialogue are the same tablets, the day is the same day."""
    both = pairs(words, "transcript", "neutral")
    days = ("Monday", "Tuesday", "Thursday", "Friday", "Saturday")
    for dialogue in sorted({own.dialogue_id or "" for own, _ in both})[:60]:
        of = [(own.text or "", other.text or "") for own, other in both if own.dialogue_id == dialogue]
        named = {day for texts in of for text in texts for day in days if day in text}
        assert len(named) <= 1


def test_clinicians_stay_as_they_are(few: Corpus) -> None:
    for own, other in pairs(few, "voice-accent", "scottish"):
        if own.speaker_role == "clinician":
            assert own.audio == other.audio


def test_the_same_rendering_has_the_same_bytes_and_another_one_another_key(
    few: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rendered(few, "voice-sex", "male", progress=silent)
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path))
    second = rendered(few, "voice-sex", "male", progress=silent)
    assert first.digest == second.digest != few.digest
    folders = [next(u.audio.path.parents[1] for u in c.utterances if u.audio and u.label) for c in (first, second)]
    assert folders[0] != folders[1]
    assert folder_digest(folders[0]) == folder_digest(folders[1])
    assert corpus_key(first) == corpus_key(second) != corpus_key(few)
    assert rendered(few, "transcript", "neutral", progress=silent).digest != first.digest


@pytest.mark.slow
def test_noise_of_the_room_goes_with_the_patient_and_not_with_the_voice(few: Corpus, clinic: Load) -> None:
    """An accent whose sound is degraded stays so in another accent; another one in that accent is not degraded."""
    noisy = clinic(faults={"accent_noise": {"american": 0.0}}, n_utterances=FEW)
    told = [patients(pairs(each, "voice-accent", "scottish")) for each in (noisy, few)]
    assert any(own.sensitive.get("accent") == "american" for own, _ in told[0])
    for (own, other), (_, plain) in zip(*told, strict=True):
        degraded = own.sensitive.get("accent") == "american"
        assert (bytes_of(other)[0] != bytes_of(plain)[0]) == degraded


def test_levels_are_those_of_the_clinic_and_can_be_named_in_a_plan(few: Corpus, clinic: Load) -> None:
    assert isinstance(few.rendering, Rendering)
    assert set(LEVELS) == set(CONCEPTS)
    assert few.rendering.levels["voice-accent"] == ACCENTS
    assert "TAV/voice-accent=southern-english" in rendering_conditions(few)
    assert rendering_conditions(few, "T") == ("T/transcript=neutral",)
    silent_clinic = clinic(n_utterances=FEW, media="none")
    assert rendering_conditions(silent_clinic) == ("TAV/transcript=neutral",)


def test_a_rendering_travels_to_another_process(few: Corpus) -> None:
    again = pickle.loads(pickle.dumps(few))
    assert rendered(again, "transcript", "neutral", progress=silent).utterances == tuple(
        other for _, other in pairs(few, "transcript", "neutral")
    )


def test_what_there_is_not_is_refused(few: Corpus) -> None:
    assert few.rendering is not None
    with pytest.raises(ValueError, match="cannot be rendered"):
        few.rendering.render("voice-accent", "martian", progress=silent)


def test_media_are_made_once(few: Corpus) -> None:
    rendered(few, "voice-sex", "female", progress=silent)
    told: list[str] = []
    rendered(few, "voice-sex", "female", progress=lambda what, done, total: told.append(what))
    assert not told


def test_a_rendered_voice_is_still_speech(few: Corpus) -> None:
    for _, other in patients(pairs(few, "voice-accent", "scottish")):
        assert other.audio is not None
        samples, rate = soundfile.read(other.audio.path)
        assert rate == 16_000
        assert np.abs(samples).max() > 0.05
