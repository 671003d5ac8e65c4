"""The clinic's three hospitals train by a plan; a federated head is as good as one trained on pooled patients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.plan import AuditPlan, Execution
from affidavit.protocols import silent
from affidavit.registry import Door, load, names, register
from affidavit.seeds import seed_of
from affidavit.splits import split
from affidavit.training import train_plan
from affidavit.unit_keys import was_trained_on
from federated.trainer.door import TRAINER

TEXT = {"size": "tiny", "audio": False, "visual": False, "rationales": False, "augmentation": {"degraded_share": 0}}
EXECUTION = Execution(device="cpu", workers=0)


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    if "federated" not in names(Door.TRAINERS):
        register(Door.TRAINERS, "federated", TRAINER)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def clinic(seed: int, n_utterances: int) -> Corpus:
    options = {"seed": seed, "n_utterances": n_utterances, "media": "none"}
    corpus: Corpus = load(Door.CORPORA, "clinic").load(options, folder=Path(), progress=silent)
    return corpus


def test_three_hospitals_train_by_a_plan_and_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    corpus = {"name": "clinic", "options": {"seed": 1, "n_utterances": 120, "media": "none"}}
    trainer = {"name": "federated", "options": {"rounds": {"rounds": 1, "norm_bound": 50.0}, "secure": {}, "local": {}}}
    plan = AuditPlan.model_validate(
        {
            "training": {
                "hospitals": {
                    "corpus": corpus,
                    "reasoner": {"name": "instructed", "options": TEXT},
                    "trainer": trainer,
                    "out": "models",
                }
            },
            "runs": {
                "m": {
                    "corpus": corpus,
                    "reasoner": {"name": "instructed", "options": {"conditions": ["T"]}},
                    "trained": "hospitals",
                }
            },
            "execution": {"device": "cpu", "workers": 0},
        }
    )
    (first,) = train_plan(plan, folder=tmp_path, progress=silent)
    (again,) = train_plan(plan, folder=tmp_path, progress=silent)

    assert (first.again, again.again) == (False, True)
    told = first.card["federated"]
    assert set(told["sites"]) == {"harbour", "north", "valley"}
    assert {site["rounds"] for site in told["sites"].values()} == {1}
    assert told["secure"]["minimum"] == 3
    patients = sorted({turn.unit for turn in clinic(1, 120).utterances if turn.label is not None})
    held_out = split(patients, {"held_out": 0.3}, seed=seed_of(0, "split"))["held_out"]
    assert not any(was_trained_on(first.card, name) for name in held_out)
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["seed-0", "seed-0.rounds.jsonl"]


@pytest.mark.slow
def test_a_federated_head_is_within_two_points_of_the_pooled_one(tmp_path: Path) -> None:
    """Encoders from a disjoint, public clinic; then the parts that judge, on half of the patients of another one."""
    reasoner = load(Door.REASONERS, "instructed")
    supervised = load(Door.TRAINERS, "supervised")
    public, own = clinic(1, 1200), clinic(2, 2400)
    supervised.train(
        reasoner.untrained(public, TEXT, seed=1, execution=EXECUTION),
        public,
        {"epochs": 8, "held_out": 0},
        folder=tmp_path / "public",
        rng=np.random.default_rng(1),
        progress=silent,
    )
    head = {"start": str(tmp_path / "public"), "only": ["head", "answers"], "rationales": False}

    def trained(trainer: Any, options: Mapping[str, Any], name: str) -> float:
        model = reasoner.untrained(own, head, seed=2, execution=EXECUTION)
        started = _correct(model, own)
        trainer.train(
            model,
            own,
            {"held_out": 0.5, **options},
            folder=tmp_path / name,
            rng=np.random.default_rng(2),
            progress=silent,
        )
        assert _correct(model, own) > started + 0.02, "the head learnt something"
        return _correct(model, own)

    pooled = trained(supervised, {"epochs": 12, "keep": "last", "patience": 99, "development": 0.02}, "pooled")
    federated = trained(TRAINER, {"rounds": {"rounds": 12, "norm_bound": 5.0}, "secure": {}, "local": {}}, "federated")

    assert federated > pooled - 0.02


def _correct(model: Any, corpus: Corpus) -> float:
    """Return the share of right answers on the patients whom nobody trained on."""
    patients = sorted({turn.unit for turn in corpus.utterances if turn.label is not None})
    held_out = set(split(patients, {"held_out": 0.5}, seed=seed_of(0, "split"))["held_out"])
    turns = [turn for turn in corpus.utterances if turn.unit in held_out]
    model.prepare(turns)
    with torch.no_grad():
        answers = model.logits(turns).argmax(1)
    told = [(corpus.label_space[int(a)], turn.label) for a, turn in zip(answers, turns, strict=True) if turn.label]
    return float(np.mean([a == label for a, label in told]))
