"""Three hospitals in folders of their own that are asked for an audit, by both of Flower's entry points."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from flwr.app import Context, Message, RecordDict
from flwr.app.user_config import UserConfig

from affidavit.bundle import read_bundle
from affidavit.report import AuditReport
from federated.client_app import app as client_app
from federated.deployment.approvals import Word, approve
from federated.deployment.house import House
from federated.deployment.keys import officer_key
from federated.deployment.node import FOLDER
from federated.deployment.opening import opened_site
from federated.entry.places import OWN_AUDIT
from federated.in_process.grid import InProcessGrid, server_identity
from federated.pooled.counts_plan import NAME
from federated.record.entries import Declined, Sent
from federated.record.log import Log, read_log
from federated.server_app import app as server_app
from tests.federated.pooled.conftest import ACCENTS, AGES, LABELS, SITES, three_hospitals

WORD = Word(by="A. Officer", because="a test")
NOISE = {"epsilon": 2.0, "delta": 1e-4, "rows_per_patient": 4}
App = Callable[[Message, Context], Message]


def counted(**more: Any) -> dict[str, Any]:
    """Return what is counted, as it stands in a plan."""
    return {
        "run": "model",
        "sites": list(SITES),
        "labels": list(LABELS),
        "conditions": ["TAV"],
        "features": {"accent": list(ACCENTS), "age": list(AGES)},
        "statistics": {"n_resamples": 400, "n_permutations": 199},
        "floor": 11,
        **more,
    }


def drafted(**more: Any) -> dict[str, Any]:
    """Return what is counted, without a vocabulary."""
    plan = counted(**more)
    del plan["labels"], plan["conditions"]
    return {**plan, "features": sorted(plan["features"])}


@dataclass
class Audited:
    """A plan, the sites' folders, and a run of both apps in this process."""

    folder: Path
    plan: dict[str, Any]
    nodes: dict[int, UserConfig] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=three_hospitals)
    site_app: App = client_app

    def house(self, site: str) -> House:
        """Return a site's folder."""
        return House(folder=self.folder / site)

    def log(self, site: str) -> Log:
        """Return a site's log."""
        return read_log(self.folder / site)

    @property
    def record(self) -> Path:
        """The server's record."""
        return self.folder / "report.audit.jsonl"

    def written(self) -> Path:
        """Write the plan that the server reads."""
        path = self.folder / "plan-of-server.yaml"
        path.write_text(yaml.safe_dump(self.plan), encoding="utf-8")
        return path

    def deployed(self, *, approved: bool = True, **policy: Any) -> None:
        """Make each site's folder, let its officer approve, and connect its node."""
        keys = {}
        for node, site in enumerate(SITES, start=21):
            house = self.house(site)
            opened_site(house.folder, site=site, server="127.0.0.1:9092")
            self.tables[site].to_csv(house.folder / "judgements.csv", index=False)
            self.allow(site, **policy)
            keys[site] = officer_key(house.key("signing")).public_key().public_bytes_raw().hex()
            self.nodes[node] = {FOLDER: str(house.folder)}
        self.plan["keys"] = keys
        for site in SITES:
            shutil.copy(self.written(), self.house(site).folder / OWN_AUDIT)
            if approved:
                self.approve(site)

    def approve(self, site: str) -> None:
        """Let a site's officer approve what lies in its folder."""
        house = self.house(site)
        approve(house, str(house.folder / OWN_AUDIT), word=WORD)

    def allow(self, site: str, *, exact_sums: str = "plain", own: bool = False, **policy: Any) -> None:
        """Change what a site's policy says."""
        path = self.house(site).policy
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        audit = {"table": "judgements.csv", "exact_sums": exact_sums, "own_estimates": own}
        path.write_text(yaml.safe_dump({**said, "audit": audit, "examinations": [NAME], **policy}), encoding="utf-8")

    def grid(self) -> InProcessGrid:
        """Return the sites' nodes."""
        return InProcessGrid(self.site_app, self.nodes, run_config=self.config)

    @property
    def config(self) -> UserConfig:
        """The run's configuration."""
        return {"plan": str(self.written()), "out": str(self.folder / "report")}

    @property
    def context(self) -> Context:
        """What the server is started with."""
        return Context(run_id=1, node_id=1, node_config={}, state=RecordDict(), run_config=self.config)

    def run(self) -> AuditReport:
        """Run both apps, and return the report that is there."""
        with server_identity():
            server_app(self.grid(), self.context)
        return read_bundle(self.folder / "report")

    def slugs(self, site: str) -> set[str]:
        """Return why a site declined."""
        return {one.slug for one in self.log(site).of(Declined)}

    def sent(self, site: str) -> list[str]:
        """Return the types of the messages that a site answered."""
        return [one.what for one in self.log(site).of(Sent)]


def audited(folder: Path, asked: dict[str, Any] | None = None, **how: Any) -> Audited:
    """Return an audit that nobody was asked for yet."""
    return Audited(folder=folder, plan={"audit": asked or counted(), "deadline": 60, "attempts": 2, **how})
