"""Who chose the threshold is not counted at it: each trial serves one end."""

from __future__ import annotations

import numpy as np
import pytest

from privacy.bounds.thresholds import BoolArray, FloatArray, counts_above, held_out_counts, split_counts


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_the_trials_that_chose_the_threshold_are_not_among_the_counted(share: float) -> None:
    rng = np.random.default_rng(3)
    scores, member = rng.normal(size=90), np.arange(90) < 50
    seen: list[FloatArray] = []

    def choose(shown: FloatArray, inside: BoolArray) -> float:
        seen.append(shown)
        assert inside.tolist() == member[np.isin(scores, shown)].tolist()
        return 0.1

    counts = held_out_counts(scores, member, choose=choose, share=share, rng=rng)
    rest = ~np.isin(scores, seen[0])
    assert counts == counts_above(scores[rest], member[rest], threshold=0.1)
    assert (counts.n_members, counts.n_non_members) == (50 - int(50 * share), 40 - int(40 * share))


def test_half_of_the_trials_are_counted_where_they_are_split() -> None:
    rng = np.random.default_rng(4)
    counts = split_counts(rng.normal(size=60), np.arange(60) < 40, value=lambda one: one.tp - one.fp, rng=rng)
    assert (counts.n_members, counts.n_non_members) == (20, 10)
