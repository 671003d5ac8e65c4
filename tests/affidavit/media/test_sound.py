"""Sound comes in at one rate, mono, from the seconds asked for; what cannot be used is refused by name."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.errors import MediaError, MissingPartError
from affidavit.media import parts
from affidavit.media.sound import Sound, read_sound
from affidavit.utterances import MediaSpan

soundfile = pytest.importorskip("soundfile")
av = pytest.importorskip("av")

RATE = 16_000


def tone(seconds: float, *, hz: float = 440.0, rate: int = RATE, amplitude: float = 0.5) -> NDArray[np.float32]:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def sweep(seconds: float, *, rate: int = RATE) -> NDArray[np.float32]:
    """A tone that rises, so that each moment differs from every other."""
    t = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (200 * t + 150 * t**2))).astype(np.float32)


def written(path: Path, samples: NDArray[np.float32], rate: int = RATE, subtype: str | None = None) -> Path:
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def with_ffmpeg(path: Path, samples: NDArray[np.float32], *, rate: int, codec: str, starts_s: float = 0.0) -> Path:
    """Write channels [channels, samples] as an audio track, and a video track from 0 where the sound starts later."""
    with av.open(path, "w") as container:
        audio = container.add_stream(codec, rate=rate, layout="stereo" if len(samples) == 2 else "mono")
        video = container.add_stream("mpeg4", rate=25, width=32, height=32, pix_fmt="yuv420p") if starts_s else None
        if video is not None:
            for i in range(50):
                picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), i, dtype=np.uint8), format="rgb24")
                container.mux(video.encode(picture))
            container.mux(video.encode(None))
        audio.codec_context.time_base = Fraction(1, rate)
        layout = "stereo" if len(samples) == 2 else "mono"
        resampler = av.AudioResampler(
            format=audio.codec_context.format,
            layout=layout,
            rate=rate,
            frame_size=audio.codec_context.frame_size or 1024,
        )
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, round(starts_s * rate), Fraction(1, rate)
        for piece in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(audio.encode(piece))
    return path


def refused(span: MediaSpan, **asked: float) -> str:
    with pytest.raises(MediaError) as caught:
        read_sound(span, **asked)  # type: ignore[arg-type]
    assert caught.value.slug == "media-unreadable"
    assert span.path.name in str(caught.value)
    assert caught.value.remedy
    return str(caught.value)


def test_a_file_comes_in_as_it_was_written(tmp_path: Path) -> None:
    samples = sweep(1.0)
    sound = read_sound(MediaSpan(path=written(tmp_path / "a.wav", samples, subtype="FLOAT")))
    assert sound.samples.dtype == np.float32
    assert sound.sample_rate == RATE
    assert sound.duration_s == pytest.approx(1.0)
    np.testing.assert_array_equal(sound.samples, samples)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = tone(0.5), tone(0.5, hz=1000)
    path = written(tmp_path / "a.wav", np.stack([left, right], axis=1), subtype="FLOAT")
    np.testing.assert_allclose(read_sound(MediaSpan(path=path)).samples, (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_another_rate_is_brought_to_the_one_asked_for(tmp_path: Path, rate: int) -> None:
    path = written(tmp_path / "a.wav", tone(1.0, rate=rate), rate, subtype="FLOAT")
    sound = read_sound(MediaSpan(path=path))
    assert len(sound.samples) == RATE
    inner = slice(RATE // 10, -RATE // 10)
    np.testing.assert_allclose(sound.samples[inner], tone(1.0)[inner], atol=2e-3)


def test_a_span_gives_its_own_seconds_and_no_more(tmp_path: Path) -> None:
    samples = sweep(2.0)
    path = written(tmp_path / "a.flac", samples, subtype="PCM_24")
    sound = read_sound(MediaSpan(path=path, start_s=0.5, end_s=1.25))
    np.testing.assert_allclose(sound.samples, samples[8_000:20_000], atol=1e-6)
    late = read_sound(MediaSpan(path=path, start_s=1.5, end_s=9.0))
    np.testing.assert_allclose(late.samples, samples[24_000:], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "aac"), ("a.flv", "aac"), ("a.mkv", "pcm_s16le"), ("a.m4a", "aac")]
)
def test_audio_tracks_of_videos_are_read_on_time(tmp_path: Path, name: str, codec: str) -> None:
    samples = sweep(2.0, rate=44_100)
    path = with_ffmpeg(tmp_path / name, samples[None, :], rate=44_100, codec=codec)
    whole = read_sound(MediaSpan(path=path)).samples
    expected = sweep(2.0)
    shift = int(np.argmax(np.correlate(whole[:RATE], expected[4_000:12_000], mode="valid"))) - 4_000
    assert abs(shift) <= RATE * 0.03  # FLV does not say how much an encoder put in front
    part = read_sound(MediaSpan(path=path, start_s=0.5, end_s=1.0)).samples
    assert len(part) == 8_000
    np.testing.assert_allclose(part[500:-500], whole[8_500:15_500], atol=0.02)


def test_stereo_tracks_are_averaged(tmp_path: Path) -> None:
    left = tone(1.0, rate=RATE)
    path = with_ffmpeg(tmp_path / "a.mkv", np.stack([left, -left]), rate=RATE, codec="pcm_s16le")
    assert np.abs(read_sound(MediaSpan(path=path)).samples).max() < 1e-3


def test_sound_that_starts_after_the_pictures_is_preceded_by_silence(tmp_path: Path) -> None:
    path = with_ffmpeg(tmp_path / "a.mkv", tone(1.0)[None, :], rate=RATE, codec="pcm_s16le", starts_s=0.5)
    sound = read_sound(MediaSpan(path=path))
    assert len(sound.samples) == pytest.approx(1.5 * RATE, abs=RATE * 0.002)
    assert np.abs(sound.samples[:7_900]).max() == 0.0
    assert np.abs(sound.samples[8_200:9_000]).max() > 0.4


def test_digital_silence_is_sound(tmp_path: Path) -> None:
    sound = read_sound(MediaSpan(path=written(tmp_path / "a.wav", np.zeros(100, dtype=np.float32))))
    assert len(sound.samples) == 100
    assert not sound.samples.any()


def test_slight_overshoot_is_cut_to_full_scale(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", tone(0.1, amplitude=1.2), subtype="FLOAT")
    assert np.abs(read_sound(MediaSpan(path=path)).samples).max() == 1.0


def test_what_is_not_there_or_not_sound_is_refused_by_name(tmp_path: Path) -> None:
    assert "no such file" in refused(MediaSpan(path=tmp_path / "gone.wav"))
    assert "no file" in refused(MediaSpan(path=tmp_path))
    (tmp_path / "empty.wav").touch()
    assert "empty" in refused(MediaSpan(path=tmp_path / "empty.wav"))
    (tmp_path / "text.mp4").write_text("not a film, whatever the name says\n" * 50)
    assert "cannot be played" in refused(MediaSpan(path=tmp_path / "text.mp4"))
    header_only = written(tmp_path / "header.wav", np.zeros(0, dtype=np.float32))
    assert "empty" in refused(MediaSpan(path=header_only))


def test_a_playlist_opens_nothing_else(tmp_path: Path) -> None:
    written(tmp_path / "secret.wav", tone(0.5))
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n")
    refused(MediaSpan(path=tmp_path / "list.m3u8"))


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    with av.open(tmp_path / "mute.mp4", "w") as container:
        stream = container.add_stream("mpeg4", rate=25, width=32, height=32, pix_fmt="yuv420p")
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), dtype=np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    said = refused(MediaSpan(path=tmp_path / "mute.mp4"))
    assert "no audio track" in said
    assert "tracks: video" in said


@pytest.mark.parametrize(("start_s", "end_s"), [(1.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (float("nan"), None)])
def test_seconds_that_make_no_sense_are_refused(tmp_path: Path, start_s: float, end_s: float | None) -> None:
    path = written(tmp_path / "a.wav", tone(0.5))
    assert "span is empty" in refused(MediaSpan(path=path, start_s=start_s, end_s=end_s))


@pytest.mark.parametrize("name", ["a.wav", "a.mkv"])
def test_a_span_beyond_the_end_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("wav"):
        written(path, tone(1.0))
    else:
        with_ffmpeg(path, tone(1.0)[None, :], rate=RATE, codec="pcm_s16le")
    said = refused(MediaSpan(path=path, start_s=1.5, end_s=2.0))
    assert "after the end" in said
    assert "1.5 s to 2 s" in said


@pytest.mark.parametrize("name", ["a.wav", "a.mkv"])
def test_too_long_says_how_long_and_the_remedy(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("wav"):
        written(path, tone(3.0))
    else:
        with_ffmpeg(path, tone(3.0)[None, :], rate=RATE, codec="pcm_s16le")
    said = refused(MediaSpan(path=path), max_s=2.0)
    assert "found: 3.0 s" in said
    assert "raise max_s" in said
    assert len(read_sound(MediaSpan(path=path, start_s=1.0, end_s=2.0), max_s=2.0).samples) == RATE


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 900.0])
def test_samples_that_are_no_sound_are_refused(tmp_path: Path, bad: float) -> None:
    samples = tone(0.2)
    samples[100] = bad
    assert "not sound" in refused(MediaSpan(path=written(tmp_path / "a.wav", samples, subtype="FLOAT")))


@pytest.mark.parametrize("rate", [1_000, 384_000])
def test_an_implausible_rate_is_refused(tmp_path: Path, rate: int) -> None:
    said = refused(MediaSpan(path=written(tmp_path / "a.wav", tone(0.1, rate=rate), rate)))
    assert f"{rate} Hz" in said


def test_a_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.flac", np.random.default_rng(1).uniform(-0.5, 0.5, 3 * RATE).astype(np.float32))
    (tmp_path / "cut.flac").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert "cut short" in refused(MediaSpan(path=tmp_path / "cut.flac"))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(parts, "import_module", absent)
    with pytest.raises(MissingPartError, match=r"affidavit\[media\]"):
        read_sound(MediaSpan(path=written(tmp_path / "a.wav", tone(0.1))))


@pytest.mark.real
def test_real_clips_in_three_formats_say_the_same(real_data: Path) -> None:
    clips = real_data / "cremad_clips"
    if not clips.is_dir():
        pytest.skip("the public data are not there")
    for other in (*sorted(clips.glob("*.flv"))[:3], *sorted(clips.glob("*.mp3"))[:3]):
        one, two = (read_sound(MediaSpan(path=path)) for path in (other.with_suffix(".wav"), other))
        assert abs(one.duration_s - two.duration_s) < 0.1
        n = min(len(one.samples), len(two.samples))
        spectrum = np.fft.rfft(one.samples, 2 * n) * np.conj(np.fft.rfft(two.samples, 2 * n))
        lag = int(np.argmax(np.fft.irfft(spectrum)))
        assert min(lag, 2 * n - lag) < 0.1 * RATE


def test_sound_does_not_compare_by_its_arrays() -> None:
    sound = Sound(samples=np.zeros(3, dtype=np.float32), sample_rate=RATE)
    assert sound == sound
    assert sound != Sound(samples=np.zeros(3, dtype=np.float32), sample_rate=RATE)
