"""The server's strategy: rounds with a deadline and a quorum, folded as replies are pulled, kept after each of them.

Law: a round that is counted happened. The model moves only where the quorum was there, and only to numbers; a model
that moved is on disk before it is told; a server that was killed goes on from the last one with the same bytes. A site
that did not reply is asked again within the round, and those that did are not, so nobody pays for a round twice. A
round that cannot be asked for again (sites gave what opens its sum, and it did not open) is lost and said so; the next
one has the next number. A run ends before its last round only where sites took their leave or a budget is spent: who is
merely away may come back, so then the run fails, and can go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Result, Strategy

from affidavit.errors import BudgetSpentError
from affidavit.protocols import Progress, silent
from affidavit.seeds import seed_of
from federated.central.mechanism import ServerMechanism
from federated.rounds.begun import Begun
from federated.rounds.events import Note, RoundClosed, RoundFailed, RoundLost, RunBegan, RunEnded, unnoted
from federated.rounds.failures import failed, nobody, unbounded
from federated.rounds.gathering import Gatherings, RoundGathering, Server
from federated.rounds.kept import Kept, keep, read_kept
from federated.rounds.plain import PlainGathering
from federated.rounds.sites import Sites
from federated.rounds.terms import Terms
from federated.rounds.waiting import Clock, MonotonicClock
from federated.strategies.additive import Moments
from federated.updates.arrays import packed, unpacked
from federated.updates.layout import Vector, vector_digest

__all__ = ["Federation", "Terms"]


class _Ends(Exception):  # noqa: N818 - no fault
    """The run ends before its last round."""

    def __init__(self, because: str, cause: Exception | None = None) -> None:
        super().__init__(because)
        self.because, self.cause = because, cause


class Federation(Strategy):
    """Flower's strategy of this house: use `start` in a ServerApp."""

    def __init__(  # noqa: PLR0913 - what a run is about, and five things around it
        self,
        terms: Terms,
        *,
        gathering: Gatherings = PlainGathering,
        mechanism: ServerMechanism | None = None,
        state: Path | None = None,
        note: Note = unnoted,
        clock: Clock | None = None,
        progress: Progress = silent,
    ) -> None:
        self._terms, self._state, self._note, self._progress = terms, state, note, progress
        clock = clock or MonotonicClock()
        self._sites = Sites(allowed=terms.sites, layout=terms.layout.digest, clock=clock, note=note)
        begun = Begun(run=terms.run, path=None if state is None else state.with_suffix(".begun.json"))
        self._server = Server(terms=terms, sites=self._sites, note=note, clock=clock, begun=begun, mechanism=mechanism)
        self._gathering = gathering(self._server)
        self._moments: Moments | None = None
        self.rounds_done = 0
        self.lost: tuple[int, ...] = ()

    def start(  # noqa: PLR0913 - Flower's signature
        self,
        grid: Grid,
        initial_arrays: ArrayRecord,
        num_rounds: int | None = None,
        timeout: float | None = None,
        train_config: ConfigRecord | None = None,
        evaluate_config: ConfigRecord | None = None,
        evaluate_fn: object = None,
    ) -> Result:
        """Take the rounds that are left and return the model.

        Of Flower's arguments only the first two count: the rest stands in the plan, and `evaluate_fn` would look at
        people whom no budget counts.

        Raises:
            FederationError: no round could be completed, or one failed; started again, it goes on.
            BudgetSpentError: the server's own budget has no room for the first round.
            CheckpointError: what was kept of this run cannot be read.
        """
        model, because = self._resumed(unpacked(initial_arrays, self._terms.layout)), "all rounds done"
        cause: Exception | None = None
        try:
            while self._number < self._terms.rounds.rounds:
                model = self._taken(grid, model, self._number + 1)
                self._progress("federated rounds", self._number, self._terms.rounds.rounds)
        except _Ends as end:
            because, cause = end.because, end.cause
        self._end(model, because)
        if not self.rounds_done:
            what = "no round happened" if self.lost else "no round could begin"
            raise cause or nobody(what, self._sites.names, self._least)
        result = Result()
        result.arrays = packed(model)
        return result

    @property
    def _number(self) -> int:
        return self.rounds_done + len(self.lost)

    @property
    def _least(self) -> int:
        mechanism = self._server.mechanism
        return max(self._terms.least, self._gathering.least, 0 if mechanism is None else mechanism.least)

    def _resumed(self, model: Vector) -> Vector:
        kept = None if self._state is None else read_kept(self._state, run=self._terms.run)
        if kept is not None:
            model, self._moments, self.rounds_done = kept.model, kept.moments, kept.rounds_done
            self.lost = kept.lost
            self._sites.left |= set(kept.left)
        self._note(
            RunBegan(
                run=self._terms.run,
                layout=self._terms.layout.digest,
                size=self._terms.layout.size,
                rounds=self._terms.rounds.rounds,
                rounds_done=self.rounds_done,
                last=None if kept is None else kept.last,
            )
        )
        return model

    def _taken(self, grid: Grid, model: Vector, number: int) -> Vector:
        """Take a round, and return the next model: the same one where the round was lost.

        Raises:
            _Ends: too few sites are left for any round, or the server's budget is spent.
            FederationError: the quorum did not come together in all attempts.
        """
        begun = self._server.begun
        if begun.opened(number):
            words = "the server was stopped while sites opened the sum"
            return self._lost(model, RoundLost(round=number, attempts=begun.attempts(number), because=words))
        current, cohort, attempt = self._gathering.begin(number), list[str](), begun.attempts(number)
        last = attempt + self._terms.rounds.attempts
        while attempt < last and self._joined(grid):
            attempt += 1
            cohort = self._cohort(number, cohort)
            begun.write(number, attempt)
            try:
                following = self._attempted(grid, model, current, cohort, attempt)
            except BudgetSpentError as error:
                raise _Ends("budget spent", error) from None
            if following is not None:
                return self._closed(model, following, _closed(number, attempt, current.contributors, cohort))
            if current.lost is not None:
                return self._lost(model, RoundLost(round=number, attempts=attempt, because=current.lost))
        replied = tuple(sorted(current.contributors))
        if cohort:
            self._note(RoundFailed(round=number, attempts=attempt, replied=replied, quorum=self._least))
        if self._sites.over(self._least):
            raise _Ends("too few sites left")
        self._end(model, "a round failed")
        if not cohort:
            what = "no round could begin" if number == 1 else f"round {number} could not begin"
            raise nobody(what, self._sites.names, self._least)
        raise failed(number, attempt, replied, self._least)

    def _joined(self, grid: Grid) -> bool:
        """Let sites join, and say whether there are enough of them to ask."""
        self._sites.join(grid, least=self._least, deadline=self._terms.rounds.deadline)
        return len(self._sites.names) >= self._least

    def _attempted(
        self, grid: Grid, model: Vector, current: RoundGathering, cohort: Sequence[str], attempt: int
    ) -> tuple[Vector, Moments | None] | None:
        """Ask those who are missing; return what follows where enough are together."""
        missing = [site for site in cohort if site not in current.contributors]
        if missing:
            current.ask(grid, model, missing, attempt=attempt)
        if len(current.contributors) < self._least:
            return None
        try:
            return current.result(model, self._moments)
        except OverflowError as error:
            self._end(model, "a round failed")
            raise unbounded(error, current.contributors) from None

    def _closed(self, model: Vector, following: tuple[Vector, Moments | None], event: RoundClosed) -> Vector:
        self.rounds_done += 1
        after, self._moments = following
        moved = float(np.linalg.norm(after.astype(np.float64) - model))
        self._tell(after, event.model_copy(update={"moved": moved, "model": vector_digest(after)}))
        return after

    def _lost(self, model: Vector, event: RoundLost) -> Vector:
        self.lost = (*self.lost, event.round)
        self._tell(model, event)
        return model

    def _tell(self, model: Vector, event: RoundClosed | RoundLost) -> None:
        """Keep what a round left, and only then write down that it did."""
        if self._state is not None:
            kept = Kept(
                run=self._terms.run,
                rounds_done=self.rounds_done,
                model=model,
                moments=self._moments,
                left=tuple(sorted(self._sites.left)),
                lost=self.lost,
                last=event,
            )
            keep(self._state, kept)
        self._note(event)

    def _end(self, model: Vector, because: str) -> None:
        told = {"rounds_done": self.rounds_done, "rounds_lost": self.lost, "because": because}
        self._note(RunEnded.model_validate({**told, "model": vector_digest(model)}))

    def _cohort(self, number: int, before: Sequence[str]) -> list[str]:
        """Return whom a round asks, by name: all, or a share drawn anew in each round, never fewer than are needed.

        Whom the round asked before stays; where they left, others are asked in their place.
        """
        names = self._sites.names
        staying = [site for site in before if site in names]
        size = min(len(names), max(self._least, round(self._terms.rounds.share * len(names))))
        others = [name for name in names if name not in staying]
        wanted = max(0, size - len(staying)) if before else size
        rng = np.random.default_rng(seed_of(self._terms.seed, "cohort", number))
        return sorted([*staying, *(others[int(i)] for i in rng.permutation(len(others))[:wanted])])

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask nobody: `start` takes the rounds itself."""
        return []

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Return nothing: `start` takes the rounds itself."""
        return None, None

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask nobody: what a site would measure on its patients is theirs; the federated audit counts it."""
        return []

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Return nothing, for nobody was asked."""
        return None

    def summary(self) -> None:
        """Say nothing: the record does."""


def _closed(number: int, attempt: int, contributors: Sequence[str], cohort: Sequence[str]) -> RoundClosed:
    """Return what is written down of a round, but for the model."""
    missing = tuple(sorted(set(cohort) - set(contributors)))
    there = tuple(sorted(contributors))
    return RoundClosed(round=number, attempts=attempt, contributors=there, missing=missing, moved=0.0, model="")
