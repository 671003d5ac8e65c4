"""Every site of a corpus as the node of an in-process grid: one model serves all of them, one after another.

A site has a folder and a ledger of its own, as it has across machines. What it remembers of secure sums and its answers
lie in the training's folder and go when that is replaced; the ledger lies beside it and stays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flwr.app import Context, Message

from affidavit.errors import PlanError
from affidavit.protocols import Trainable
from federated.in_process.grid import App, InProcessGrid
from federated.private_files import private_file
from federated.secure.identities import Roster
from federated.secured.agreement import Agreement
from federated.secured.app import secure_site_app
from federated.secured.site import SecureSite
from federated.sites.answers import Answers
from federated.sites.app import site_app
from federated.sites.clipped import ClippedTraining
from federated.sites.plain import PlainTraining
from federated.sites.private import PrivateTraining
from federated.trainer.noise import site_noise
from federated.trainer.options import FederatedOptions
from federated.trainer.parts import SitePart
from federated.updates.layout import Layout
from federated.updates.local import LocalTraining
from privacy.dpsgd.passes import Way

KEY: Final = "signing.key"
SITES: Final = ".training-sites"
"""Named as whoever looks for interrupted trainings, to remove what a withdrawn patient left in them, looks for them."""
FIRST_NODE: Final = 2
"""Number 1 is the server's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What every site of the training has in common."""

    reasoner: Trainable
    layout: Layout
    options: FederatedOptions
    folder: Path
    """Of the training: sites' folders lie in it, ledgers beside it."""
    seed: int
    corpus: str
    """Key of the corpus, for the sites' ledgers."""
    way: Way = "loop"
    """How private training comes by gradients of single patients."""
    ledger_at: Path | None = None
    """The one ledger of a site across machines; beside the training's folder where absent."""
    tells_units: bool = True
    """Whether a site that trains without privacy tells its number of patients."""

    def place(self, site: str) -> Path:
        """Return a site's folder, which nobody else may enter."""
        place = self.folder / SITES / site
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        return place

    def ledger(self, site: str) -> Path:
        """Return where a site's ledger is: outside of what training replaces."""
        return self.ledger_at or self.folder.parent / f"{self.folder.name}.{site}.ledger.jsonl"

    def training(self, part: SitePart) -> PlainTraining | PrivateTraining:
        """Return a site's training."""
        place = self.place(part.site)
        if self.options.private is not None:
            return PrivateTraining(
                site=part.site,
                reasoner=self.reasoner,
                layout=self.layout,
                units=part.units,
                way=self.way,
                options=self.options.private,
                policy=self.options.policy,
                folder=place,
                ledger=self.ledger(part.site),
                corpus=self.corpus,
                seed=self.seed,
            )
        return PlainTraining(
            site=part.site,
            reasoner=self.reasoner,
            layout=self.layout,
            rows=part.rows,
            n_units=len(part.patients) if self.tells_units else None,
            options=self.options.plain,
            seed=self.seed,
            answers=Answers(place),
        )

    def within(self, part: SitePart) -> LocalTraining:
        """Return a site's training, whose updates are no longer than the plan allows."""
        training, bounds = self.training(part), [self.options.rounds.norm_bound or math.inf]
        if (central := self.options.central) is not None:
            adaptive = central.adaptive_clipping
            bounds.append(central.clip_norm if adaptive is None else adaptive.ceiling)
        return training if min(bounds) == math.inf else ClippedTraining(training=training, bound=min(bounds))

    def key(self, site: str) -> Ed25519PrivateKey:
        """Return the key that a site signs with: its own, made once.

        Raises:
            PlanError: there is one, and it is none.
        """
        path = self.place(site) / KEY
        if not path.exists():
            made = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
            with private_file(path) as file:
                file.write(made)
        try:
            return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
        except ValueError:
            raise PlanError(
                "a site's signing key cannot be read",
                slug="checkpoint-invalid",
                where=str(path),
                found="no raw Ed25519 key of 32 bytes",
                remedy="remove the training's folder, and train anew",
            ) from None

    def roster(self, parts: tuple[SitePart, ...]) -> Roster:
        """Return every site's public key."""
        return Roster(keys={part.site: self.key(part.site).public_key().public_bytes_raw() for part in parts})


def grid_of(house: House, parts: tuple[SitePart, ...], agreement: Agreement | None) -> InProcessGrid:
    """Return a grid with a node for each site."""
    apps = {node: _app(house, part, agreement) for node, part in enumerate(parts, start=FIRST_NODE)}

    def answer(message: Message, context: Context) -> Message:
        return apps[context.node_id](message, context)

    return InProcessGrid(answer, {node: {} for node in apps})


def trainings_of(house: House, parts: tuple[SitePart, ...]) -> Mapping[str, PlainTraining | PrivateTraining]:
    """Return every site's training by its name."""
    return {part.site: house.training(part) for part in parts}


def secure_site(
    house: House, part: SitePart, agreement: Agreement, *, key: Ed25519PrivateKey | None = None
) -> SecureSite:
    """Return a site's part in secure sums; with a key of its own, where it is not simulated."""
    training = house.training(part)
    return SecureSite(
        site=part.site,
        key=key or house.key(part.site),
        agreement=agreement,
        layout=house.layout,
        training=lambda: training,
        folder=house.place(part.site),
        weight=_weight(house, training),
        noise=site_noise(house.options, agreement),
    )


def _app(house: House, part: SitePart, agreement: Agreement | None) -> App:
    if agreement is None:
        training = house.within(part)
        return site_app(lambda _: (training, house.layout))
    site = secure_site(house, part, agreement)
    return secure_site_app(lambda _: site)


def _weight(house: House, training: PlainTraining | PrivateTraining) -> float:
    rounds = house.options.rounds
    if rounds.weights == "equal":
        return 1.0
    weight = rounds.weight(training.facts().n_units)
    if weight is None:
        raise PlanError(
            "the plan weighs sites by their number of patients, and a site tells none",
            slug="plan-impossible",
            where=f"site {training.site}",
            found="no number of patients",
            remedy="say weights: equal, or let sites tell it (policy.tells_units)",
        )
    return weight
