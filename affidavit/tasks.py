"""Which task a table is of, where nobody says: by the names of its columns, then by the values under them.

An open set of words is only read where the plan says so (`task: open_set`): a text with a comma may be one label.
Labels (`y_pred`) make a multiclass table, word errors a transcription. Without either, `pred_` columns hold values
(regression) or answers about labels (multilabel). Dimensions known by name are values. Of other names the cells decide:
if every one is 0 or 1, and each label has both its columns or none has a reference, they are labels. Either way it is
told as an assumption, for a dimension cut into 0 and 1 looks like a label.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from affidavit.columns import ColumnMap, infer_task
from affidavit.errors import ColumnError
from affidavit.plan import Task
from affidavit.raw_tables import RawTable
from affidavit.schema import COLUMN_TASKS, DIMENSIONS

_NAMED: Final = 8


def settle_task(mapped: ColumnMap, raw: RawTable, *, task: Task | None) -> tuple[Task, ColumnMap]:
    """Return the task, and the column map with what was assumed of it; a declared task is not doubted.

    Raises:
        ColumnError: the columns do not fit the task.
    """
    if task is None:
        task = infer_task(mapped)
        if task in COLUMN_TASKS:
            task, said = _by_values(mapped, raw)
            mapped = replace(mapped, assumptions=(*mapped.assumptions, said))
    if task is Task.MULTILABEL:
        _check_labels(mapped, where=raw.name)
    return task, mapped


def _by_values(mapped: ColumnMap, raw: RawTable) -> tuple[Task, str]:
    names = tuple(sorted({*mapped.values, *mapped.truths}))
    listed = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    if known := [name for name in names if name in DIMENSIONS]:
        said = f"{known[0]} is a dimension (declare task: multilabel if these are labels)"
        return Task.REGRESSION, f"a regression table of {listed}, for {said}"
    columns = [*mapped.truths.values(), *mapped.values.values()]
    answers = _only_answers(raw, columns)
    paired = not mapped.truths or set(mapped.truths) == set(mapped.values)
    if answers is None:
        raise _not_numbers(mapped, raw)
    if answers and paired:
        said = "every true_ and pred_ cell is 0 or 1 (declare task: regression if these are values)"
        return Task.MULTILABEL, f"a multilabel table of {listed}, for {said}"
    why = "some cells are neither 0 nor 1" if not answers else "not every name has both a true_ and a pred_ column"
    return Task.REGRESSION, f"a regression table of {listed}, for {why} (declare task: multilabel if these are labels)"


def _only_answers(raw: RawTable, columns: Sequence[str]) -> bool | None:
    """Say whether every known cell is 0 or 1; None where one is no number."""
    only = True
    for batch in raw.batches(list(columns)):
        for column in _numbers(batch.columns):
            if column is None:
                return None
            known = column[~np.isnan(column)]
            only = only and bool(((known == 0) | (known == 1)).all())
    return only


def _numbers(columns: Iterable[pa.Array]) -> Iterable[np.ndarray | None]:
    for column in columns:
        plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        if pa.types.is_string(plain.type) or pa.types.is_large_string(plain.type):
            plain = pc.replace_substring(pc.utf8_trim_whitespace(plain), ",", ".")
            plain = pc.if_else(pc.equal(plain, ""), pa.scalar(None, plain.type), plain)
        try:
            yield np.asarray(pc.cast(plain, pa.float64(), safe=False).to_numpy(zero_copy_only=False))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            yield None


def _not_numbers(mapped: ColumnMap, raw: RawTable) -> ColumnError:
    name, column = next(iter(mapped.values.items()))
    return ColumnError(
        "no column was recognised as y_pred, and the pred_ columns hold text",
        slug="column-missing",
        where=raw.name,
        found=", ".join(raw.columns),
        allowed="labels in y_pred, or numbers in pred_<dimension>",
        remedy=f"name the column of labels: --column y_pred={column}, or write {name} as numbers",
    )


def _check_labels(mapped: ColumnMap, *, where: str) -> None:
    """Refuse a multilabel table in which a label lacks a column."""
    alone = sorted(set(mapped.truths) ^ set(mapped.values)) if mapped.truths else []
    scored = sorted((set(mapped.probabilities) | set(mapped.soft_labels)) - set(mapped.values))
    if alone or scored:
        label = (alone or scored)[0]
        there = "true_" if label in mapped.truths else "pred_" if label in mapped.values else "prob_ or soft_"
        raise ColumnError(
            f"the label {label!r} has a {there} column only",
            slug="column-missing",
            where=where,
            found=", ".join(alone or scored),
            allowed="for each label pred_<label>, and true_<label> for all of them or for none",
            remedy="add the column that is missing, 0 throughout where the model never gives the label",
        )
