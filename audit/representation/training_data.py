"""What a model was trained on, as a table that is counted like the audited one: from a file, or from the plan's corpus.

Nobody's predictions on training data are asked for: only who is in it, and with which labels. A table's columns are
recognised as those of any predictions table, features are cut into the same bands, and what it lacks is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow as pa
from pydantic import Field

from affidavit.admitted_rows import admitted_rows
from affidavit.case import Case, TrainedOn
from affidavit.columns import map_columns
from affidavit.errors import AffidavitError, ColumnError
from affidavit.judgements import available, to_judge
from affidavit.plan import Task
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.raw_tables import RawTable, from_arrow
from affidavit.records import Record, Refusal
from affidavit.schema import ROW_NUMBER, UNKNOWN
from affidavit.tables import open_table
from affidavit.utterances import Utterance

ASKED: Final = "y_pred"
"""The column that a predictions table cannot do without; training data are given it, and nobody looks at it."""


class RepresentationOptions(Record):
    """The options of this examination in a plan."""

    training: str | None = None
    """Path of a table of the training data, relative to the plan; it needs no predictions. Where absent, a model that
    this plan trains is told of from its corpus, and of others nothing is known."""
    training_columns: Mapping[str, str] = Field(default_factory=dict)
    """Part (`y_true`, `speaker_id`, `group_<feature>`) to column of that table, where names are not recognised."""
    thin_units: int = Field(default=20, ge=1)
    """A group of the audit with fewer units in the training data is named as thin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """Training data as they are counted."""

    predictions: Predictions
    features: tuple[str, ...]
    """Those of the audit that the training data have too."""
    missing: tuple[str, ...]
    caveats: tuple[str, ...]


def training_data(case: Case, run: str, options: RepresentationOptions) -> TrainingData | Refusal | None:
    """Return what the model of a run was trained on; None where nobody says, a refusal where it cannot be read."""
    try:
        if options.training is not None:
            return _of_table(case, run, options)
        return _of_corpus(case, run, case.trained_on[run]) if run in case.trained_on else None
    except AffidavitError as error:
        named = "" if options.training is None else f" ({Path(options.training).name})"
        found = "" if error.found is None else f", {error.found}"
        columns = "name its columns in the option training_columns of this examination"
        return Refusal(
            examination="representation",
            run=run,
            because=f"the training data{named} cannot be read: {error.what}{found}",
            remedy=columns if isinstance(error, ColumnError) else error.remedy or "correct the option training",
        )


def _of_table(case: Case, run: str, options: RepresentationOptions) -> TrainingData:
    raw = admitted_rows(open_table(case.folder / str(options.training)))
    return _read(case, run, raw, named=options.training_columns, said=f"training data: {raw.name}")


def _of_corpus(case: Case, run: str, trained: TrainedOn) -> TrainingData:
    """Return the corpus of a training; of one that the run judges too, what it was not given to judge."""
    corpus = trained.load()
    chosen = [utterance for utterance in to_judge(corpus.utterances) if available(utterance)]
    left = chosen
    if trained.same:
        judged = {name.as_py() for batch in case.runs[run].batches(["utterance_id"]) for name in batch.column(0)}
        left = [utterance for utterance in chosen if utterance.utterance_id not in judged]
    said = f"training data: {corpus.name}, the corpus of the training {trained.training}"
    said += ", without what was judged here" if trained.same and left else ", with what training held out"
    return _read(case, run, _as_table(left or chosen, corpus.name), named={}, said=said)


def _as_table(chosen: Sequence[Utterance], name: str) -> RawTable:
    features = dict.fromkeys(feature for u in chosen for feature in u.sensitive)
    columns: dict[str, list[str | None]] = {
        "utterance_id": [u.utterance_id for u in chosen],
        "unit_id": [u.unit for u in chosen],
        **{f"group_{feature}": [u.sensitive.get(feature, UNKNOWN) for u in chosen] for feature in features},
    }
    if any(u.label is not None for u in chosen):
        columns["y_true"] = [u.label for u in chosen]
    table = pa.table({column: pa.array(values, type=pa.string()) for column, values in columns.items()})
    return from_arrow(table, name=name, format_name="corpus")


def _read(case: Case, run: str, raw: RawTable, *, named: Mapping[str, str], said: str) -> TrainingData:
    parts = {part: column for part, column in named.items() if not part.startswith("group_")}
    columns = (*raw.columns, *([] if ASKED in raw.columns else [ASKED]))
    if not _finds(columns, named=parts):
        parts["utterance_id"] = ROW_NUMBER
    levels = {part: column for part, column in named.items() if part.startswith("group_")}
    features = tuple(f for f in case.by if _finds(columns, named={**parts, **_of(levels, f)}, by=(f,)))
    own = {part: column for feature in features for part, column in _of(levels, feature).items()}
    mapped = map_columns(columns, where=raw.name, named={**parts, **own}, by=features, task=Task.MULTICLASS)
    truth = mapped.parts.get("y_true")
    audited = case.runs[run]
    reading = Reading(
        run=run,
        by=features,
        columns={**parts, **own},
        features={name: spec for name, spec in audited.features.items() if name in features},
        task=Task.MULTICLASS,
        labelled=truth is not None,
    )
    predictions = predictions_from(_answered(raw, truth), reading, progress=case.progress)
    return TrainingData(
        predictions=predictions,
        features=features,
        missing=tuple(feature for feature in case.by if feature not in features),
        caveats=(f"{said}, {predictions.digest[:19]}",),
    )


def refusals_of(data: TrainingData, *, run: str) -> tuple[Refusal, ...]:
    """Return what the training data cannot be asked, for want of a column."""
    if not data.missing:
        return ()
    return (
        Refusal(
            examination="representation",
            run=run,
            because=f"the training data have no column of {', '.join(data.missing)}",
            remedy="add it, or name it in the option training_columns of this examination (group_<feature>: COLUMN)",
        ),
    )


def _of(levels: Mapping[str, str], feature: str) -> dict[str, str]:
    return {part: column for part, column in levels.items() if part == f"group_{feature}"}


def _finds(columns: Sequence[str], *, named: Mapping[str, str], by: tuple[str, ...] = ()) -> bool:
    """Say whether the columns that no predictions table can lack are there, those of the features too."""
    try:
        map_columns(columns, where="", named=named, by=by, task=Task.MULTICLASS)
    except ColumnError as error:
        if error.slug != "column-missing":
            raise
        return False
    return True


def _answers(batch: pa.RecordBatch, truth: str | None) -> pa.Array:
    """Return each row's label, or `?` where nobody labelled the table."""
    return pa.array(["?"] * batch.num_rows) if truth is None else batch.column(truth)


def _answered(raw: RawTable, truth: str | None) -> RawTable:
    """Return a table with a prediction in every row: its label, or nothing at all."""
    if ASKED in raw.columns:
        return raw

    def batches(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        wanted = [*raw.columns, ASKED] if columns is None else list(columns)
        read = [name for name in wanted if name != ASKED]
        if ASKED in wanted and (not read or (truth is not None and truth not in read)):
            read.append(truth or raw.columns[0])
        for batch in raw.batches(read):
            made = {name: _answers(batch, truth) if name == ASKED else batch.column(name) for name in wanted}
            yield pa.RecordBatch.from_arrays(list(made.values()), names=list(made))

    return replace(raw, columns=(*raw.columns, ASKED), batches=batches)
