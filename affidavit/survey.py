"""The first pass over a table: every row is checked, vocabularies are collected, and repetitions are found.

Keys that stand twice are refused. Where nobody is named, an utterance that stands twice within a condition (under
another repetition, reasoner or instruction) is no second unit; that it happens is found with 64 bits a row, in flat
memory, and only then are the utterances themselves collected as units, in a second pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.canonical import Canonicaliser
from affidavit.columns import ColumnMap
from affidavit.digests import TableDigest
from affidavit.duplicates import DuplicateFinder, key_hashes
from affidavit.errors import RowError
from affidavit.protocols import Progress
from affidavit.schema import KEY
from affidavit.tables import RawTable
from affidavit.texts import codes_of

_RECURS_BY: Final = ("repeat", "reasoner", "instruction")
"""Parts of the key by which an utterance can stand twice in a condition; without them it would be a duplicate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A table and how it becomes canonical."""

    raw: RawTable
    mapped: ColumnMap
    canonicaliser: Canonicaliser
    units_by: tuple[str, ...] = ()
    """Features whose level belongs to the unit."""

    def canonical_batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield canonical batches; a second pass canonicalises again, which costs less than a second copy."""
        self.canonicaliser.restart()
        for batch in self.raw.batches(self._raw_columns(columns)):
            yield self.canonicaliser.canonical(batch, columns)

    def _raw_columns(self, wanted: Sequence[str] | None) -> list[str] | None:
        """Return the file's columns behind the wanted ones; None (all) where one cannot be told from another."""
        sources = {part: [column] for part, column in self.mapped.described().items()}
        sources["unit"] = sources.get(self.mapped.unit, [])
        if self.canonicaliser.lacks_units:  # those rows are named by their utterance
            sources["unit"] = [*sources["unit"], *sources["utterance_id"]]
        if wanted is None or any(name.startswith(("prob_", "soft_", "weight_")) for name in wanted):
            return list(self.mapped.read) or None
        named = [column for name in wanted for column in sources.get(name, [])]
        return [name for name in dict.fromkeys(named) if name in self.raw.columns] or list(self.mapped.read)


@dataclass(slots=True)
class Survey:
    """What the first pass learns."""

    n_rows: int = 0
    columns: tuple[str, ...] = ()
    digest: str = ""
    kept: list[pa.RecordBatch] = field(default_factory=list)
    vocabularies: dict[str, dict[str, int]] = field(default_factory=dict)
    first_level: dict[str, NDArray[Any]] = field(default_factory=dict)
    recurring: bool = False
    """Whether rows are the units and an utterance stands twice in a condition."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that were found, as truth or as prediction, in no particular order."""
        return tuple({**self.vocabularies.get("y_true", {}), **self.vocabularies.get("y_pred", {})})


def take_survey(source: Source, *, keep: bool, progress: Progress) -> Survey:
    """Read a table from end to end.

    Raises:
        ColumnError, RowError: it breaks the schema.
    """
    survey, digest, raw = Survey(), TableDigest(), source.raw
    may_recur = source.mapped.unit == "row" and any(part in source.mapped.parts for part in _RECURS_BY)
    with ExitStack() as stack:
        keys, utterances = (stack.enter_context(DuplicateFinder()) for _ in range(2))
        for batch in source.canonical_batches():
            survey.columns = tuple(batch.schema.names)
            _collect_vocabularies(survey, batch)
            _check_units(survey, batch, source)
            keys.add(key_hashes([batch.column(name) for name in KEY]))
            if may_recur:
                utterances.add(key_hashes([batch.column(name) for name in ("utterance_id", "condition")]))
            digest.update(batch)
            if keep:
                survey.kept.append(batch)
            survey.n_rows += batch.num_rows
            progress(f"reading {raw.name}", survey.n_rows, raw.n_rows)
        suspects, survey.recurring = keys.suspects(), len(utterances.suspects()) > 0
    if len(suspects):
        batches = iter(survey.kept) if keep else source.canonical_batches()
        _refuse_duplicates(batches, suspects, where=raw.name)
    survey.digest = digest.hexdigest()
    return survey


def coded(column: pa.Array, lookup: Mapping[str, int] | None) -> NDArray[Any]:
    """Return a column as codes into a vocabulary, or as its values where it has none."""
    return np.asarray(column.to_numpy(zero_copy_only=False)) if lookup is None else codes_of(column, lookup)


def _collect_vocabularies(survey: Survey, batch: pa.RecordBatch) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            vocabulary = survey.vocabularies.setdefault(name, {})
            for text in column.dictionary.to_pylist():
                vocabulary.setdefault(text, len(vocabulary))


def _check_units(survey: Survey, batch: pa.RecordBatch, source: Source) -> None:
    """Refuse a unit with two levels of a feature that belongs to units."""
    if "unit" not in batch.schema.names:
        return
    units = coded(batch.column("unit"), survey.vocabularies["unit"])
    for feature in source.units_by:
        levels = coded(batch.column(f"group_{feature}"), survey.vocabularies[f"group_{feature}"])
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
                where=f"{source.raw.name}, row {survey.n_rows + row + 1}",
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
