"""The tables behind a game of modalities: gaps under every set of modalities, contributions, shares, interactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.claims import Place, group_name, level_cells
from affidavit.estimates import estimate_cells
from affidavit.evidence import Evidence
from affidavit.exhibit_columns import BY_GROUP, ESTIMATE
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.records import ExhibitColumn
from audit.contrasts import Contrasts, signed_estimate
from audit.modalities.study import Parts, Study

Row = dict[str, Cell]
_PLACE: Final = (
    ExhibitColumn(name="run", type="text", description="the run"),
    ExhibitColumn(name="condition", type="text", description="the modalities that were shown"),
    ExhibitColumn(name="features", type="text", description="the features whose groups are compared"),
    ExhibitColumn(name="metric", type="text", description="the metric whose difference it is"),
)
_ENDS: Final = (
    ExhibitColumn(name="highest", type="text", description="the group that is better off"),
    ExhibitColumn(name="lowest", type="text", description="the group that is worse off"),
)
GAPS: Final = (
    *_PLACE,
    *_ENDS,
    *ESTIMATE,
    ExhibitColumn(name="chance", type="number", description="the gap that chance alone gives, mean"),
    ExhibitColumn(name="chance_high", type="number", description="95 % of the gaps that chance alone gives are below"),
)
PARTS: Final = (
    *_PLACE,
    *_ENDS,
    ExhibitColumn(name="kind", type="text", description="total, share, cost or interaction"),
    ExhibitColumn(name="part", type="text", description="the modality or modalities, or none of them"),
    *ESTIMATE,
)


def gap_rows(study: Study, place: Place, evidence: Evidence) -> list[Row]:
    """Return the gap between the groups of a family under every set of modalities, beside what chance gives."""
    rows: list[Row] = []
    for coalition in range(study.game.n_coalitions - 1, 0, -1):
        condition = study.game.conditions[coalition - 1]
        statistic = study.statistic(condition, study.game.value(coalition), (0.0, 1.0))
        gap = measure_gap(evidence, [statistic], GapKind(name="difference", scale="difference"))
        null, (highest, lowest) = gap.null_expectation(), gap.extremes() or (None, None)
        rows.append(
            {
                **_place_cells(study, place),
                "condition": condition,
                "highest": highest,
                "lowest": lowest,
                **estimate_cells(gap.estimate(place.level, has_units=place.has_units)),
                "chance": None if null is None else null.value,
                "chance_high": None if null is None else null.high,
            }
        )
    return rows


def contribution_rows(study: Study, place: Place, evidence: Evidence) -> list[Row]:
    """Return what each modality contributes to each group of a family, and what would be lost without it."""
    rows: list[Row] = []
    named = [
        *((f"{study.metric}_contribution_of_{s.name}", s) for s in study.contributions),
        *((f"{study.metric}_cost_without_{s.name}", s) for s in study.costs),
    ]
    for metric, statistic in named:
        measured = measure(evidence, statistic)
        for group, groups in enumerate(measured.groups):
            rows.append(
                {
                    "run": place.run,
                    "condition": place.condition,
                    "features": " x ".join(place.family),
                    "group": group_name(groups),
                    **level_cells(groups),
                    "metric": metric,
                    **estimate_cells(signed_estimate(measured, group, place.level, has_units=place.has_units)),
                }
            )
    return rows


def part_rows(study: Study, place: Place, parts: Parts) -> list[Row]:
    """Return the difference between the extreme groups in all its parts, interactions of modalities among them."""
    if not parts.defined:
        return []
    highest, lowest = parts.extremes
    groups = parts.total.measured.groups
    ends = {
        "highest": group_name(groups[parts.total.compared[highest]]),
        "lowest": group_name(groups[parts.total.compared[lowest]]),
    }
    kinds: Sequence[tuple[str, Sequence[Contrasts]]] = (
        ("total", (parts.total, *([parts.guessed] if study.metric == "accuracy" else []))),
        ("share", parts.shares),
        ("cost", parts.costs),
        ("interaction", parts.interactions),
    )
    return [
        {
            **_place_cells(study, place),
            "condition": study.game.full,
            **ends,
            "kind": kind,
            "part": part.measured.statistic.name,
            **estimate_cells(part.estimate(highest, lowest, place.level, has_units=place.has_units)),
        }
        for kind, contrasts in kinds
        for part in contrasts
    ]


def exhibits(gaps: list[Row], contributions: list[Row], parts: list[Row]) -> tuple[ExhibitTable, ...]:
    """Return the exhibits of the examination; those of differences only where groups were compared."""
    tables = (
        ("modality-contributions", "What each modality contributes to every group", BY_GROUP, contributions),
        ("modality-gaps", "Gaps under every set of modalities, beside chance", GAPS, gaps),
        ("modality-shares", "The difference between the extreme groups in its parts", PARTS, parts),
    )
    return tuple(
        ExhibitTable(
            id=name, title=title, columns=columns, values={c.name: [row[c.name] for row in rows] for c in columns}
        )
        for name, title, columns, rows in tables
        if rows
    )


def _place_cells(study: Study, place: Place) -> Row:
    return {"run": place.run, "features": " x ".join(place.family), "metric": study.metric}
