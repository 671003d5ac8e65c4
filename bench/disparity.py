"""A disparity audit of one million predictions, beside Fairlearn's MetricFrame in one run.

Seven classes, accent x age (24 cells), 2,000 speakers, 2,000 bootstrap replicates of accuracy, UAR, selection rates and
equalized odds per cell. Fairlearn computes the same metrics with `n_boot` by resampling rows; it is measured on a few
replicates and scaled, because all of them would take hours. The floor is one pandas group-by count over the same
columns plus the matrix products that any cluster bootstrap on sufficient statistics must do.
"""

from __future__ import annotations

import argparse
import resource
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from affidavit.case import EvidenceBook
from affidavit.confusion import false_positive_rate, performance, recall, selection_rate
from affidavit.evidence import Evidence
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.plan import Statistics
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.tables import from_frame

LABELS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
ACCENTS = ("Caribbean", "General American", "Indian", "Received", "Scottish", "unknown")
AGES = ("18-29", "30-44", "45-59", "60+")
GOAL_RATIO = 10_000
GOAL_FLOOR = 5.0
GOAL_MEMORY_GIB = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Seconds and result of one call."""

    seconds: float
    result: object


def frame_of(n_rows: int, n_speakers: int, seed: int = 0) -> pd.DataFrame:
    """Return random predictions with the columns of the benchmark."""
    rng = np.random.default_rng(seed)
    speaker = rng.integers(0, n_speakers, n_rows)
    true, wrong = rng.integers(0, len(LABELS), n_rows), rng.integers(0, len(LABELS), n_rows)
    predicted = np.where(rng.random(n_rows) < 0.6, true, wrong)
    return pd.DataFrame(
        {
            "utterance_id": np.char.add("u", np.arange(n_rows).astype(str)),
            "speaker_id": np.char.add("s", speaker.astype(str)),
            "accent": np.array(ACCENTS)[speaker % len(ACCENTS)],
            "age": np.array(AGES)[speaker // len(ACCENTS) % len(AGES)],
            "y_true": np.array(LABELS)[true],
            "y_pred": np.array(LABELS)[predicted],
        }
    )


def timed(function: Callable[[], object], repeats: int = 3) -> Timed:
    """Return the fastest of several calls."""
    best = Timed(seconds=float("inf"), result=None)
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        seconds = time.perf_counter() - start
        if seconds < best.seconds:
            best = Timed(seconds=seconds, result=result)
    return best


def disparity_audit(predictions: Predictions, n_resamples: int) -> Evidence:
    """Count, resample, and measure every metric of the benchmark with its interval in every cell."""
    options = Statistics(n_resamples=n_resamples)
    book = EvidenceBook(runs={"bench": predictions}, by=("accent", "age"), statistics=options, seed=0)
    evidence = book.evidence("bench", "as-supplied", ("accent", "age"))
    n = len(LABELS)
    rates = [rate(k, n) for rate in (selection_rate, recall, false_positive_rate) for k in range(n)]
    for statistic in (*performance(n)[:2], *rates):
        measured = measure(evidence, statistic)
        for group in range(len(measured.groups)):
            measured.interval(group, 0.95)
    measure_gap(evidence, rates[n:], GapKind(name="equalized_odds_difference_max", scale="difference")).interval(0.95)
    return evidence


def floor(frame: pd.DataFrame, n_speakers: int, n_resamples: int) -> float:
    """Return the seconds of one group-by count plus the matrix products."""
    columns = ["accent", "age", "y_true", "y_pred"]
    count = timed(lambda: frame.groupby(columns, observed=True).size()).seconds
    rng = np.random.default_rng(0)
    weights = rng.poisson(1.0, (n_resamples, n_speakers)).astype(np.float32)
    sums = rng.integers(0, 20, (n_speakers, len(LABELS) ** 2)).astype(np.float32)
    product = timed(lambda: weights @ sums).seconds
    print(f"  one pandas group-by count           {count:10.3f} s")
    print(f"  the matrix products                 {product:10.3f} s")
    return count + product


def fairlearn_seconds(frame: pd.DataFrame, n_boot: int) -> tuple[float, float]:
    """Return Fairlearn's seconds per replicate, and for the frame without replicates."""
    from fairlearn.metrics import MetricFrame
    from fairlearn.metrics import selection_rate as chosen
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score

    def rate_of(label: str) -> Callable[..., float]:
        return lambda y_true, y_pred: float(chosen(y_true, y_pred, pos_label=label))

    def recall_of(label: str) -> Callable[..., float]:
        return lambda y_true, y_pred: float(
            recall_score(y_true, y_pred, labels=[label], average="micro", zero_division=0.0)
        )

    def alarms_of(label: str) -> Callable[..., float]:
        return lambda y_true, y_pred: float(np.mean(np.asarray(y_pred)[np.asarray(y_true) != label] == label))

    metrics: dict[str, Callable[..., float]] = {"accuracy": accuracy_score, "uar": balanced_accuracy_score}
    for label in LABELS:
        metrics |= {f"rate {label}": rate_of(label), f"tpr {label}": recall_of(label), f"fpr {label}": alarms_of(label)}

    def run(replicates: int | None) -> float:
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MetricFrame(
                metrics=metrics,
                y_true=frame["y_true"],
                y_pred=frame["y_pred"],
                sensitive_features=frame[["accent", "age"]],
                n_boot=replicates,
                ci_quantiles=None if replicates is None else [0.025, 0.975],
                random_state=0,
            )
        return time.perf_counter() - start

    plain = run(None)
    return (run(n_boot) - plain) / n_boot, plain


