"""Hospitals train adapters of a language model together: updates of adapters travel, the model beneath never does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flwr")
pytest.importorskip("peft")

from flwr.app import Message
from flwr.common.serde import recorddict_to_proto

from affidavit.corpus import Corpus
from affidavit.plan import AuditPlan, Execution
from affidavit.predictions import Reading
from affidavit.protocols import silent
from affidavit.registry import Door, load
from affidavit.training import train_plan
from federated.in_process.grid import InProcessGrid
from reasoners.omni.noise import Tiny

ONE = Execution(device="cpu", workers=0, threads=1)
SITES = {"p0": "Harbour", "p1": "Harbour", "p2": "North", "p3": "Valley"}
WEIGHTS = {"harbour": 1.0, "north": 0.5, "valley": 0.5}
"""Two patients, one and one, of two that count in full."""
LORA = {"rank": 2, "alpha": 8}
ROUNDS = {"rounds": 1, "norm_bound": 50.0}
LOCAL = {"optimizer": "sgd", "learning_rate": 0.5, "rows_per_step": 100}
MOST_BESIDE = 4_000
"""Bytes of a message beside its numbers: who, which run, which round, whose layout."""
Saved = Callable[[Tiny], Path]


@dataclass
class Wire:
    """Everything that went between the server and the sites."""

    messages: list[tuple[Message, Message]] = field(default_factory=list)

    @property
    def sizes(self) -> list[int]:
        """Bytes of every message, asked and answered."""
        both = [content for asked, said in self.messages for content in (asked.content, said.content)]
        return [len(recorddict_to_proto(content).SerializeToString()) for content in both]

    def rounds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return what a site received and the update that it sent, for each site in each round."""
        return [
            (asked.content["vector"]["vector"].numpy(), said.content["vector"]["vector"].numpy())
            for asked, said in self.messages
            if "vector" in said.content
        ]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    heard, genuine = Wire(), InProcessGrid._answered

    def answered(grid: InProcessGrid, message: Message) -> Message:
        reply = genuine(grid, message)
        heard.messages.append((message, reply))
        return reply

    monkeypatch.setenv("FLWR_TELEMETRY_ENABLED", "0")
    monkeypatch.setattr(InProcessGrid, "_answered", answered)
    return heard


@pytest.fixture
def wards(corpus: Corpus) -> Corpus:
    """The dialogues at three hospitals."""
    turns = tuple(replace(turn, site=SITES[turn.unit]) for turn in corpus.utterances)
    return replace(corpus, utterances=turns, digest="sha256:wards")


def trained(corpus: Corpus, model: Path, out: Path, **options: Any) -> tuple[Any, np.ndarray, dict[str, Any]]:
    """Train as a plan does, and return the reasoner, its adapters before, and the card."""
    made = {"path": str(model), "lora": LORA, "reasoning": "none"}
    reasoner = load(Door.REASONERS, "omni").untrained(corpus, made, seed=1, execution=ONE)
    before = adapters(reasoner)
    told = {"rounds": ROUNDS, "held_out": 0, **options}
    load(Door.TRAINERS, "federated").train(
        reasoner, corpus, told, folder=out, rng=np.random.default_rng(5), progress=silent
    )
    return reasoner, before, json.loads((out / "card.json").read_text(encoding="utf-8"))


def adapters(reasoner: Any) -> np.ndarray:
    """Return all that training changes, in the order of names."""
    named = sorted((n, v) for n, v in reasoner.module.named_parameters() if v.requires_grad)
    return np.concatenate([value.detach().numpy().ravel() for _, value in named])


def test_the_merged_adapters_are_the_weighted_mean_of_the_sites(
    wards: Corpus, saved: Saved, cache: Path, tmp_path: Path, wire: Wire
) -> None:
    rounds = {**ROUNDS, "weights": "capped", "cap": 2}
    policy = {"tells_units": True}
    reasoner, before, card = trained(
        wards, saved("qwen2_audio"), tmp_path / "model", rounds=rounds, local=LOCAL, policy=policy
    )

    heard = wire.rounds()
    assert set(card["federated"]["sites"]) == set(WEIGHTS)
    assert len(heard) == len(WEIGHTS)
    assert all(np.array_equal(received, before) for received, _ in heard), "everybody begins with the same adapters"
    updates = [update for _, update in heard]
    assert len({update.tobytes() for update in updates}) == len(updates), "each learnt from its own patients"
    weights = np.array(list(WEIGHTS.values()))  # nodes are numbered in the order of the sites' names
    mean = (np.stack(updates).astype(np.float64) * weights[:, None]).sum(0) / weights.sum()
    assert np.abs(mean).max() > 1e-4
    np.testing.assert_allclose(adapters(reasoner) - before, mean, atol=1e-6)
    plain = np.stack(updates).mean(0)
    assert np.abs(plain - mean).max() > 1e-5, "the weights matter"


