"""How fast the judgement simulator draws a table: 7,200 speakers under seven conditions, a million rows."""

from __future__ import annotations

import argparse
import time

import numpy as np

from affidavit.predictions import Reading
from reasoners.simulator import REASONER

GOAL_SECONDS = 20.0


def main() -> None:
    """Print the time; the last line is the figure and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the speakers")
    n_speakers = 720 if parser.parse_args().quick else 7200
    started = time.perf_counter()
    predictions = REASONER.judge(
        None,
        {"n_speakers": n_speakers, "soft_labels": True},
        reading=Reading(run="run", by=("accent", "age", "sex")),
        rng=np.random.default_rng(0),
        progress=lambda what, done, total: None,
    )
    seconds = time.perf_counter() - started
    print(f"{n_speakers:,} speakers, seven conditions, every column: {predictions.n_rows:,} rows")
    print(f"rows a second: {predictions.n_rows / seconds:,.0f}")
    print(f"seconds to a simulated table: {seconds:.1f} (goal {GOAL_SECONDS:g})")


if __name__ == "__main__":
    main()
