"""Every examination of the fairness room on 100,000 utterances x 7 conditions, and the subgroup search over 6 features.

The judgements are the simulator's: 24 cells of accent and age, 1,000 speakers, probabilities, soft labels, rationales,
2,000 replicates. `--quick`: a tenth of the utterances.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affidavit.case import Case, EvidenceBook
from affidavit.plan import AuditPlan, Statistics
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.registry import Door, load, names
from affidavit.sources import load_run
from affidavit.tables import from_frame

GOAL_SECONDS, GOAL_SEARCH = 60.0, 30.0
ACCENTS = ("american", "caribbean", "indian", "irish", "nigerian", "scottish")


def simulated(n_utterances: int) -> Predictions:
    """Return judgements of 1,000 speakers under all seven conditions."""
    options = {
        "n_speakers": 1000,
        "utterances_per_speaker": n_utterances // 1000,
        "accents": list(ACCENTS),
        "soft_labels": True,
        "seed": 1,
    }
    source = {"reasoner": {"name": "simulator", "options": options}}
    plan = AuditPlan.model_validate({"runs": {"simulated": source}, "by": ("accent", "age")})
    [loaded] = load_run("simulated", plan.runs["simulated"], plan, Path(), lambda what, done, total: None)
    return loaded.predictions


def with_six_features(n_rows: int) -> Predictions:
    """Return judgements of 5,000 speakers who differ in six features of two to six levels."""
    rng = np.random.default_rng(2)
    speaker = rng.integers(0, 5000, n_rows)
    truth = rng.integers(0, 7, n_rows)
    frame = pd.DataFrame({"utterance_id": np.arange(n_rows).astype(str), "speaker_id": speaker.astype(str)})
    for at, size in enumerate((6, 4, 2, 3, 5, 2)):
        frame[f"feature_{at}"] = np.array([f"level {i}" for i in range(size)])[rng.integers(0, size, 5000)[speaker]]
    right = rng.random(n_rows) < 0.7
    frame["y_true"], frame["y_pred"] = truth.astype(str), np.where(right, truth, (truth + 1) % 7).astype(str)
    return predictions_from(from_frame(frame), Reading(run="six", by=tuple(f"feature_{at}" for at in range(6))))


def seconds_of(predictions: Predictions, by: Sequence[str], examination: str, book: EvidenceBook) -> float | None:
    """Return the seconds that one examination takes with its default options, None where it refuses."""
    options: dict[str, Any] = {"annotators": 10} if examination in ("annotators", "soft-labels") else {}
    case = Case(
        runs={predictions.run: predictions},
        by=tuple(by),
        depth=2,
        statistics=book.statistics,
        book=book,
        rng=np.random.default_rng(0),
        options=options,
    )
    asked = load(Door.EXAMINATIONS, examination)
    if asked.refuses(case) is not None:
        return None
    start = time.perf_counter()
    asked.examine(case)
    return time.perf_counter() - start


def book_of(predictions: Predictions, by: Sequence[str]) -> EvidenceBook:
    """Return a book with 2,000 replicates and 1,999 permutations, as an audit has by default."""
    return EvidenceBook(runs={predictions.run: predictions}, by=tuple(by), statistics=Statistics(), seed=0)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the utterances")
    n_utterances = 10_000 if parser.parse_args().quick else 100_000
    predictions, by = simulated(n_utterances), ("accent", "age")
    book, total = book_of(predictions, by), 0.0
    print(f"{predictions.n_rows:,} rows, {len(predictions.conditions)} conditions, 1,000 speakers, 24 cells\n")
    print("| examination | seconds |\n|---|---|")
    for name in names(Door.EXAMINATIONS):
        seconds = seconds_of(predictions, by, name, book)
        print(f"| {name} | {'refused' if seconds is None else f'{seconds:.2f}'} |", flush=True)
        total += seconds or 0.0
    six = with_six_features(n_utterances)
    features = [f"feature_{at}" for at in range(6)]
    search = seconds_of(six, features, "subgroup-search", book_of(six, features))
    print(f"\nseconds to search 6 features to depth 3: {search:.1f} (goal {GOAL_SEARCH:g})")
    print(f"seconds for every examination: {total:.1f} (goal {GOAL_SECONDS:g})")


if __name__ == "__main__":
    main()
