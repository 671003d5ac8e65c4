"""What every steered training promises: it goes on where it was interrupted, and refuses what makes no groups."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from reasoners.gradient_reversal import TRAINER as GRADIENT_REVERSAL
from reasoners.group_dro import TRAINER as GROUP_DRO

pytestmark = pytest.mark.parametrize("trainer", [GROUP_DRO, GRADIENT_REVERSAL], ids=lambda trainer: trainer.name)
SHORT = {"features": ["accent"], "epochs": 6, "learning_rate": 0.03}


class KilledError(Exception):
    pass


def killed(what: str, done: int, total: int | None) -> None:
    if what == "training" and total is not None and done > total // 2:
        raise KilledError


def two_groups(linear: SimpleNamespace, n_units: int = 60) -> Corpus:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, n_units * 4)
    numbers = rng.normal(0, 1, (n_units * 4, 2)) + (2 * labels - 1)[:, None]
    return linear.corpus_of(numbers, labels, [("north", "south")[g] for g in rng.integers(0, 2, n_units)])


def test_an_interrupted_training_ends_like_an_uninterrupted_one(
    trainer: Any, linear: SimpleNamespace, tmp_path: Path
) -> None:
    corpus, steps = two_groups(linear), list[int]()
    whole = linear.trained(trainer, corpus, tmp_path / "whole", **SHORT)
    with pytest.raises(KilledError):
        linear.trained(trainer, corpus, tmp_path / "cut", killed, **SHORT)
    resumed = linear.trained(trainer, corpus, tmp_path / "cut", lambda what, done, total: steps.append(done), **SHORT)
    assert min(step for step in steps if step) > 1, "finished epochs are not trained again"
    assert torch.equal(whole.module.weight, resumed.module.weight)
    assert whole.saved == resumed.saved


def test_a_state_that_other_options_left_is_not_taken(trainer: Any, linear: SimpleNamespace, tmp_path: Path) -> None:
    corpus, other = two_groups(linear), {"eta": 5.0} if trainer is GROUP_DRO else {"strength": 5.0}
    with pytest.raises(KilledError):
        linear.trained(trainer, corpus, tmp_path / "cut", killed, **SHORT, **other)
    again, whole = (linear.trained(trainer, corpus, tmp_path / name, **SHORT) for name in ("cut", "whole"))
    assert torch.equal(again.module.weight, whole.module.weight)


@pytest.mark.parametrize("features", [["age"], ["accent", "age"]])
def test_features_that_make_no_groups_are_refused_with_those_there_are(
    trainer: Any, linear: SimpleNamespace, features: list[str], tmp_path: Path
) -> None:
    with pytest.raises(PlanError, match="fewer than two groups") as caught:
        linear.trained(trainer, two_groups(linear), tmp_path, features=features)
    assert "accent" in str(caught.value)


def test_a_corpus_with_one_group_is_refused(trainer: Any, linear: SimpleNamespace, tmp_path: Path) -> None:
    corpus = linear.regrouped(two_groups(linear), ["north"] * 60)
    with pytest.raises(PlanError, match="fewer than two groups"):
        linear.trained(trainer, corpus, tmp_path, features=["accent"])


def test_an_unknown_option_is_refused(trainer: Any, linear: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="do not validate"):
        linear.trained(trainer, two_groups(linear), tmp_path, features=["accent"], et=1)
