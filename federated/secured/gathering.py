"""The server's side of a secure round: five stages to every site that is still there, each with a deadline.

The first stage carries the model, and a site trains before it gives its keys: who is slow, spent or broken drops out
while nothing is shared yet. A sum that does not come together aborts the attempt and leaves nothing behind; the next
attempt asks for the same updates, which sites do not make anew. Once sites were asked to open a sum there is no other
attempt of that round.
"""

from __future__ import annotations

from collections.abc import Sequence

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from federated.rounds.events import Asked, AttemptAborted, ReplyRefused, SiteLeft, Summed
from federated.rounds.gathering import RoundGathering, Server
from federated.rounds.waiting import replies
from federated.secure.messages import TYPES, carried, content_of, refusal_of
from federated.secure.refusals import SecureAbortError, SecureRefusalError
from federated.secure.server import SecureSum
from federated.secure.stages import Stage
from federated.secure.totals import SecureTotal
from federated.secured.agreement import Agreement
from federated.strategies.additive import Moments, advanced
from federated.updates.layout import Vector
from federated.updates.local import SiteLeavesError
from federated.updates.messages import UnusableReplyError, order_content, plain_words, reply_content
from federated.updates.unreadable import UNREADABLE


class SecureGathering:
    """Only sums are seen by the server."""

    def __init__(self, server: Server, *, agreement: Agreement) -> None:
        self._server, self._agreement = server, agreement

    @property
    def least(self) -> int:
        """With fewer sites no sum comes about."""
        return self._agreement.terms.least

    def begin(self, number: int) -> RoundGathering:
        """Begin a round."""
        return _SecureRound(self._server, self._agreement, number)


class _SecureRound:
    """One round; an attempt is all or nothing."""

    def __init__(self, server: Server, agreement: Agreement, number: int) -> None:
        self._server, self._agreement, self._number = server, agreement, number
        self._noise = None if server.mechanism is None else server.mechanism.begin(number)
        self._total: SecureTotal | None = None
        self.lost: str | None = None

    @property
    def contributors(self) -> Sequence[str]:
        return () if self._total is None else self._total.contributors

    def ask(self, grid: Grid, model: Vector, sites: Sequence[str], *, attempt: int) -> None:
        server = self._server
        if attempt > 1 and server.mechanism is not None:
            self._noise = server.mechanism.begin(self._number)
        server.note(Asked(round=self._number, attempt=attempt, sites=tuple(sites)))
        try:
            secure = SecureSum(self._agreement.terms, round=self._number, attempt=attempt, invited=sites)
        except SecureAbortError as error:
            self._abort(attempt, Stage.KEYS, error)
            return
        try:
            self._stages(grid, secure, model, attempt)
            self._total = secure.result()
            self._agreement.scaling.total(self._total)
        except (SecureAbortError, ValueError) as error:
            self._total = None
            self._abort(attempt, secure.stage, error)
            return
        self._note_sum(self._total, attempt)

    def result(self, model: Vector, moments: Moments | None) -> tuple[Vector, Moments | None]:
        if self._total is None:
            raise RuntimeError("no sum was opened")
        total = self._agreement.scaling.total(self._total)
        if self._noise is not None:
            total = self._noise.release(total)
        return advanced(model, total, options=self._agreement.scaling.strategy, moments=moments)

    def _stages(self, grid: Grid, secure: SecureSum, model: Vector, attempt: int) -> None:
        stage: Stage | None = secure.stage
        while stage is not None:
            if stage is Stage.UNMASK:  # from here on sites give what opens the sum
                self._before_opening(secure, attempt)
            messages = [self._message(secure, site, model, attempt) for site in secure.waiting]
            first = stage is Stage.KEYS
            deadline = self._server.terms.rounds.deadline if first else self._agreement.stage_deadline
            for reply in replies(grid, messages, deadline=deadline, clock=self._server.clock):
                self._take(secure, reply, attempt)
            stage = secure.close()

    def _before_opening(self, secure: SecureSum, attempt: int) -> None:
        if self._noise is not None:
            active = secure.request(secure.waiting[0])["active"]
            n_active = len(active) if isinstance(active, list) else 0
            self._noise.intend([1.0] * n_active)
        self._server.begun.write(self._number, attempt, opened=True)

    def _message(self, secure: SecureSum, site: str, model: Vector, attempt: int) -> Message:
        content = carried(secure.stage, secure.request(site))
        if secure.stage is Stage.KEYS:
            clip_norm = None if self._noise is None else self._noise.clip_norm
            order = self._server.terms.order(number=self._number, attempt=attempt, clip_norm=clip_norm)
            content = RecordDict({**content, **order_content(order, model)})
        group = f"{self._number}.{attempt}.{secure.stage}"
        return Message(content, self._server.sites.node(site), TYPES[secure.stage], group_id=group)

    def _take(self, secure: SecureSum, reply: Message, attempt: int) -> None:
        """Count a reply; what cannot be counted is refused, and said why."""
        server = self._server
        site = server.sites.at(reply.metadata.src_node_id)
        try:
            _receive(secure, site, reply)
        except SiteLeavesError as error:
            server.sites.left.add(site)
            server.note(SiteLeft(site=site, round=self._number, slug=error.slug, because=error.words))
        except (UnusableReplyError, SecureRefusalError) as error:
            because = plain_words(f"{secure.stage}: {error}")
            server.note(ReplyRefused(round=self._number, attempt=attempt, site=site, because=because))

    def _abort(self, attempt: int, stage: Stage, error: SecureAbortError | ValueError) -> None:
        slug, missing = ("secure-values", ()) if isinstance(error, ValueError) else (error.reason, error.missing)
        words = plain_words(str(error))
        self._server.note(
            AttemptAborted(round=self._number, attempt=attempt, stage=stage, slug=slug, because=words, missing=missing)
        )
        if stage is Stage.UNMASK:
            self.lost = f"sites gave what opens the sum, and it did not open: {words}"

    def _note_sum(self, total: SecureTotal, attempt: int) -> None:
        terms = self._agreement.terms
        self._server.note(
            Summed(
                round=self._number,
                attempt=attempt,
                terms=terms.digest,
                contributors=total.contributors,
                dropped={site: str(stage) for site, stage in total.dropped.items()},
                saturated=total.saturated,
                scaled=total.scaled,
                bytes=terms.encoding.width(terms.size) * (4 if terms.encoding.bits <= 32 else 8),
            )
        )


def _receive(secure: SecureSum, site: str, reply: Message) -> None:
    records = reply_content(reply)
    said = refusal_of(records)
    if said is not None:
        raise UnusableReplyError(f"{plain_words(said[0])}: {plain_words(said[1])}")
    try:
        stage, content = content_of(records)
    except UNREADABLE as error:
        raise UnusableReplyError("it carries an array that cannot be read") from error
    if stage is not secure.stage:
        raise UnusableReplyError("it answers another stage")
    secure.receive(site, content)
