"""A part of a table as a table of its own: the rows of one reasoner, of one instruction, of a cohort.

Its rows are picked out of the whole batch by batch, each time they are read; nothing of the other parts is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress, silent
from affidavit.tables import RawTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which rows of a table are meant."""

    run: str
    """What they are called as a run."""
    told: str
    """Which they are, in words; stands among the assumptions."""
    columns: tuple[str, ...]
    """What tells them."""
    inside: Callable[[pa.RecordBatch], pa.BooleanArray]
    """Says of each row of a batch, which has these columns at least, whether it belongs."""


def part_of(
    predictions: Predictions, part: Part, reading: Reading, *, n_rows: int, progress: Progress = silent
) -> Predictions:
    """Return a part of a table, read anew: it knows the units and the levels of its own rows alone.

    Args:
        predictions: the whole.
        part: which rows.
        reading: how the whole was read.
        n_rows: how many rows the part has.
        progress: hears of the reading.
    """
    again = Reading(
        run=part.run,
        by=reading.by,
        columns={} if predictions.unit == "row" else {predictions.unit: "unit"},
        features={f: spec.model_copy(update={"bands": None}) for f, spec in reading.features.items()},
        task=predictions.task,
        labelled=reading.labelled,
        label_space=predictions.labels or None,
        in_memory_rows=reading.in_memory_rows,
        batch_rows=reading.batch_rows,
    )
    raw = RawTable(
        name=predictions.source_name,
        format="part",
        columns=predictions.columns,
        n_rows=n_rows,
        batches=lambda columns: _rows_of(predictions, part, columns),
        assumptions=(*predictions.assumptions, part.told),
    )
    return replace(predictions_from(raw, again, progress=progress), models=predictions.models)


def _rows_of(predictions: Predictions, part: Part, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    wanted = list(columns or predictions.columns)
    for batch in predictions.batches(list(dict.fromkeys([*wanted, *part.columns]))):
        rows = batch.filter(part.inside(batch))
        if rows.num_rows:
            yield rows.select(wanted)
