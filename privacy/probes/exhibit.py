"""Everything that probes told, a row each: source, probe, what it was given, beside what raw input it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from affidavit.exhibit_columns import ESTIMATE, PLACE
from affidavit.exhibits import ExhibitTable
from affidavit.records import ExhibitColumn, Interval
from privacy.probes.attribute import Told
from privacy.probes.claims import Bounds, Place, accuracy
from privacy.probes.panel import Panel
from privacy.probes.speaker import Lineup


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the exhibit; fields are its columns."""

    run: str
    condition: str
    source: str
    beside: str | None
    told: str
    probe: str
    given: str
    value: float | None
    low: float | None
    high: float | None
    method: str | None
    commonest: float
    control: float | None
    n: int
    n_clusters: int


def _text(name: str, description: str) -> ExhibitColumn:
    return ExhibitColumn(name=name, type="text", description=description)


def _number(name: str, description: str) -> ExhibitColumn:
    return ExhibitColumn(name=name, type="number", description=description)


COLUMNS: Final = (
    *PLACE[:2],
    _text("source", "what the probe looked at"),
    _text("beside", "for raw inputs: the source that they stand beside"),
    _text("told", "the attribute, or `speaker`"),
    _text("probe", "which probe"),
    _text("given", "what it was given at once"),
    *ESTIMATE[:4],
    _number("commonest", "what always guessing the commonest reaches"),
    _number("control", "mean over control tasks: labels dealt anew to units; empty where there are none"),
    *ESTIMATE[4:],
)


def attribute_row(place: Place, panel: Panel, told: Told) -> Row:
    """Return the balanced accuracy of one probe."""
    n = len(panel.place) if told.given == "one utterance" else len(panel.unit)
    return _row(
        place,
        accuracy(place, panel, told),
        told=panel.attribute,
        probe=(told.probe, told.given),
        beside=(1 / len(panel.levels), float(told.chance.mean())),
        n=(n, len(panel.unit)),
    )


def speaker_row(place: Place, lineup: Lineup, found: tuple[float, Bounds]) -> Row:
    """Return the share of utterances whose unit was told."""
    n_units = len(lineup.unit)
    return _row(
        place,
        found,
        told="speaker",
        probe=("linear", "one utterance"),
        beside=(1 / n_units, None),
        n=(len(lineup.place), n_units),
    )


def _row(
    place: Place,
    found: tuple[float, Bounds],
    *,
    told: str,
    probe: tuple[str, str],
    beside: tuple[float, float | None],
    n: tuple[int, int],
) -> Row:
    interval = found[1](place.case.statistics.level)
    known = interval if isinstance(interval, Interval) else None
    return Row(
        run=place.run,
        condition=place.condition,
        source=place.source,
        beside=None,
        told=told,
        probe=probe[0],
        given=probe[1],
        value=found[0],
        low=None if known is None else known.low,
        high=None if known is None else known.high,
        method=None if known is None else known.method,
        commonest=beside[0],
        control=beside[1],
        n=n[0],
        n_clusters=n[1],
    )


def exhibit_of(rows: Sequence[Row]) -> tuple[ExhibitTable, ...]:
    """Return the exhibit; none where nothing was told."""
    if not rows:
        return ()
    names = [field.name for field in fields(Row)]
    return (
        ExhibitTable(
            id="leakage-by-source",
            title="What probes tell of units, by source",
            columns=COLUMNS,
            values={name: [getattr(row, name) for row in rows] for name in names},
        ),
    )
