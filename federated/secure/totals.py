"""What does the server learn? The sum, who is in it, and who dropped out when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from federated.secure.stages import Stage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SecureTotal:
    """The sum over `contributors`; it is not private in itself, only no part of it is told."""

    total: NDArray[np.float64]
    """The sum in the values' own unit; within n_contributors * step below the plain one in magnitude, by coordinate."""
    integers: NDArray[np.int64] | NDArray[np.uint64]
    """The sum as it was made, exact."""
    contributors: tuple[str, ...]
    dropped: Mapping[str, Stage]
    """Who was invited and is not in the sum, or was and did not finish, with the stage that went unanswered."""
    saturated: int
    """Coordinates that were cut, over all contributors; 0 for counts."""
    scaled: int
    """Contributors whose vector was scaled down to the norm; 0 for counts."""
