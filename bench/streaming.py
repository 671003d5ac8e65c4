"""One hundred million predictions streamed from parquet row groups: memory flat, rows a second printed.

The table is written first, row group by row group, into a temporary folder (about 1.5 GB); then a fresh process reads,
validates, finds duplicates and counts it, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

LABELS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
GROUP_ROWS = 1_000_000
GOAL_MEMORY_GIB = 2.0


def write_table(path: Path, n_rows: int, n_speakers: int) -> None:
    """Write random predictions in row groups of a million."""
    rng = np.random.default_rng(0)
    speakers = pa.array([f"speaker-{i}" for i in range(n_speakers)])
    accents, ages = pa.array([f"accent {i}" for i in range(6)]), pa.array(["18-29", "30-44", "45-59", "60+"])
    writer = None
    for start in range(0, n_rows, GROUP_ROWS):
        n = min(GROUP_ROWS, n_rows - start)
        speaker = rng.integers(0, n_speakers, n).astype(np.int32)
        columns = {
            "utterance_id": pa.array(np.arange(start, start + n)).cast(pa.string()),
            "speaker_id": _dictionary(speaker, speakers),
            "accent": _dictionary((speaker % 6).astype(np.int32), accents),
            "age": _dictionary((speaker // 6 % 4).astype(np.int32), ages),
            "y_true": _dictionary(rng.integers(0, 7, n).astype(np.int32), pa.array(LABELS)),
            "y_pred": _dictionary(rng.integers(0, 7, n).astype(np.int32), pa.array(LABELS)),
        }
        table = pa.table(columns)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _dictionary(codes: np.ndarray, names: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(codes, names).dictionary_decode()


def count(path: Path) -> dict[str, float]:
    """Read, validate and count; return seconds and peak memory of this process."""
    from affidavit.predictions import Reading, read_predictions
    from affidavit.tally import tally

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.perf_counter()
    predictions = read_predictions(path, Reading(run="bench", by=("accent", "age"), in_memory_rows=1_000_000))
    read = time.perf_counter()
    tallies = tally(predictions, ("accent", "age"))
    done = time.perf_counter()
    total = float(sum(t.sums.sum() for t in tallies.values()))
    if total != predictions.n_rows:
        raise SystemExit(f"counted {total:.0f} of {predictions.n_rows} rows")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"read": read - start, "count": done - read, "peak": peak, "before": before, "rows": predictions.n_rows}


def main() -> None:
    """Print the table; the last line is the figure and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two and four million rows")
    parser.add_argument("--count", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.count:
        print(json.dumps(count(arguments.count)))
        return
    sizes = (2_000_000, 4_000_000) if arguments.quick else (10_000_000, 100_000_000)
    print("        rows   read+validate s   count s      rows/s   peak GiB")
    measured = {}
    for n_rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "predictions.parquet"
            write_table(path, n_rows, n_speakers=50_000)
            command = [sys.executable, __file__, "--count", str(path)]
            measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        seconds = measured["read"] + measured["count"]
        print(
            f"{n_rows:>12,} {measured['read']:>17.1f} {measured['count']:>9.1f} {n_rows / seconds:>11,.0f}"
            f" {measured['peak']:>10.2f}"
        )
    print(f"\npeak memory at {sizes[-1]:,} rows: {measured['peak']:.2f} GiB (goal {GOAL_MEMORY_GIB:g})")


if __name__ == "__main__":
    main()
