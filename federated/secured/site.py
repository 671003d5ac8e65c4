"""A site's side of a secure round: it trains before it gives keys, and sends nothing but stages of the sum.

Law: what has to be remembered is on the site's own disk, readable by nobody else, before a reply leaves.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flwr.app import Message, RecordDict
from numpy.typing import NDArray

from federated.private_files import held, private_file
from federated.remembering import remembered
from federated.secure.client import SecureClient
from federated.secure.contents import Content, whole
from federated.secure.messages import carried, content_of
from federated.secure.refusals import Reason, SecureRefusalError
from federated.secure.stages import Stage
from federated.secure.terms import LEAST
from federated.secured.agreement import Agreement
from federated.strategies.additive import Total
from federated.strategies.options import FedProx, QFair
from federated.updates.layout import Layout
from federated.updates.local import LocalTraining, RoundOrder
from federated.updates.messages import read_order

MEMORY: Final = "secure.json"
PART: Final = "part.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecureSite:
    """One site; it may be opened anew for every message."""

    site: str
    key: Ed25519PrivateKey = field(repr=False)
    """Its public half stands in the roster."""
    agreement: Agreement
    layout: Layout
    training: Callable[[], LocalTraining]
    """Opens the training; asked for at the first stage only."""
    folder: Path
    """Of its own."""
    weight: float = 1.0
    """What it counts by the plan, between 0 and 1; it leaves inside the sum."""
    minimum: int = LEAST
    """The smallest cohort that its own policy allows."""
    noise: Callable[[int], NDArray[np.int64]] | None = field(default=None, repr=False)
    """Its share of the noise, in steps of the grid, where sites add it."""

    def answer(self, stage: Stage, message: Message) -> RecordDict:
        """Answer one stage.

        Raises:
            SecureRefusalError: it is not answered; the words say why.
            SiteLeavesError: the training takes its leave.
            AffidavitError: the training could not be done.
        """
        asked, content = content_of(message.content)
        if asked is not stage:
            raise SecureRefusalError(Reason.MALFORMED, "the message's type is of another stage")
        with held(self.folder):  # two runs of one plan must not both find that nothing was signed yet
            return self._answer(stage, message, content)

    def _answer(self, stage: Stage, message: Message, content: Content) -> RecordDict:
        """Answer from what the site remembers, and remember before the answer leaves."""
        with remembered(self.folder / MEMORY, site=self.site) as memory:
            client = SecureClient(
                site=self.site,
                key=self.key,
                terms=self.agreement.terms,
                minimum=self.minimum,
                memory=memory,
                noise=self.noise,
            )
            part = self._part(whole(content, "round")) if stage is Stage.MASKED else None
            reply = client.handle(stage, content, part)
            if stage is Stage.KEYS:
                self._train(message, content)
        if stage is Stage.UNMASK:
            (self.folder / PART).unlink(missing_ok=True)
        return carried(stage, reply)

    def _train(self, message: Message, content: Content) -> None:
        """Train, and keep what will be masked."""
        order, received = read_order(message, self.layout)
        self._require_agreed(order, content)
        local = self.training().train(received, order)
        part = self.agreement.scaling.sent(local.update, weight=self.weight, loss=local.facts.loss)
        about = np.frombuffer(json.dumps([order.run, order.round]).encode(), np.uint8)
        with private_file(self.folder / PART) as file:
            np.savez(file, about=about, part=part)

    def _require_agreed(self, order: RoundOrder, content: Content) -> None:
        """Refuse an order that is not of this attempt, or asks for what the plan does not."""
        strategy = self.agreement.scaling.strategy
        found = (order.run, order.round, order.attempt, order.proximal, order.loss_wanted)
        proximal = strategy.proximal if isinstance(strategy, FedProx) else 0.0
        numbers = whole(content, "round"), whole(content, "attempt")
        if found != (self.agreement.terms.run, *numbers, proximal, isinstance(strategy, QFair)):
            raise SecureRefusalError(Reason.TERMS, f"{self.site} approved another training than it is asked for")

    def _part(self, number: int) -> Total | None:
        """Return what was kept for this round of this run; None where nothing was."""
        try:
            with np.load(self.folder / PART, allow_pickle=False) as file:
                own = json.loads(file["about"].tobytes()) == [self.agreement.terms.run, number]
                return file["part"] if own else None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
