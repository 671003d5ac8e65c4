"""A citation audit from a table alone: 100,000 rows under seven conditions, 24 cells, 2,000 replicates."""

from __future__ import annotations

import argparse
import time

import numpy as np

from affidavit.case import Case, EvidenceBook
from affidavit.plan import Statistics
from affidavit.predictions import Reading
from faithfulness.citation.examination import EXAMINATION
from reasoners.simulator import REASONER

GOAL_SECONDS = 30.0
BY = ("accent", "age")


def main() -> None:
    """Print the time; the last line is the figure and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    n_speakers = 70 if parser.parse_args().quick else 715
    predictions = REASONER.judge(
        None,
        {"n_speakers": n_speakers, "accents": ["a", "b", "c", "d", "e", "f"]},
        reading=Reading(run="run", by=BY),
        rng=np.random.default_rng(0),
        progress=lambda what, done, total: None,
    )
    statistics = Statistics()
    runs = {"run": predictions}
    started = time.perf_counter()
    book = EvidenceBook(runs=runs, by=BY, statistics=statistics, seed=0)
    case = Case(runs=runs, by=BY, depth=2, statistics=statistics, book=book, rng=np.random.default_rng(0))
    testimony = EXAMINATION.examine(case)
    seconds = time.perf_counter() - started
    print(f"{predictions.n_rows:,} rows, {n_speakers} speakers, {statistics.n_resamples:,} replicates")
    print(f"claims: {len(testimony.claims):,}")
    print(f"seconds for a citation audit: {seconds:.1f} (goal {GOAL_SECONDS:g})")


if __name__ == "__main__":
    main()