def scaling(n_resamples: int) -> None:
    """Print how the resampling grows with rows (not) and with speakers (yes)."""
    print("\nonce counted: cost by rows and speakers (bootstrap sums of 24 cells, s)")
    for n_rows, n_speakers in ((100_000, 2_000), (1_000_000, 2_000), (1_000_000, 8_000)):
        raw = from_frame(frame_of(n_rows, n_speakers))
        predictions = predictions_from(raw, Reading(run="bench", by=("accent", "age")))
        options = Statistics(n_resamples=n_resamples)
        book = EvidenceBook(runs={"bench": predictions}, by=("accent", "age"), statistics=options, seed=0)
        evidence = book.evidence("bench", "as-supplied", ("accent", "age"))
        seconds = timed(
            lambda e=evidence: e.resampler.group_sums(
                e.grouped.sums, e.grouped.unit, group=e.grouped.group, n_groups=24
            ),
            repeats=2,
        ).seconds
        print(f"  {n_rows:>9,} rows {n_speakers:>6,} speakers     {seconds:10.3f} s")


def main() -> None:
    """Print the table; the last line is the figure and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one Fairlearn replicate")
    quick = parser.parse_args().quick
    n_rows, n_speakers, n_resamples = (100_000 if quick else 1_000_000), 2_000, 2_000
    frame = frame_of(n_rows, n_speakers)
    print(f"{n_rows:,} predictions, {n_speakers:,} speakers, 7 classes, 24 cells, {n_resamples:,} replicates\n")
    reading = timed(lambda: predictions_from(from_frame(frame), Reading(run="bench", by=("accent", "age"))), repeats=2)
    predictions = reading.result
    assert isinstance(predictions, Predictions)  # noqa: S101 - for the type checker
    audit = timed(lambda: disparity_audit(predictions, n_resamples))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  reading and validating (not counted){reading.seconds:10.3f} s")
    print(f"  affidavit: count, resample, measure {audit.seconds:10.3f} s")
    least = floor(frame, n_speakers, n_resamples)
    per_replicate, plain = fairlearn_seconds(frame, 1 if quick else 2)
    peer = plain + per_replicate * n_resamples
    print(f"  fairlearn, one replicate            {per_replicate:10.3f} s")
    print(f"  fairlearn, {n_resamples:,} replicates (scaled) {peer:8.0f} s")
    scaling(n_resamples)
    print(f"\npeak memory before the peer ran: {memory:.2f} GiB (goal {GOAL_MEMORY_GIB:g})")
    print(f"times the floor: {audit.seconds / least:.1f} (goal {GOAL_FLOOR:g})")
    print(f"times faster than fairlearn: {peer / audit.seconds:.0f} (goal {GOAL_RATIO})")


if __name__ == "__main__":
    main()
