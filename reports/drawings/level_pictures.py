"""Which pictures a report shows of levels: answers after corrupted reasoning, accuracy under degraded input.

A picture is of everybody, or of the groups of one feature under the fullest condition; more lines than can be told
apart are left to the exhibits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from affidavit.conditions import Condition
from affidavit.report import AuditReport
from reports.document import Figure
from reports.drawings.level_chart import LINES_AT_MOST, LevelMark, LevelPlate, levels_chart
from reports.ordering import conditions_in_order, distinct
from reports.sections.tabulated import Row, attached, records
from reports.wording import PERCENT, figures, plain

CORRUPTION: Final = "corruption-curves"
ROBUSTNESS: Final = "robustness-by-level"
PLATES_AT_MOST: Final = 9
DEGRADED: Final = "accuracy_degraded"
CLEAN: Final = "accuracy_clean"
CORRUPTIONS: Final = {
    "early": "the rest left out",
    "mistake": "a mistake put in",
    "filler": "all of it filler",
    "paraphrase": "in other words",
}
"""What was done to the reasoning; the first two at a place in it."""
_LEVEL: Final = re.compile(r"[-+]?\d+(?:\.\d+)?(?P<unit>%|[A-Za-z]*)")
MARKS: Final = "Mark: value; line through it: interval; hollow mark: no interval."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    """One picture before it is drawn."""

    name: str
    title: str
    caption: str
    up: str
    plates: Sequence[LevelPlate]


def corruption_pictures(report: AuditReport) -> tuple[Figure, ...]:
    """Return how often answers change by where the reasoning was corrupted, a picture for each run and base."""
    rows = [row for row in records(attached(report, CORRUPTION)) if not row["features"] and row["value"] is not None]
    return tuple(
        _figure(picture)
        for place, run in enumerate(distinct(row["run"] for row in rows))
        for picture in _corruptions([row for row in rows if row["run"] == run], run, f"corruption-{place}")
    )


def robustness_pictures(report: AuditReport) -> tuple[Figure, ...]:
    """Return accuracy by operator and level: of everybody by condition, then by the groups of each feature."""
    rows = [row for row in records(attached(report, ROBUSTNESS)) if row["value"] is not None]
    figures_: list[Figure] = []
    for place, run in enumerate(distinct(row["run"] for row in rows)):
        own = [row for row in rows if row["run"] == run]
        figures_ += map(_figure, _robustness(own, run, f"robustness-{place}"))
    return tuple(figures_)


def _corruptions(rows: Sequence[Row], run: str, name: str) -> Iterator[_Picture]:
    for number, base in enumerate(distinct(base_of(row["condition"]) for row in rows)):
        own = [row for row in rows if base_of(row["condition"]) == base]
        yield _Picture(
            name=f"{name}-{number}",
            title=f"Answers that changed after corrupted reasoning, run {run}, condition {base}",
            caption=(
                f"How often run {plain(run)} changes its answer when its reasoning is corrupted, of everybody, "
                f"condition {base}: by how much of the reasoning stood before the fault, and beside it after filler "
                f"and after a paraphrase. An answer that hangs on the reasoning changes often, and seldom after a "
                f"paraphrase. {MARKS}"
            ),
            up="answers changed, %",
            plates=_corruption_plates(own),
        )


def _corruption_plates(rows: Sequence[Row]) -> list[LevelPlate]:
    parsed = [(Condition.parse(row["condition"]), row) for row in rows]
    placed = [_corruption(condition, row) for condition, row in parsed if condition.level is not None]
    whole = [_corruption(condition, row) for condition, row in parsed if condition.level is None]
    found = []
    if placed:
        found.append(LevelPlate(title="at a place in it", across="reasoning before the fault, %", marks=placed))
    if whole:
        found.append(LevelPlate(title="the whole of it", across="what it became", marks=whole))
    return found


def _corruption(condition: Condition, row: Row) -> LevelMark:
    said = CORRUPTIONS.get(condition.operator or "", plain(condition.operator or ""))
    text = condition.level
    if text is None:
        return LevelMark(line=said, level=said, at=None, value=_percent(row["value"]), ends=_ends(row))
    at = float(text.removesuffix("%")) * (1 if text.endswith("%") else PERCENT.factor)
    return LevelMark(line=said, level=f"{at:g} %", at=at, value=_percent(row["value"]), ends=_ends(row))


def _robustness(rows: Sequence[Row], run: str, name: str) -> Iterator[_Picture]:
    everybody = [row for row in rows if not row["features"]]
    bases = conditions_in_order(distinct(base_of(row["condition"]) for row in everybody))
    by_condition = _robustness_plates(everybody, {base: base for base in bases[:LINES_AT_MOST]})
    if 0 < len(by_condition) <= PLATES_AT_MOST:
        more = f" of {len(bases)} conditions the fullest {LINES_AT_MOST}" if len(bases) > LINES_AT_MOST else ""
        yield _Picture(
            name=name,
            title=f"Accuracy by operator and level, run {run}",
            caption=(
                f"Accuracy of run {plain(run)} under each operator by its level, of everybody; a line for each "
                f"condition{more}. Thin or dotted line: the same rows without the operator. {MARKS}"
            ),
            up="accuracy, %",
            plates=by_condition,
        )
    fullest = bases[:1]
    for number, features in enumerate(f for f in distinct(row["features"] for row in rows) if f and " x " not in f):
        own = [row for row in rows if row["features"] == features and base_of(row["condition"]) in fullest]
        groups = distinct(row["group"] for row in own)
        plates = _robustness_plates(own, {group: plain(group) for group in groups})
        if 0 < len(groups) <= LINES_AT_MOST and 0 < len(plates) <= PLATES_AT_MOST:
            yield _Picture(
                name=f"{name}-{number}",
                title=f"Accuracy by operator and level, by {features}, run {run}",
                caption=(
                    f"The same by {plain(features)}, run {plain(run)}, condition {fullest[0]}: whom a worse input "
                    f"costs more. Thin or dotted line: the same rows without the operator. {MARKS}"
                ),
                up="accuracy, %",
                plates=plates,
            )


def _robustness_plates(rows: Sequence[Row], lines: dict[str, str]) -> list[LevelPlate]:
    """Return a plate for each operator, of the lines that are named by condition or group."""
    told: list[Row] = [row for row in rows if row["metric"] == DEGRADED and _line(row, lines) is not None]
    clean = {(row["condition"], row["group"]): row["value"] for row in rows if row["metric"] == CLEAN}
    plates = []
    for operator in distinct(row["operator"] if row["level"] else "" for row in told):
        own = [row for row in told if (row["operator"] if row["level"] else "") == operator]
        unit = _shared_unit(own)
        marks = [
            LevelMark(
                line=_line(row, lines) or "",
                level=plain(row["level"] or row["operator"]),
                at=None if unit is None else row["dose"] * (PERCENT.factor if unit == "%" else 1.0),
                value=_percent(row["value"]),
                ends=_ends(row),
                beside=_maybe_percent(clean.get((row["condition"], row["group"]))),
            )
            for row in sorted(own, key=lambda row: (row["dose"] is None, row["dose"] or 0.0))
        ]
        across = ", ".join(filter(None, (plain(operator), unit))) or "operator"
        plates.append(LevelPlate(title=plain(operator) or "without levels", across=across, marks=marks))
    return plates


def _line(row: Row, lines: dict[str, str]) -> str | None:
    return lines.get(row["group"] if row["features"] else base_of(row["condition"]))


def _shared_unit(rows: Sequence[Row]) -> str | None:
    """Return the unit of the levels of an operator; None where they are names, or of several units."""
    found = [_LEVEL.fullmatch(row["level"] or "") for row in rows]
    units = {match["unit"] for match in found if match is not None}
    placed = all(found) and all(row["dose"] is not None for row in rows)
    return units.pop() if placed and len(units) == 1 else None


def base_of(condition: str) -> str:
    """Return the modalities of a condition, as they are shown without its operator.

    >>> base_of("TAV/noise=10dB")
    'TAV'
    """
    return str(Condition(modalities=Condition.parse(condition).modalities))


def _percent(value: float) -> float:
    return value * PERCENT.factor


def _maybe_percent(value: float | None) -> float | None:
    return None if value is None else _percent(value)


def _ends(row: Row) -> tuple[float, float] | None:
    return None if row["low"] is None or row["high"] is None else (_percent(row["low"]), _percent(row["high"]))


def _figure(picture: _Picture) -> Figure:
    from reports.drawings.drawing import drawn_svg

    return Figure(
        id=picture.name,
        caption=picture.caption,
        svg=drawn_svg(
            levels_chart(picture.plates, up=picture.up),
            name=picture.name,
            title=picture.title,
            description=" ".join(_in_words(plate) for plate in picture.plates) + " The exhibit holds every number.",
        ),
    )


def _in_words(plate: LevelPlate) -> str:
    """Say where each line of a plate begins and ends."""
    said = []
    for line in distinct(mark.line for mark in plate.marks):
        own = [mark for mark in plate.marks if mark.line == line]
        ends = own if len(own) < 2 else (own[0], own[-1])
        said.append(f"{line}: {', '.join(_mark_in_words(mark) for mark in ends)}")
    return f"{plate.title}: {'; '.join(said)}."


def _mark_in_words(mark: LevelMark) -> str:
    number = f"{figures(mark.value / PERCENT.factor, PERCENT)} %"
    return number if mark.level == mark.line else f"{number} at {mark.level}"
