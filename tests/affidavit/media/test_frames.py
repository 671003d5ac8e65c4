"""Pictures come in evenly spread, square, and as they stood on the screen."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.errors import MediaError
from affidavit.media.frames import read_frames
from affidavit.utterances import MediaSpan

av = pytest.importorskip("av")
image = pytest.importorskip("PIL.Image")


def film(
    path: Path,
    pictures: list[NDArray[np.uint8]],
    *,
    fps: int = 10,
    codec: str = "ffv1",
    stretch: Fraction | None = None,
) -> Path:
    """Write pictures [height, width, 3] without loss, unless another codec is asked for."""
    height, width = pictures[0].shape[:2]
    with av.open(path, "w") as container:
        track = container.add_stream(codec, rate=fps, width=width, height=height)
        track.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        track.codec_context.gop_size = 5
        if stretch is not None:
            track.codec_context.sample_aspect_ratio = stretch
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, fps)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return path


def flat(level: int, *, height: int = 32, width: int = 32) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, dtype=np.uint8)


def refused(span: MediaSpan, **asked: Any) -> str:
    with pytest.raises(MediaError) as caught:
        read_frames(span, **asked)
    assert span.path.name in str(caught.value)
    assert caught.value.remedy
    return str(caught.value)


def test_frames_are_those_on_the_screen_in_the_middle_of_equal_parts(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", [flat(10 * i) for i in range(20)])
    frames = read_frames(MediaSpan(path=path), n_frames=4, size=16)
    assert frames.pixels.shape == (4, 16, 16)
    assert frames.pixels.dtype == np.uint8
    # parts of 0.5 s with middles at 0.25, 0.75, 1.25 and 1.75 s: pictures 2, 7, 12 and 17
    np.testing.assert_allclose(frames.times_s, [0.2, 0.7, 1.2, 1.7], atol=2e-3)
    np.testing.assert_allclose(frames.pixels.mean(axis=(1, 2)), [20, 70, 120, 170], atol=2)


def test_a_span_gives_its_own_pictures_timed_from_its_start(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", [flat(10 * i) for i in range(20)])
    frames = read_frames(MediaSpan(path=path, start_s=1.0, end_s=1.4), n_frames=2, size=8)
    np.testing.assert_allclose(frames.pixels.mean(axis=(1, 2)), [110, 130], atol=2)
    np.testing.assert_allclose(frames.times_s, [0.1, 0.3], atol=2e-3)


def test_a_video_with_fewer_pictures_repeats_them(tmp_path: Path) -> None:
    frames = read_frames(MediaSpan(path=film(tmp_path / "a.mkv", [flat(0), flat(200)])), n_frames=6, size=8)
    np.testing.assert_allclose(frames.pixels.mean(axis=(1, 2)), [0, 0, 0, 200, 200, 200], atol=2)


def test_long_videos_are_sought_and_give_the_same_pictures(tmp_path: Path) -> None:
    pictures = [flat(i) for i in range(240)]
    path = film(tmp_path / "a.mp4", pictures, fps=4, codec="mpeg4")
    frames = read_frames(MediaSpan(path=path), n_frames=4, size=8)  # 15 s apart
    np.testing.assert_allclose(frames.pixels.mean(axis=(1, 2)), [30, 90, 150, 210], atol=4)
    again = read_frames(MediaSpan(path=path), n_frames=4, size=8)
    np.testing.assert_array_equal(frames.pixels, again.pixels)


def test_the_longer_side_is_cropped_about_its_centre(tmp_path: Path) -> None:
    picture = flat(0, height=40, width=120)
    picture[:, 40:80] = 255  # the middle square
    frames = read_frames(MediaSpan(path=film(tmp_path / "a.mkv", [picture])), n_frames=1, size=20)
    assert frames.pixels[0, :, 1:-1].min() > 250


def test_colour_is_red_green_blue_and_grey_is_its_brightness(tmp_path: Path) -> None:
    picture = flat(0)
    picture[..., 0] = 255
    path = film(tmp_path / "a.mkv", [picture])
    rgb = read_frames(MediaSpan(path=path), n_frames=2, size=8, colour="rgb").pixels
    assert rgb.shape == (2, 8, 8, 3)
    np.testing.assert_allclose(rgb[0, 4, 4], [255, 0, 0], atol=3)
    grey = read_frames(MediaSpan(path=path), n_frames=1, size=8).pixels
    assert grey.mean() == pytest.approx(0.299 * 255, abs=4)


@pytest.mark.parametrize("codec", ["ffv1", "mpeg4"])
def test_black_is_0_and_white_is_255(tmp_path: Path, codec: str) -> None:
    """Video often stores 16 to 235; pictures are at full range whatever they came from."""
    path = film(tmp_path / "a.mkv", [flat(0), flat(255)], codec=codec)
    frames = read_frames(MediaSpan(path=path), n_frames=2, size=8)
    np.testing.assert_allclose(frames.pixels.mean(axis=(1, 2)), [0, 255], atol=3)


@pytest.mark.parametrize(("degrees", "white"), [(0, "left"), (90, "bottom"), (-90, "top"), (180, "right")])
def test_a_video_that_lies_on_its_side_is_set_upright(tmp_path: Path, degrees: int, white: str) -> None:
    """A telephone writes what its sensor saw, and how many degrees counter-clockwise a player must turn it."""
    picture = flat(0, height=32, width=64)
    picture[:, :32] = 255
    with av.open(tmp_path / "a.mp4", "w") as container:
        track = container.add_stream("mpeg4", rate=10, width=64, height=32, pix_fmt="yuv420p")
        if degrees:
            track.set_display_rotation(degrees)
        for _ in range(3):
            container.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(track.encode(None))
    shown = read_frames(MediaSpan(path=tmp_path / "a.mp4"), n_frames=1, size=16).pixels[0]
    halves = {"left": shown[:, :6], "right": shown[:, -6:], "top": shown[:6], "bottom": shown[-6:]}
    assert max(halves, key=lambda half: halves[half].mean()) == white


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    """A DVD's 4:3 picture: 32 pixels across that show as 64, so the middle 16 of them make the square."""
    picture = flat(0, height=32, width=32)
    picture[:, 8:24] = 255
    path = film(tmp_path / "a.mp4", [picture], codec="mpeg4", stretch=Fraction(2))
    assert read_frames(MediaSpan(path=path), n_frames=1, size=32).pixels[0, :, 4:-4].min() > 220


