"""Seven modality conditions of the clinic with `tiny`, beside the full one alone and beside one run per condition.

The corpus is made first and is not counted. Everything else is judged through the door `reasoners: instructed`, each
time under an empty cache: media decoded and measured, encoders, conclusions, rationales, shards, table. A model of
random weights never ends a rationale, so the one judged here was trained for a few epochs, which is not counted either.

The floor is what no way of judging can do without: media decoded and measured once, each encoder run once, and one
generation of rationales for the condition that asks for them.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from affidavit.cache import ENVIRONMENT
from affidavit.conditions import modality_subsets
from affidavit.judgements import to_judge
from affidavit.plan import AuditPlan, Execution
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import silent
from affidavit.registry import Door, load
from affidavit.training import checkpoint_of, train_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from affidavit.corpus import Corpus

GOAL: Final = 1.5
SEED: Final = 20260101
ALL: Final = tuple(str(condition) for condition in modality_subsets())
FULL: Final = ALL[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is judged, by which checkpoint."""

    corpus: Corpus
    checkpoint: Path
    workers: int

    def judged(self, conditions: tuple[str, ...], rationales: str) -> Predictions:
        """Judge through the public door; the cache is empty before and gone afterwards."""
        options = {"checkpoint": str(self.checkpoint), "conditions": list(conditions), "rationales": rationales}
        reading = Reading(run="bench", by=("accent",), execution=Execution(device="cpu", workers=self.workers))
        with _empty_cache():
            return load(Door.REASONERS, "instructed").judge(  # type: ignore[no-any-return]
                self.corpus,
                {**options, "utterances": "all"},
                reading=reading,
                rng=np.random.default_rng(SEED),
                progress=silent,
            )


@contextmanager
def _empty_cache() -> Iterator[Path]:
    """Keep nothing from an earlier run; whatever is kept goes to a folder of its own."""
    before = os.environ.get(ENVIRONMENT)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[ENVIRONMENT] = folder
        try:
            yield Path(folder)
        finally:
            os.environ.pop(ENVIRONMENT)
            if before is not None:
                os.environ[ENVIRONMENT] = before


def plan_of(n_utterances: int, epochs: int, workers: int) -> AuditPlan:
    """Return the plan that trains the model of the benchmark."""
    corpus = {"name": "clinic", "options": {"seed": SEED, "n_utterances": n_utterances}}
    return AuditPlan.model_validate(
        {
            "version": 1,
            "title": "bench",
            "training": {
                "tiny": {
                    "corpus": corpus,
                    "reasoner": {"name": "instructed", "options": {"size": "tiny"}},
                    "trainer": {"name": "supervised", "options": {"epochs": epochs}},
                }
            },
            "runs": {"tiny": {"corpus": corpus, "reasoner": "instructed", "trained": "tiny"}},
            "by": ["accent"],
            "execution": {"workers": workers},
            "seed": SEED,
        }
    )


def prepared(n_utterances: int, epochs: int, workers: int) -> Bench:
    """Make the corpus and train; both are found again in the user's cache."""
    plan = plan_of(n_utterances, epochs, workers)
    start = time.perf_counter()
    choice = plan.training["tiny"].corpus
    corpus = load(Door.CORPORA, choice.name).load(choice.options, folder=Path(), progress=silent)
    made = time.perf_counter()
    train_plan(plan, folder=Path(), progress=silent)
    seconds = made - start, time.perf_counter() - made
    n_judged = len(to_judge(corpus.utterances))
    print(f"{len(corpus.utterances):,} utterances of the clinic, {n_judged:,} of them (the patients') judged by `tiny`")
    print(f"  media are decoded and measured by {workers} workers")
    print(f"  not counted: the corpus {seconds[0]:.1f} s, {epochs} epochs of training {seconds[1]:.1f} s")
    return Bench(corpus=corpus, checkpoint=checkpoint_of("tiny", plan, Path()), workers=workers)


def one_run_each(bench: Bench) -> list[Predictions]:
    """Return what seven runs say, one per condition: the naive way."""
    return [bench.judged((name,), "full" if name == FULL else "none") for name in ALL]


@dataclass(slots=True)
class Timed:
    """Seconds of every run of one way, and what the last of them said."""

    seconds: list[float]
    said: Predictions | None = None


def timed(variants: Mapping[str, Callable[[], Predictions]], repeats: int) -> dict[str, Timed]:
    """Run each way in turn, so that whoever shares the machine disturbs all alike."""
    taken = {name: Timed([]) for name in variants}
    for _ in range(repeats):
        for name, run in variants.items():
            gc.collect()
            start = time.perf_counter()
            taken[name].said = run()
            taken[name].seconds.append(time.perf_counter() - start)
    return taken


