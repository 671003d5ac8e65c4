"""Updates in clear, each checked, added and forgotten as it is pulled; who replied in an attempt stays in the round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from flwr.app import Message
from flwr.serverapp import Grid

from federated.rounds.events import Asked, ReplyRefused, ReplyTaken, SiteLeft
from federated.rounds.folding import fold_of
from federated.rounds.gathering import RoundGathering, Server
from federated.rounds.waiting import replies
from federated.strategies.additive import Moments
from federated.updates.arrays import bounded
from federated.updates.layout import Vector, vector_digest
from federated.updates.local import LocalUpdate, SiteLeavesError
from federated.updates.messages import ROUND, UnusableReplyError, order_content, plain_words, read_update


class PlainGathering:
    """Each update is seen by the server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def least(self) -> int:
        """With fewer sites it cannot be done."""
        return 1

    def begin(self, number: int) -> RoundGathering:
        """Begin a round."""
        return _PlainRound(self._server, number)


class _PlainRound:
    """One round."""

    def __init__(self, server: Server, number: int) -> None:
        self._server, self._number, self._attempt = server, number, 0
        self._fold = fold_of(server.terms.layout.size, server.terms.strategy)
        self._noise = None if server.mechanism is None else server.mechanism.begin(number)
        self._weights: dict[str, float] = {}

    @property
    def contributors(self) -> Sequence[str]:
        return list(self._weights)

    @property
    def lost(self) -> None:
        return None

    def ask(self, grid: Grid, model: Vector, sites: Sequence[str], *, attempt: int) -> None:
        server, self._attempt = self._server, attempt
        server.note(Asked(round=self._number, attempt=attempt, sites=tuple(sites)))
        clip_norm = None if self._noise is None else self._noise.clip_norm
        order = server.terms.order(number=self._number, attempt=attempt, clip_norm=clip_norm)
        content, group = order_content(order, model), f"{self._number}.{attempt}"
        messages = [Message(content, server.sites.node(site), ROUND, group_id=group) for site in sites]
        for reply in replies(grid, messages, deadline=server.terms.rounds.deadline, clock=server.clock):
            self._take(reply)

    def result(self, model: Vector, moments: Moments | None) -> tuple[Vector, Moments | None]:
        if self._noise is not None:
            self._noise.intend(list(self._weights.values()))
        return self._fold.result(model, moments, released=None if self._noise is None else self._noise.release)

    def _take(self, reply: Message) -> None:
        """Add a reply; what cannot be added is refused, and said why."""
        server = self._server
        site = server.sites.at(reply.metadata.src_node_id)
        try:
            self._add(site, read_update(reply, server.terms.layout))
        except SiteLeavesError as error:
            server.sites.left.add(site)
            server.note(SiteLeft(site=site, round=self._number, slug=error.slug, because=error.words))
        except ValueError as error:  # what is wrong with it, UnusableReplyError and UnusableVectorError included
            because = plain_words(str(error))
            server.note(ReplyRefused(round=self._number, attempt=self._attempt, site=site, because=because))

    def _add(self, site: str, local: LocalUpdate) -> None:
        server, rounds = self._server, self._server.terms.rounds
        if site in self._weights:
            raise UnusableReplyError("it replied already")
        update = bounded(local.update, rounds.norm_bound)
        weight = rounds.weight(server.sites.facts(site).n_units)
        if weight is None:
            raise UnusableReplyError("it tells no number of patients, and the plan weighs sites by that number")
        admitted = update if self._noise is None else self._noise.admit(update)
        self._fold.add(admitted, weight=weight, loss=local.facts.loss)
        self._weights[site] = weight
        server.note(
            ReplyTaken(
                round=self._number,
                attempt=self._attempt,
                site=site,
                weight=weight,
                bytes=update.nbytes,
                norm=float(np.linalg.norm(update.astype(np.float64))),
                digest=vector_digest(update),
                epsilon=local.facts.epsilon,
            )
        )
