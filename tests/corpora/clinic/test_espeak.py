"""Return codes are checked: an unknown voice never speaks with the former one."""

from __future__ import annotations

import pytest

from affidavit.errors import MediaError
from corpora.clinic.espeak import SAMPLE_RATE, Espeak, espeak
from corpora.clinic.forks import from_a_small_process
from corpora.clinic.voices import VARIANTS, VOICES

TEXT = "They did the scan on Friday."


@pytest.fixture(scope="module")
def engine() -> Espeak:
    return espeak()


@pytest.mark.parametrize("name", ["en-gb", "nowhere", "en-us+nobody", ""])
def test_an_unknown_voice_or_variant_is_an_error(engine: Espeak, name: str) -> None:
    engine.set_voice("en-us+f3")
    with pytest.raises(MediaError, match="no such voice"):
        engine.set_voice(name)


def test_every_voice_of_the_clinic_exists(engine: Espeak) -> None:
    for voice in VOICES.values():
        for variant in (*VARIANTS["female"], *VARIANTS["male"]):
            engine.set_voice(f"{voice}+{variant}")


@pytest.mark.parametrize(("rate", "pitch", "pitch_range"), [(10, 50, 50), (170, 120, 50), (170, 50, -1)])
def test_parameters_out_of_range_are_refused(engine: Espeak, rate: int, pitch: int, pitch_range: int) -> None:
    with pytest.raises(MediaError, match="outside"):
        engine.speak(TEXT, rate=rate, pitch=pitch, pitch_range=pitch_range)


def test_silence_is_an_error(engine: Espeak) -> None:
    with pytest.raises(MediaError, match="did not speak"):
        engine.speak("", rate=170, pitch=50, pitch_range=50)


def test_words_come_with_their_seconds(engine: Espeak) -> None:
    engine.set_voice("en-us+m3")
    spoken = engine.speak(TEXT, rate=170, pitch=50, pitch_range=50)
    assert [TEXT[word.start : word.end] for word in spoken.words][-1].startswith("Friday")
    starts = [word.start_s for word in spoken.words]
    assert starts == sorted(starts)
    assert starts[-1] < len(spoken.samples) / SAMPLE_RATE


@pytest.mark.parametrize("variant", ["f2", "m1"])  # f2 breathes: without a seed its noise starts with the clock
def test_a_seeded_fork_gives_the_same_samples(engine: Espeak, variant: str) -> None:
    def said(seed: int) -> bytes:
        engine.draw_from(seed)
        engine.set_voice(f"en-us+{variant}")
        return engine.speak(TEXT, rate=170, pitch=50, pitch_range=50).samples.tobytes()

    with from_a_small_process(said) as say:
        first, second = (say(5, "a test") for _ in range(2))
        assert first == second
        assert (say(6, "a test") == first) == (variant == "m1")
