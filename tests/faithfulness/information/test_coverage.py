"""Do the intervals of parts of information hold what they promise, with speakers who differ and talk unequally much?

Two reasoners: one in the open, whose two modalities are not equally good; and one at the kink of the union, where both
tell just as much (see the docstring of `faithfulness.information.corrected`).
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.records import Interval
from faithfulness.information.answers import by_block, dealt_into_blocks
from faithfulness.information.corrected import QUANTITIES, corrected, quantities

K = 3
N_TABLES = 120


def cells(n_units: int, rng: np.random.Generator, *, text_leads: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cell and unit of clips, 10 to 50 a speaker, whose text is right as often as they are clear."""
    clips = rng.integers(10, 51, n_units)
    unit = np.repeat(np.arange(n_units), clips)
    n = len(unit)
    truth, clear = rng.integers(K, size=n), rng.beta(8.0, 6.0, n_units)[unit]
    text = np.where(rng.random(n) < clear, truth, rng.integers(K, size=n))
    audio = np.where(rng.random(n) < 0.8 * clear, truth, rng.integers(K, size=n))
    hybrid = np.where(rng.random(n) < text_leads, text, audio)
    return (text * K + audio) * K + np.where(rng.random(n) < 0.3, (text + audio) % K, hybrid), unit


@pytest.mark.slow
@pytest.mark.parametrize(("text_leads", "promised"), [(0.8, 0.93), (0.5, 0.88)], ids=["open", "kink"])
@pytest.mark.parametrize("n_units", [20, 60])
def test_intervals_cover(n_units: int, text_leads: float, promised: float) -> None:
    whole, _ = cells(40_000, np.random.default_rng(99), text_leads=text_leads)
    truth = quantities(np.bincount(whole, minlength=K**3).reshape(K, K, K).astype(np.float64))
    rng = np.random.default_rng(n_units)
    held = np.zeros(len(QUANTITIES))
    for _ in range(N_TABLES):
        cell, unit = cells(n_units, rng, text_leads=text_leads)
        found = corrected(by_block(cell, dealt_into_blocks(unit, 20, rng), np.ones(len(unit)), (K, K, K)))
        for quantity in range(len(QUANTITIES)):
            interval = found.interval(quantity, 0.95)
            # A part that is the same in every block has no interval, and claims nothing.
            held[quantity] += not isinstance(interval, Interval) or (
                interval.low - 1e-6 <= truth[quantity] <= interval.high + 1e-6
            )
    # 95 % less what the docstring concedes, less two Monte Carlo errors.
    least = promised - 2 * np.sqrt(0.95 * 0.05 / N_TABLES)
    assert {name: share for name, share in zip(QUANTITIES, held / N_TABLES, strict=True) if share < least} == {}
