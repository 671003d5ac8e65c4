"""A table of somebody else's judgements, read through a column map and laid beside the utterances of a corpus.

Who is who and what is true comes from the corpus, by utterance id; what was said comes from the table. Nothing that was
said is dropped or made to fit: a label outside the corpus's label space stays as it is, counts as another answer than
the true one, and is counted by name.

| row of the table | becomes |
|---|---|
| of an utterance that the corpus has | a judgement |
| of one that it does not have | counted: nobody knows what would be true of it |
| without a label | not judged, with that reason |
| no row for an utterance under a condition that others were judged under | not judged, with that reason |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from affidavit.citations import cues_of
from affidavit.columns import ColumnMap, map_columns
from affidavit.conditions import AS_SUPPLIED, Condition
from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, PlanError, RowError
from affidavit.judgements import Judged, Unjudged, side_tables, to_judge
from affidavit.plan import Task
from affidavit.records import Record
from affidavit.tables import RawTable
from affidavit.texts import as_text, plain_label
from affidavit.utterances import Judgement, Utterance
from affidavit.yaml_files import did_you_mean

NO_LABEL: Final = "the table gives no label"
NO_ROW: Final = "the table has no row"
_NAMED: Final = 10


class RecordedOptions(Record):
    """Where the judgements stand, and how they are read; nothing is chosen where they came with the corpus."""

    path: str | None = None
    """A table of judgements of the corpus's utterances, relative to the plan; those that came with the corpus where
    absent."""
    columns: Mapping[str, str] = {}
    """Part (`utterance_id`, `y_pred`, `rationale`, `condition`, `reasoner`, ...) to column, where names are not
    recognised."""
    probabilities: Mapping[str, str] = {}
    """Label of the corpus to the column of its probability; columns `prob_<label>` are recognised."""
    labels: Mapping[str, str] = {}
    """Label of the table to label of the corpus. A label that stands in neither is kept as it is."""
    condition: str | None = None
    """What the judge was shown, such as `TAV`, where the table does not say."""
    weights: str | None = None
    """Whose weights judged, in words; the report repeats it as the plan's word."""
    licence: str | None = None
    """Under which these weights may be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The judgements of a table beside the utterances of a corpus."""

    tables: Mapping[str, pa.Table]
    """`judgements`, `cues` and `unjudged`."""
    label_space: tuple[str, ...]
    """The corpus's labels, and behind them what else was answered."""
    unjudged: tuple[Unjudged, ...]
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    utterance_id: str
    condition: str
    reasoner: str
    instruction: str | None
    repeat: int | None
    label: str | None
    probabilities: Mapping[str, float]
    intensity: float | None
    rationale: str | None


def beside_corpus(raw: RawTable, corpus: Corpus, options: RecordedOptions, *, run: str) -> Beside:
    """Lay a table beside a corpus.

    Raises:
        ColumnError: a column that is named is not there, or none is found for the utterance or the label.
        RowError: a condition, a number or a repeat does not read.
        PlanError: a label of the corpus is named that it does not have, or no row is of the corpus.
    """
    mapped = map_columns(raw.columns, where=raw.name, named=options.columns, by=(), task=Task.MULTICLASS)
    shares = {**mapped.probabilities, **options.probabilities}
    _require_labels(corpus, {**{label: label for label in options.probabilities}, **options.labels}, raw)
    rows = list(_rows(raw, mapped, shares, options, run))
    turns = {turn.utterance_id: turn for turn in to_judge(corpus.utterances)}
    known = [row for row in rows if row.utterance_id in turns]
    if not known:
        raise PlanError(
            "no row of the table is about an utterance of the corpus",
            slug="plan-impossible",
            where=raw.name,
            found=f"utterances such as {', '.join(row.utterance_id for row in rows[:3])}",
            allowed=f"utterances such as {', '.join(list(turns)[:3])}",
            remedy="name the column of the corpus's ids (columns: {utterance_id: COLUMN})",
        )
    said = [row for row in known if row.label is not None]
    space = (*corpus.label_space, *sorted({row.label or "" for row in said} - set(corpus.label_space)))
    unjudged = (*_without_label(known), *_without_row(known, turns))
    tables = side_tables(_judged(said, turns, shares), unjudged, reasoner=run, label_space=tuple(shares))
    tables["judgements"] = _with_keys(tables["judgements"], said)
    return Beside(
        tables=tables,
        label_space=space,
        unjudged=unjudged,
        assumptions=tuple(_told(rows, known, said, corpus, options, mapped)),
    )


