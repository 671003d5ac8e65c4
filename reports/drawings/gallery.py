"""Which pictures a report shows, and what stands under each: the fullest condition in full, the others in one plate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import TYPE_CHECKING, Final

from affidavit.records import Verdict
from affidavit.report import AuditReport
from reports.document import Figure
from reports.drawings.area_pictures import area_pictures
from reports.drawings.federated_pictures import federated_pictures
from reports.drawings.privacy_pictures import privacy_pictures
from reports.ordering import distinct
from reports.sections.tabulated import CONFUSION, GROUP_COLUMNS, Row, attached, attached_with, fullest
from reports.wording import EVERYBODY, PER_UNIT, features_name, metric_label, worst

if TYPE_CHECKING:
    import pyarrow as pa

SHARES: Final = "modality-shares"
PREFERRED: Final = ("accuracy", "word_error_rate", "unweighted_average_recall")
MATRICES_AT_MOST: Final = 12
LINES_AT_MOST: Final = 150
"""Beyond these a picture says nothing that can be read, and the tables stand alone."""
_NOTHING: Final = '{"mark": "point", "data": {"values": []}}'
_KEY: Final = ["run", "condition", "features", "group", "metric"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """The pictures of a report."""

    of_groups: tuple[Figure, ...] = ()
    of_confusions: tuple[Figure, ...] = ()
    of_gaps: tuple[Figure, ...] = ()
    of_areas: Mapping[str, tuple[Figure, ...]] = field(default_factory=dict)
    """By examination."""
    of_privacy: tuple[Figure, ...] = ()
    of_federations: tuple[Figure, ...] = ()


def pictures_of(report: AuditReport) -> Gallery:
    """Draw every picture for which the exhibits are at hand."""
    if not report.exhibits:
        return Gallery()
    with _drawing_engine():
        confusion, shares = attached(report, CONFUSION), attached(report, SHARES)
        return Gallery(
            of_groups=_of_groups(report),
            of_confusions=tuple(_confusion_pictures(confusion)) if confusion is not None else (),
            of_gaps=tuple(_share_pictures(shares)) if shares is not None else (),
            of_areas=area_pictures(report),
            of_privacy=tuple(privacy_pictures(report)),
            of_federations=tuple(federated_pictures(report)),
        )


@contextmanager
def _drawing_engine() -> Iterator[None]:
    """Start the engine that draws beside the work on the first picture: its start takes as long as several pictures.

    Altair checks no part of a specification meanwhile: the engine refuses a wrong one as well.
    """
    import vl_convert
    from altair.utils.schemapi import debug_mode

    start = Thread(target=vl_convert.vegalite_to_svg, args=(_NOTHING,))
    start.start()
    try:
        with debug_mode(False):
            yield
    finally:
        start.join()


def _of_groups(report: AuditReport) -> tuple[Figure, ...]:
    """Draw every run once: a later exhibit of the same groups (shrunken values) would be the same pictures again."""
    figures: list[Figure] = []
    drawn: set[str] = set()
    for table in _drawn_tables(report):
        fresh = distinct(run for run in table["run"].to_pylist() if run not in drawn)
        figures += _group_pictures(report, table, fresh)
        drawn |= set(fresh)
    return tuple(figures)


def _drawn_tables(report: AuditReport) -> tuple[pa.Table, ...]:
    """Return the exhibits of groups that can be drawn: those with a leading metric, else the first there is.

    A table that has two values of one group (before and after an intervention) is none that dots can be drawn from.
    """
    tables = [table for table in attached_with(report, GROUP_COLUMNS) if table.num_rows and _one_value_each(table)]
    leading = [table for table in tables if set(PREFERRED) & set(table["metric"].to_pylist())]
    return tuple(leading or tables[:1])


def _one_value_each(table: pa.Table) -> bool:
    places = table.select(_KEY).group_by(_KEY).aggregate([])
    return bool(places.num_rows == table.num_rows)


def drawn_metric(rows: Sequence[Row]) -> str:
    """Return the metric that pictures show: accuracy where there is one."""
    metrics = distinct(row["metric"] for row in rows if not row["metric"].endswith(PER_UNIT))
    return next((metric for metric in PREFERRED if metric in metrics), metrics[0])


def _group_pictures(report: AuditReport, table: pa.Table, wanted: Sequence[str]) -> Iterator[Figure]:
    rows: list[Row] = table.to_pylist()
    runs = [data.run for data in report.data]
    for run in (run for run in wanted if run in runs):  # a comparison's name is no run
        own = [row for row in rows if row["run"] == run]
        metric, condition = drawn_metric(own), fullest(own, run)
        shown = [row for row in own if row["metric"] == metric and row["condition"] == condition]
        name = f"{metric}-{runs.index(run)}"
        if len(shown) > LINES_AT_MOST:
            yield from _single_features(report, table, (run, condition, metric), f"forest-{name}")
            continue
        yield _forest(report, table, run, condition, metric, f"forest-{name}")
        for number, pair in enumerate(_pairs(shown)):
            yield _heat_map(table, run, condition, metric, pair, f"cells-{name}-{number}")
        if len(distinct(row["condition"] for row in own)) > 1:
            yield _conditions(table, run, metric, f"conditions-{name}")


def _single_features(report: AuditReport, table: pa.Table, place: tuple[str, str, str], name: str) -> Iterator[Figure]:
    """Draw the groups of one feature alone, where those of several are too many to be read."""
    one = table.filter([" x " not in features for features in table["features"].to_pylist()])
    rows = [row for row in one.to_pylist() if (row["run"], row["condition"], row["metric"]) == place]
    if len(rows) <= LINES_AT_MOST:
        figure = _forest(report, one, *place, name)
        yield replace(figure, caption=f"{figure.caption} Groups of several features are too many for a picture.")


def verdicts_of(report: AuditReport, run: str, condition: str, metric: str) -> dict[tuple[str, str], Verdict]:
    """Return the verdict that must be read first, by features and group as exhibits write them."""
    verdicts: dict[tuple[str, str], list[Verdict]] = {}
    for finding in report.findings:
        if (finding.run, finding.condition, finding.metric) == (run, condition, metric) and finding.compared is None:
            key = " x ".join(finding.groups), ", ".join(finding.groups.values()) or EVERYBODY
            verdicts.setdefault(key, []).append(finding.verdict)
    return {key: worst(found) for key, found in verdicts.items()}


def _pairs(rows: Sequence[Row]) -> list[str]:
    return [features for features in distinct(row["features"] for row in rows) if features.count(" x ") == 1]


def _forest(report: AuditReport, table: pa.Table, run: str, condition: str, metric: str, name: str) -> Figure:
    from reports.drawings.pictures import forest_plot

    verdicts = verdicts_of(report, run, condition, metric)
    return Figure(
        id=name,
        caption=(
            f"{metric_label(metric)} of every group in run {run}, condition {condition}. Dot: value; line: interval; "
            "hollow dot: no interval; dashed line: everybody. The same numbers stand in the tables below."
        ),
        svg=forest_plot(table, run=run, condition=condition, metric=metric, verdicts=verdicts, name=name),
    )


def _heat_map(table: pa.Table, run: str, condition: str, metric: str, features: str, name: str) -> Figure:
    from reports.drawings.pictures import intersection_heat_map
    from reports.drawings.tiles import TINTED_FROM

    named = features_name(tuple(features.split(" x ")))
    return Figure(
        id=name,
        caption=(
            f"{metric_label(metric)} where {named} meet, run {run}, condition {condition}. The stronger the tint, the "
            "further from everybody: blue above, orange below; a cell of fewer than "
            f"{TINTED_FROM} has none. Read small cells by their interval in the tables."
        ),
        svg=intersection_heat_map(table, run=run, condition=condition, features=features, metric=metric, name=name),
    )


def _conditions(table: pa.Table, run: str, metric: str, name: str) -> Figure:
    from reports.drawings.pictures import conditions_forest_plot

    return Figure(
        id=name,
        caption=(
            f"{metric_label(metric)} of every group in each condition of run {run}. A condition is what the model "
            "was shown: T for text, A for audio, V for video. Dashed line: everybody in that condition."
        ),
        svg=conditions_forest_plot(table, run=run, metric=metric, name=name),
    )


def _share_pictures(table: pa.Table) -> Iterator[Figure]:
    from reports.drawings.pictures import modality_shares

    rows: list[Row] = table.to_pylist()
    for place, run in enumerate(distinct(row["run"] for row in rows)):
        own = [row for row in rows if row["run"] == run]
        metric, condition = drawn_metric(own), own[0]["condition"]
        name = f"shares-{place}"
        yield Figure(
            id=name,
            caption=(
                f"Which modality bears the difference in {metric_label(metric).lower()} between the two groups "
                f"furthest apart, run {run}. Exact Shapley shares: they add up to the whole, together with what is "
                "there without any modality. Dashed line: no difference."
            ),
            svg=modality_shares(table, run=run, condition=condition, metric=metric, name=name),
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
    from reports.drawings.pictures import confusion_matrices

    whom = f"by {features_name(tuple(features.split(' x ')))}" if features else "of everybody"
    return Figure(
        id=name,
        caption=(
            f"Confusion matrices {whom}, run {run}, condition {condition}: of each truth (row) the percentage that was "
            "predicted as each label (column). The table below holds the same numbers with their rows."
        ),
        svg=confusion_matrices(table, run=run, condition=condition, features=features, name=name),
    )
