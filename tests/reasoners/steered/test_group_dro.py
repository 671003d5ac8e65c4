"""Group DRO: its weights follow the definition, its worst group gains, and it goes on where it was interrupted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from reasoners.group_dro import TRAINER, GroupDroOptions, WorstGroups
from reasoners.steered import cells_of
from reasoners.supervised import TRAINER as SUPERVISED

OPTIONS = {"epochs": 12, "learning_rate": 0.05, "patience": 12}


def two_worlds(linear: SimpleNamespace, n_units: int = 200, *, small: float = 0.15, seed: int = 0) -> Corpus:
    """In the large group the first number tells the label, in the small one it misleads and the second tells it."""
    rng = np.random.default_rng(seed)
    groups = np.where(rng.random(n_units) < small, "rare", "common")
    labels = rng.integers(0, 2, n_units * 4)
    sign, rare = 2.0 * labels - 1, np.repeat(groups == "rare", 4)
    numbers = rng.normal(0, 1, (n_units * 4, 2))
    numbers[:, 0] += np.where(rare, -1.0, 1.5) * sign
    numbers[:, 1] += np.where(rare, 2.0, 0.7) * sign
    return linear.corpus_of(numbers, labels, groups.tolist())


def accuracies(reasoner: Any, corpus: Corpus) -> dict[str, float]:
    right = reasoner.answers(corpus).argmax(1) == [("calm", "tense").index(str(u.label)) for u in corpus.utterances]
    groups = np.array([u.sensitive["accent"] for u in corpus.utterances])
    return {name: float(right[groups == name].mean()) for name in ("common", "rare")}


def test_the_worst_group_gains_on_units_that_were_never_seen_and_the_other_pays(
    linear: SimpleNamespace, tmp_path: Path
) -> None:
    corpus, fresh = two_worlds(linear), two_worlds(linear, seed=1)
    plain = accuracies(linear.trained(SUPERVISED, corpus, tmp_path / "plain", **OPTIONS), fresh)
    reasoner = linear.trained(TRAINER, corpus, tmp_path / "robust", features=["accent"], **OPTIONS)
    robust = accuracies(reasoner, fresh)
    assert plain["rare"] < plain["common"] - 0.15
    assert robust["rare"] > plain["rare"] + 0.1
    assert robust["common"] < plain["common"]
    card = reasoner.saved
    assert card["trainer"] == "group-dro"
    assert card["options"]["eta"] == 0.1
    weights = {name: told["weight"] for name, told in card["group_dro"].items()}
    assert weights["rare"] > 0.3, "twice its share of the units"
    assert sum(weights.values()) == pytest.approx(1, abs=1e-5)
    assert "unknown" not in weights


def objective_of(corpus: Corpus, **options: Any) -> WorstGroups:
    chosen = GroupDroOptions.model_validate({"features": ["accent"], "fewest_units": 2, **options})
    return WorstGroups(cells_of(corpus, ["accent"], trainer="t"), chosen)


def test_a_step_with_everybody_is_the_definition(linear: SimpleNamespace) -> None:
    corpus = two_worlds(linear, 12, small=0.4)
    rows = [corpus.utterances[i : i + 4] for i in range(0, 48, 4)]
    groups = np.array([row[0].sensitive["accent"] for row in rows])
    objective = objective_of(corpus, eta=0.5, adjustment=2.0)
    objective.begin(rows, 10)
    losses = torch.linspace(0.1, 1.3, 12, requires_grad=True)
    q = dict.fromkeys(("common", "rare"), 0.5)
    for _ in range(3):
        found = objective.steered(losses, rows, scores=lambda turns: torch.zeros(len(turns), 2)).mean()
        mean = {name: float(losses.detach().numpy()[groups == name].mean()) for name in q}
        moved = {g: q[g] * np.exp(0.5 * (mean[g] + 2.0 / (groups == g).sum() ** 0.5)) for g in q}
        q = {g: value / sum(moved.values()) for g, value in moved.items()}
        assert float(found.detach()) == pytest.approx(sum(q[g] * mean[g] for g in q), rel=1e-5)


def test_over_all_steps_of_an_epoch_the_estimate_of_a_groups_loss_is_its_mean(linear: SimpleNamespace) -> None:
    corpus = two_worlds(linear, 12, small=0.3)
    rows = [corpus.utterances[i : i + 4] for i in range(0, 48, 4)]
    losses = torch.linspace(0.1, 1.3, 12)
    objective = objective_of(corpus, eta=1e-12)
    objective.begin(rows, 10)
    found = [
        float(objective.steered(losses[at : at + 3], rows[at : at + 3], scores=lambda t: torch.zeros(1)).mean())
        for at in range(0, 12, 3)
    ]
    groups = np.array([row[0].sensitive["accent"] for row in rows])
    expected = np.mean([losses.numpy()[groups == name].mean() for name in ("common", "rare")])
    assert np.mean(found) == pytest.approx(expected, rel=1e-5)


def test_small_groups_and_people_of_unknown_accent_keep_their_weight(linear: SimpleNamespace, tmp_path: Path) -> None:
    """Four people whose labels are noise have the largest loss, and would have all the weight."""
    corpus = two_worlds(linear, 100)
    groups = ["few" if i < 8 else None if i < 20 else "ab"[i % 2] for i in range(100)]
    numbers = np.random.default_rng(1).normal(0, 1, (400, 2))
    labels = np.array([("calm", "tense").index(str(u.label)) for u in corpus.utterances])
    numbers[80:, 0] += 3.0 * (2 * labels[80:] - 1)
    mixed = linear.corpus_of(numbers, labels, groups)
    reasoner = linear.trained(TRAINER, mixed, tmp_path, features=["accent"], epochs=4, eta=0.5, learning_rate=0.05)
    told = reasoner.saved["group_dro"]
    assert set(told) == {"a", "b", "few", "unknown"}
    n_units = sum(one["n_units"] for one in told.values())
    for name in ("few", "unknown"):
        assert told[name]["weight"] == pytest.approx(told[name]["n_units"] / n_units, abs=1e-6)
    assert sum(one["weight"] for one in told.values()) == pytest.approx(1, abs=1e-5)


def test_groups_that_are_all_small_are_refused_with_their_sizes(linear: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="fewer than two groups have the units") as caught:
        linear.trained(TRAINER, two_worlds(linear, 30, small=0.1), tmp_path, features=["accent"])
    assert "rare: " in str(caught.value)


def test_a_feature_of_the_utterance_is_refused(linear: SimpleNamespace, tmp_path: Path) -> None:
    corpus = two_worlds(linear, 40)
    mixed = [
        u.__class__(**{f: getattr(u, f) for f in u.__slots__} | {"sensitive": {"accent": "ab"[i % 2]}})
        for i, u in enumerate(corpus.utterances)
    ]
    changed = Corpus(name="n", utterances=tuple(mixed), digest="d", licence="l", label_space=corpus.label_space)
    with pytest.raises(PlanError, match="lies in several groups"):
        linear.trained(TRAINER, changed, tmp_path, features=["accent"])
