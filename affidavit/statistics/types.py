"""What the statistics layer passes around: float arrays, integer arrays, and a pair of bounds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]


class Bounds(NamedTuple):
    """The two ends of an interval, elementwise; NaN in both where no interval is defined."""

    low: FloatArray
    high: FloatArray


def no_bounds_where(undefined: BoolArray, bounds: Bounds) -> Bounds:
    """The same bounds with NaN wherever `undefined` holds."""
    return Bounds(np.where(undefined, np.nan, bounds.low), np.where(undefined, np.nan, bounds.high))
