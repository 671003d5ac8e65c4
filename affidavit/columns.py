"""Decides which column of a supplier's table plays which part, and says what it decided.

An exact name wins, then a name that differs in case or separators, then an alias from `affidavit.schema`. Two aliases
for a part that moves a result (label, prediction, speaker, unit) are an error; for the rest the first one is taken
and recorded as an assumption.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from affidavit.conditions import MODALITIES
from affidavit.dimensions import DimensionColumns, beside_labels, find_dimensions
from affidavit.errors import ColumnError, PlanError
from affidavit.plan import Task
from affidavit.schema import COLUMN_TASKS, COLUMNS, DIMENSIONS, REQUIRED, RESERVED, ROW_NUMBER
from affidavit.texts import plain_label
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
    truths: Mapping[str, str] = field(default_factory=dict)
    """Dimension, or label of a multilabel table, to the column of its reference."""
    values: Mapping[str, str] = field(default_factory=dict)
    """The same to the column of its prediction."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """Modality (text, audio, video) to the column of the weight that the reasoner gave it."""
    assumptions: tuple[str, ...] = ()
    recurring: bool = False
    """Whether, where nobody is named, an utterance was found to recur within a condition."""

    @property
    def unit(self) -> str:
        """What a unit of independence is: `unit_id`, `speaker_id`, `utterance_id` or `row`.

        Without ids of speakers, rows are the units only while no utterance stands twice in a condition.
        """
        nobody = "utterance_id" if self.recurring else "row"
        return next((part for part in ("unit_id", "speaker_id") if part in self.parts), nobody)

    @property
    def dimensions(self) -> dict[str, tuple[str, str]]:
        """Dimension to the canonical columns of its reference and of its prediction, where both are there."""
        own = {name: f"pred_{name}" for name in self.truths if name in self.values}
        lone = {"intensity"} & set(self.truths) - set(self.values) if "intensity" in self.parts else set()
        return {name: (f"true_{name}", column) for name, column in (own | {n: n for n in lone}).items()}

    @property
    def read(self) -> tuple[str, ...]:
        """The columns of the file that are read, in no particular order."""
        named = (
            *self.parts.values(),
            *self.features.values(),
            *self.probabilities.values(),
            *self.soft_labels.values(),
            *self.truths.values(),
            *self.values.values(),
            *self.weights.values(),
        )
        return tuple(dict.fromkeys(name for name in named if name != ROW_NUMBER))

    def described(self) -> dict[str, str]:
        """Return part to column for the report: features as `group_<feature>`, dimensions as `true_` and `pred_`."""
        features = {f"group_{name}": column for name, column in self.features.items()}
        truths = {f"true_{name}": column for name, column in self.truths.items()}
        return dict(self.parts) | features | truths | {f"pred_{name}": column for name, column in self.values.items()}


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
        PlanError: a feature is a reserved part, or a feature is named that `by` does not have.
    """
    _check_features(by, where=where, named=named)
    _check_named(columns, where=where, named=named)
    features = {feature: _feature_column(columns, feature, where=where, named=named) for feature in by}
    free = [column for column in columns if column not in {*features.values(), *named.values()}]
    parts = {part: column for part, column in named.items() if part in COLUMNS}
    assumptions: list[str] = []
    skipped = ("y_true", "y_pred") if task in COLUMN_TASKS else ()  # `pred_label` is there the label named `label`
    for part in COLUMNS:
        if part not in (*parts, *skipped) and (
            column := _recognise(part, free, columns=columns, where=where, assumptions=assumptions)
        ):
            parts[part] = column
            free.remove(column)
    _check_taken(columns, parts, features, where=where)
    dimensions = _dimensions(free, parts, named=named, where=where, task=task)
    mapped = ColumnMap(
        parts=parts,
        features=features,
        probabilities=_prefixed(columns, "prob_", where=where),
        soft_labels=_prefixed(columns, "soft_", where=where),
        truths=dimensions.truths,
        values=dimensions.values,
        weights={
            name: column
            for name, column in _prefixed(columns, "weight_", where=where).items()
            if name in MODALITIES.values()
        },
        assumptions=(*assumptions, *dimensions.assumptions),
    )
    _check_required(mapped, columns, where=where, task=task or infer_task(mapped))
    return mapped


def infer_task(mapped: ColumnMap) -> Task:
    """Return the task that the names of columns speak of; `affidavit.tasks.settle_task` looks at values too."""
    if {"word_errors", "words"} <= set(mapped.parts):
        return Task.TRANSCRIPTION
    names = {*mapped.truths, *mapped.values}
    # one `pred_class` with nothing beside it is a prediction that somebody has to name, not a dimension
    clear = _predicts(mapped) and not (names.isdisjoint(DIMENSIONS) and set(mapped.truths).isdisjoint(mapped.values))
    if "y_pred" in mapped.parts or not clear:
        return Task.MULTICLASS
    labels = names.isdisjoint(DIMENSIONS) and set(mapped.truths) == set(mapped.values)
    return Task.MULTILABEL if labels else Task.REGRESSION


