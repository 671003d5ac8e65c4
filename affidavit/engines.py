"""Judges a corpus in parts at once: Ray Data over actors, on one machine or a cluster.

A reasoner that judges shard by shard, and keeps each by the digest of all that went in, can be asked by several
processes for a part of its shards each (`judges_in_shards`). When all parts are done the reasoner is asked once more,
plainly: it finds every shard and makes the table of them. So the engine cannot change an answer; a shard is judged
once, whoever was killed meanwhile; and a run that goes on begins with what is not there yet.

Shards lie in the cache (`AFFIDAVIT_CACHE`), which every machine of a cluster has to see, as it has to see the media.
Where the cache is switched off, or the reasoner does not judge in shards, one process judges.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from affidavit.cache import ENVIRONMENT, cache_folder
from affidavit.corpus import Corpus
from affidavit.errors import MissingPartError, PlanError

if TYPE_CHECKING:
    import numpy as np

    from affidavit.plan import Execution
    from affidavit.predictions import Reading
    from affidavit.protocols import Progress, Reasoner

Item = TypeVar("Item")
_SHOWN: Final = 200
_CONNECTING_S: Final = 10.0
_EVERY_S: Final = 0.5
"""Between two looks at how far the parts are."""
_QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_DATA_CLUSTER_AUTOSCALER": "V1",  # V2 waits for an actor, and fails where a busy machine makes it wait
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # as Ray will do, and warns of until then
}
_STARTS: Final = 3
"""Ray gives itself 30 seconds to start, which a machine that is busy with other work exceeds."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of several."""

    number: int
    """From 0."""
    of: int

    def own(self, items: Sequence[Item]) -> list[Item]:
        """Return every `of`-th item, so that no part gets all the long ones of a list in order of length.

        >>> Part(1, 3).own("abcdefg")
        ['b', 'e']
        """
        return list(items[self.number :: self.of])


class PartDoneError(Exception):
    """Ends a judging whose part is done: there is no table before the other parts are there."""


_part: ContextVar[Part | None] = ContextVar("_part", default=None)


def own_part(items: Sequence[Item]) -> list[Item]:
    """Return the items that this process judges: all, but where it was given a part."""
    part = _part.get()
    return list(items) if part is None else part.own(items)


def end_of_part() -> None:
    """End here, where this process was given a part; called when all of its shards are kept.

    Raises:
        PartDoneError: it was.
    """
    if _part.get() is not None:
        raise PartDoneError


