"""The shape of a spectrum: where its power lies and how steeply it falls, the trace of vocal effort.

Alpha ratio and slopes after Eyben et al. 2016 (eGeMAPS); a floor of -100 dB stands under every bin, so that silence has
a shape too: the centroid in the middle of the band, ratios as of white noise, slopes of 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.acoustics.spectrum import Spectrum

_FLOOR: Final = np.float32(1e-10)


def centroid_hz(spectrum: Spectrum) -> NDArray[np.float64]:
    """Return the mean frequency weighted by power, sum f P / sum P, in Hz, float64 [frames]."""
    power = spectrum.power + _FLOOR
    centroids: NDArray[np.float64] = (power @ spectrum.frequencies_hz) / power.sum(axis=1)
    return centroids


def alpha_ratio_db(spectrum: Spectrum) -> NDArray[np.float64]:
    """Return the power in 1 to 5 kHz over that in 50 to 1000 Hz, in dB, float64 [frames]; higher is more effort."""
    return _power_db(spectrum, 1000, 5000) - _power_db(spectrum, 50, 1000)


def slope_db_per_khz(spectrum: Spectrum, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Return the slope of the least-squares line through a band's dB, in dB per kHz, float64 [frames]."""
    chosen = _between(spectrum, low_hz, high_hz)
    khz = spectrum.frequencies_hz[chosen] / 1000.0
    centred = khz - khz.mean()
    levels = 10.0 * np.log10(spectrum.power[:, chosen] + _FLOOR)
    slopes: NDArray[np.float64] = levels @ centred / (centred @ centred)
    return slopes


def flux_db(bands_db: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the root mean square change of dB in bands since the frame before, float64 [frames].

    The first frame has none before it and takes the second one's; a sole frame has 0, for nothing changed.
    """
    changes = np.diff(bands_db, axis=0, prepend=bands_db[:1])
    flux: NDArray[np.float64] = np.sqrt(np.mean(changes**2, axis=1, dtype=np.float64))
    flux[:1] = flux[1:2] if len(flux) > 1 else 0.0
    return flux


def _power_db(spectrum: Spectrum, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    power = spectrum.power[:, _between(spectrum, low_hz, high_hz)].sum(axis=1, dtype=np.float64)
    levels: NDArray[np.float64] = 10.0 * np.log10(power + _FLOOR)
    return levels


def _between(spectrum: Spectrum, low_hz: float, high_hz: float) -> slice:
    """Return the bins from `low_hz` on and below `high_hz`, at least two."""
    first, last = np.searchsorted(spectrum.frequencies_hz, (low_hz, high_hz))
    first = min(int(first), len(spectrum.frequencies_hz) - 2)
    return slice(first, max(int(last), first + 2))
