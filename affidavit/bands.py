"""A number cut into bands, as the levels of a feature."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa

from affidavit.schema import UNKNOWN


def banded(values: pa.Array, cuts: tuple[float, ...]) -> pa.Array:
    """Return band names: `under 30`, `30-49`, `50 and over`; a missing number stays unknown.

    Bands of whole numbers print their last whole number, others the open end: `0.5 to <0.75`.
    """
    cuts = tuple(sorted(cuts))
    whole = all(float(cut).is_integer() for cut in cuts)
    between = [f"{low:g}-{high - 1:g}" if whole else f"{low:g} to <{high:g}" for low, high in pairwise(cuts)]
    names = np.array([f"under {cuts[0]:g}", *between, f"{cuts[-1]:g} and over", UNKNOWN], dtype=object)
    numbers = values.to_numpy(zero_copy_only=False)
    codes = np.where(np.isnan(numbers), len(names) - 1, np.searchsorted(cuts, numbers, side="right"))
    return pa.array(names[codes], pa.string())
