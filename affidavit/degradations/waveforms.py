"""Overdrives sound, or cuts off its end."""

from __future__ import annotations

import numpy as np

from affidavit.media.sound import Sound


def clip(sound: Sound, excess_db: float, rng: np.random.Generator) -> Sound:
    """Return the sound as a recorder set `excess_db` too high hears it, turned down again.

    Samples beyond the peak less `excess_db` are held there: x -> max(-t, min(t, x)), t = peak * 10^(-excess_db / 20).
    """
    threshold = float(np.abs(sound.samples).max()) * 10.0 ** (-excess_db / 20.0)
    return Sound(samples=np.clip(sound.samples, -threshold, threshold), sample_rate=sound.sample_rate)


def truncate(sound: Sound, share: float, rng: np.random.Generator) -> Sound:
    """Return the sound without its last `share`; at least one sample stays."""
    kept = max(1, round(len(sound.samples) * (1.0 - share)))
    return Sound(samples=sound.samples[:kept], sample_rate=sound.sample_rate)
