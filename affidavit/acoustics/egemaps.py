"""The 88 eGeMAPSv02 functionals, measured by openSMILE (extra `egemaps`; its licence is for non-commercial use).

Eyben et al. 2016, IEEE Transactions on Affective Computing 7(2): the extended Geneva Minimalistic Acoustic Parameter
Set. Frequencies are semitones re 27.5 Hz or Hz, levels dB, times seconds. openSMILE itself writes 0 for what is
undefined, such as the pitch of a clip without voice; `affidavit.acoustics.functionals` keeps the two apart.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.errors import MediaError
from affidavit.media.parts import part

_SPREAD: Final = ("amean", "stddevNorm")
_COURSE: Final = (
    *_SPREAD,
    *("percentile20.0", "percentile50.0", "percentile80.0", "pctlrange0-2"),
    *("meanRisingSlope", "stddevRisingSlope", "meanFallingSlope", "stddevFallingSlope"),
)
_FORMANTS: Final = ("frequency_sma3nz", "bandwidth_sma3nz", "amplitudeLogRelF0_sma3nz")
_MFCC: Final = ("mfcc1", "mfcc2", "mfcc3", "mfcc4")

_DESCRIPTORS: Final = (
    *((name, _COURSE) for name in ("F0semitoneFrom27.5Hz_sma3nz", "loudness_sma3")),
    *((f"{name}_sma3", _SPREAD) for name in ("spectralFlux", *_MFCC)),
    *((f"{name}_sma3nz", _SPREAD) for name in ("jitterLocal", "shimmerLocaldB", "HNRdBACF")),
    *((f"logRelF0-H1-{harmonic}_sma3nz", _SPREAD) for harmonic in ("H2", "A3")),
    *((f"F{number}{quality}", _SPREAD) for number in (1, 2, 3) for quality in _FORMANTS),
    *((f"{name}_sma3nz", _SPREAD) for name in ("alphaRatioV", "hammarbergIndexV", "slopeV0-500", "slopeV500-1500")),
    *((f"{name}V_sma3nz", _SPREAD) for name in ("spectralFlux", *_MFCC)),
    *(
        (f"{name}_sma3nz", ("amean",))
        for name in ("alphaRatioUV", "hammarbergIndexUV", "slopeUV0-500", "slopeUV500-1500", "spectralFluxUV")
    ),
)

EGEMAPS_NAMES: Final[tuple[str, ...]] = (
    *(f"{descriptor}_{functional}" for descriptor, functionals in _DESCRIPTORS for functional in functionals),
    *("loudnessPeaksPerSec", "VoicedSegmentsPerSec", "MeanVoicedSegmentLengthSec", "StddevVoicedSegmentLengthSec"),
    *("MeanUnvoicedSegmentLength", "StddevUnvoicedSegmentLength", "equivalentSoundLevel_dBp"),
)
"""What openSMILE calls the 88 numbers, in its order."""


def egemaps(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Return the 88 functionals of a sound, float32 [88], named by `EGEMAPS_NAMES`.

    Raises:
        MissingPartError: the extra `egemaps` is not installed.
        MediaError: the sound is too short for one of openSMILE's frames (60 ms).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openSMILE warns where it fills with NaN, which is an error here
        values = _smile().process_signal(np.asarray(samples, dtype=np.float32), sample_rate).to_numpy()[0]
    if not np.isfinite(values).all():
        raise MediaError(
            "the sound is too short for eGeMAPS",
            slug="media-unreadable",
            found=f"{len(samples) / sample_rate:.3f} s",
            allowed="at least 0.06 s",
            remedy="widen the span of the utterance, or leave it out",
        )
    measured: NDArray[np.float32] = values.astype(np.float32)
    return measured


@lru_cache(maxsize=1)
def _smile() -> Any:  # noqa: ANN401
    """Return openSMILE set up for the 88; doing so takes half a second."""
    opensmile = part("opensmile")
    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
        num_workers=1,
    )
