"""Five sites in folders of their own, that answer the stages of a secure sum of counts in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from federated.in_process.grid import InProcessGrid
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.secure_asking import Patience, SecureAnswers, ask_securely
from federated.pooled.secure_messages import TYPES
from federated.pooled.secure_site import CountingSite, add_secure_counts
from federated.pooled.secure_sums import counts_terms
from federated.rounds.waiting import MonotonicClock
from federated.secure.rehearsal import roster_of, signing_keys
from federated.secure.stages import Stage
from federated.secure.terms import Terms
from federated.secure.topologies import topology
from tests.federated.pooled.conftest import SITES, hospital, plan_of, read

FIVE = (*SITES, "east", "upper")
PLAN = plan_of(told="secure", floor=11, conditions=("TAV",), sites=FIVE)
TABLES = {site: hospital(site, n_patients=12 + 6 * i, seed=i) for i, site in enumerate(FIVE)}
NODES = {site: 21 + i for i, site in enumerate(FIVE)}
KEYS = signing_keys(FIVE)
PATIENCE = Patience(first=30, stage=30)


def terms_of(plan: CountsPlan) -> Terms:
    """Return the terms of a plan over the five sites, of which two may drop out."""
    return counts_terms(plan, roster=roster_of(KEYS), topology=topology(5, colluding=0, dropped=2))


class House:
    """Five sites in folders, one app for all; `unless` may raise before a site answers a stage."""

    def __init__(
        self, folder: Path, unless: Callable[[str, Stage], None] = lambda site, stage: None, *, plan: CountsPlan = PLAN
    ) -> None:
        self.folder, self.unless, self.plan, self.asked = folder, unless, plan, list[tuple[str, Stage]]()
        self.keys: dict[str, Ed25519PrivateKey] = dict(KEYS)
        self.terms: dict[str, Terms] = dict.fromkeys(FIVE, terms_of(plan))
        self.tell: frozenset[str] = frozenset()
        self.ledgers: dict[str, Path] = {}

    def opened(self, context: Context) -> CountingSite:
        site = str(context.node_config["site"])
        return CountingSite(
            site=site,
            key=self.keys[site],
            plan=self.plan,
            terms=self.terms[site],
            table=lambda: read(TABLES[site], self.plan),
            folder=self.folder / site,
            tell_own_rows=site in self.tell,
            ledger=self.ledgers.get(site),
        )

    def grid(self, names: dict[int, str] | None = None) -> InProcessGrid:
        app = ClientApp()
        add_secure_counts(app, self.opened)

        def watched(message: Message, context: Context) -> Message:
            site = str(context.node_config["site"])
            stage = next(stage for stage, kind in TYPES.items() if kind == message.metadata.message_type)
            self.asked.append((site, stage))
            self.unless(site, stage)
            return app(message, context)

        places = names or {node: site for site, node in NODES.items()}
        return InProcessGrid(watched, {node: {"site": site} for node, site in places.items()})


def asked(house: House) -> SecureAnswers:
    """Sum the counts of the five sites."""
    return ask_securely(house.grid(), terms_of(house.plan), NODES, clock=MonotonicClock(), patience=PATIENCE)