@contextmanager
def judging_part(part: Part) -> Iterator[None]:
    """Judge only a part within this block."""
    token = _part.set(part)
    try:
        yield
    except PartDoneError:
        pass
    finally:
        _part.reset(token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """All that goes into a judging, as it is sent to an actor."""

    reasoner: Reasoner
    corpus: Corpus
    options: Mapping[str, Any]
    reading: Reading
    rng: np.random.Generator

    def part(self, part: Part, progress: Progress) -> None:
        """Judge a part; its shards are kept."""
        from copy import deepcopy

        with judging_part(part):
            self.reasoner.judge(
                self.corpus, self.options, reading=self.reading, rng=deepcopy(self.rng), progress=progress
            )


def n_actors(execution: Execution) -> int:
    """Return how many processes judge at once: as a plan says, else two."""
    return execution.actors or 2


def judge_shards(
    reasoner: Reasoner,
    corpus: Corpus | None,
    options: Mapping[str, Any],
    *,
    reading: Reading,
    rng: np.random.Generator,
    progress: Progress,
) -> None:
    """Have every shard of a judging kept, as the plan's engine says; `rng` is left as it is.

    Raises:
        MissingPartError: the engine is not installed.
        PlanError: the cluster cannot be reached.
        AffidavitError: as `reasoner.judge` says.
    """
    if reading.execution.engine != "ray" or corpus is None or cache_folder("shards") is None:
        return
    if not getattr(reasoner, "judges_in_shards", False):
        return
    execution = reading.execution
    # an actor decodes and measures in itself, unless there are more workers than actors
    inside = execution.model_copy(update={"engine": None, "workers": execution.workers // n_actors(execution) // 2})
    judging = Judging(
        reasoner=reasoner,
        corpus=replace(corpus, rendering=None),  # whose renderings are judged is settled before
        options=dict(options),
        reading=replace(reading, execution=inside),
        rng=rng,
    )
    with cluster(execution) as ray:
        _in_parts(ray, judging, execution, progress)


@contextmanager
def cluster(execution: Execution) -> Iterator[Any]:
    """Yield Ray, with the cluster that the plan names, or the one that this process is in, or one of its own.

    What is judged inside shares it, and starts none; one of its own ends with the block.

    Raises:
        MissingPartError: Ray is not installed.
        PlanError: there is none at the address, or Ray does not start.
    """
    ray = _ray()
    if ray.is_initialized():
        yield ray
        return
    _start(ray, execution)
    try:
        yield ray
    finally:
        ray.shutdown()


def _ray() -> Any:  # noqa: ANN401 - a module
    os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"the package {error.name!r} is not installed",
            slug="part-missing",
            where="execution.engine ray",
            remedy="install the extra `ray`: pip install 'affidavit[ray]', or leave out execution.engine",
        ) from error
    _hush()
    return ray


def _hush() -> None:
    """Keep what Ray Data tells of its own workings out of the terminal; its log file has it all the same."""
    for handler in logging.getLogger("ray.data").handlers:
        if handler.level == logging.INFO:  # the terminal's; the file's has none
            handler.setLevel(logging.ERROR)


@contextmanager
def _without_deprecations() -> Iterator[None]:
    """Do not repeat to users what Ray says of the autoscaler that is chosen above, and why it is."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="DefaultClusterAutoscaler", category=DeprecationWarning)
        yield


def _start(ray: Any, execution: Execution) -> None:  # noqa: ANN401
    own: dict[str, Any] = {"address": "local", "num_cpus": n_actors(execution) + 1, "include_dashboard": False}
    place = own if execution.address is None else {"address": execution.address}
    environment = {"env_vars": _environment(execution)}
    if execution.address is not None:
        _require_listener(execution, execution.address)
    for left in reversed(range(_STARTS if execution.address is None else 1)):
        try:
            ray.init(**place, log_to_driver=False, logging_level="ERROR", runtime_env=environment)
            return
        except Exception as error:  # Ray raises that and nothing finer where a node does not start
            ray.shutdown()
            if not left:
                raise _unreached(execution, error) from None


def _require_listener(execution: Execution, address: str) -> None:
    """Refuse an address where nobody listens, since Ray itself tries for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():  # such as `auto`, which Ray looks up
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECTING_S).close()
    except OSError as error:
        raise _unreached(execution, error) from None


def _unreached(execution: Execution, error: Exception) -> PlanError:
    return PlanError(
        "the cluster cannot be reached" if execution.address else "Ray does not start",
        slug="plan-impossible",
        where="execution.address" if execution.address else "execution.engine",
        found=f"{execution.address or 'this machine'}: {' '.join(str(error).split())[:_SHOWN]}",
        allowed="the address of a running Ray cluster, such as 10.0.0.1:6379; or none, for this machine",
        remedy="start the cluster (ray start --head), or leave out execution.engine to judge in one process",
    )


def _environment(execution: Execution) -> dict[str, str]:
    """Return what actors find in their environment: one thread each unless the plan says more, and the same cache."""
    threads = str(execution.threads or 1)
    found = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
    folder = os.environ.get(ENVIRONMENT)
    found |= {} if folder is None else {ENVIRONMENT: str(Path(folder).absolute())}
    if execution.address is None:  # of another machine's folders nothing is known here
        found["PYTHONPATH"] = os.pathsep.join(str(Path(place).absolute()) for place in sys.path)
    return found | _QUIET


class _Tally:
    """An actor that others tell how far they are."""

    def __init__(self) -> None:
        self._done: dict[int, tuple[int, int]] = {}

    def told(self, part: int, done: int, total: int | None) -> None:
        self._done[part] = (done, total or 0)

    def whole(self) -> tuple[int, int]:
        return sum(done for done, _ in self._done.values()), sum(total for _, total in self._done.values())


class _Judge:
    """An actor of Ray Data that judges parts; what it judges is sent to it once."""

    def __init__(self, judging: Any, tally: Any, threads: int) -> None:  # noqa: ANN401 - references of Ray
        import ray

        self._judging: Judging = ray.get(judging)
        self._tally = tally
        _limit_threads(threads)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        for number, of in zip(batch["number"].tolist(), batch["of"].tolist(), strict=True):
            self._judging.part(Part(number, of), self._telling(number))
        return batch

    def _telling(self, part: int) -> Progress:
        def tell(what: str, done: int, total: int | None) -> None:
            if what == "judging":
                self._tally.told.remote(part, done, total)

        return tell


def _limit_threads(threads: int) -> None:
    """Have a library that was imported before count no more threads than the plan allows."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)


def _in_parts(ray: Any, judging: Judging, execution: Execution, progress: Progress) -> None:  # noqa: ANN401
    n = n_actors(execution)
    gpus = ray.cluster_resources().get("GPU", 0.0) if execution.device != "cpu" else 0.0
    tally = ray.remote(num_cpus=0)(_Tally).remote()
    ray.data.DataContext.get_current().enable_progress_bars = False
    parts = ray.data.from_items([{"number": number, "of": n} for number in range(n)], override_num_blocks=n)
    judged = parts.map_batches(
        _Judge,
        fn_constructor_args=(ray.put(judging), tally, execution.threads or 1),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=n, max_tasks_in_flight_per_actor=1),
        num_cpus=1,
        num_gpus=min(1.0, gpus / n),
    )
    with _watching(ray, tally, progress), _without_deprecations():
        try:
            done = [row["number"] for row in judged.iter_rows()]
        except ray.exceptions.RayTaskError as error:
            raise _cause(error) from None
    if sorted(done) != list(range(n)):
        raise RuntimeError(f"parts that were done: {sorted(done)} of {n}")


def _cause(error: BaseException) -> BaseException:
    """Return what a part raised, without what Ray wrapped around it."""
    from affidavit.errors import AffidavitError

    inner: BaseException | None = error
    while inner is not None and not isinstance(inner, AffidavitError):
        inner = getattr(inner, "cause", None) or inner.__cause__
    return inner or error


@contextmanager
def _watching(ray: Any, tally: Any, progress: Progress) -> Iterator[None]:  # noqa: ANN401
    """Report how far the parts are, from a thread, until the block ends."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_EVERY_S):
            with suppress(ray.exceptions.RayError):  # busy, or gone: the parts themselves tell how they end
                done, total = ray.get(tally.whole.remote())
                if total:
                    progress("judging", done, total)

    thread = threading.Thread(target=watch, name="judging in parts", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
