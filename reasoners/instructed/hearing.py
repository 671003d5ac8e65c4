"""A sound as the model hears it: log-mel frames and functionals, scaled by constants that no recording moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.acoustics.functionals import functionals
from affidavit.acoustics.mel import log_mel
from reasoners.instructed.config import AcousticFeature

SAMPLE_RATE: Final = 16_000
HOP_S: Final = 0.010
_MEL_CENTRE, _MEL_SCALE = -6.0, 4.0


def measured(
    samples: NDArray[np.float32], features: Sequence[AcousticFeature], *, max_s: float
) -> tuple[NDArray[np.float16] | None, NDArray[np.float32] | None]:
    """Return log-mel frames of the first `max_s` seconds and numbers of all of a sound at 16 kHz; None where not asked.

    float16 `[T, 40]` and float32 `[N]`.
    """
    mel, numbers = None, []
    if "log-mel" in features:
        frames = log_mel(samples[: int(max_s * SAMPLE_RATE)], SAMPLE_RATE, hop_s=HOP_S)
        mel = ((frames - _MEL_CENTRE) / _MEL_SCALE).astype(np.float16)
    if "functionals" in features:
        numbers.append(functionals(samples, SAMPLE_RATE))
    if "egemaps" in features:
        from affidavit.acoustics.egemaps import egemaps

        numbers.append(_compressed(egemaps(samples, SAMPLE_RATE)))
    return mel, np.concatenate(numbers).astype(np.float32) if numbers else None


def _compressed(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring descriptors of all units to one order of magnitude by a fixed map, sign(x) log(1 + |x|)."""
    return (np.sign(values) * np.log1p(np.abs(values))).astype(np.float32)