def _rows(
    raw: RawTable, mapped: ColumnMap, shares: Mapping[str, str], options: RecordedOptions, run: str
) -> list[_Row]:
    parts = mapped.parts
    wanted = dict.fromkeys((*(c for p, c in parts.items() if p in _READ), *shares.values()))
    if lacking := [column for column in wanted if column not in raw.columns]:
        raise ColumnError(
            f"there is no column {lacking[0]!r}{did_you_mean(lacking[0], list(raw.columns))}",
            slug="column-missing",
            where=raw.name,
            found=", ".join(raw.columns),
            remedy="check the spelling under probabilities",
        )
    table = pa.Table.from_batches(list(raw.batches(list(wanted))))
    texts = {part: _texts(table, parts.get(part), part) for part in _READ}
    numbers = {label: _numbers(table, column, f"prob_{label}", raw.name) for label, column in shares.items()}
    intensity = _numbers(table, parts.get("intensity"), "intensity", raw.name)
    repeat = _numbers(table, parts.get("repeat"), "repeat", raw.name)
    return [
        _Row(
            utterance_id=_required(texts["utterance_id"][i], i, raw.name),
            condition=_condition(texts["condition"][i] or options.condition or AS_SUPPLIED, i, raw.name),
            reasoner=texts["reasoner"][i] or run,
            instruction=texts["instruction"][i],
            repeat=_whole(repeat[i], i, raw.name),
            label=_label(texts["y_pred"][i], options.labels),
            probabilities=_shares({label: values[i] for label, values in numbers.items()}),
            intensity=intensity[i],
            rationale=texts["rationale"][i],
        )
        for i in range(table.num_rows)
    ]


_READ: Final = ("utterance_id", "condition", "reasoner", "instruction", "repeat", "y_pred", "intensity", "rationale")


def _texts(table: pa.Table, column: str | None, part: str) -> list[str | None]:
    if column is None:
        return [None] * table.num_rows
    return [(text or "").strip() or None for text in as_text(table.column(column).combine_chunks(), part).to_pylist()]


def _numbers(table: pa.Table, column: str | None, what: str, where: str) -> list[float | None]:
    """Return the numbers of a column; what is empty or NaN is unknown."""
    if column is None:
        return [None] * table.num_rows
    return [_number(value, i, what, where) for i, value in enumerate(table.column(column).to_pylist())]


def _number(value: Any, row: int, what: str, where: str) -> float | None:  # noqa: ANN401 - any cell
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise RowError(
            f"{what} is not a number",
            slug="row-value",
            where=f"{where}, row {row + 1}",
            found=repr(value)[:100],
            remedy="correct the value, or leave it empty where it is unknown",
        ) from None
    return None if found != found else found


def _whole(value: float | None, row: int, where: str) -> int | None:
    if value is None:
        return None
    if value != int(value) or value < 0:
        raise RowError(
            "repeat is not a whole number",
            slug="row-value",
            where=f"{where}, row {row + 1}",
            found=f"{value:g}",
            allowed="0, 1, 2, ...",
            remedy="number the repetitions from 0",
        )
    return int(value)


def _required(text: str | None, row: int, where: str) -> str:
    if text is None:
        raise RowError(
            "utterance_id is missing",
            slug="row-id-missing",
            where=f"{where}, row {row + 1}",
            found="nothing",
            remedy="give each row the id of the utterance that it judges",
        )
    return text


def _condition(text: str, row: int, where: str) -> str:
    try:
        return str(Condition.parse(text))
    except RowError as error:
        error.where = f"{where}, row {row + 1}"
        raise


def _label(text: str | None, names: Mapping[str, str]) -> str | None:
    """Return a label as the corpus calls it; one that nobody named stays as it is."""
    return None if text is None else names.get(text, plain_label(text))


