"""Tables of losses with and without memory, shift and groups, drawn from what is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.testing import case_of, predictions_frame
from privacy.attacks.attack import AttackName
from privacy.attacks.options import MembershipOptions
from privacy.attacks.reading import losses_of
from privacy.attacks.study import Study, study

ACCENTS = ("Irish", "Scottish", "Welsh")


@dataclass(frozen=True, kw_only=True)
class World:
    """What is true of the model and of those whom it is attacked with."""

    memory: float = 0.0
    """By how much the model is surer of clips that it was trained on."""
    memory_of: tuple[str, ...] = ACCENTS
    """Of whose clips."""
    shift: float = 0.0
    """By how much easier members' clips are for any model, and louder."""
    shift_of: tuple[str, ...] = ACCENTS
    """Of whose clips."""
    n_members: int = 150
    n_non_members: int = 150
    clips: int = 3
    shadows: int = 0
    seed: int = 0

    def frame(self) -> pd.DataFrame:
        """Draw a table: some clips are easier than others, for every model."""
        rng = np.random.default_rng(self.seed)
        n_units = self.n_members + self.n_non_members
        unit = np.repeat(np.arange(n_units), self.clips)
        member = unit < self.n_members
        accent = np.array(ACCENTS)[unit % 3]
        easier = self.shift * (member & np.isin(accent, self.shift_of))
        ease = rng.normal(0, 2, n_units)[unit] + rng.normal(0, 1, len(unit)) + easier
        remembered = member & np.isin(accent, self.memory_of)
        columns: dict[str, Any] = {
            "unit_id": [f"p{u:05d}" for u in unit],
            "member": member.astype(int),
            "confidence": ease + self.memory * remembered + rng.normal(0, 1, len(unit)),
            "group_accent": accent,
            "feature_loudness": rng.normal(0, 1, len(unit)) + easier,
        }
        halves = np.argsort(rng.random((n_units, self.shadows)), axis=1) < self.shadows // 2
        for k in range(self.shadows):
            trained_on = halves[unit, k]
            columns[f"shadow_{k}"] = ease + self.memory * trained_on + rng.normal(0, 1, len(unit))
            columns[f"shadow_{k}_member"] = trained_on.astype(int)
        return pd.DataFrame(columns)


def attacked(frame: pd.DataFrame, *, attack: AttackName | None = None, by: tuple[str, ...] = ("accent",)) -> Study:
    """Return a table of losses, attacked."""
    from affidavit.tables import from_frame

    case = case_of(predictions_frame(n_speakers=24, per_speaker=2), by=by)
    options = MembershipOptions(losses="frame", attack=attack)
    return study(case, "run", losses_of(from_frame(frame)), options)


@dataclass(frozen=True)
class Desk:
    """Makes cases of tables of losses."""

    folder: Path

    def case(self, frame: pd.DataFrame, *, by: tuple[str, ...] = ("accent",), **options: Any) -> Case:
        """Return a case whose option names the table, written as CSV."""
        path = self.folder / "losses.csv"
        frame.to_csv(path, index=False)
        case = case_of(predictions_frame(n_speakers=24, per_speaker=2), by=by, options={"losses": path.name, **options})
        return replace(case, folder=self.folder)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
