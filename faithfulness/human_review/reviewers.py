"""How single reviewers read: how severe each is, whether they tell rationales from controls, and how pairs agree.

Severity is the mean of a reviewer's score less the mean of the others' on the same card; discrimination the mean score
of rationales less that of shuffled ones. Kappa weighs disagreements by their square. Intervals are t over units, on
means of units for severity and on the jackknife over units for kappa.

Source: Linacre 1989 (severity of raters, here as a plain mean); Cohen 1968 (weighted kappa); Fleiss, Cohen 1973.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.records import ExhibitColumn
from affidavit.statistics.small_samples import t_bounds
from faithfulness.human_review.matching import Matched, Scores
from faithfulness.human_review.measures import LEAST, MOST

Row = dict[str, Cell]


def _column(name: str, kind: str, description: str, unit: str | None = None) -> ExhibitColumn:
    return ExhibitColumn(name=name, type=kind, unit=unit, description=description)


_HEAD: Final = (
    _column("run", "text", "the run"),
    _column("condition", "text", "what the reasoner was shown"),
)
REVIEWERS: Final = (
    *_HEAD,
    _column("reviewer", "text", "who scored"),
    _column("reviews", "integer", "rationales scored", "rows"),
    _column("mean", "number", "mean score of rationales, 1 to 4"),
    _column("severity", "number", "score less the mean of the others' on the same cards; below 0 is severe"),
    _column("low", "number", "lower end of the interval of severity, t over units"),
    _column("high", "number", "upper end of the interval of severity"),
    _column("units", "integer", "units behind severity", "units"),
    _column("discrimination", "number", "mean score of rationales less that of shuffled ones"),
)
PAIRS: Final = (
    *_HEAD,
    _column("reviewer", "text", "one reviewer"),
    _column("other", "text", "the other reviewer"),
    _column("kappa", "number", "weighted kappa, squared weights; empty where either always gave the same score"),
    _column("low", "number", "lower end of its interval, jackknife t over units"),
    _column("high", "number", "upper end of its interval"),
    _column("n", "integer", "cards that both scored", "rows"),
    _column("units", "integer", "units of these cards", "units"),
)


def reviewer_rows(matched: Matched, run: str, level: float) -> list[Row]:
    """Return one row a reviewer."""
    return [_reviewer(matched, run, name, level) for name in matched.reviewers]


def _reviewer(matched: Matched, run: str, name: str, level: float) -> Row:
    own = [item.own[name] for item in matched.scores if name in item.own]
    controls = [item.shuffled[name] for item in matched.scores if name in item.shuffled]
    by_unit: dict[int, list[float]] = {}
    for item in matched.scores:
        others = [score for who, score in item.own.items() if who != name]
        if name in item.own and others:
            by_unit.setdefault(_unit(matched, item), []).append(item.own[name] - float(np.mean(others)))
    means = np.array([np.mean(values) for values in by_unit.values()])
    low, high = _interval(means, level)
    return {
        "run": run,
        "condition": matched.explained.condition,
        "reviewer": name,
        "reviews": len(own),
        "mean": float(np.mean(own)) if own else None,
        "severity": float(means.mean()) if len(means) else None,
        "low": low,
        "high": high,
        "units": len(means),
        "discrimination": float(np.mean(own) - np.mean(controls)) if own and controls else None,
    }


def _unit(matched: Matched, item: Scores) -> int:
    return int(matched.explained.rows["unit"][item.row])


def _interval(means: FloatArray, level: float) -> tuple[float | None, float | None]:
    if len(means) < 2 or np.ptp(means) == 0:
        return None, None
    error = means.std(ddof=1) / np.sqrt(len(means))
    return _ends(float(means.mean()), float(error), len(means), level)


def _ends(value: float, error: float, n_units: int, level: float) -> tuple[float, float]:
    bounds = t_bounds(value, error, degrees_of_freedom=n_units - 1, level=level)
    return float(bounds.low), float(bounds.high)


def pair_rows(matched: Matched, run: str, level: float) -> list[Row]:
    """Return one row for each two reviewers who scored a card in common."""
    rows: list[Row] = []
    for one, other in combinations(matched.reviewers, 2):
        tables: dict[int, FloatArray] = {}
        for item in matched.scores:
            if one in item.own and other in item.own:
                table = tables.setdefault(_unit(matched, item), np.zeros((MOST, MOST)))
                table[item.own[one] - LEAST, item.own[other] - LEAST] += 1
        if tables:
            kappa, low, high = _kappa_with_interval(np.stack(list(tables.values())), level)
            head: Row = {"run": run, "condition": matched.explained.condition, "reviewer": one, "other": other}
            n = int(sum(table.sum() for table in tables.values()))
            rows.append({**head, "kappa": kappa, "low": low, "high": high, "n": n, "units": len(tables)})
    return rows


def _kappa_with_interval(tables: FloatArray, level: float) -> tuple[float | None, float | None, float | None]:
    whole = tables.sum(axis=0)
    kappa, left_out = float(weighted_kappa(whole)), weighted_kappa(whole - tables)
    if np.isnan(kappa):
        return None, None, None
    m = len(tables)
    error = np.sqrt((m - 1) / m * ((left_out - left_out.mean()) ** 2).sum()) if m > 1 else np.nan
    if not error > 0:
        return kappa, None, None
    low, high = _ends(kappa, float(error), m, level)
    return kappa, max(low, -1.0), min(high, 1.0)


def weighted_kappa(table: FloatArray) -> FloatArray:
    """Return kappa with squared weights of tables [..., K, K] of two reviewers' scores; NaN where either is constant.

    1 - sum w_ij o_ij / sum w_ij e_ij with w_ij = (i - j)^2 and e the product of the margins. Range -1 to 1.

    Source: Cohen 1968; Fleiss, Cohen 1973.
    """
    places = np.arange(table.shape[-1])
    weights = (places[:, None] - places[None, :]) ** 2
    rows, columns = table.sum(axis=-1), table.sum(axis=-2)
    total = rows.sum(axis=-1)
    expected = (rows[..., :, None] * columns[..., None, :] * weights).sum(axis=(-2, -1))
    constant = (rows.max(axis=-1) >= total) | (columns.max(axis=-1) >= total) | (expected <= 0)
    observed = (table * weights).sum(axis=(-2, -1)) * total
    return np.asarray(np.where(constant, np.nan, 1 - observed / np.where(constant, 1.0, expected)))


def exhibit(name: str, title: str, columns: Sequence[ExhibitColumn], rows: Sequence[Row]) -> ExhibitTable:
    """Return rows as an exhibit."""
    values = {column.name: [row[column.name] for row in rows] for column in columns}
    return ExhibitTable(id=name, title=title, columns=tuple(columns), values=values)
