"""Loses, freezes or blurs the pictures of a video."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from affidavit.media.frames import Frames


def drop_frames(frames: Frames, share: float, rng: np.random.Generator) -> Frames:
    """Return as many frames, `share` of them lost and the last good one held in their place.

    The number lost is the share of all, rounded; which ones is chance. The first is never lost, for there would be
    nothing to hold: a share of 1 freezes it.
    """
    n_frames = len(frames.pixels)
    n_lost = min(round(share * n_frames), n_frames - 1)
    good = np.arange(n_frames)
    good[1 + rng.choice(n_frames - 1, size=n_lost, replace=False) if n_lost else []] = 0
    return _held(frames, np.maximum.accumulate(good))


def freeze(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """Return as many frames, all of them the first: what is left of a face whose video has stalled."""
    return _held(frames, np.zeros(len(frames.pixels), dtype=np.intp))


def blur(frames: Frames, sigma: float, rng: np.random.Generator) -> Frames:
    """Return each frame under a Gaussian of standard deviation `sigma`, in pixels; colours do not mix."""
    spread = (0.0, sigma, sigma, 0.0)[: frames.pixels.ndim]
    return Frames(pixels=gaussian_filter(frames.pixels, sigma=spread, mode="nearest"), times_s=frames.times_s)


def _held(frames: Frames, shown: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Frames:
    return Frames(pixels=frames.pixels[shown], times_s=frames.times_s[shown])
