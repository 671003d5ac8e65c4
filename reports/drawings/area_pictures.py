"""Which pictures stand at the head of an examination's own tables.

Reliability diagrams, what each modality brings, what erasing the cited evidence costs, and numbers by level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from affidavit.report import AuditReport
from reports.document import Figure
from reports.drawings.contributions_chart import OF
from reports.drawings.erasure_chart import base_of
from reports.drawings.level_pictures import corruption_pictures, robustness_pictures
from reports.drawings.reliability_chart import is_drawn
from reports.ordering import distinct
from reports.sections.tabulated import Row, attached, fullest
from reports.wording import features_name, metric_label

if TYPE_CHECKING:
    import pyarrow as pa

RELIABILITY: Final = "reliability-curves"
CONTRIBUTIONS: Final = "modality-contributions"
ERASURES: Final = "erasure-curves"
PLATES_AT_MOST: Final = 12
BARS_AT_MOST: Final = 30


def area_pictures(report: AuditReport) -> Mapping[str, tuple[Figure, ...]]:
    """Return figures by examination, for the exhibits that are at hand."""
    drawn = {}
    if (curves := attached(report, RELIABILITY)) is not None:
        drawn["calibration"] = tuple(_reliability_pictures(curves))
    if (parts := attached(report, CONTRIBUTIONS)) is not None:
        drawn["modality-disparity"] = tuple(_contribution_pictures(parts))
    if (erased := attached(report, ERASURES)) is not None:
        drawn["evidence-erasure"] = tuple(_erasure_pictures(erased))
    by_level = {"rationale-corruption": corruption_pictures(report), "robustness": robustness_pictures(report)}
    return drawn | {area: figures for area, figures in by_level.items() if figures}


def _of_fullest(table: pa.Table) -> Iterator[tuple[int, str, str, list[Row]]]:
    """Yield place, run, fullest condition and rows of each run; of groups of several features only the tables tell."""
    rows: list[Row] = table.to_pylist()
    for place, run in enumerate(distinct(row["run"] for row in rows)):
        condition = fullest(rows, run)
        yield (
            place,
            run,
            condition,
            [r for r in rows if (r["run"], r["condition"]) == (run, condition) and " x " not in r["features"]],
        )


def _reliability_pictures(table: pa.Table) -> Iterator[Figure]:
    for place, run, condition, rows in _of_fullest(table):
        for number, features in enumerate(distinct(row["features"] for row in rows)):
            own = [row for row in rows if row["features"] == features and is_drawn(row)]
            if own and len(distinct(row["group"] for row in own)) <= PLATES_AT_MOST:
                yield _reliability(table, run, condition, features, f"reliability-{place}-{number}")


def _reliability(table: pa.Table, run: str, condition: str, features: str, name: str) -> Figure:
    from reports.drawings.pictures import reliability_diagrams

    whom = f"by {features_name((features,))}" if features else "of everybody"
    return Figure(
        id=name,
        caption=(
            f"How often run {run} is right where it is so sure, {whom}, condition {condition}: a dot a bin of equally "
            "many judgements, with its interval. On the dashed line confidence is what it says; below it the model is "
            "surer than it is right."
        ),
        svg=reliability_diagrams(table, run=run, condition=condition, features=features, name=name),
    )


def _contribution_pictures(table: pa.Table) -> Iterator[Figure]:
    for place, run, condition, rows in _of_fullest(table):
        leading = _leading(rows)
        if leading is not None and len({(row["features"], row["group"]) for row in rows}) <= BARS_AT_MOST:
            yield _contributions(table, run, condition, leading, f"contributions-{place}")


def _leading(rows: Sequence[Row]) -> str | None:
    """Return the metric whose contributions are drawn: the first one, which is accuracy where there is one."""
    return next((row["metric"].partition(OF)[0] for row in rows if OF in row["metric"]), None)


def _contributions(table: pa.Table, run: str, condition: str, metric: str, name: str) -> Figure:
    from reports.drawings.pictures import modality_contributions

    return Figure(
        id=name,
        caption=(
            f"What each modality contributes to the {metric_label(metric).lower()} of each group, run {run}: its exact "
            "Shapley value over all subsets of modalities, with its interval. A bar to the left costs more than it "
            "brings."
        ),
        svg=modality_contributions(table, run=run, condition=condition, metric=metric, name=name),
    )


def _erasure_pictures(table: pa.Table) -> Iterator[Figure]:
    rows: list[Row] = [row for row in table.to_pylist() if not row["features"] and row["value"] is not None]
    for place, run in enumerate(distinct(row["run"] for row in rows)):
        for number, base in enumerate(distinct(base_of(row) for row in rows if row["run"] == run)):
            yield _erasure(table, run, base, f"erasure-{place}-{number}")


def _erasure(table: pa.Table, run: str, base: str, name: str) -> Figure:
    from reports.drawings.pictures import erasure_curves

    return Figure(
        id=name,
        caption=(
            f"How much probability run {run} loses for its own answer, of everybody, condition {base}: without what "
            "its rationale ranks first, and with that alone. Filled: by the rationale; hollow "
            "and dashed: as much of the input at random. Evidence that was used costs more than chance when it goes, "
            "and less when it alone stays."
        ),
        svg=erasure_curves(table, run=run, base=base, name=name),
    )
