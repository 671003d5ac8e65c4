"""What a report tells of each group: the counts behind every finding and every row of an exhibit, tied to groups.

A `Slice` is one metric (of one class, where there are classes) over the groups of one run and condition. A `Block` is
the slices that are withheld together: a metric among the findings, or one run and condition of an exhibit, whose
classes add up to the group and so must be withheld for a group as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from affidavit.disclosure.lattice import Group, group_of
from affidavit.metric_names import Kind, read
from affidavit.records import Exhibit, Finding

OF_EVERYBODY: Final = {"row_share": "rows", "unit_share": "units"}
"""Shares that a group has of everybody: their rows and units are everybody's, their values the group's own."""
_IN_TRAINING: Final = "_in_training"
TIED: Final = frozenset({"run", "features", "group", "level_1", "value", "low", "high", "n", "n_clusters"})
"""Columns without which nobody can say whose an exhibit's rows are."""
COUNTS: Final = frozenset({"n", "n_clusters"})
"""Columns of an exhibit that tell rows and units."""
_CLASSES: Final = ("class", "bin")
_NOT_OF_A_SLICE: Final = frozenset({"features", "group", "level_1", "level_2", "level_3", "level_4", "method"})
WHOLE: Final = 1e-4
SEPARATOR: Final = " x "


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is told of one group in one slice."""

    group: Group
    value: float | None
    n: int
    """Rows."""
    units: int
    """Units; rows where the table has no ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One metric over groups."""

    metric: str
    label: str | None = None
    """The class (or the bin) that it is of, where there are classes: those of a group add up to it."""
    by_group: Mapping[Group, Told]

    @property
    def share_of_everybody(self) -> str | None:
        """`units` or `rows`, where the values are the groups' shares of everybody's."""
        return OF_EVERYBODY.get(self.metric.removesuffix(_IN_TRAINING))

    @property
    def kind(self) -> Kind:
        """What its values are."""
        return read(self.metric).kind

    def numerators(self) -> dict[Group, tuple[int, int]] | None:
        """Return the count behind each share and what it is a share of; None where values are no shares of counts.

        Values are printed to twelve digits, so that a share of rows times its rows is whole; what is whole for every
        group is taken for a count, even if it should be no more than a coincidence.
        """
        if self.kind is not Kind.RATE:
            return None
        defined = [told for told in self.by_group.values() if told.value is not None]
        for of in ("n", "units"):
            products = {told.group: ((told.value or 0.0) * getattr(told, of), getattr(told, of)) for told in defined}
            if products and all(_is_count(product, whole) for product, whole in products.values()):
                return {group: (round(product), whole) for group, (product, whole) in products.items()}
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Slices that are withheld together for a group."""

    run: str
    condition: str
    examination: str
    slices: Mapping[tuple[str, ...], Slice]


BlockKey = tuple[str, ...]


def blocks_of_findings(findings: Iterable[Finding]) -> dict[BlockKey, Block]:
    """Return a block for each metric of a run and condition among the findings about groups."""
    found: dict[BlockKey, dict[Group, Told]] = {}
    about: dict[BlockKey, Finding] = {}
    for finding in findings:
        if finding.compared is not None:
            continue
        key = key_of_finding(finding)
        about[key] = finding
        estimate, group = finding.estimate, group_of(finding.groups)
        units = estimate.n if estimate.n_clusters is None else estimate.n_clusters
        found.setdefault(key, {})[group] = Told(group=group, value=estimate.value, n=estimate.n, units=units)
    return {
        key: Block(
            run=about[key].run,
            condition=about[key].condition,
            examination=about[key].examination,
            slices={(): Slice(metric=about[key].metric, by_group=cells)},
        )
        for key, cells in found.items()
    }


def key_of_finding(finding: Finding) -> BlockKey:
    """Return the key of the block that a finding about a group belongs to."""
    return ("finding", finding.run, finding.condition, finding.examination, finding.metric, str(finding.property))


def slice_name(exhibit: Exhibit, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the name of the slice that an exhibit's row belongs to: its texts and whole numbers, less the group's."""
    return tuple(str(row[name]) for name in _slice_columns(exhibit))


def _slice_columns(exhibit: Exhibit) -> list[str]:
    return [
        c.name
        for c in exhibit.columns
        if c.name not in _NOT_OF_A_SLICE and (c.type == "text" or (c.type == "integer" and c.name not in COUNTS))
    ]


def is_tied(exhibit: Exhibit) -> bool:
    """Say whether every row of an exhibit says whose it is, and every count in it is its rows or units."""
    names = {column.name for column in exhibit.columns}
    counted = {column.name for column in exhibit.columns if column.unit in ("rows", "units")}
    return names >= TIED and counted <= COUNTS


def group_of_row(row: Mapping[str, Any]) -> Group | None:
    """Return the group of an exhibit's row; None where features and levels do not match."""
    features = row["features"].split(SEPARATOR) if row["features"] else []
    levels = [row.get(f"level_{i + 1}") for i in range(4)]
    named = [level for level in levels if level is not None]
    if len(features) != len(named) or len(set(features)) != len(features):
        return None
    return group_of(dict(zip(features, named, strict=True)))


def key_of_row(exhibit: Exhibit, row: Mapping[str, Any]) -> BlockKey:
    """Return the key of the block that an exhibit's row belongs to."""
    return ("exhibit", exhibit.id, row["run"], row.get("condition") or "")


def blocks_of_exhibit(exhibit: Exhibit, rows: Sequence[Mapping[str, Any]]) -> dict[BlockKey, Block]:
    """Return a block for each run and condition of a tied exhibit."""
    texts = _slice_columns(exhibit)
    found: dict[BlockKey, dict[tuple[str, ...], dict[Group, Told]]] = {}
    for row in rows:
        group = group_of_row(row)
        if group is None or row["n"] is None:
            continue
        units = row["n"] if row["n_clusters"] is None else row["n_clusters"]
        cells = found.setdefault(key_of_row(exhibit, row), {}).setdefault(slice_name(exhibit, row), {})
        cells[group] = Told(group=group, value=row["value"], n=row["n"], units=units)
    at = next((i for i, text in enumerate(texts) if text in ("rate", "metric")), None)
    of = next((i for i, text in enumerate(texts) if text in _CLASSES), None)
    return {
        key: Block(
            run=key[2],
            condition=key[3],
            examination=exhibit.examination,
            slices={
                name: Slice(
                    metric=exhibit.id if at is None else name[at],
                    label=None if of is None else f"{texts[of]} {name[of]}",
                    by_group=cells,
                )
                for name, cells in slices.items()
            },
        )
        for key, slices in found.items()
    }


def _is_count(product: float, whole: float) -> bool:
    return abs(product - round(product)) <= WHOLE and -WHOLE <= product <= whole + WHOLE
