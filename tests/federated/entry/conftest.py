"""A federation whose server and sites are Flower's entry points, with a plan and folders of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from flwr.app import Context, RecordDict

from affidavit.corpus import Corpus
from affidavit.plan import Execution
from affidavit.registry import Door, register
from federated.client_app import app as client_app
from federated.deployment.approvals import Word, approve
from federated.deployment.house import House
from federated.deployment.keys import officer_key
from federated.deployment.node import FOLDER
from federated.deployment.opening import opened_site
from federated.entry.places import OWN_PLAN
from federated.in_process.grid import InProcessGrid, server_identity
from federated.server_app import app as server_app
from tests.federated.trainer.conftest import LABELS, Words, corpus_of

NAMES = ("east", "north", "west")


class WordsDoor:
    """Makes the small model from a seed; it looks at no corpus."""

    name = "words"

    def untrained(self, corpus: Corpus, options: Mapping[str, Any], *, seed: int, execution: Execution) -> Words:
        assert not corpus.utterances
        return Words(seed)


class WardsDoor:
    """The tests' corpus: all of it, or one site's part without its site's name."""

    name = "wards"

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Any) -> Corpus:
        corpus = corpus_of(sites=NAMES)
        if "only" not in options:
            return corpus
        own = tuple(replace(turn, site=None) for turn in corpus.utterances if turn.site == options["only"])
        return replace(corpus, utterances=own)


@dataclass
class Federated:
    """A plan, the sites' folders, and a run of both apps in this process."""

    folder: Path
    plan: dict[str, Any]
    nodes: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def plan_path(self) -> Path:
        return self.folder / "plan.yaml"

    def written(self) -> Path:
        self.plan_path.write_text(yaml.safe_dump(self.plan), encoding="utf-8")
        return self.plan_path

    def simulated(self) -> None:
        self.plan["corpus"] = {"name": "wards"}
        self.nodes = {node: {"partition-id": at, "num-partitions": 3} for at, node in enumerate((11, 12, 13))}

    def deployed(self, *, approved: bool = True, **policy: Any) -> None:
        """Make each site's folder as `affidavit site init` does, let its officer approve, and start its node."""
        keys = {}
        for node, name in enumerate(NAMES, start=11):
            place = House(folder=self.folder / name)
            opened_site(place.folder, site=name, server="127.0.0.1:9092")
            site = yaml.safe_load(place.policy.read_text(encoding="utf-8"))
            corpus = {"name": "wards", "options": {"only": name}}
            said = {**site, "corpus": corpus, "unprotected_training": True, "floor": 2, **policy}
            place.policy.write_text(yaml.safe_dump(said), encoding="utf-8")
            keys[name] = officer_key(place.key("signing")).public_key().public_bytes_raw().hex()
            self.nodes[node] = {FOLDER: str(place.folder)}
        self.plan["sites"] = keys
        for name in NAMES:
            own = House(folder=self.folder / name).folder / OWN_PLAN
            shutil.copy(self.written(), own)
            if approved:
                approve(House(folder=own.parent), str(own), word=Word(by="A. Officer", because="a test"))

    def run(self) -> Path:
        """Run both apps, and return the folder of the checkpoint."""
        out = self.folder / "model"
        config: dict[str, bool | float | int | str] = {
            "plan": str(self.written()),
            "out": str(out),
            "sites": str(self.folder / "sites"),
        }
        grid = InProcessGrid(client_app, self.nodes, run_config=config)
        context = Context(run_id=1, node_id=1, node_config={}, state=RecordDict(), run_config=config)
        with server_identity():
            server_app(grid, context)
        return out


@pytest.fixture
def federated(tmp_path: Path) -> Callable[..., Federated]:
    register(Door.REASONERS, "words", WordsDoor())
    register(Door.CORPORA, "wards", WardsDoor())

    def made(*, deadline: float = 60, **training: Any) -> Federated:
        rounds = {"rounds": 2, "norm_bound": 5.0, "deadline": deadline}
        protected = {"local", "private", "central"} & training.keys()
        plan = {
            "nonce": "test",
            "reasoner": {"name": "words"},
            "label_space": list(LABELS),
            "training": {"rounds": rounds, **({} if protected else {"local": {}}), **training},
            "seed": 3,
        }
        return Federated(folder=tmp_path, plan=plan)

    return made


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    torch.set_num_threads(1)
    with caplog.at_level("CRITICAL", logger="affidavit.site"):
        yield