def _shares(found: Mapping[str, float | None]) -> Mapping[str, float]:
    """Return the probabilities of a row; none where one of them is unknown."""
    known = {label: share for label, share in found.items() if share is not None}
    return known if len(known) == len(found) else {}


def _judged(rows: Sequence[_Row], turns: Mapping[str, Utterance], shares: Mapping[str, str]) -> list[Judged]:
    return [
        Judged(
            utterance=turns[row.utterance_id],
            condition=row.condition,
            judgement=Judgement(
                label=row.label or "",
                probabilities=row.probabilities,
                intensity=row.intensity,
                rationale=row.rationale,
                cues=() if row.rationale is None else cues_of(row.rationale),
                instruction=row.instruction,
            ),
        )
        for row in rows
    ]


def _with_keys(table: pa.Table, rows: Sequence[_Row]) -> pa.Table:
    """Return the judgements with who judged, and which repeat it was where the table says."""
    place = table.column_names.index("reasoner")
    table = table.set_column(place, "reasoner", pa.array([row.reasoner for row in rows], pa.string()))
    if any(row.repeat is not None for row in rows):
        table = table.append_column("repeat", pa.array([row.repeat or 0 for row in rows], pa.int64()))
    return table


def _without_label(rows: Sequence[_Row]) -> list[Unjudged]:
    return [
        Unjudged(utterance_id=row.utterance_id, condition=row.condition, because=NO_LABEL, detail=None)
        for row in rows
        if row.label is None
    ]


def _without_row(rows: Sequence[_Row], turns: Mapping[str, Utterance]) -> list[Unjudged]:
    """Return the utterances that nobody judged under a condition under which others were."""
    there = {(row.utterance_id, row.condition) for row in rows}
    conditions = dict.fromkeys(row.condition for row in rows)
    return [
        Unjudged(utterance_id=name, condition=condition, because=NO_ROW)
        for condition in conditions
        for name in turns
        if (name, condition) not in there
    ]


def _told(
    rows: Sequence[_Row],
    known: Sequence[_Row],
    said: Sequence[_Row],
    corpus: Corpus,
    options: RecordedOptions,
    mapped: ColumnMap,
) -> list[str]:
    """Return what was mapped, kept and left out, each with its count."""
    told = []
    if len(known) < len(rows):
        strange = dict.fromkeys(row.utterance_id for row in rows) - {row.utterance_id: None for row in known}.keys()
        told.append(
            f"{len(rows) - len(known)} of {len(rows)} rows are about utterances that the corpus does not have, such as "
            f"{sorted(strange)[0]}; nobody knows what would be true of them, and they were left out"
        )
    if options.labels:
        told.append(
            f"labels read as the corpus calls them: {', '.join(f'{a} as {b}' for a, b in options.labels.items())}"
        )
    outside = Counter(row.label for row in said if row.label not in corpus.label_space)
    if outside and corpus.label_space:
        told.append(
            f"{sum(outside.values())} of {len(said)} rows answer with a label outside the label space, kept as they "
            f"are: {_listed(outside)}"
        )
    lacking = sum(not row.probabilities for row in said)
    if mapped.probabilities or options.probabilities:
        told += [f"{lacking} rows lack probabilities, so the table has none"] if lacking else []
    if "y_true" in mapped.parts:
        told.append(f"the references are the corpus's; the table's own, {mapped.parts['y_true']!r}, were not used")
    return told


def _listed(counts: Counter[str | None]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0] or ""))
    more = f", and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return ", ".join(f"{label} ({n})" for label, n in ordered[:_NAMED]) + more


def _require_labels(corpus: Corpus, names: Mapping[str, str], raw: RawTable) -> None:
    """Refuse a map to a label that the corpus does not have: it would be a slip."""
    strange = [label for label in names.values() if corpus.label_space and label not in corpus.label_space]
    if strange:
        raise PlanError(
            f"the corpus has no label {strange[0]!r}{did_you_mean(strange[0], list(corpus.label_space))}",
            slug="row-label",
            where=f"reasoner recorded, {raw.name}",
            allowed=", ".join(corpus.label_space),
            remedy="correct it under labels or probabilities",
        )
