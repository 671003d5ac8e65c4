"""From an audit's report of 2,000 findings over 24 cells to HTML, PDF and Markdown: each in a process of its own."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from disparity import frame_of

from affidavit.conditions import modality_subsets

FORMATS = ("html", "pdf", "md")
GOAL_SECONDS = {"html": 3.0, "pdf": 15.0}
CONDITIONS = 4
ROWS = 12_000
RENDER = """
import json, sys, time
from pathlib import Path
from affidavit.bundle import read_bundle
from affidavit.registry import Door, load
report = read_bundle(Path(sys.argv[1]))
start, worked = time.perf_counter(), time.process_time()
content = load(Door.RENDERERS, sys.argv[2]).render(report)
seconds = [time.perf_counter() - start, time.process_time() - worked]
print(json.dumps([*seconds, len(content), len(report.findings)]))
"""
"""Counted from the AuditReport on; what the renderer imports is part of it."""


class Rendering(NamedTuple):
    """What one process measured."""

    seconds: float
    processor_seconds: float
    n_bytes: int
    n_findings: int


def main() -> None:
    """Print the table; the last line is a figure and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each format once instead of three times")
    n_times = 1 if parser.parse_args().quick else 3
    with tempfile.TemporaryDirectory() as folder:
        bundle = _audited(Path(folder))
        made = {name: [_rendered(bundle, name) for _ in range(n_times)] for name in FORMATS}
    n_findings = next(iter(made.values()))[0].n_findings
    print(f"{n_findings:,} findings, 24 cells, {CONDITIONS} conditions, each format {n_times} times from cold")
    medians = {name: sorted(run.seconds for run in runs)[n_times // 2] for name, runs in made.items()}
    for name, runs in made.items():
        worked = min(run.processor_seconds for run in runs)
        print(f"  {name:<5} {medians[name]:6.2f} s, of the processor {worked:6.2f} s, {runs[0].n_bytes / 1e6:6.2f} MB")
    print(f"seconds from a report to PDF, median: {medians['pdf']:.1f} (goal {GOAL_SECONDS['pdf']:g})")
    print(f"seconds from a report to HTML, median: {medians['html']:.1f} (goal {GOAL_SECONDS['html']:g})")


def _audited(folder: Path) -> Path:
    """Audit predictions of several conditions by accent and age, and return the bundle."""
    conditions = [str(condition) for condition in modality_subsets()][:CONDITIONS]
    frame = frame_of(ROWS, n_speakers=600)
    item = np.arange(ROWS) // CONDITIONS
    for name in ("speaker_id", "accent", "age"):
        frame[name] = frame[name].to_numpy()[item * CONDITIONS]
    frame["condition"] = np.array(conditions)[np.arange(ROWS) % CONDITIONS]
    frame["utterance_id"] = np.char.add("u", item.astype(str))
    table, out = folder / "predictions.csv", folder / "out"
    frame.to_csv(table, index=False)
    command = [sys.executable, "-m", "affidavit", "audit", str(table), "--by", "accent,age", "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out


def _rendered(bundle: Path, name: str) -> Rendering:
    command = [sys.executable, "-c", RENDER, str(bundle), name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Rendering(*json.loads(done.stdout))


if __name__ == "__main__":
    main()
