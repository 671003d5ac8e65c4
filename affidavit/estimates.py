"""An estimate from a value and its interval or the reason why there is none; and as cells of an exhibit."""

from __future__ import annotations

import math

from affidavit.records import Estimate, Interval


def estimate_of(value: float | None, interval: Interval | str, *, n: int, n_units: int | None) -> Estimate:
    """Return the estimate of a value, NaN or None where it is undefined; a string in place of an interval says why.

    `n` counts rows, `n_units` units; None where the table has no ids.

    >>> estimate_of(float("nan"), "nobody was asked", n=0, n_units=None).why_no_interval
    'nobody was asked'
    """
    return Estimate(
        value=None if value is None or math.isnan(value) else float(value),
        interval=interval if isinstance(interval, Interval) else None,
        why_no_interval=interval if isinstance(interval, str) else None,
        n=n,
        n_clusters=n_units,
    )


def estimate_cells(estimate: Estimate) -> dict[str, str | int | float | None]:
    """Return an estimate as cells of `exhibit_columns.ESTIMATE`: empty where there is no value or no interval."""
    interval = estimate.interval
    return {
        "value": estimate.value,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "method": None if interval is None else interval.method,
        "n": estimate.n,
        "n_clusters": estimate.n_clusters,
    }
