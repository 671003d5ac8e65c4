"""From 100,000 predictions in a file to a finished HTML report: 24 cells x 7 conditions, one process, from cold."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from disparity import frame_of

from affidavit.conditions import modality_subsets

GOAL_SECONDS = 20.0
GOAL_MB = 3.0


def main() -> None:
    """Print the table; the last line is the figure and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the predictions, once")
    quick = parser.parse_args().quick
    n_rows = 10_000 if quick else 100_000
    conditions = [str(condition) for condition in modality_subsets()]
    frame = frame_of(n_rows, n_speakers=600)
    frame["condition"] = [conditions[i % 7] for i in range(n_rows)]
    frame["utterance_id"] = [f"u{i // 7}" for i in range(n_rows)]
    frame["speaker_id"] = [frame["speaker_id"].iat[i - i % 7] for i in range(n_rows)]
    for feature in ("accent", "age"):
        frame[feature] = [frame[feature].iat[i - i % 7] for i in range(n_rows)]
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "predictions.csv", Path(folder) / "out"
        frame.to_csv(path, index=False)
        command = [sys.executable, "-m", "affidavit", "audit", str(path), "--by", "accent,age", "--out", str(out)]
        for _ in range(1 if quick else 3):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds.append(time.perf_counter() - start)
        sizes = {name: (out / name).stat().st_size / 1e6 for name in ("report.json", "report.html", "report.md")}
    print(
        f"{n_rows:,} predictions, 24 cells, 7 conditions, {len(seconds)} runs: "
        + ", ".join(f"{s:.1f} s" for s in seconds)
    )
    for name, size in sizes.items():
        print(f"  {name:<12} {size:6.2f} MB (goal {GOAL_MB:g})")
    print(f"seconds to a finished report, median: {sorted(seconds)[len(seconds) // 2]:.1f} (goal {GOAL_SECONDS:g})")


if __name__ == "__main__":
    main()
