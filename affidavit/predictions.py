"""The predictions table: validated once, digested, and readable again in coded batches.

Opening a table reads it once from end to end. That pass checks every row, collects the vocabularies (units, labels,
levels, conditions), finds duplicate keys and computes the content digest. What is counted afterwards reads only the
columns it needs, as small integer codes. A table that fits is kept in memory; a larger parquet file stays on disk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.canonical import Canonicaliser
from affidavit.columns import ColumnMap, infer_task, map_columns
from affidavit.conditions import sorted_conditions
from affidavit.digests import TableDigest, file_digest
from affidavit.duplicates import DuplicateFinder, key_hashes
from affidavit.errors import RowError
from affidavit.plan import Feature, Task
from affidavit.protocols import Progress, silent
from affidavit.schema import KEY, UNKNOWN
from affidavit.tables import RawTable, open_table

if TYPE_CHECKING:
    import pandas as pd

CODED: Final = ("unit", "condition", "reasoner", "instruction", "y_true", "y_pred")
IN_MEMORY_ROWS: Final = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """One run's predictions, validated."""

    run: str
    task: Task
    n_rows: int
    unit: str
    """What a unit is: `unit_id`, `speaker_id` or `row`."""
    levels: Mapping[str, tuple[str, ...]]
    """Vocabulary of each coded column (`unit`, `condition`, `y_true`, `group_<feature>`, ...) in code order."""
    features: Mapping[str, Feature]
    columns: tuple[str, ...]
    """Canonical columns."""
    digest: str
    assumptions: tuple[str, ...]
    mapped: ColumnMap
    source_name: str
    file_digest: str | None
    in_memory: bool
    _batches: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]

    @property
    def n_units(self) -> int:
        """Units of independence; each row is one where there are no ids."""
        return self.n_rows if self.unit == "row" else len(self.levels["unit"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The label space, empty for tasks without labels."""
        return self.levels.get("y_pred", ())

    @property
    def conditions(self) -> tuple[str, ...]:
        """Canonical conditions, fullest first."""
        return self.levels["condition"]

    @property
    def labelled(self) -> bool:
        """Whether reference labels are there to be used."""
        return "y_true" in self.columns

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield canonical columns in row order."""
        yield from self._batches(columns)

    def coded_batches(self, columns: Sequence[str]) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield arrays by column: int32 codes into `levels` for coded columns, else float64 values.

        `unit` is the row number (from 0) where rows are the units.
        """
        stored = [name for name in columns if not (name == "unit" and self.unit == "row")]
        lookups = {
            name: {text: i for i, text in enumerate(self.levels[name])} for name in stored if name in self.levels
        }
        start = 0
        for batch in self._batches(stored or ["condition"]):
            arrays = {name: _coded(batch.column(name), lookups.get(name)) for name in stored}
            if len(stored) < len(columns):
                arrays["unit"] = np.arange(start, start + batch.num_rows)
            start += batch.num_rows
            yield arrays

    def to_frame(self) -> pd.DataFrame:
        """Return the canonical table as a frame."""
        frame: pd.DataFrame = pa.Table.from_batches(list(self.batches(self.columns))).to_pandas()
        return frame

    def write(self, path: Path) -> None:
        """Write the canonical table as parquet, under a temporary name until it is whole."""
        from pyarrow import parquet

        from affidavit.files import replacing

        with replacing(path) as temporary:
            writer = None
            for batch in self.batches(self.columns):
                writer = writer or parquet.ParquetWriter(temporary, batch.schema)
                writer.write_batch(batch)
            if writer is not None:
                writer.close()


def _coded(column: pa.Array, lookup: Mapping[str, int] | None) -> NDArray[Any]:
    if lookup is None:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    codes = np.array([lookup.get(text, -1) for text in column.dictionary.to_pylist()], dtype=np.int32)
    return np.asarray(codes[column.indices.to_numpy()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a table is to be read: what the plan says of one run."""

    run: str
    by: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    features: Mapping[str, Feature] = field(default_factory=dict)
    task: Task | None = None
    labelled: bool = True
    label_space: tuple[str, ...] | None = None
    in_memory_rows: int = IN_MEMORY_ROWS
    batch_rows: int = 262_144


def read_predictions(path: Path, reading: Reading, *, progress: Progress = silent) -> Predictions:
    """Open and validate a predictions table.

    Raises:
        TableError: the file does not open. ColumnError: its columns do not fit the task. RowError: a row breaks the
            schema.
    """
    raw = open_table(path, memory_rows=reading.in_memory_rows, batch_rows=reading.batch_rows)
    return predictions_from(raw, reading, progress=progress)


def predictions_from(raw: RawTable, reading: Reading, *, progress: Progress = silent) -> Predictions:
    """Validate an opened table (see `affidavit.tables.from_frame` and `from_arrow`).

    Raises:
        ColumnError, RowError: as `read_predictions`.
    """
    mapped = map_columns(raw.columns, where=raw.name, named=reading.columns, by=reading.by, task=reading.task)
    task = reading.task or infer_task(mapped)
    canonicaliser = Canonicaliser(
        mapped=mapped,
        where=raw.name,
        run=reading.run,
        task=task,
        features=reading.features,
        labelled=reading.labelled,
        label_space=reading.label_space,
    )
    source = _Source(raw=raw, mapped=mapped, canonicaliser=canonicaliser)
    keep = raw.n_rows <= reading.in_memory_rows
    survey = _survey(source, raw, reading=reading, keep=keep, progress=progress)
    levels = _ordered_levels(survey, reading, mapped)
    return Predictions(
        run=reading.run,
        task=task,
        n_rows=survey.n_rows,
        unit=mapped.unit,
        levels=levels,
        features=reading.features,
        columns=survey.columns,
        digest=survey.digest,
        assumptions=(*raw.assumptions, *mapped.assumptions, *canonicaliser.assumptions),
        mapped=mapped,
        source_name=raw.name,
        file_digest=None if raw.path is None else file_digest(raw.path),
        in_memory=keep,
        _batches=_from_memory(survey.kept) if keep else source.canonical_batches,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    raw: RawTable
    mapped: ColumnMap
    canonicaliser: Canonicaliser

    def canonical_batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield canonical batches; a second pass canonicalises again, which costs less than a second copy."""
        self.canonicaliser.restart()
        for batch in self.raw.batches(self._raw_columns(columns)):
            yield self.canonicaliser.canonical(batch, columns)

    def _raw_columns(self, wanted: Sequence[str] | None) -> list[str] | None:
        """Return the file's columns behind the wanted ones; None (all) where one cannot be told from another."""
        sources = self.mapped.described() | {"unit": self.mapped.parts.get(self.mapped.unit, "")}
        named = None if wanted is None else [sources.get(name, "") for name in wanted]
        if named is None or any(name.startswith(("prob_", "soft_")) for name in wanted or ()):
            return list(self.mapped.read) or None
        return [name for name in dict.fromkeys(named) if name in self.raw.columns] or list(self.mapped.read)


def _from_memory(kept: Sequence[pa.RecordBatch]) -> Callable[[Sequence[str]], Iterator[pa.RecordBatch]]:
    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in kept:
            yield batch.select(list(columns))

    return batches


@dataclass(slots=True)
class _Survey:
    """What the first pass learns."""

    n_rows: int = 0
    columns: tuple[str, ...] = ()
    digest: str = ""
    kept: list[pa.RecordBatch] = field(default_factory=list)
    vocabularies: dict[str, dict[str, int]] = field(default_factory=dict)
    first_level: dict[str, NDArray[Any]] = field(default_factory=dict)


def _survey(source: _Source, raw: RawTable, *, reading: Reading, keep: bool, progress: Progress) -> _Survey:
    survey, digest = _Survey(), TableDigest()
    with DuplicateFinder() as finder:
        for batch in source.canonical_batches():
            survey.columns = tuple(batch.schema.names)
            _collect_vocabularies(survey, batch)
            _check_units(survey, batch, reading=reading, where=raw.name)
            finder.add(key_hashes([batch.column(name) for name in KEY]))
            digest.update(batch)
            if keep:
                survey.kept.append(batch)
            survey.n_rows += batch.num_rows
            progress(f"reading {raw.name}", survey.n_rows, raw.n_rows)
        suspects = finder.suspects()
    if len(suspects):
        batches = iter(survey.kept) if keep else source.canonical_batches()
        _refuse_duplicates(batches, suspects, where=raw.name)
    survey.digest = digest.hexdigest()
    return survey


def _collect_vocabularies(survey: _Survey, batch: pa.RecordBatch) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            vocabulary = survey.vocabularies.setdefault(name, {})
            for text in column.dictionary.to_pylist():
                vocabulary.setdefault(text, len(vocabulary))


def _check_units(survey: _Survey, batch: pa.RecordBatch, *, reading: Reading, where: str) -> None:
    """Refuse a unit with two levels of a feature that belongs to units."""
    if "unit" not in batch.schema.names:
        return
    units = _coded(batch.column("unit"), survey.vocabularies["unit"])
    for feature in reading.by:
        if reading.features.get(feature, Feature()).level == "utterance":
            continue
        levels = _coded(batch.column(f"group_{feature}"), survey.vocabularies[f"group_{feature}"])
        first = _grown(survey.first_level.get(feature), len(survey.vocabularies["unit"]))
        new = first[units] < 0
        first[units[new]] = levels[new]
        survey.first_level[feature] = first
        if (conflict := first[units] != levels).any():
            row = int(np.argmax(conflict))
            unit = list(survey.vocabularies["unit"])[units[row]]
            names = list(survey.vocabularies[f"group_{feature}"])
            raise RowError(
                f"the unit {unit!r} is in two groups of {feature!r}",
                slug="unit-in-two-groups",
                where=f"{where}, row {survey.n_rows + row + 1}",
                found=f"{names[levels[row]]!r}, elsewhere {names[first[units[row]]]!r}",
                allowed="one level per unit",
                remedy=f"correct it, or declare the feature per utterance: --per-utterance {feature} "
                f"(plan: features.{feature}.level: utterance)",
            )


def _grown(array: NDArray[Any] | None, size: int) -> NDArray[Any]:
    array = np.full(0, -1, dtype=np.int32) if array is None else array
    return array if len(array) >= size else np.concatenate([array, np.full(size - len(array), -1, dtype=np.int32)])


def _refuse_duplicates(batches: Iterator[pa.RecordBatch], suspects: NDArray[Any], *, where: str) -> None:
    """Compare the keys of suspected rows; equal bits of different keys pass."""
    seen: dict[tuple[object, ...], int] = {}
    start = 0
    for batch in batches:
        columns = [batch.column(name) for name in KEY]
        for row in np.flatnonzero(np.isin(key_hashes(columns), suspects)):
            key = tuple(column[int(row)].as_py() for column in columns)
            if key in seen:
                named = ", ".join(
                    f"{name}={value!r}" for name, value in zip(KEY, key, strict=True) if value not in ("", 0)
                )
                raise RowError(
                    "two rows have the same key",
                    slug="row-duplicate",
                    where=f"{where}, rows {seen[key] + 1} and {start + int(row) + 1}",
                    found=named,
                    allowed=f"one row for each {', '.join(KEY)}",
                    remedy="drop one, number the repetitions in a column `repeat`, or name the column that tells them "
                    "apart (--column condition=..., --column reasoner=...)",
                )
            seen[key] = start + int(row)
        start += batch.num_rows


def _ordered_levels(survey: _Survey, reading: Reading, mapped: ColumnMap) -> dict[str, tuple[str, ...]]:
    levels = {name: tuple(sorted(vocabulary, key=natural)) for name, vocabulary in survey.vocabularies.items()}
    levels["condition"] = sorted_conditions(set(levels["condition"]))
    space = reading.label_space or tuple(mapped.probabilities)
    labels = space or tuple(sorted({*levels.get("y_true", ()), *levels.get("y_pred", ())} - {None}, key=natural))
    for part in ("y_true", "y_pred"):
        if part in levels:
            levels[part] = labels
    for feature in reading.by:
        name = f"group_{feature}"
        levels[name] = _level_order(levels[name], reading.features.get(feature, Feature()))
    return levels


def _level_order(found: tuple[str, ...], feature: Feature) -> tuple[str, ...]:
    """Put declared levels first in their order, the rest in natural order with open bands outside, `unknown` last."""
    declared = [level for level in feature.order or () if level in found]
    rest = [level for level in found if level not in declared and level != UNKNOWN]
    rest = sorted(rest, key=lambda level: (not level.startswith("under "), level.endswith(" and over"), natural(level)))
    return (*declared, *rest, *([UNKNOWN] if UNKNOWN in found and UNKNOWN not in declared else []))


def natural(text: str | None) -> tuple[tuple[int, float, str], ...]:
    """Return a sort key under which `u2` comes before `u10`.

    >>> sorted(["u10", "u2"], key=natural)
    ['u2', 'u10']
    """
    parts = re.split(r"(\d+)", text or "")
    return tuple((0, float(part), "") if part.isdigit() else (1, 0.0, part) for part in parts if part)