def test_a_still_picture_is_a_video_of_one_frame(tmp_path: Path) -> None:
    image.fromarray(flat(77)).save(tmp_path / "face.png")
    frames = read_frames(MediaSpan(path=tmp_path / "face.png"), n_frames=3, size=8)
    np.testing.assert_allclose(frames.pixels, 77, atol=2)


def test_what_has_no_pictures_is_refused_by_name(tmp_path: Path) -> None:
    assert "no such file" in refused(MediaSpan(path=tmp_path / "gone.mp4"))
    (tmp_path / "empty.mp4").touch()
    assert "empty" in refused(MediaSpan(path=tmp_path / "empty.mp4"))
    (tmp_path / "text.mp4").write_text("no film\n" * 100)
    assert "cannot be played" in refused(MediaSpan(path=tmp_path / "text.mp4"))
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "voice.wav", np.zeros(1600), 16_000)
    assert "no video track" in refused(MediaSpan(path=tmp_path / "voice.wav"))


def test_spans_beyond_the_end_or_too_long_are_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", [flat(i) for i in range(20)])
    assert "after the end" in refused(MediaSpan(path=path, start_s=2.5))
    assert "span is empty" in refused(MediaSpan(path=path, start_s=1.0, end_s=0.5))
    assert "found: 2.0 s" in refused(MediaSpan(path=path), max_s=1.0)


@pytest.mark.real
def test_real_videos_give_faces_that_move(real_data: Path) -> None:
    clips = sorted((real_data / "cremad_clips").glob("*.flv"))
    if not clips:
        pytest.skip("the public data are not there")
    for path in clips[:2]:
        frames = read_frames(MediaSpan(path=path))
        assert frames.pixels.shape == (8, 64, 64)
        assert np.all(np.diff(frames.times_s) > 0.1)
        assert np.all(np.abs(np.diff(frames.pixels.astype(float), axis=0)).mean(axis=(1, 2)) > 0.1)


ALONE = """
import sys, time
from pathlib import Path
from affidavit.media.frames import read_frames
from affidavit.utterances import MediaSpan
span = MediaSpan(path=Path(sys.argv[1]))
read_frames(span)
everybody, here = time.process_time_ns(), time.thread_time_ns()
for _ in range(20):
    read_frames(span, n_frames=40)
here = time.thread_time_ns() - here
print((time.process_time_ns() - everybody - here) / here)
"""


def test_pictures_are_read_in_the_thread_that_asks(tmp_path: Path) -> None:
    """Threads of FFmpeg's own, one for each processor, hold up two processes that read at once."""
    path = film(tmp_path / "a.mkv", [flat(5 * i, height=480, width=640) for i in range(40)])
    done = subprocess.run([sys.executable, "-c", ALONE, str(path)], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1e-3, "share of the work that other threads did"
