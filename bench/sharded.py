"""Ray with two actors of one thread each against one: the instruction-conditioned reasoner on the clinic.

What is timed is judging: from the first shard that any actor finished to the last. Starting Ray and loading a model
take their time once, and are printed beside it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from affidavit.corpus import Corpus
from affidavit.engines import judge_shards
from affidavit.plan import Execution
from affidavit.predictions import Reading
from affidavit.protocols import silent
from affidavit.sources import load_corpus
from reasoners.instructed.door import REASONER

GOAL = 1.6
BATCH_TURNS = 16


def shards_a_second(corpus: Corpus, checkpoint: Path, *, actors: int, cache: Path) -> float:
    """Return the shards that are finished in a second while all actors judge."""
    os.environ["AFFIDAVIT_CACHE"] = str(cache)
    execution = Execution(engine="ray", actors=actors, workers=0, threads=1, device="cpu")
    options = {"checkpoint": str(checkpoint), "batch_turns": BATCH_TURNS, "utterances": "all", "rationales": "none"}
    started = time.perf_counter()
    judge_shards(
        REASONER,
        corpus,
        options,
        reading=Reading(run="bench", execution=execution),
        rng=np.random.default_rng(0),
        progress=silent,
    )
    whole_s = time.perf_counter() - started
    done = sorted(path.stat().st_mtime_ns / 1e9 for path in cache.rglob("shards/*/*.parquet"))
    judging_s = done[-1] - done[0]
    print(
        f"{actors} actors: {len(done)} shards, {judging_s:.1f} s of judging, {whole_s:.1f} s with Ray's start and end"
    )
    return (len(done) - actors) / judging_s


def main() -> None:
    """Print both rates; the last line is their ratio and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fourth of the turns")
    n_turns = 300 if parser.parse_args().quick else 1200
    corpus = load_corpus("clinic", {"seed": 1, "n_utterances": n_turns, "media": "patients"})
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "model"
        model = REASONER.untrained(
            corpus, {"size": "tiny", "rationales": False}, seed=0, execution=Execution(threads=1, device="cpu")
        )
        model.save(checkpoint, model.card)
        rates = [
            shards_a_second(corpus, checkpoint, actors=actors, cache=Path(folder) / f"cache-{actors}")
            for actors in (1, 2)
        ]
    print(f"{len(corpus.utterances)} turns under 7 conditions, in shards of about {BATCH_TURNS} turns")
    print(f"two actors of one thread each, times as fast as one: {rates[1] / rates[0]:.2f} (goal {GOAL:g})")


if __name__ == "__main__":
    main()
