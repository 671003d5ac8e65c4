"""The server's side of a secure sum of counts over Flower: five stages to every site that is still there.

Each stage has a deadline; who misses one is out of the next. An attempt that does not come together before shares are
given may be made again, without anything having been learnt; after that there is no other, for two sums over nearly the
same sites differ by what one of them sent. A site's name is held against its node by its signature: the roster's keys
sign what it says, and a node that answers under another's name is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flwr.app import Message
from flwr.serverapp import Grid

from affidavit.errors import FederationError
from federated.pooled.contribution import SiteRow
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.notes import ALONE, About
from federated.pooled.secure_messages import TYPES, rows_of
from federated.pooled.secure_sums import totals_of_secure
from federated.pooled.totals import Totals
from federated.record.audit_entries import AuditAborted, AuditSummed
from federated.rounds.waiting import Clock, replies
from federated.secure.messages import carried, content_of, refusal_of
from federated.secure.refusals import SecureAbortError, SecureRefusalError
from federated.secure.server import SecureSum
from federated.secure.stages import Stage
from federated.secure.terms import Terms
from federated.secure.totals import SecureTotal
from federated.updates.local import SiteLeavesError
from federated.updates.messages import UnusableReplyError, plain_words, reply_content

NO_SITES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is waited, and how often it is tried."""

    first: float = 600.0
    """Seconds for the first stage, in which sites count."""
    stage: float = 60.0
    """Seconds for each later one."""
    attempts: int = 3
    before: int = 0
    """Attempts that were made at this plan before: sites answer none of a number that they heard."""

    def seconds(self, stage: Stage) -> float:
        """Return how long a stage waits."""
        return self.first if stage is Stage.KEYS else self.stage


@dataclass(frozen=True, slots=True, kw_only=True)
class SecureAnswers:
    """A sum that came about."""

    total: SecureTotal
    attempt: int
    refused: Mapping[str, str] = field(default_factory=dict)
    """Sites whose reply could not be used, and why: the last of each."""
    rows: Mapping[str, tuple[SiteRow, ...]] = field(default_factory=dict)
    """Own estimates of sites in the sum that told them."""

    def totals(self, plan: CountsPlan) -> Totals:
        """Return the totals of the plan.

        Raises:
            VerificationError: the sum, or an own estimate, cannot be.
        """
        return totals_of_secure(plan, self.total, rows=self.rows)


def ask_securely(
    grid: Grid,
    terms: Terms,
    sites: Mapping[str, int],
    *,
    clock: Clock,
    patience: Patience | None = None,
    about: About = ALONE,
) -> SecureAnswers:
    """Sum the counts of sites, reached at these nodes, so that nobody sees a single one.

    Raises:
        FederationError: no sum came about; the words say at which stage, and who was missing.
    """
    patience = patience or Patience()
    said: dict[str, str] = {}
    last = patience.before + patience.attempts
    for attempt in range(patience.before + 1, last + 1):
        try:
            one = _Attempt(grid, terms, sites, said, about=replace(about, attempt=attempt))
            return one.made(attempt, clock=clock, patience=patience)
        except SecureAbortError as error:
            one.abort(error)
            if one.opening or attempt == last:
                raise _aborted(error, one.stage, said) from None
    raise ValueError("no attempt was allowed")


class _Attempt:
    """One attempt at the sum."""

    def __init__(
        self, grid: Grid, terms: Terms, sites: Mapping[str, int], said: dict[str, str], *, about: About
    ) -> None:
        self._grid, self._terms, self._sites, self._said, self._about = grid, terms, sites, said, about
        self._rows: dict[str, tuple[SiteRow, ...]] = {}
        self.stage = Stage.KEYS

    @property
    def opening(self) -> bool:
        """Whether sites were asked for what opens the sum."""
        return self.stage is Stage.UNMASK

    def made(self, attempt: int, *, clock: Clock, patience: Patience) -> SecureAnswers:
        """Go through the stages.

        Raises:
            SecureAbortError: too few were left.
        """
        self._about.asked("counts", self._terms.run, tuple(self._sites))
        secure = SecureSum(self._terms, round=1, attempt=attempt, invited=tuple(self._sites))
        stage: Stage | None = secure.stage
        while stage is not None:
            self.stage = stage
            messages = [self._message(secure, site, attempt) for site in secure.waiting]
            for reply in replies(self._grid, messages, deadline=patience.seconds(stage), clock=clock):
                self._take(secure, reply)
            stage = secure.close()
        total = secure.result()
        self._note(total)
        rows = {site: own for site, own in self._rows.items() if site in total.contributors}
        return SecureAnswers(total=total, attempt=attempt, refused=dict(self._said), rows=rows)

    def abort(self, error: SecureAbortError) -> None:
        """Write down that the attempt did not come about."""
        self._about.note(
            AuditAborted(
                attempt=self._about.attempt, stage=self.stage, because=plain_words(str(error)), missing=error.missing
            )
        )

    def _note(self, total: SecureTotal) -> None:
        self._about.note(
            AuditSummed(
                attempt=self._about.attempt,
                terms=self._terms.digest,
                contributors=total.contributors,
                dropped={site: str(stage) for site, stage in total.dropped.items()},
            )
        )

    def _message(self, secure: SecureSum, site: str, attempt: int) -> Message:
        content = self._about.placed(carried(secure.stage, secure.request(site)))
        return Message(content, self._sites[site], TYPES[secure.stage], group_id=f"counts.{attempt}.{secure.stage}")

    def _take(self, secure: SecureSum, reply: Message) -> None:
        """Count a reply; what cannot be counted is refused, and said why."""
        node = reply.metadata.src_node_id
        site = next((name for name, place in self._sites.items() if place == node), f"node {node}")
        try:
            self._receive(secure, site, reply)
            return
        except SiteLeavesError as error:
            because = f"{error.slug}: {error.words}"
        except SecureRefusalError as error:
            because = f"{error.reason}: {error.words}"
        except UnusableReplyError as error:
            because = str(error)
        self._said[site] = plain_words(f"{secure.stage}: {because}")
        self._about.refused("counts", site, self._said[site])

    def _receive(self, secure: SecureSum, site: str, reply: Message) -> None:
        records = reply_content(reply)
        if (no := refusal_of(records)) is not None:
            raise UnusableReplyError(f"{plain_words(no[0])}: {plain_words(no[1])}")
        stage, content = content_of(records)
        if stage is not secure.stage:
            raise UnusableReplyError("it answers another stage")
        rows = rows_of(records)
        secure.receive(site, content)
        if stage is Stage.MASKED and rows:
            self._rows[site] = rows


def _aborted(error: SecureAbortError, stage: Stage, said: Mapping[str, str]) -> FederationError:
    words = "; ".join(f"{site}: {why}" for site, why in sorted(said.items()))
    return FederationError(
        "the sites' counts were not summed",
        slug="secure-aborted",
        where=f"federated audit, stage {stage}",
        found=plain_words(str(error)) + (f" ({words[:600]})" if words else ""),
        allowed="as many sites at every stage as the terms ask for",
        remedy="ask again when they can be reached"
        if stage is not Stage.UNMASK
        else "make a plan of its own for another audit: sites answer each plan once",
    )
