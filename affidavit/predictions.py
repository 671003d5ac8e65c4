"""The predictions table: validated once, digested, and readable again in coded batches.

Opening a table reads it once from end to end. That pass checks every row, collects the vocabularies (units, labels,
levels, conditions), finds duplicate keys and computes the content digest. What is counted afterwards reads only the
columns it needs, as small integer codes. A table that fits is kept in memory; a larger parquet file stays on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.admitted_rows import admitted_rows
from affidavit.canonical import Canonicaliser
from affidavit.columns import ColumnMap, map_columns
from affidavit.conditions import Condition
from affidavit.digests import file_digest
from affidavit.levels import declared_labels, multilabel_space, ordered_levels, ranked
from affidavit.model_origins import ModelOrigin
from affidavit.plan import Execution, Feature, Task
from affidavit.protocols import Progress, silent
from affidavit.schema import COLUMN_TASKS
from affidavit.survey import Source, coded, take_survey
from affidavit.tables import RawTable, open_table
from affidavit.tasks import settle_task

if TYPE_CHECKING:
    import pandas as pd

CODED: Final = ("unit", "condition", "reasoner", "instruction", "y_true", "y_pred")
IN_MEMORY_ROWS: Final = 5_000_000
UTTERANCE_UNITS: Final = "no speaker ids: the utterance is the unit"
CONTRADICTED_SHARE: Final = 0.01
"""Beyond this share of rows, probabilities that speak against the prediction are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """One run's predictions, validated."""

    run: str
    task: Task
    n_rows: int
    unit: str
    """What a unit is: `unit_id`, `speaker_id`, `utterance_id` (nobody is named and utterances recur) or `row`."""
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
    label_space: tuple[str, ...] = ()
    """The labels of a multilabel table, in the order of tables."""
    side_tables: Mapping[str, pa.Table] = field(default_factory=dict)
    """What a live reasoner says beyond the table: `judgements` with every column, `cues`, `unjudged` with reasons."""
    models: tuple[ModelOrigin, ...] = ()
    """Whose weights judged; empty where nobody said, as of a table that was brought."""

    @property
    def n_units(self) -> int:
        """Units of independence; each row is one where there are no ids."""
        return self.n_rows if self.unit == "row" else len(self.levels["unit"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The label space, empty for tasks without labels; of a multilabel table the labels that it has columns of."""
        return self.label_space if self.task is Task.MULTILABEL else self.levels.get("y_pred", ())

    @property
    def dimensions(self) -> Mapping[str, tuple[str, str]]:
        """Dimension to the canonical columns of its reference and of its prediction, where both are there."""
        if self.task is Task.MULTILABEL:
            return {}
        there = [column.removeprefix("true_") for column in self.columns if column.startswith("true_")]
        pairs = {name: f"pred_{name}" for name in there}
        if "intensity" in pairs and "pred_intensity" not in self.columns:
            pairs["intensity"] = "intensity"
        return {name: (f"true_{name}", column) for name, column in pairs.items() if column in self.columns}

    @property
    def conditions(self) -> tuple[str, ...]:
        """Canonical conditions, fullest first."""
        return self.levels["condition"]

    @property
    def conditions_of_use(self) -> tuple[str, ...]:
        """Those under which somebody might use the model; the others intervene to find out what an answer rests on."""
        return tuple(name for name in self.conditions if not Condition.parse(name).intervenes)

    @property
    def labelled(self) -> bool:
        """Whether references are there to be used: labels, or values where those are what is predicted."""
        valued = self.task in COLUMN_TASKS and any(column.startswith("true_") for column in self.columns)
        return valued or "y_true" in self.columns

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
            arrays = {name: coded(batch.column(name), lookups.get(name)) for name in stored}
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
    folder: Path = Path()
    """Where relative paths of a reasoner's options start."""
    execution: Execution = field(default_factory=Execution)


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
    raw = admitted_rows(raw, mapped.parts)
    task, mapped = settle_task(mapped, raw, task=reading.task)
    labels = declared_labels(reading.label_space, mapped.probabilities, where=raw.name)
    answered = multilabel_space(reading.label_space, mapped.values, where=raw.name) if task is Task.MULTILABEL else ()
    canonicaliser = Canonicaliser(
        mapped=mapped,
        where=raw.name,
        run=reading.run,
        task=task,
        features=reading.features,
        labelled=reading.labelled,
        label_space=labels,
    )
    keep = raw.n_rows <= reading.in_memory_rows
    source = Source(raw=raw, mapped=mapped, canonicaliser=canonicaliser, units_by=_units_by(reading))
    survey = take_survey(source, keep=keep, progress=progress)
    if survey.recurring:
        mapped = canonicaliser.mapped = replace(mapped, recurring=True)
        source = replace(source, mapped=mapped)
        survey = take_survey(source, keep=keep, progress=progress)
    if task is Task.ORDINAL and reading.label_space is None:
        labels, said = ranked(labels or survey.labels, where=raw.name)
        canonicaliser.assumptions[said] = None
    return Predictions(
        run=reading.run,
        task=task,
        n_rows=survey.n_rows,
        unit=mapped.unit,
        levels=ordered_levels(survey.vocabularies, reading.features, labels),
        features=reading.features,
        columns=survey.columns,
        digest=survey.digest,
        assumptions=_assumptions(raw, canonicaliser, survey.n_rows),
        mapped=mapped,
        source_name=raw.name,
        file_digest=None if raw.path is None else file_digest(raw.path),
        in_memory=keep,
        _batches=_from_memory(survey.kept) if keep else source.canonical_batches,
        label_space=answered,
    )


def _units_by(reading: Reading) -> tuple[str, ...]:
    """Return the features whose level belongs to the unit."""
    return tuple(f for f in reading.by if reading.features.get(f, Feature()).level != "utterance")


def _assumptions(raw: RawTable, canonicaliser: Canonicaliser, n_rows: int) -> tuple[str, ...]:
    """Return what was assumed, each once; a part of a larger table does not inherit that table's units."""
    mapped, contradicted = canonicaliser.mapped, canonicaliser.contradicted
    told = [said for said in raw.assumptions if said != UTTERANCE_UNITS]
    told += [*mapped.assumptions, *canonicaliser.assumptions]
    told += [UTTERANCE_UNITS] if mapped.unit == "utterance_id" else []
    if contradicted > CONTRADICTED_SHARE * n_rows:
        told.append(f"in {contradicted} of {n_rows} rows y_pred is not the most probable label; y_pred was taken")
    told += [f"{part} is missing in {n} of {n_rows} rows" for part, n in sorted(canonicaliser.unrated.items()) if n]
    return tuple(dict.fromkeys(told))


def _from_memory(kept: Sequence[pa.RecordBatch]) -> Callable[[Sequence[str]], Iterator[pa.RecordBatch]]:
    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in kept:
            yield batch.select(list(columns))

    return batches
