"""Decides which column of a supplier's table plays which part, and says what it decided.

An exact name wins, then a name that differs in case or separators, then an alias from `affidavit.schema`. Two aliases
for a part that moves a result (label, prediction, speaker, unit) are an error; for the rest the first one is taken
and recorded as an assumption.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from affidavit.errors import ColumnError
from affidavit.plan import Task
from affidavit.schema import COLUMNS, REQUIRED, ROW_NUMBER
from affidavit.yaml_files import did_you_mean

_DECISIVE: Final = ("y_true", "y_pred", "speaker_id", "unit_id", "word_errors", "words")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """Part to column name, for the parts that the table has."""

    parts: Mapping[str, str]
    features: Mapping[str, str]
    """Sensitive feature to column name."""
    probabilities: Mapping[str, str]
    """Label to column name."""
    soft_labels: Mapping[str, str]
    assumptions: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """What a unit of independence is: `unit_id`, `speaker_id` or `row`."""
        return next((part for part in ("unit_id", "speaker_id") if part in self.parts), "row")

    @property
    def read(self) -> tuple[str, ...]:
        """The columns of the file that are read, in no particular order."""
        named = (
            *self.parts.values(),
            *self.features.values(),
            *self.probabilities.values(),
            *self.soft_labels.values(),
        )
        return tuple(dict.fromkeys(name for name in named if name != ROW_NUMBER))

    def described(self) -> dict[str, str]:
        """Return part to column for the report, features as `group_<feature>`."""
        return dict(self.parts) | {f"group_{name}": column for name, column in self.features.items()}


def map_columns(
    columns: Sequence[str],
    *,
    where: str,
    named: Mapping[str, str],
    by: Sequence[str],
    task: Task | None = None,
) -> ColumnMap:
    """Map a table's columns to parts.

    Raises:
        ColumnError: a named column does not exist, a feature of `by` is not found, a decisive part is ambiguous, or
            the task misses a column.
    """
    _check_named(columns, where=where, named=named)
    features = {feature: _feature_column(columns, feature, where=where, named=named) for feature in by}
    free = [column for column in columns if column not in {*features.values(), *named.values()}]
    parts = {part: column for part, column in named.items() if part in COLUMNS}
    assumptions: list[str] = []
    for part in COLUMNS:
        if part not in parts and (column := _recognise(part, free, where=where, assumptions=assumptions)):
            parts[part] = column
            free.remove(column)
    mapped = ColumnMap(
        parts=parts,
        features=features,
        probabilities=_prefixed(columns, "prob_"),
        soft_labels=_prefixed(columns, "soft_"),
        assumptions=tuple(assumptions),
    )
    _check_required(mapped, columns, where=where, task=task or infer_task(mapped))
    return mapped


def infer_task(mapped: ColumnMap) -> Task:
    """Return the task that the columns speak of."""
    return Task.TRANSCRIPTION if {"word_errors", "words"} <= set(mapped.parts) else Task.MULTICLASS


def _normal(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _prefixed(columns: Sequence[str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): name for name in columns if name.startswith(prefix) and name != prefix}


def _recognise(part: str, free: Sequence[str], *, where: str, assumptions: list[str]) -> str | None:
    if part in free:
        return part
    for wanted in ((part,), COLUMNS[part].aliases):
        found = sorted((c for c in free if _normal(c) in wanted), key=lambda c: wanted.index(_normal(c)))
        if len(found) > 1 and part in _DECISIVE:
            raise ColumnError(
                f"several columns could be {part}",
                slug="column-ambiguous",
                where=where,
                found=", ".join(found),
                allowed="one",
                remedy=f"name it: --column {part}={found[0]}",
            )
        if found:
            assumptions.append(f"column {found[0]!r} was read as {part} ({COLUMNS[part].meaning.rstrip('.')})")
            return found[0]
    return None


def _feature_column(columns: Sequence[str], feature: str, *, where: str, named: Mapping[str, str]) -> str:
    if (column := named.get(f"group_{feature}")) is not None:
        return column
    for wanted in (f"group_{feature}", feature):
        matches = [c for c in columns if c == wanted] or [c for c in columns if _normal(c) == _normal(wanted)]
        if matches:
            return matches[0]
    raise ColumnError(
        f"there is no column for the feature {feature!r}{did_you_mean(feature, list(columns))}",
        slug="column-missing",
        where=where,
        found=", ".join(columns),
        remedy=f"name it: --column group_{feature}=COLUMN, or drop it from --by",
    )


def _check_named(columns: Sequence[str], *, where: str, named: Mapping[str, str]) -> None:
    for part, column in named.items():
        if part not in COLUMNS and not part.startswith("group_"):
            raise ColumnError(
                f"{part!r} is not a part that a column can play{did_you_mean(part, list(COLUMNS))}",
                slug="column-missing",
                where=where,
                allowed=", ".join([*COLUMNS, "group_<feature>"]),
                remedy="docs/predictions.md describes each part",
            )
        if column not in columns and not (part == "utterance_id" and column == ROW_NUMBER):
            raise ColumnError(
                f"there is no column {column!r} to be {part}{did_you_mean(column, list(columns))}",
                slug="column-missing",
                where=where,
                found=", ".join(columns),
                remedy="check the spelling",
            )


def _check_required(mapped: ColumnMap, columns: Sequence[str], *, where: str, task: Task) -> None:
    for part in REQUIRED.get(task, ()):
        if part not in mapped.parts:
            hint = f", or --column {part}={ROW_NUMBER} to number the rows" if part == "utterance_id" else ""
            raise ColumnError(
                f"no column was recognised as {part} ({COLUMNS[part].meaning.rstrip('.')})",
                slug="column-missing",
                where=where,
                found=", ".join(columns),
                allowed=", ".join((part, *COLUMNS[part].aliases)),
                remedy=f"name it: --column {part}=COLUMN{hint}",
            )
