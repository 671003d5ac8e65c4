"""Turns a supplier's batches into the canonical columns of the predictions table, and finds the row that cannot be.

Text that repeats (labels, units, levels) becomes dictionary arrays; numbers become float64. Nothing is repaired
silently: a value that does not read is an error that names its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.bands import banded
from affidavit.columns import ColumnMap
from affidavit.conditions import AS_SUPPLIED, Condition
from affidavit.contradictions import contradictions
from affidavit.errors import ColumnError, RowError
from affidavit.plan import Feature, Task
from affidavit.schema import COLUMN_TASKS, ROW_NUMBER, UNKNOWN
from affidavit.texts import as_text, constant, encoded, is_fraction, labels_of, renamed, tidied, whole_numbers
from affidavit.word_sets import holds_lists, word_sets

MAX_LEVELS: Final = 100
MAX_LABELS: Final = 100
"""A confusion matrix has a cell for each pair of labels; more labels than this are scores, ids or free text."""
SUM_TOLERANCE: Final = 0.01
"""A table printed with two or three decimals sums to one within this."""


_WHOLES: Final = MappingProxyType(
    {
        "prob_": "give every label of the label space a column, after softmax and not before",
        "soft_": "give every label the share of annotators who gave it; the shares of a row sum to one",
    }
)
"""What to do where shares of labels do not sum to one, by prefix."""
_UNLABELLED: Final = MappingProxyType(
    {
        "y_true": "fill it in, leave out every row without a reference, or audit with --unlabelled",
        "y_pred": "give rows that could not be judged a label of their own, so that they count as wrong; dropping them "
        "flatters the model",
    }
)
"""What to do where a label is missing."""


@dataclass(slots=True, kw_only=True)
class Canonicaliser:
    """Reads the batches of one table in order; `row` counts from 1 over all of them."""

    mapped: ColumnMap
    where: str
    run: str
    task: Task
    features: Mapping[str, Feature]
    labelled: bool
    label_space: tuple[str, ...] | None = None
    assumptions: dict[str, None] = field(default_factory=dict)
    contradicted: int = 0
    """Rows of this pass in which another label than y_pred has the highest probability."""
    unrated: dict[str, int] = field(default_factory=dict)
    """Rows of this pass in which a dimension has no value, by column."""
    lacks_units: bool = False
    """Whether a row without a unit id has turned up."""
    _row: int = 0
    _found: dict[str, set[str]] = field(default_factory=dict)

    def restart(self) -> None:
        """Begin another pass over the same table."""
        self._row = self.contradicted = 0
        self.unrated.clear()

    def columns(self) -> dict[str, Callable[[pa.RecordBatch], pa.Array]]:
        """Return how each canonical column is made from a batch, in the order of the table."""
        parts = self.mapped.parts
        made: dict[str, Callable[[pa.RecordBatch], pa.Array]] = {
            "utterance_id": self._utterance_id,
            "reasoner": partial(self._repeated, part="reasoner", default=self.run),
            "condition": self._condition,
            "instruction": partial(self._repeated, part="instruction", default=""),
            "repeat": self._repeat,
        }
        if self.mapped.unit != "row":
            made["unit"] = self._unit
        if self.task is Task.TRANSCRIPTION:
            made |= {part: partial(self._required_number, part=part) for part in ("word_errors", "words")}
        elif self.task not in COLUMN_TASKS:
            labels = ("y_true", "y_pred") if self.labelled and "y_true" in parts else ("y_pred",)
            read = self._words if self.task is Task.OPEN_SET else self._label
            made |= {part: partial(read, part=part) for part in labels}
        made |= self._dimensions()
        if "intensity" in parts:
            made["intensity"] = partial(self._number, part="intensity", low=-np.inf)
        if "weight" in parts:
            made["weight"] = partial(self._required_number, part="weight")
        made |= {part: partial(self._text, part=part) for part in ("rationale", "reference_rationale") if part in parts}
        if "dialogue_id" in parts:
            made["dialogue_id"] = self._dialogue
        made |= {
            f"weight_{name}": partial(self._weight, name=f"weight_{name}", column=column)
            for name, column in self.mapped.weights.items()
        }
        return made | {
            f"group_{name}": partial(self._levels, name=name, column=column)
            for name, column in self.mapped.features.items()
        }

    def _dimensions(self) -> dict[str, Callable[[pa.RecordBatch], pa.Array]]:
        """Return how references and predictions are read; beside labels, not without references."""
        asked = {"pred_": self.mapped.values} if self.labelled or self.task in COLUMN_TASKS else {}
        asked |= {"true_": self.mapped.truths} if self.labelled else {}
        read = self._answers if self.task is Task.MULTILABEL else self._values
        return {
            f"{prefix}{name}": partial(read, name=f"{prefix}{name}", column=columns[name])
            for prefix, columns in asked.items()
            for name in sorted(columns)
        }

    def canonical(self, batch: pa.RecordBatch, wanted: Sequence[str] | None = None) -> pa.RecordBatch:
        """Return the canonical columns of a batch, all of them or those wanted.

        Raises:
            RowError: a value is missing, malformed or out of range.
        """
        makers = self.columns()
        columns = {name: make(batch) for name, make in makers.items() if wanted is None or name in wanted}
        if wanted is None or not set(wanted) <= set(makers):
            columns |= self._distributions(batch)
        if wanted is None and self.mapped.probabilities and "y_pred" in columns:
            self.contradicted += contradictions(columns)
        self._row += batch.num_rows
        chosen = list(columns) if wanted is None else list(wanted)
        return pa.RecordBatch.from_arrays([columns[name] for name in chosen], names=chosen)

    def _utterance_id(self, batch: pa.RecordBatch) -> pa.Array:
        if self.mapped.parts["utterance_id"] == ROW_NUMBER:
            return pc.cast(pa.array(np.arange(self._row + 1, self._row + batch.num_rows + 1)), pa.string())
        ids = self._tidied(self._text(batch, "utterance_id"), "utterance_id")
        self._refuse_missing(ids, "utterance_id", slug="row-id-missing", remedy="give each utterance an id")
        return ids

    def _unit(self, batch: pa.RecordBatch) -> pa.Array:
        """Return the units; a row without one is named by its utterance, so that no order of rows matters."""
        if self.mapped.unit == "utterance_id":
            return encoded(self._utterance_id(batch))
        units = self._encoded(batch, self.mapped.unit)
        if not units.null_count:
            return units
        self.lacks_units = True
        self.assumptions[
            f"utterances without {self.mapped.unit} stand each for a unit of their own: intervals may be too narrow"
        ] = None
        named = pc.binary_join_element_wise("?utterance ", self._utterance_id(batch), "")
        return encoded(pc.if_else(pc.is_valid(units), units.dictionary_decode(), named))

    def _dialogue(self, batch: pa.RecordBatch) -> pa.Array:
        """Return the dialogues; null where an utterance belongs to none."""
        return self._tidied(self._text(batch, "dialogue_id"), "dialogue_id")

    def _required_number(self, batch: pa.RecordBatch, part: str) -> pa.Array:
        values = self._number(batch, part, low=0.0)
        self._refuse_missing(values, part, slug="row-value", remedy="fill it in, or drop the row")
        return values

    def _weight(self, batch: pa.RecordBatch, name: str, column: str) -> pa.Array:
        """Return the weights of a modality; null where the reasoner gave none, as where it was not shown."""
        return self._as_number(batch.column(column), name, low=0.0)

    def _values(self, batch: pa.RecordBatch, name: str, column: str) -> pa.Array:
        """Return the values of a dimension; what nobody rated is unknown, and counted."""
        values = self._as_number(batch.column(column), name, low=-np.inf)
        if self.task is Task.REGRESSION and name.startswith("pred_"):
            remedy = "a row that was not judged does not belong in the table"
            self._refuse_missing(values, name, slug="row-value", remedy=remedy)
        self.unrated[name] = self.unrated.get(name, 0) + values.null_count
        return values

    def _answers(self, batch: pa.RecordBatch, name: str, column: str) -> pa.Array:
        """Return whether a label holds, as 0 and 1."""
        values = self._as_number(batch.column(column), name, low=-np.inf)
        self._refuse_missing(values, name, slug="row-value", remedy="write 1 where the label holds, else 0")
        numbers = values.to_numpy(zero_copy_only=False)
        if (bad := (numbers != 0) & (numbers != 1)).any():
            raise RowError(
                f"{name} is neither 0 nor 1",
                slug="row-value",
                where=self._at(int(np.argmax(bad))),
                found=f"{numbers[bad][0]:g}",
                allowed="0 or 1",
                remedy="cut a score into 0 and 1 first, or declare the table a regression (task: regression)",
            )
        return pa.array(numbers.astype(np.int8))

    def _levels(self, batch: pa.RecordBatch, name: str, column: str) -> pa.Array:
        feature = self.features.get(name, Feature())
        if feature.bands is not None:
            values = self._as_number(batch.column(column), f"group_{name}", low=-np.inf)
            return encoded(banded(values, feature.bands))
        levels = whole_numbers(self._tidy(encoded(self._as_text(batch.column(column), name)), f"group_{name}"))
        if levels.null_count:
            levels = encoded(pc.fill_null(levels.dictionary_decode(), UNKNOWN))
        self._refuse_too_many(levels, name)
        return levels

    def _refuse_too_many(self, levels: pa.Array, name: str) -> None:
        found = self._found.setdefault(name, set())
        found.update(levels.dictionary.to_pylist())
        if len(found) > MAX_LEVELS:
            raise ColumnError(
                f"the feature {name!r} has more than {MAX_LEVELS} levels: these are not groups",
                slug="feature-levels",
                where=self.where,
                found=f"{len(found)} levels, such as {', '.join(levels.dictionary[:3].to_pylist())}",
                remedy=f"band a number: --band {name}=30,50, or choose a coarser column",
            )

    def _distributions(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        columns: dict[str, pa.Array] = {}
        for prefix, found in (("prob_", self.mapped.probabilities), ("soft_", self.mapped.soft_labels)):
            values = {f"{prefix}{label}": self._probability(batch.column(name), name) for label, name in found.items()}
            if values and self.task is not Task.MULTILABEL:  # labels that exclude each other share one row's whole
                self._refuse_sums(np.sum([column.to_numpy() for column in values.values()], axis=0), prefix)
            columns |= values
        return columns

    def _probability(self, column: pa.Array, name: str) -> pa.Array:
        values = self._as_number(column, name, low=-np.inf).to_numpy(zero_copy_only=False)
        bad = ~((values >= 0) & (values <= 1))
        if bad.any():
            row = int(np.argmax(bad))
            raise RowError(
                f"{name} is not a probability",
                slug="row-probability",
                where=self._at(row),
                found="missing or NaN" if np.isnan(values[row]) else f"{values[row]:g}",
                allowed="0 to 1",
                remedy="a label that was not scored is 0; a row that was not scored does not belong in the table",
            )
        return pa.array(values)

    def _refuse_sums(self, sums: NDArray[np.float64], prefix: str) -> None:
        bad = np.abs(sums - 1) > SUM_TOLERANCE
        if bad.any():
            row = int(np.argmax(bad))
            raise RowError(
                f"the {prefix} columns do not sum to one",
                slug="row-probability-sum",
                where=self._at(row),
                found=f"{sums[row]:.4g}",
                allowed=f"1 within {SUM_TOLERANCE}",
                remedy=_WHOLES[prefix],
            )

    def _label(self, batch: pa.RecordBatch, part: str) -> pa.Array:
        labels = labels_of(self._encoded(batch, part))
        self._refuse_missing(labels, part, slug="row-label", remedy=_UNLABELLED[part])
        names = labels.dictionary.to_pylist()
        space = self.label_space or tuple(self.mapped.probabilities) or None
        if space is None:
            self._refuse_scores(names, part)
            return labels
        if strange := [label for label in names if label not in space]:
            raise RowError(
                f"{part} lies outside the label space",
                slug="row-label",
                where=self._at(labels.dictionary_decode().index(strange[0]).as_py()),
                found=repr(strange[0]),
                allowed=", ".join(space),
                remedy="map it to a label of the space, or give it a prob_ column",
            )
        return labels

    def _words(self, batch: pa.RecordBatch, part: str) -> pa.Array:
        """Return an open set of words; to have given none is an answer, and not a missing one."""
        try:
            return word_sets(batch.column(self.mapped.parts[part]), part)
        except ColumnError as error:
            error.where = self.where
            raise

    def _refuse_scores(self, names: Sequence[str], part: str) -> None:
        """Refuse labels that nobody declared and that are no classes: fractions, or too many."""
        remedy = f"name the column of labels: --column {part}=COLUMN; a score must be cut into labels first"
        if fractions := [name for name in names if is_fraction(name)]:
            raise ColumnError(
                f"{part} holds numbers that are not whole: these are scores, not labels",
                slug="column-type",
                where=self.where,
                found=", ".join(fractions[:3]),
                allowed="labels; fractions only where they are declared (--labels 0.5,1)",
                remedy=remedy,
            )
        found = self._found.setdefault(":labels", set())
        found.update(names)
        if len(found) > MAX_LABELS:
            raise ColumnError(
                f"there are more than {MAX_LABELS} labels: these are not classes",
                slug="label-space",
                where=self.where,
                found=f"{len(found)} labels, such as {', '.join(names[:3])} in {part}",
                allowed=f"at most {MAX_LABELS} labels",
                remedy=f"{remedy}; several emotion words a row are the task open_set",
            )

    def _condition(self, batch: pa.RecordBatch) -> pa.Array:
        given = self._repeated(batch, "condition", default=AS_SUPPLIED)
        canonical = []
        for text in given.dictionary.to_pylist():
            try:
                canonical.append(str(Condition.parse(text)))
            except RowError as error:
                error.where = self._at(given.dictionary_decode().index(text).as_py())
                raise
        return renamed(given, pa.array(canonical, pa.string()))

    def _repeat(self, batch: pa.RecordBatch) -> pa.Array:
        if "repeat" not in self.mapped.parts:
            return pa.array(np.zeros(batch.num_rows, dtype=np.int64))
        values = self._number(batch, "repeat", low=0.0)
        self._refuse_missing(values, "repeat", slug="row-value", remedy="number the repetitions from 0")
        numbers = values.to_numpy(zero_copy_only=False)
        if (broken := numbers != np.floor(numbers)).any():
            raise RowError(
                "repeat is not a whole number",
                slug="row-value",
                where=self._at(int(np.argmax(broken))),
                found=f"{numbers[broken][0]:g}",
                allowed="0, 1, 2, ...",
                remedy="number the repetitions from 0",
            )
        return pc.cast(values, pa.int64(), safe=False)

    def _repeated(self, batch: pa.RecordBatch, part: str, *, default: str) -> pa.Array:
        if part not in self.mapped.parts:
            return constant(default, batch.num_rows)
        found = self._encoded(batch, part)
        return encoded(pc.fill_null(found.dictionary_decode(), default)) if found.null_count else found

    def _encoded(self, batch: pa.RecordBatch, part: str) -> pa.Array:
        return self._tidy(encoded(self._text(batch, part)), part)

    def _tidy(self, array: pa.Array, name: str) -> pa.Array:
        return renamed(array, self._tidied(array.dictionary, name))

    def _tidied(self, text: pa.Array, name: str) -> pa.Array:
        plain, trimmed, composed = tidied(text)
        if trimmed:
            self.assumptions[f"{name}: spaces at the ends were dropped"] = None
        if composed:
            self.assumptions[f"{name}: text was brought to Unicode form NFC, so that one name is one name"] = None
        return plain

    def _text(self, batch: pa.RecordBatch, part: str) -> pa.Array:
        """Return a part as text; empty text is missing in every format."""
        text = self._as_text(batch.column(self.mapped.parts[part]), part)
        blank = pc.equal(text, "")
        return pc.if_else(blank, pa.scalar(None, pa.string()), text) if pc.any(blank).as_py() else text

    def _as_text(self, column: pa.Array, name: str) -> pa.Array:
        try:
            return as_text(column, name)
        except ColumnError as error:
            error.where = self.where
            if name in ("y_true", "y_pred") and holds_lists(column):
                error.remedy = "if a row has several emotion words, declare an open set: --task open_set"
            raise

    def _number(self, batch: pa.RecordBatch, part: str, *, low: float) -> pa.Array:
        return self._as_number(batch.column(self.mapped.parts[part]), part, low=low)

    def _as_number(self, column: pa.Array, name: str, *, low: float) -> pa.Array:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_float16(column.type):
            column = pc.cast(column, pa.float32())
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = self._parsed(pc.cast(column, pa.string()), name)
        try:
            values = pc.cast(column, pa.float64(), safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise ColumnError(
                f"{name} is not a number",
                slug="column-type",
                where=self.where,
                found=str(column.type),
                allowed="numbers",
                remedy="check which column plays this part",
            ) from None
        numbers = values.to_numpy(zero_copy_only=False)
        bad = (numbers < low) | np.isinf(numbers)
        if bad.any():
            raise RowError(
                f"{name} is out of range",
                slug="row-value",
                where=self._at(int(np.argmax(bad))),
                found=f"{numbers[bad][0]:g}",
                allowed=f"finite and at least {low:g}" if np.isfinite(low) else "finite",
                remedy="correct the value or drop the row",
            )
        return pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)

    def _parsed(self, column: pa.Array, name: str) -> pa.Array:
        text = pc.utf8_trim_whitespace(column)
        commas = pc.any(pc.match_substring_regex(text, r"^[+-]?\d+,\d+$")).as_py()
        if commas and not pc.any(pc.match_substring(text, ".")).as_py():
            text = pc.replace_substring(text, ",", ".")
            self.assumptions[f"{name}: a comma is the decimal mark"] = None
        try:
            return pc.cast(text, pa.float64())
        except pa.ArrowInvalid:
            row, value = next((i, v) for i, v in enumerate(text.to_pylist()) if v is not None and not _reads(v))
            raise RowError(
                f"{name} is not a number",
                slug="row-value",
                where=self._at(row),
                found=repr(value),
                allowed="a number, with a point or throughout with a comma",
                remedy="correct the value, or leave it empty where it is unknown",
            ) from None

    def _refuse_missing(self, column: pa.Array, part: str, *, slug: str, remedy: str) -> None:
        missing = pc.is_null(column)
        if pc.any(missing).as_py():
            row = missing.index(True).as_py()
            raise RowError(f"{part} is missing", slug=slug, where=self._at(row), found="nothing", remedy=remedy)

    def _at(self, row: int) -> str:
        return f"{self.where}, row {self._row + row + 1}"


def _reads(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
