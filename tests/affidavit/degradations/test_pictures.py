"""Lost frames are as many as asked for and show the last good one."""

from __future__ import annotations

import numpy as np
import pytest

from affidavit.degradations.pictures import blur, drop_frames, freeze
from affidavit.media.frames import Frames


def numbered(n_frames: int, *, rgb: bool = False) -> Frames:
    """Frames that show their number."""
    shape = (n_frames, 6, 6, 3) if rgb else (n_frames, 6, 6)
    pixels = np.broadcast_to(np.arange(n_frames).reshape((-1,) + (1,) * (len(shape) - 1)), shape).astype(np.uint8)
    return Frames(pixels=pixels, times_s=np.arange(n_frames) / 10)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_the_share_asked_for_is_lost_and_the_last_good_one_held(share: float) -> None:
    for seed in range(20):
        dropped = drop_frames(numbered(20), share, np.random.default_rng(seed))
        shown = dropped.pixels[:, 0, 0].astype(int)
        assert np.sum(shown != np.arange(20)) == round(share * 20)
        assert shown[0] == 0
        for i in range(1, 20):
            assert shown[i] in (i, shown[i - 1])
        np.testing.assert_allclose(dropped.times_s, shown / 10)


def test_every_frame_but_the_first_can_be_lost() -> None:
    lost = np.zeros(10)
    for seed in range(200):
        lost += drop_frames(numbered(10), 0.3, np.random.default_rng(seed)).pixels[:, 0, 0] != np.arange(10)
    assert lost[0] == 0
    assert np.all(lost[1:] > 30)


def test_a_share_of_one_freezes_and_one_frame_stays() -> None:
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(drop_frames(numbered(5), 1.0, rng).pixels, freeze(numbered(5), 1.0, rng).pixels)
    assert len(drop_frames(numbered(1), 1.0, rng).pixels) == 1


def test_blur_keeps_brightness_and_mixes_neither_frames_nor_colours() -> None:
    rng = np.random.default_rng(0)
    pixels = np.zeros((2, 33, 33, 3), dtype=np.uint8)
    pixels[0, 16, 16, 0] = 255
    blurred = blur(Frames(pixels=pixels, times_s=np.arange(2.0)), 1.0, rng).pixels
    assert blurred[0, 16, 16, 0] == pytest.approx(255 / (2 * np.pi), abs=2)
    assert not blurred[..., 1:].any()
    assert not blurred[1].any()
    np.testing.assert_array_equal(blur(numbered(3, rgb=True), 2.0, rng).pixels, numbered(3, rgb=True).pixels)