def parts(bench: Bench) -> dict[str, float]:
    """Return the seconds of what judging is made of, each once, in batches as the door has them."""
    import torch

    from reasoners.instructed.batches import batched
    from reasoners.instructed.checkpoints import load_checkpoint
    from reasoners.instructed.inputs import perceivable, perceive, senses_of
    from reasoners.instructed.reasoner import InstructedReasoner

    clock = _Clock()
    with clock.of("loading the checkpoint"):
        kept = load_checkpoint(bench.checkpoint)
    reasoner = InstructedReasoner(model=kept.model.eval(), tokenizers=kept.tokenizers)
    with clock.of("decoding and measuring media"):
        met = perceive(bench.corpus.utterances, senses_of(kept.model.config), workers=bench.workers, progress=silent)
        reasoner.perceived.update(zip(map(perceivable, bench.corpus.utterances), met, strict=True))
    wanted = frozenset(turn.utterance_id for turn in to_judge(bench.corpus.utterances))
    subsets = [condition.modalities for condition in modality_subsets()]
    with torch.no_grad():
        for rows in batched(bench.corpus.utterances, turns=256):
            with clock.of("making tensors"):
                tensors = reasoner.batch(rows)
            with clock.of("encoding, once"):
                encoded = reasoner.model.encode(tensors)
            with clock.of("concluding, seven times"):
                for shown in subsets:
                    reasoner.answers(rows, tensors, encoded.restricted(shown), wanted=wanted, explained=False)
            with clock.of("concluding and writing, once"):
                reasoner.answers(rows, tensors, encoded, wanted=wanted, explained=True)
    return clock.seconds


class _Clock:
    """Adds up seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def agreement(together: Predictions, apart: list[Predictions]) -> float:
    """Return the share of rows on which one run of seven conditions and seven runs of one say the same, word for word.

    A difference would mean that conditions see something of each other.
    """
    alike = total = 0
    whole = _said(together)
    for run in apart:
        for key, answer in _said(run).items():
            alike, total = alike + (whole[key] == answer), total + 1
    return alike / total


def _said(predictions: Predictions) -> dict[tuple[str, str], dict[str, Any]]:
    rows = predictions.side_tables["judgements"].to_pylist()
    return {(row["utterance_id"], row["condition"]): {k: v for k, v in row.items() if v is not None} for row in rows}


def words_of(predictions: Predictions) -> float:
    """Return the mean number of words of a rationale."""
    found = [row["rationale"] for row in predictions.side_tables["judgements"].to_pylist() if row["rationale"]]
    return float(np.mean([len(text.split()) for text in found])) if found else 0.0


def main() -> None:
    """Print the table; the last line is the figure and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="120 utterances in place of 1,000, twice, without workers")
    parser.add_argument("--repeats", type=int, help="how often each way is timed: 3, with --quick 2")
    arguments = parser.parse_args()
    bench = prepared(120, 1, workers=0) if arguments.quick else prepared(1_000, 3, workers=2)
    pieces = parts(bench)  # first, for it also pays what the first run of a process pays once
    taken = timed(
        {
            "the full condition alone": lambda: bench.judged((FULL,), "full"),
            "seven conditions, rationales for the full one": lambda: bench.judged(ALL, "full"),
            "seven conditions, seven rationales": lambda: bench.judged(ALL, "all"),
        },
        arguments.repeats or (2 if arguments.quick else 3),
    )
    start = time.perf_counter()
    apart = one_run_each(bench)
    naive = time.perf_counter() - start
    print(f"\n{'':<48}{'median s':>9}{'least s':>9}{'most s':>9}")
    for name, way in taken.items():
        print(f"  {name:<46}{median(way.seconds):>9.2f}{min(way.seconds):>9.2f}{max(way.seconds):>9.2f}")
    print(f"  {'the naive way: one run per condition, once':<46}{naive:>9.2f}")
    print("\nparts of it, each once:")
    for name, part in pieces.items():
        print(f"  {name:<46}{part:>9.2f}")
    alone, seven, written = taken.values()
    if alone.said is None or seven.said is None:
        raise SystemExit("nothing was timed")
    print(f"\nwords of a rationale, mean: {words_of(alone.said):.1f} (goal none)")
    print(f"answers equal to those of seven runs: {agreement(seven.said, apart):.2%} (goal 100%)")
    base = median(alone.seconds)
    print(f"the naive way, times one run of seven conditions: {naive / median(seven.seconds):.2f} (goal none)")
    print(
        f"seven conditions and seven rationales, times the full one: {median(written.seconds) / base:.2f} (goal none)"
    )
    print(f"seven conditions, times the full one alone: {median(seven.seconds) / base:.2f} (goal {GOAL:g})")


if __name__ == "__main__":
    main()
