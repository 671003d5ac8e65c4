"""A site's side of a secure sum of counts: it counts before it gives keys, and sends nothing but stages of the sum.

Laws: the terms are made from the plan that this site's officer approved, so that a server with another plan is refused
by its first message; what has to be remembered is on the site's own disk, readable by nobody else, before a reply
leaves; a plan is summed once, whatever is asked later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp
from numpy.typing import NDArray

from affidavit.errors import BudgetSpentError, PlanError
from affidavit.predictions import Predictions
from federated.pooled.at_site import site_blocks
from federated.pooled.contribution import SiteRow
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.noise import affordable, spend
from federated.pooled.noise_shares import share
from federated.pooled.secure_messages import TYPES, with_rows
from federated.pooled.site_rows import site_rows
from federated.pooled.sums import joined, parted
from federated.pooled.withholding import withheld_places
from federated.private_files import held, private_file
from federated.remembering import remembered
from federated.secure.client import SecureClient
from federated.secure.messages import carried, content_of, refused
from federated.secure.refusals import Reason, SecureRefusalError
from federated.secure.stages import Stage
from federated.secure.terms import LEAST, Terms
from federated.sites.app import LOG, answered
from federated.updates.local import SiteLeavesError
from privacy.dpsgd.randomness import secret_source
from privacy.ledger.events import Budget

MEMORY: Final = "secure-counts.json"
VECTOR: Final = "secure-counts.npy"
DEARER: Final = "the audit's noise costs more than this site's budget has left"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingSite:
    """One site; it may be opened anew for every message."""

    site: str
    key: Ed25519PrivateKey = field(repr=False)
    """Its public half stands in the roster."""
    plan: CountsPlan
    terms: Terms
    """Of this plan: see `secure_sums.counts_terms`."""
    table: Callable[[], Predictions]
    """Reads the site's table; asked for at the first stage only."""
    folder: Path
    """Of its own, and of this plan alone."""
    minimum: int = LEAST
    """The smallest cohort that its own policy allows."""
    tell_own_rows: bool = False
    """Whether its own estimates may leave beside the sum; never beside a noised one."""
    ledger: Path | None = None
    """Where the cost of noise is written before anything leaves; needed where the plan asks for noise."""
    budget: Budget | None = None
    """What the site's answers and trainings may cost a patient together, beside what its ledger says already."""

    def answer(self, stage: Stage, message: Message) -> RecordDict:
        """Answer one stage.

        Raises:
            SecureRefusalError: it is not answered; the words say why.
            AffidavitError: the table cannot be counted.
        """
        asked, content = content_of(message.content)
        if asked is not stage:
            raise SecureRefusalError(Reason.MALFORMED, "the message's type is of another stage")
        vector = self._kept() if stage is Stage.MASKED else None
        with remembered(self.folder / MEMORY, site=self.site) as memory:
            client = SecureClient(
                site=self.site,
                key=self.key,
                terms=self.terms,
                minimum=self.minimum,
                memory=memory,
                noise=self._noise() if stage is Stage.MASKED else None,
            )
            reply = client.handle(stage, content, vector)
            if stage is Stage.KEYS:
                self._count()
        if stage is Stage.UNMASK:
            (self.folder / VECTOR).unlink(missing_ok=True)
        records = carried(stage, reply)
        return records if vector is None else with_rows(records, self._rows(vector))

    def _noise(self) -> Callable[[int], NDArray[np.int64]] | None:
        """Return this site's share of the noise; its cost is in the ledger before one number is masked."""
        ledger = self.ledger
        if self.plan.noise is None or ledger is None:
            return None
        drawn = share(self.plan, source=secret_source())

        def counted(size: int) -> NDArray[np.int64]:
            spend(self.plan, ledger, site=self.site, budget=self.budget)
            return drawn(size)

        return counted

    def _require_ledger(self) -> None:
        if self.plan.noise is not None and self.ledger is None:
            raise PlanError(
                "noise is promised, and there is no ledger to count what it costs",
                slug="plan-impossible",
                where=self.site,
                found="no ledger",
                allowed="a ledger",
                remedy="give the site's ledger",
            )

    def _require_room(self) -> None:
        """Decline before keys are given what could not be paid for when numbers leave.

        Raises:
            SiteLeavesError: the noise costs more than is left.
        """
        if self.plan.noise is None or self.ledger is None:
            return
        if not affordable(self.plan, self.ledger, site=self.site, budget=self.budget):
            raise SiteLeavesError("budget-spent", DEARER)

    def _count(self) -> None:
        self._require_ledger()
        self._require_room()
        vector = joined(site_blocks(self.table(), self.plan, site=self.site))
        with private_file(self.folder / VECTOR) as file:
            np.save(file, vector, allow_pickle=False)

    def _kept(self) -> NDArray[Any] | None:
        """Return what was counted; None where nothing was."""
        try:
            return np.asarray(np.load(self.folder / VECTOR, allow_pickle=False))
        except (OSError, ValueError, EOFError):
            return None

    def _rows(self, vector: NDArray[Any]) -> tuple[SiteRow, ...]:
        """Return what may be told beside the sum: of groups that this site would tell in clear."""
        if not self.tell_own_rows or self.plan.noise is not None:
            return ()
        blocks = parted(self.plan, vector)
        return site_rows(self.plan, blocks, withheld=withheld_places(self.plan, blocks))


OpenedCounting = Callable[[Context], CountingSite]
"""Opens a site: reads its key and its policy, and holds the plan against what its officer approved."""


def add_secure_counts(app: ClientApp, opened: OpenedCounting) -> None:
    """Let a site's app answer the stages of a secure sum of counts."""
    for stage, kind in TYPES.items():
        app.evaluate(kind.partition(".")[2])(_stage_of(opened, stage))


def _stage_of(opened: OpenedCounting, stage: Stage) -> Callable[[Message, Context], Message]:
    def answer(message: Message, context: Context) -> Message:
        return answered(message, lambda: _answered(opened(context), stage, message))

    return answer


def _answered(site: CountingSite, stage: Stage, message: Message) -> RecordDict:
    try:
        with held(site.folder):
            return site.answer(stage, message)
    except BudgetSpentError:
        raise SiteLeavesError("budget-spent", DEARER) from None
    except SecureRefusalError as refusal:
        LOG.warning("the site answered no stage of a sum of counts: %s: %s", refusal.reason, refusal.words)
        return refused(refusal)
