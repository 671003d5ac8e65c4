"""Sound leaves as the bytes of a WAV of the span alone; its envelope holds every peak; frames have their times."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from affidavit.errors import MediaError
from affidavit.media.sound import Sound
from affidavit.utterances import MediaSpan
from dashboards.media.marks import Verdict
from dashboards.media.playing import LONGEST_S, RATE_HZ, envelope_of, pictures_of, sound_of, wav_of
from dashboards.media.timeline import Mark
from dashboards.media.wave_chart import EVIDENCE, wave_chart

soundfile = pytest.importorskip("soundfile")
av = pytest.importorskip("av")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Three seconds: silence, a loud tone, silence."""
    tone = 0.8 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)
    silence = np.zeros(RATE_HZ)
    soundfile.write(tmp_path / "clip.wav", np.concatenate([silence, tone, silence]), RATE_HZ)
    return tmp_path / "clip.wav"


def test_the_span_alone_leaves(clip: Path) -> None:
    sound = sound_of(MediaSpan(path=clip, start_s=1.0, end_s=1.5))
    with wave.open(io.BytesIO(wav_of(sound))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE_HZ)
        assert file.getnframes() == RATE_HZ // 2
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32_767
    assert np.allclose(samples, sound.samples, atol=1e-4)
    assert np.abs(samples).max() == pytest.approx(0.8, abs=0.01)


def test_full_scale_does_not_wrap() -> None:
    loud = Sound(samples=np.array([1.0, -1.0], dtype=np.float32), sample_rate=8_000)
    with wave.open(io.BytesIO(wav_of(loud))) as file:
        assert np.frombuffer(file.readframes(2), dtype="<i2").tolist() == [32_767, -32_767]


def test_an_envelope_holds_every_peak(clip: Path) -> None:
    sound = sound_of(MediaSpan(path=clip))
    pieces = envelope_of(sound, pieces=30)
    assert len(pieces) == 30
    assert pieces[0].start_s == 0
    assert pieces[-1].end_s == pytest.approx(sound.duration_s)
    assert max(piece.high for piece in pieces) == float(sound.samples.max())
    assert min(piece.low for piece in pieces) == float(sound.samples.min())
    assert all(piece.high == 0 for piece in pieces[:9]), "nothing is heard in the first second"
    short = Sound(samples=np.ones(3, dtype=np.float32), sample_rate=8_000)
    assert len(envelope_of(short)) == 3


def test_what_is_too_long_or_not_there_is_told(tmp_path: Path, clip: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros(int((LONGEST_S + 1) * 4_000)), 4_000)
    for path in (tmp_path / "long.wav", tmp_path / "none.wav"):
        with pytest.raises(MediaError):
            sound_of(MediaSpan(path=path))
    with pytest.raises(MediaError):
        pictures_of(MediaSpan(path=clip))


def test_frames_have_their_times(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "film.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=10)
        stream.width = stream.height = 32
        for shade in np.linspace(0, 255, 20).astype(np.uint8):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((32, 32, 3), shade, np.uint8), format="rgb24")))
        out.mux(stream.encode())
    frames = pictures_of(MediaSpan(path=tmp_path / "film.mkv"), n_frames=4)
    assert [frame.at_s for frame in frames] == pytest.approx([0.2, 0.7, 1.2, 1.7], abs=0.11)
    shades = [int(frame.pixels.mean()) for frame in frames]
    assert shades == sorted(shades)
    assert shades[0] < 80 < 180 < shades[-1]


def test_cues_stand_below_the_wave_in_their_seconds(clip: Path) -> None:
    marks = [
        Mark(modality="audio", quote="low voice", start_s=0.5, end_s=1.5, verdict=Verdict.CONTRADICTED),
        Mark(modality="video", quote="AU4", start_s=0.0, end_s=1.0, verdict=None),
        Mark(modality="text", quote="no seconds", start_s=None, end_s=None, verdict=Verdict.SUPPORTED),
    ]
    drawn = wave_chart(envelope_of(sound_of(MediaSpan(path=clip))), marks).to_json(ensure_ascii=False)
    assert "✗ contradicted: low voice (audio)" in drawn
    assert f"{EVIDENCE}: AU4 (video)" in drawn
    assert "no seconds" not in drawn
    alone = wave_chart((), marks).to_dict()
    assert len(alone["vconcat"]) == 1


@pytest.mark.parametrize(
    ("start", "end", "over"), [(0.0, 1.0, True), (1.0, 2.0, True), (1.5, 2.0, False), (0.0, 0.5, False)]
)
def test_a_cue_is_over_a_frame_while_it_lasts(start: float, end: float, over: bool) -> None:
    mark = Mark(modality="video", quote="x", start_s=0.5, end_s=1.5, verdict=None)
    assert mark.over(start, end) is over
    assert not Mark(modality="video", quote="x", start_s=None, end_s=None, verdict=None).over(start, end)