def test_the_frozen_weights_never_travel(wards: Corpus, saved: Saved, cache: Path, tmp_path: Path, wire: Wire) -> None:
    reasoner, before, card = trained(wards, saved("qwen2_audio"), tmp_path / "model", local=LOCAL)

    frozen = sum(value.numel() for value in reasoner.module.parameters() if not value.requires_grad)
    assert wire.sizes
    assert max(wire.sizes) < 4 * before.size + MOST_BESIDE
    assert max(wire.sizes) < 4 * frozen / 10
    assert {site["vector_bytes_sent"] for site in card["federated"]["sites"].values()} == {4 * before.size}
    kept = (tmp_path / "model" / "adapters.safetensors").stat().st_size
    assert kept < 4 * before.size + MOST_BESIDE


def test_secure_sums_make_the_same_adapters_and_no_site_is_seen(
    wards: Corpus, saved: Saved, cache: Path, tmp_path: Path, wire: Wire
) -> None:
    clear, before, _ = trained(wards, saved("qwen2_audio"), tmp_path / "clear", local=LOCAL)
    updates = [update for _, update in wire.rounds()]
    wire.messages.clear()
    secure, _, card = trained(wards, saved("qwen2_audio"), tmp_path / "secure", local=LOCAL, secure={})

    np.testing.assert_allclose(adapters(secure), adapters(clear), atol=1e-4)
    assert np.abs(adapters(secure) - before).max() > 1e-3
    assert card["federated"]["secure"]["minimum"] == 3
    sent = b"".join(recorddict_to_proto(said.content).SerializeToString() for _, said in wire.messages)
    assert not any(update[:64].tobytes() in sent for update in updates)


@pytest.mark.slow  # trains several models
def test_private_hospitals_count_each_patient_in_a_ledger_of_their_own(
    wards: Corpus, saved: Saved, cache: Path, tmp_path: Path, wire: Wire
) -> None:
    pytest.importorskip("opacus")
    private = {"steps": 2, "noise_multiplier": 1.5, "delta": 1e-3, "sample_rate": 0.5, "counted": "public"}
    _, before, card = trained(
        wards, saved("qwen2_audio"), tmp_path / "model", private={**private, "learning_rate": 0.1}
    )

    told = card["privacy"]
    ledgers = sorted(path.name for path in tmp_path.glob("*.ledger.jsonl"))
    assert ledgers == [f"model.{site}.ledger.jsonl" for site in WEIGHTS]
    assert told["unit"] == "patient"
    assert told["epsilon"] == max(one["epsilon"] for one in told["sites"].values()) > 0
    assert max(wire.sizes) < 4 * before.size + MOST_BESIDE


def test_a_plan_trains_in_two_rounds_and_judges_from_the_checkpoint(
    saved: Saved, cache: Path, tmp_path: Path, wire: Wire
) -> None:
    corpus = {"name": "clinic", "options": {"seed": 1, "n_utterances": 60, "media": "none"}}
    model = {"name": "omni", "options": {"path": str(saved("qwen2_audio")), "lora": LORA, "reasoning": "none"}}
    trainer = {"name": "federated", "options": {"rounds": {**ROUNDS, "rounds": 2}, "local": {"max_turns": 4}}}
    judged = {"name": "omni", "options": {"conditions": ["T"]}}
    plan = AuditPlan.model_validate(
        {
            "training": {"hospitals": {"corpus": corpus, "reasoner": model, "trainer": trainer, "out": "models"}},
            "runs": {"m": {"corpus": corpus, "reasoner": judged, "trained": "hospitals"}},
            "execution": {"device": "cpu", "workers": 0, "threads": 1},
        }
    )
    (first,) = train_plan(plan, folder=tmp_path, progress=silent)
    (again,) = train_plan(plan, folder=tmp_path, progress=silent)

    assert (first.again, again.again) == (False, True)
    assert first.card["federated"]["rounds"]["done"] == 2
    assert set(first.card["federated"]["sites"]) == {"harbour", "north", "valley"}
    assert first.card["model_card"]["licence"] == "apache-2.0"
    received = [vector for vector, _ in wire.rounds()]
    assert not np.array_equal(received[0], received[-1]), "the second round begins where the first ended"
    found = load(Door.REASONERS, "omni").judge(
        load(Door.CORPORA, "clinic").load(corpus["options"], folder=tmp_path, progress=silent),
        {"checkpoint": str(first.folder), "conditions": ["T"]},
        reading=Reading(run="m", execution=ONE),
        rng=np.random.default_rng(0),
        progress=silent,
    )
    assert found.n_rows > 0
    assert any("trained on" in line for line in found.assumptions), "whom it met is left out"