def _predicts(mapped: ColumnMap) -> bool:
    """Say whether values are predicted; `intensity` is a prediction where its reference stands beside it."""
    return bool(mapped.values) or ("intensity" in mapped.truths and "intensity" in mapped.parts)


def _dimensions(
    free: Sequence[str], parts: Mapping[str, str], *, named: Mapping[str, str], where: str, task: Task | None
) -> DimensionColumns:
    found = find_dimensions(free, named=named, where=where)
    alone = task is None and not {"y_pred", "word_errors"} & set(parts)
    return found if alone or task in COLUMN_TASKS else beside_labels(found, parts=parts, named=named)


def _normal(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _prefixed(columns: Sequence[str], prefix: str, *, where: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in columns:
        label = plain_label(name.removeprefix(prefix)) if name.startswith(prefix) else ""
        if label in found:
            raise ColumnError(
                f"two columns are the {prefix} column of one label",
                slug="column-ambiguous",
                where=where,
                found=f"{found[label]}, {name}",
                allowed="one for each label",
                remedy="drop or rename one of them",
            )
        found |= {label: name} if label else {}
    return found


def _aliases(part: str, free: Sequence[str]) -> tuple[str, ...]:
    """Return a part's aliases, with those that hold only beside another column where that column is there."""
    column, there = COLUMNS[part], {_normal(name) for name in free}
    return (*column.aliases, *(alias for alias, other in column.beside if other in there))


def _recognise(
    part: str, free: Sequence[str], *, columns: Sequence[str], where: str, assumptions: list[str]
) -> str | None:
    if part in free:
        return part
    for wanted in ((part,), _aliases(part, columns)):
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


def _check_features(by: Sequence[str], *, where: str, named: Mapping[str, str]) -> None:
    """Refuse a feature that is a reserved part, and a column named for a feature that is not asked for."""
    if reserved := [feature for feature in by if _normal(feature) in RESERVED]:
        raise PlanError(
            f"{reserved[0]!r} is a part of the table and cannot be a feature",
            slug="plan-impossible",
            where=where,
            allowed=f"any column but {', '.join(RESERVED)}",
            remedy=f"drop it from --by, or copy the column under another name (group_my_{_normal(reserved[0])})",
        )
    unasked = [part for part in named if part.startswith("group_") and part.removeprefix("group_") not in by]
    if unasked:
        feature = unasked[0].removeprefix("group_")
        raise PlanError(
            f"a column is named for the feature {feature!r}, which is not asked for{did_you_mean(feature, list(by))}",
            slug="plan-invalid",
            where=where,
            found=f"{unasked[0]}={named[unasked[0]]}",
            allowed=", ".join(f"group_{name}" for name in by) or "none, without --by",
            remedy=f"add it (--by {','.join((*by, feature))}), or drop --column {unasked[0]}=...",
        )


def _check_taken(columns: Sequence[str], parts: Mapping[str, str], features: Mapping[str, str], *, where: str) -> None:
    """Refuse a feature whose column would otherwise play a part that moves results: the part would vanish unseen."""
    for feature, column in features.items():
        for part in RESERVED:
            if part not in parts and _normal(column) in (part, *_aliases(part, columns)):
                raise PlanError(
                    f"the column {column!r} of the feature {feature!r} reads as {part}, which would then be missing",
                    slug="plan-impossible",
                    where=where,
                    found=f"no other column for {part}",
                    remedy=f"let it play both parts: --column {part}={column}, or name another column for {part}",
                )


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
        if part not in COLUMNS and not part.startswith(("group_", "true_", "pred_")):
            raise ColumnError(
                f"{part!r} is not a part that a column can play{did_you_mean(part, list(COLUMNS))}",
                slug="column-missing",
                where=where,
                allowed=", ".join([*COLUMNS, "group_<feature>", "true_<dimension>", "pred_<dimension>"]),
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
    if task in COLUMN_TASKS and not _predicts(mapped):
        raise ColumnError(
            f"a {task} table has a pred_ column for each {'label' if task is Task.MULTILABEL else 'dimension'}",
            slug="column-missing",
            where=where,
            found=", ".join(columns),
            allowed=REQUIRED[task][-1],
            remedy=f"rename the column, or name it: --column {REQUIRED[task][-1]}=COLUMN",
        )
    for part in REQUIRED.get(task, ()):
        if part in COLUMNS and part not in mapped.parts:
            hint = f", or --column {part}={ROW_NUMBER} to number the rows" if part == "utterance_id" else ""
            raise ColumnError(
                f"no column was recognised as {part} ({COLUMNS[part].meaning.rstrip('.')})",
                slug="column-missing",
                where=where,
                found=", ".join(columns),
                allowed=", ".join(
                    (part, *COLUMNS[part].aliases, *(f"{a} (beside {other})" for a, other in COLUMNS[part].beside))
                ),
                remedy=f"name it: --column {part}=COLUMN{hint}",
            )
