"""One threshold for everybody and one of a group's own: each held against what follows from the table by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy.attacks.told import Number, found_at, found_at_common
from tests.privacy.attacks.conftest import ACCENTS, World, attacked


def by_hand(frame: pd.DataFrame, *, accent: str, own: bool) -> tuple[float, float]:
    """Shares of members and of non-members of an accent above the threshold that 1 % of non-members exceed."""
    units = frame.groupby("unit_id").agg(
        score=("confidence", "mean"), member=("member", "first"), of=("group_accent", "first")
    )
    mine = units[units["of"] == accent]
    others = (mine if own else units).query("member == 0")["score"].to_numpy()
    threshold = np.sort(others)[-1 - len(others) // 100]
    shares = [float((part["score"] > threshold).mean()) for _, part in sorted(mine.groupby("member"), reverse=True)]
    return shares[0], shares[1]


def test_the_common_threshold_is_everybodys_and_the_own_one_is_the_groups() -> None:
    """Of one accent everybody is told with more ease: it has the false alarms of all, and hides under its own."""
    frame = World(memory=1.5, n_members=300, n_non_members=3300, clips=1).frame()
    frame.loc[frame["group_accent"] == "Irish", "confidence"] += 3.0
    found = attacked(frame)
    for accent in ACCENTS:
        groups = {"accent": accent}
        part = found.main.of(groups)
        common = {number.metric: number.value for number in found_at_common(found, part, groups, "1_percent")}
        own: Number = found_at(found, part, groups, "1_percent")
        tpr, fpr = by_hand(frame, accent=accent, own=False)
        assert common == {
            "tpr_at_common_threshold_1_percent": pytest.approx(tpr),
            "fpr_at_common_threshold_1_percent": pytest.approx(fpr),
        }
        assert own.value == pytest.approx(by_hand(frame, accent=accent, own=True)[0])
        assert (fpr > 0.02) == (accent == "Irish")
