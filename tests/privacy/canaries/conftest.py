"""Tables of canaries whose epsilon is known, and cases that name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.plan import Statistics
from affidavit.testing import case_of, predictions_frame

QUICK = Statistics(n_resamples=200, n_permutations=199)
ACCENTS = ("Irish", "Scottish", "Welsh")


@pytest.fixture
def responses() -> Callable[..., pd.DataFrame]:
    """Canaries by randomised response: right with e^epsilon / (1 + e^epsilon), all equally sure."""

    def made(n: int = 1000, *, epsilon: float = 1.0, seed: int = 0, groups: bool = True) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        included = rng.random(n) < 0.5
        right = rng.random(n) < 1 / (1 + np.exp(-epsilon))
        score = np.where(right == included, 1.0, -1.0) + rng.normal(0, 1e-3, n)
        frame = pd.DataFrame({"canary": [f"c{i}" for i in range(n)], "included": included, "score": score})
        return frame.assign(group_accent=[ACCENTS[i % 3] for i in range(n)]) if groups else frame

    return made


@pytest.fixture
def case_with(tmp_path: Path) -> Callable[..., Case]:
    """A case whose plan names a table of canaries."""

    def made(frame: pd.DataFrame, *, by: tuple[str, ...] = ("accent",), **options: Any) -> Case:
        path = tmp_path / "canaries.csv"
        frame.to_csv(path, index=False)
        told: Mapping[str, Any] = {"guesses": "canaries.csv"} | options
        return replace(judged(by), options=told, folder=tmp_path)

    return made


@cache
def judged(by: tuple[str, ...]) -> Case:
    """The predictions beside which canaries stand, which no number of theirs depends on."""
    return case_of(predictions_frame(), by=by, statistics=QUICK)
