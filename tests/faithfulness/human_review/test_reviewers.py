"""How single reviewers read: severity by hand, kappa against scikit-learn."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from faithfulness.human_review.matching import Matched, Scores
from faithfulness.human_review.reviewers import pair_rows, reviewer_rows, weighted_kappa
from faithfulness.plausibility.explained import Explained


def matched(*scores: dict[str, int], shuffled: tuple[dict[str, int], ...] = ()) -> Matched:
    n = len(scores)
    explained = Explained(
        condition="TAV",
        rows={"unit": np.arange(n)},
        utterance=tuple(f"u{i}" for i in range(n)),
        reasoner=("r",) * n,
        instruction=("",) * n,
        repeat=(0,) * n,
        answer=np.zeros(n, dtype=np.int64),
        rationale=("because",) * n,
    )
    found = [Scores(row=i, own=own) for i, own in enumerate(scores)]
    for item, of_control in zip(found, shuffled, strict=False):
        item.shuffled = of_control
    return Matched(explained=explained, scores=tuple(found), left_out=Counter())


def test_severity_and_discrimination_by_hand() -> None:
    review = matched(
        {"ada": 1, "ben": 3, "cho": 4},
        {"ada": 2, "ben": 2},
        {"ada": 4},
        shuffled=({"ada": 1}, {"ben": 2}),
    )
    ada, ben, cho = reviewer_rows(review, "run", 0.95)
    # Beside ada: 3 and 4 on the first card, 2 on the second; her third card nobody else read.
    assert ada["severity"] == pytest.approx(((1 - 3.5) + (2 - 2)) / 2)
    assert ada["units"] == 2
    assert (ada["reviews"], ada["mean"]) == (3, pytest.approx(7 / 3))
    assert ada["discrimination"] == pytest.approx(7 / 3 - 1)
    assert ben["discrimination"] == pytest.approx(2.5 - 2)
    assert (cho["low"], cho["discrimination"]) == (None, None), "of one card there is no interval"


def test_kappa_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(1, 5, 60), rng.integers(1, 5, 60)
    other = np.where(rng.random(60) < 0.5, one, other)
    table = np.zeros((4, 4))
    np.add.at(table, (one - 1, other - 1), 1)
    expected = cohen_kappa_score(one, other, weights="quadratic", labels=[1, 2, 3, 4])
    assert float(weighted_kappa(table)) == pytest.approx(expected)
    review = matched(*({"ada": int(a), "ben": int(b)} for a, b in zip(one, other, strict=True)))
    (row,) = pair_rows(review, "run", 0.95)
    assert row["kappa"] == pytest.approx(expected)
    assert isinstance(row["low"], float)
    assert isinstance(row["high"], float)
    assert row["low"] < expected < row["high"]
    assert (row["n"], row["units"]) == (60, 60)


def test_a_reviewer_who_always_says_the_same_has_no_kappa() -> None:
    (row,) = pair_rows(matched({"ada": 2, "ben": 3}, {"ada": 2, "ben": 1}), "run", 0.95)
    assert (row["kappa"], row["low"]) == (None, None)


def test_reviewers_without_a_card_in_common_make_no_pair() -> None:
    assert pair_rows(matched({"ada": 2}, {"ben": 1}), "run", 0.95) == []
