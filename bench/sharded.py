"""Ray with two actors of one thread each against one: the instruction-conditioned reasoner on the clinic.

What is timed is judging while every actor judges: from the first shard of the last actor to come to the last shard of
the first one to be done. Starting Ray, importing torch and loading a model take their time once for each actor, however
many shards there are; they are printed beside it. One actor and two take turns in one Ray, since what else the machine
does changes from minute to minute; the figure is the median over these rounds, printed with the least and the most.

Two figures tell what the machine has to do with it: how many times as fast two processes that share nothing but the
processor are than one (matrix products, without Ray), and how many processor seconds a shard costs with one actor and
with two, which other work on the machine disturbs less: twice their ratio is what two free processors would give.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from affidavit.corpus import Corpus
from affidavit.engines import cluster, judge_shards
from affidavit.plan import Execution
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Progress, silent
from affidavit.sources import load_corpus
from reasoners.instructed.door import REASONER
from reasoners.instructed.shards import Shards

GOAL: Final = 1.6
BATCH_TURNS: Final = 16
_PRODUCTS: Final = """
import sys, time, numpy as np
a = np.random.default_rng(0).standard_normal((512, 512), dtype=np.float32)
time.sleep(max(0.0, float(sys.argv[2]) - time.monotonic()))
start = time.monotonic()
for _ in range(int(sys.argv[1])):
    b = a @ a
print(time.monotonic() - start)
"""
_AHEAD_S: Final = 2.0
"""In which a process has imported numpy."""


@dataclass(frozen=True, slots=True)
class Logged:
    """The instructed reasoner, each of whose workers writes down when it has kept a shard."""

    log: str
    name = REASONER.name
    judges_in_shards = True

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        """Judge as it does."""
        genuine, log = Shards.store, self.log

        def store(shards: Shards, *given: Any, **told: Any) -> None:  # noqa: ANN401
            genuine(shards, *given, **told)
            with Path(log).open("a", encoding="utf-8") as file:  # one write of a short line is whole
                file.write(f"{os.getpid()} {time.monotonic()!r} {time.process_time()!r}\n")

        Shards.store = store  # type: ignore[method-assign, assignment]
        try:
            return REASONER.judge(corpus, options, reading=reading, rng=rng, progress=progress)
        finally:
            Shards.store = genuine  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """When shards were kept, by worker."""

    kept: Mapping[str, list[float]]
    spent: Mapping[str, list[float]]
    """Processor seconds of each worker by then."""
    whole_s: float
    """With the actors' start and end, in a Ray that runs already."""

    @property
    def n(self) -> int:
        """How many shards."""
        return sum(map(len, self.kept.values()))

    @property
    def rate(self) -> float:
        """Shards a second while every worker judges."""
        start = max(min(times) for times in self.kept.values())
        end = min(max(times) for times in self.kept.values())
        within = sum(start < at <= end for times in self.kept.values() for at in times)
        return within / (end - start)

    @property
    def shard_s(self) -> float:
        """Processor seconds of a shard, behind each worker's first."""
        return sum(spent[-1] - spent[0] for spent in self.spent.values()) / (self.n - len(self.spent))

    @property
    def judging_s(self) -> float:
        """From the first shard of all to the last."""
        every = [at for times in self.kept.values() for at in times]
        return max(every) - min(every)


def execution_of(actors: int) -> Execution:
    """Return how a plan asks for so many actors of one thread."""
    return Execution(engine="ray", actors=actors, workers=0, threads=1, device="cpu")


def course(corpus: Corpus, *, actors: int, folder: Path) -> Course:
    """Judge everything with so many actors."""
    options = {"checkpoint": str(folder / "model"), "batch_turns": BATCH_TURNS, "utterances": "all"}
    log = folder / "log"
    log.unlink(missing_ok=True)
    shutil.rmtree(folder / "cache" / "shards", ignore_errors=True)  # of the course before
    started = time.perf_counter()
    judge_shards(
        Logged(str(log)),
        corpus,
        {**options, "rationales": "none"},
        reading=Reading(run="bench", execution=execution_of(actors)),
        rng=np.random.default_rng(0),
        progress=silent,
    )
    found = read(log, whole_s=time.perf_counter() - started)
    if len(found.kept) != actors:
        raise SystemExit(f"{len(found.kept)} workers judged where {actors} should have: nothing is compared")
    print(
        f"{actors} actors: {found.n} shards of {1000 * found.shard_s:.0f} processor ms; {found.rate:.2f} a second "
        f"while all judge; {found.judging_s:.1f} s from the first to the last; {found.whole_s:.1f} s with their start"
    )
    return found


def read(log: Path, *, whole_s: float) -> Course:
    """Return the course that workers wrote down."""
    kept: dict[str, list[float]] = {}
    spent: dict[str, list[float]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        worker, at, processor_s = line.split()
        kept.setdefault(worker, []).append(float(at))
        spent.setdefault(worker, []).append(float(processor_s))
    return Course(kept=kept, spent=spent, whole_s=whole_s)


def ceiling(n_products: int) -> float:
    """Return how many times one process two make of the processor at once, without Ray."""
    (alone,), both = products(1, n_products), products(2, n_products)
    return 2 * alone / max(both)


def products(n: int, n_products: int) -> list[float]:
    """Return the seconds of so many processes that begin together."""
    command = [sys.executable, "-c", _PRODUCTS, str(n_products), repr(time.monotonic() + _AHEAD_S)]
    every = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(n)]
    return [float(one.communicate()[0]) for one in every]


def rounds(corpus: Corpus, folder: Path, n: int) -> list[tuple[Course, Course]]:
    """Judge with one actor and with two, in turns, in one Ray."""
    execution = execution_of(1)
    model = REASONER.untrained(corpus, {"size": "tiny", "rationales": False}, seed=0, execution=execution)
    (folder / "model").mkdir()
    model.save(folder / "model", model.card)
    os.environ["AFFIDAVIT_CACHE"] = str(folder / "cache")
    started = time.perf_counter()
    with cluster(execution_of(2)):
        print(f"Ray started in {time.perf_counter() - started:.1f} s")
        return [(course(corpus, actors=1, folder=folder), course(corpus, actors=2, folder=folder)) for _ in range(n)]


def main() -> None:
    """Print both rates of every round; the last line is the median of their ratios and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of half the turns: under 50 s")
    quick = parser.parse_args().quick
    corpus = load_corpus("clinic", {"seed": 1, "n_utterances": 600 if quick else 1200, "media": "patients"})
    with tempfile.TemporaryDirectory() as place:
        found = rounds(corpus, Path(place), 1 if quick else 5)
    most = ceiling(200 if quick else 1000)
    faster = sorted(two.rate / one.rate for one, two in found)
    cost = statistics.median(2 * one.shard_s / two.shard_s for one, two in found)
    whole = statistics.median(one.whole_s / two.whole_s for one, two in found)
    print(f"{len(corpus.utterances)} turns under 7 conditions, in shards of about {BATCH_TURNS} turns")
    print(f"load of the machine in the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"whole judging with the actors' start, two actors times one: {whole:.2f} (goal none)")
    print(f"matrix products of two processes without Ray, times one: {most:.2f} (goal none)")
    print(f"processor seconds of a shard, one actor times two, twice: {cost:.2f} (goal none)")
    print(f"rounds: {len(faster)}, from {faster[0]:.2f} to {faster[-1]:.2f}")
    print(f"two actors of one thread each, times as fast as one: {statistics.median(faster):.2f} (goal {GOAL:g})")


if __name__ == "__main__":
    main()
