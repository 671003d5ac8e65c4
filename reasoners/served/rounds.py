"""Asks many questions at once: requests are made ahead in threads, so that the endpoint never waits for them.

A question that stands twice is asked once. One that gets no answer is left, and the others go on; where so many in a
row get none that the endpoint must be gone, asking ends.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from affidavit.protocols import Progress
from reasoners.served.endpoint import Endpoint
from reasoners.served.messages import name_of

Case = TypeVar("Case")
Built = Callable[[Case], Sequence[bytes]]
"""Makes the requests of a case; none where there is nothing to ask. Called in threads."""
_Queue = asyncio.Queue[tuple[Case, Sequence[bytes]] | None]
_AHEAD: Final = 4
"""Cases that are made ahead, for each thread that makes them."""
_READERS: Final = 2
"""Questions in hand for each that the endpoint has: while one waits to be asked again, another takes its place."""
_FEWEST: Final = 8
"""Questions in a row without an answer before an endpoint is taken to be gone, at least."""


@dataclass(slots=True, kw_only=True)
class Asked(Generic[Case]):
    """What was asked, and what got no answer."""

    names: dict[Case, tuple[str, ...]] = field(default_factory=dict)
    """The requests of each case, by digest."""
    unanswered: dict[str, str] = field(default_factory=dict)
    """The last fault of each request that got no answer."""
    gone: bool = False
    """Whether asking ended because the endpoint answered nobody any more; then some cases are not among `names`."""


def ask_all(
    reached: Callable[[], AbstractAsyncContextManager[Endpoint]],
    cases: Sequence[Case],
    built: Built[Case],
    *,
    threads: int,
    progress: Progress,
) -> Asked[Case]:
    """Ask the requests of every case that the journal holds no answer to.

    Raises:
        AffidavitError: the endpoint will answer no question at all; answers that came before are kept.
    """

    async def asking() -> Asked[Case]:
        async with reached() as endpoint:
            return await _asked(endpoint, cases, built, threads=threads, progress=progress)

    return _run(asking)


def _run(asking: Callable[[], Coroutine[Any, Any, Asked[Case]]]) -> Asked[Case]:
    """Run to the end from anywhere: a notebook runs an event loop of its own, beside which another thread is needed."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(asking())
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(lambda: asyncio.run(asking())).result()


async def _asked(
    endpoint: Endpoint, cases: Sequence[Case], built: Built[Case], *, threads: int, progress: Progress
) -> Asked[Case]:
    asked: Asked[Case] = Asked()
    round_ = _Round(endpoint=endpoint, asked=asked, total=len(cases), progress=progress)
    readers = _READERS * endpoint.options.concurrency
    with ThreadPoolExecutor(threads, thread_name_prefix="asking") as pool:
        try:
            async with asyncio.TaskGroup() as group:
                queue: _Queue[Case] = asyncio.Queue(_AHEAD * threads)
                group.create_task(_fill(queue, cases, built, pool, ahead=_AHEAD * threads, readers=readers))
                for _ in range(readers):
                    group.create_task(round_.work(queue))
        except BaseExceptionGroup as errors:
            error = _first(errors)
            if not isinstance(error, _GoneError):
                raise error from None
            asked.gone = True
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return asked


class _GoneError(Exception):
    """The endpoint answers nobody any more."""


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return one of the errors: they are of one endpoint, and alike."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _fill(
    queue: _Queue[Case],
    cases: Sequence[Case],
    built: Built[Case],
    pool: ThreadPoolExecutor,
    *,
    ahead: int,
    readers: int,
) -> None:
    """Put every case with its requests into the queue, in order, several being made at a time; then the ends."""
    loop = asyncio.get_running_loop()
    waiting: deque[tuple[Case, asyncio.Future[Sequence[bytes]]]] = deque()
    for case in cases:
        waiting.append((case, loop.run_in_executor(pool, built, case)))
        if len(waiting) > ahead:
            first, made = waiting.popleft()
            await queue.put((first, await made))
    for case, made in waiting:
        await queue.put((case, await made))
    for _ in range(readers):
        await queue.put(None)


@dataclass(slots=True, kw_only=True)
class _Round(Generic[Case]):
    endpoint: Endpoint
    asked: Asked[Case]
    total: int
    progress: Progress
    done: int = 0
    in_vain: int = 0
    """Requests without an answer since the last one that had one."""
    pending: dict[str, asyncio.Event] = field(default_factory=dict)

    async def work(self, queue: _Queue[Case]) -> None:
        """Ask what stands in the queue until its end."""
        while (taken := await queue.get()) is not None:
            case, requests = taken
            self.asked.names[case] = tuple(name_of(body) for body in requests)
            for name, body in zip(self.asked.names[case], requests, strict=True):
                await self._once(name, body)
            self.done += 1
            self.progress("judging", self.done, self.total)

    async def _once(self, name: str, body: bytes) -> None:
        """Ask, unless it was answered or is being asked."""
        if name in self.endpoint.journal.answers or name in self.asked.unanswered:
            return
        if (other := self.pending.get(name)) is not None:
            await other.wait()
            return
        self.pending[name] = asyncio.Event()
        try:
            fault = await self.endpoint.ask(name, body)
        finally:
            self.pending.pop(name).set()
        self._count(name, fault)

    def _count(self, name: str, fault: str | None) -> None:
        if fault is None:
            self.in_vain = 0
            return
        self.asked.unanswered[name] = fault
        self.in_vain += 1
        if self.in_vain >= max(_FEWEST, _READERS * self.endpoint.options.concurrency):
            raise _GoneError
