"""Ray with two actors of one thread each against one: the instruction-conditioned reasoner on the clinic.

What is timed is judging while every actor judges: from the first shard of the last actor to come to the last shard of
the first one to be done. Starting Ray, importing torch and loading a model take their time once for each actor, however
many shards there are; they are printed beside it, as is the whole.

Two figures tell what the machine has to do with it: how many times as fast two processes that share nothing but the
processor are than one (matrix products, without Ray), and how many processor seconds a shard costs with one actor and
with two, which other work on the machine disturbs less: twice their ratio is what two free processors would give.
"""

from __future__ import annotations

import argparse
import os
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
from affidavit.engines import judge_shards
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
    """With Ray's start and end."""

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


def course(corpus: Corpus, checkpoint: Path, *, actors: int, folder: Path) -> Course:
    """Judge with so many actors."""
    os.environ["AFFIDAVIT_CACHE"] = str(folder / f"cache-{actors}")
    execution = Execution(engine="ray", actors=actors, workers=0, threads=1, device="cpu")
    options = {"checkpoint": str(checkpoint), "batch_turns": BATCH_TURNS, "utterances": "all", "rationales": "none"}
    log = folder / f"log-{actors}"
    started = time.perf_counter()
    judge_shards(
        Logged(str(log)),
        corpus,
        options,
        reading=Reading(run="bench", execution=execution),
        rng=np.random.default_rng(0),
        progress=silent,
    )
    whole_s = time.perf_counter() - started
    kept: dict[str, list[float]] = {}
    spent: dict[str, list[float]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        worker, at, processor_s = line.split()
        kept.setdefault(worker, []).append(float(at))
        spent.setdefault(worker, []).append(float(processor_s))
    if len(kept) != actors:
        raise SystemExit(f"{len(kept)} workers judged where {actors} should have: nothing is compared")
    found = Course(kept=kept, spent=spent, whole_s=whole_s)
    print(
        f"{actors} actors: {found.n} shards of {1000 * found.shard_s:.0f} processor ms; {found.rate:.2f} a second "
        f"while all judge; {found.judging_s:.1f} s from the first to the last; {whole_s:.1f} s with Ray's start and end"
    )
    return found


def ceiling(n_products: int) -> float:
    """Return how many times one process two make of the processor at once, without Ray."""
    (alone,), both = products(1, n_products), products(2, n_products)
    return 2 * alone / max(both)


def products(n: int, n_products: int) -> list[float]:
    """Return the seconds of so many processes that begin together."""
    command = [sys.executable, "-c", _PRODUCTS, str(n_products), repr(time.monotonic() + _AHEAD_S)]
    every = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(n)]
    return [float(one.communicate()[0]) for one in every]


def main() -> None:
    """Print both rates; the last line is their ratio and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fourth of the turns: under 50 s")
    quick = parser.parse_args().quick
    corpus = load_corpus("clinic", {"seed": 1, "n_utterances": 300 if quick else 1200, "media": "patients"})
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        execution = Execution(threads=1, device="cpu")
        model = REASONER.untrained(corpus, {"size": "tiny", "rationales": False}, seed=0, execution=execution)
        (folder / "model").mkdir()
        model.save(folder / "model", model.card)
        one, two = (course(corpus, folder / "model", actors=actors, folder=folder) for actors in (1, 2))
    most = ceiling(200 if quick else 1000)
    print(f"{len(corpus.utterances)} turns under 7 conditions, in shards of about {BATCH_TURNS} turns")
    print(f"load of the machine in the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"whole judging with Ray's start, two actors times one: {one.whole_s / two.whole_s:.2f} (goal none)")
    print(f"matrix products of two processes without Ray, times one: {most:.2f} (goal none)")
    print(f"processor seconds of a shard, one actor times two, twice: {2 * one.shard_s / two.shard_s:.2f} (goal none)")
    print(f"two actors of one thread each, times as fast as one: {two.rate / one.rate:.2f} (goal {GOAL:g})")


if __name__ == "__main__":
    main()
