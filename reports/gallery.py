"""Which pictures a report shows, and what stands under each: the fullest condition in full, the others in one plate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from affidavit.report import AuditReport
from reports.document import Figure
from reports.ordering import distinct
from reports.tabulated import CONFUSION, PERFORMANCE, Row, attached, fullest
from reports.wording import PER_UNIT, features_name, metric_label

if TYPE_CHECKING:
    import pyarrow as pa

PREFERRED: Final = ("accuracy", "word_error_rate", "unweighted_average_recall")
MATRICES_AT_MOST: Final = 60
LINES_AT_MOST: Final = 150
"""Beyond these a picture says nothing that can be read, and the tables stand alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """The pictures of a report."""

    of_groups: tuple[Figure, ...] = ()
    of_confusions: tuple[Figure, ...] = ()


def pictures_of(report: AuditReport) -> Gallery:
    """Draw every picture for which the exhibits are at hand."""
    performance, confusion = attached(report, PERFORMANCE), attached(report, CONFUSION)
    return Gallery(
        of_groups=tuple(_group_pictures(performance)) if performance is not None else (),
        of_confusions=tuple(_confusion_pictures(confusion)) if confusion is not None else (),
    )


def drawn_metric(rows: Sequence[Row]) -> str:
    """Return the metric that pictures show: accuracy where there is one."""
    metrics = distinct(row["metric"] for row in rows if not row["metric"].endswith(PER_UNIT))
    return next((metric for metric in PREFERRED if metric in metrics), metrics[0])


def _group_pictures(table: pa.Table) -> Iterator[Figure]:
    rows: list[Row] = table.to_pylist()
    for place, run in enumerate(distinct(row["run"] for row in rows)):
        own = [row for row in rows if row["run"] == run]
        metric, condition = drawn_metric(own), fullest(own, run)
        shown = [row for row in own if row["metric"] == metric and row["condition"] == condition]
        if len(shown) > LINES_AT_MOST:
            continue
        yield _forest(table, run, condition, metric, f"forest-{place}")
        for number, pair in enumerate(_pairs(shown)):
            yield _heat_map(table, run, condition, metric, pair, f"cells-{place}-{number}")
        if len(distinct(row["condition"] for row in own)) > 1:
            yield _conditions(table, run, metric, f"conditions-{place}")


def _pairs(rows: Sequence[Row]) -> list[str]:
    return [features for features in distinct(row["features"] for row in rows) if features.count(" x ") == 1]


def _forest(table: pa.Table, run: str, condition: str, metric: str, name: str) -> Figure:
    from reports.pictures import forest_plot

    return Figure(
        id=name,
        caption=(
            f"{metric_label(metric)} of every group in run {run}, condition {condition}. Dot: value; line: interval; "
            "hollow dot: no interval; dashed line: everybody. The same numbers stand in the tables below."
        ),
        svg=forest_plot(table, run=run, condition=condition, metric=metric, name=name),
    )


def _heat_map(table: pa.Table, run: str, condition: str, metric: str, features: str, name: str) -> Figure:
    from reports.pictures import intersection_heat_map

    named = features_name(tuple(features.split(" x ")))
    return Figure(
        id=name,
        caption=(
            f"{metric_label(metric)} where {named} meet, run {run}, condition {condition}. The stronger the tint, the "
            "further from everybody: blue above, orange below. Read small cells by their interval in the tables."
        ),
        svg=intersection_heat_map(table, run=run, condition=condition, features=features, metric=metric, name=name),
    )


def _conditions(table: pa.Table, run: str, metric: str, name: str) -> Figure:
    from reports.pictures import conditions_forest_plot

    return Figure(
        id=name,
        caption=(
            f"{metric_label(metric)} of every group in each condition of run {run}. A condition is what the model was shown: "
            "T for text, A for audio, V for video. Dashed line: everybody in that condition."
        ),
        svg=conditions_forest_plot(table, run=run, metric=metric, name=name),
    )


def _confusion_pictures(table: pa.Table) -> Iterator[Figure]:
    rows: list[Row] = table.to_pylist()
    for place, run in enumerate(distinct(row["run"] for row in rows)):
        condition = fullest(rows, run)
        own = [row for row in rows if row["run"] == run and row["condition"] == condition]
        for number, features in enumerate(distinct(row["features"] for row in own)):
            if len(distinct(row["group"] for row in own if row["features"] == features)) <= MATRICES_AT_MOST:
                yield _confusions(table, run, condition, features, f"confusion-{place}-{number}")


def _confusions(table: pa.Table, run: str, condition: str, features: str, name: str) -> Figure:
    from reports.pictures import confusion_matrices

    whom = f"by {features_name(tuple(features.split(' x ')))}" if features else "of everybody"
    return Figure(
        id=name,
        caption=(
            f"Confusion matrices {whom}, run {run}, condition {condition}: of each truth (row) the percentage that was "
            "predicted as each label (column). The table below holds the same numbers with their rows."
        ),
        svg=confusion_matrices(table, run=run, condition=condition, features=features, name=name),
    )
