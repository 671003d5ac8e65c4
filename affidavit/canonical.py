"""Turns a supplier's batches into the canonical columns of the predictions table, and finds the row that cannot be.

Text that repeats (labels, units, levels) becomes dictionary arrays; numbers become float64. Nothing is repaired
silently: a value that does not read is an error that names its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.columns import ColumnMap
from affidavit.conditions import AS_SUPPLIED, Condition
from affidavit.errors import ColumnError, RowError
from affidavit.plan import Feature, Task
from affidavit.schema import ROW_NUMBER, UNKNOWN

DICTIONARY: Final = pa.dictionary(pa.int32(), pa.string())
MAX_LEVELS: Final = 100
SUM_TOLERANCE: Final = 0.01
"""A table printed with two or three decimals sums to one within this."""


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
    _row: int = 0

    def restart(self) -> None:
        """Begin another pass over the same table."""
        self._row = 0

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
        else:
            labels = ("y_true", "y_pred") if self.labelled and "y_true" in parts else ("y_pred",)
            made |= {part: partial(self._label, part=part) for part in labels}
        if "intensity" in parts:
            made["intensity"] = partial(self._number, part="intensity", low=-np.inf)
        if "weight" in parts:
            made["weight"] = partial(self._required_number, part="weight")
        if "rationale" in parts:
            made["rationale"] = partial(self._text, part="rationale")
        return made | {
            f"group_{name}": partial(self._levels, name=name, column=column)
            for name, column in self.mapped.features.items()
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
        self._row += batch.num_rows
        chosen = list(columns) if wanted is None else list(wanted)
        return pa.RecordBatch.from_arrays([columns[name] for name in chosen], names=chosen)

    def _utterance_id(self, batch: pa.RecordBatch) -> pa.Array:
        if self.mapped.parts["utterance_id"] == ROW_NUMBER:
            return pc.cast(pa.array(np.arange(self._row + 1, self._row + batch.num_rows + 1)), pa.string())
        ids = self._text(batch, "utterance_id")
        self._refuse_missing(ids, "utterance_id", slug="row-id-missing", remedy="give each utterance an id")
        return ids

    def _unit(self, batch: pa.RecordBatch) -> pa.Array:
        text = self._text(batch, self.mapped.unit)
        if text.null_count:
            rows = pc.cast(pa.array(np.arange(self._row + 1, self._row + len(text) + 1)), pa.string())
            text = pc.if_else(pc.is_valid(text), text, pc.binary_join_element_wise("row ", rows, ""))
            self.assumptions[
                f"rows without {self.mapped.unit} stand each for a unit of their own: intervals may be too narrow"
            ] = None
        return _encoded(text)

    def _required_number(self, batch: pa.RecordBatch, part: str) -> pa.Array:
        values = self._number(batch, part, low=0.0)
        self._refuse_missing(values, part, slug="row-value", remedy="fill it in, or drop the row")
        return values

    def _levels(self, batch: pa.RecordBatch, name: str, column: str) -> pa.Array:
        feature = self.features.get(name, Feature())
        if feature.bands is not None:
            values = self._as_number(batch.column(column), f"group_{name}", low=-np.inf)
            return _encoded(_banded(values, feature.bands))
        text = pc.utf8_trim_whitespace(pc.fill_null(_as_text(batch.column(column)), ""))
        levels = _whole_numbers(_encoded(pc.if_else(pc.equal(text, ""), UNKNOWN, text)))
        if len(levels.dictionary) > MAX_LEVELS:
            raise ColumnError(
                f"the feature {name!r} has more than {MAX_LEVELS} levels: these are not groups",
                slug="feature-levels",
                where=self.where,
                found=f"{len(levels.dictionary)} levels, such as {', '.join(levels.dictionary[:3].to_pylist())}",
                remedy=f"band a number: --band {name}=30,50, or choose a coarser column",
            )
        return levels

    def _distributions(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        columns: dict[str, pa.Array] = {}
        for prefix, found in (("prob_", self.mapped.probabilities), ("soft_", self.mapped.soft_labels)):
            values = {f"{prefix}{label}": self._probability(batch.column(name), name) for label, name in found.items()}
            if values:
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
                remedy="give every label of the label space a column, after softmax and not before",
            )

    def _label(self, batch: pa.RecordBatch, part: str) -> pa.Array:
        labels = _whole_numbers(_encoded(pc.utf8_trim_whitespace(self._text(batch, part))))
        self._refuse_missing(labels, part, slug="row-label", remedy="drop the row, or audit with --unlabelled")
        space = self.label_space or tuple(self.mapped.probabilities) or None
        strange = [label for label in labels.dictionary.to_pylist() if space is not None and label not in space]
        if strange:
            row = labels.dictionary_decode().index(strange[0]).as_py()
            raise RowError(
                f"{part} lies outside the label space",
                slug="row-label",
                where=self._at(row),
                found=repr(strange[0]),
                allowed=", ".join(space or ()),
                remedy="map it to a label of the space, or give it a prob_ column",
            )
        return labels

    def _condition(self, batch: pa.RecordBatch) -> pa.Array:
        if "condition" not in self.mapped.parts:
            return _constant(AS_SUPPLIED, batch.num_rows)
        encoded = _encoded(pc.fill_null(self._text(batch, "condition"), AS_SUPPLIED))
        canonical = []
        for text in encoded.dictionary.to_pylist():
            try:
                canonical.append(str(Condition.parse(text)))
            except RowError as error:
                error.where = self._at(encoded.dictionary_decode().index(text).as_py())
                raise
        return _encoded(pc.take(pa.array(canonical, pa.string()), encoded.indices))

    def _repeat(self, batch: pa.RecordBatch) -> pa.Array:
        if "repeat" not in self.mapped.parts:
            return pa.array(np.zeros(batch.num_rows, dtype=np.int64))
        values = self._number(batch, "repeat", low=0.0)
        self._refuse_missing(values, "repeat", slug="row-value", remedy="number the repetitions from 0")
        return pc.cast(values, pa.int64(), safe=False)

    def _repeated(self, batch: pa.RecordBatch, part: str, *, default: str) -> pa.Array:
        if part not in self.mapped.parts:
            return _constant(default, batch.num_rows)
        return _encoded(pc.fill_null(self._text(batch, part), default))

    def _text(self, batch: pa.RecordBatch, part: str) -> pa.Array:
        return _as_text(batch.column(self.mapped.parts[part]))

    def _number(self, batch: pa.RecordBatch, part: str, *, low: float) -> pa.Array:
        return self._as_number(batch.column(self.mapped.parts[part]), part, low=low)

    def _as_number(self, column: pa.Array, name: str, *, low: float) -> pa.Array:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = self._parsed(column, name)
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
        if pa.types.is_string(column.type):
            missing = pc.or_(missing, pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), True))
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


def _constant(text: str, n: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(np.zeros(n, dtype=np.int32), pa.array([text]))


def _encoded(text: pa.Array) -> pa.Array:
    return pc.cast(pc.dictionary_encode(text), DICTIONARY)


def _whole_numbers(encoded: pa.Array) -> pa.Array:
    """Let `1.0` read as `1`: the same label is often a float in one column and an integer in the next."""
    texts = pc.replace_substring_regex(encoded.dictionary, r"^([+-]?\d+)\.0+$", r"\1")
    return _encoded(pc.take(texts, encoded.indices)) if not texts.equals(encoded.dictionary) else encoded


def _as_text(column: pa.Array) -> pa.Array:
    """Return text; whole numbers print without a decimal point, so that 0.0 and 0 are one label."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        known = pc.drop_null(column)
        if (
            pc.all(pc.equal(known, pc.floor(known))).as_py() is not False
            and pc.all(pc.less(pc.abs(known), 2.0**53)).as_py() is not False
        ):
            column = pc.cast(column, pa.int64())
    if pa.types.is_nested(column.type):
        raise ColumnError(
            "a column holds lists or objects where text is needed", slug="column-type", found=str(column.type)
        )
    return pc.cast(column, pa.string())


def _banded(values: pa.Array, cuts: tuple[float, ...]) -> pa.Array:
    """Return band names: `under 30`, `30-49`, `50 and over`; a missing number stays unknown.

    Bands of whole numbers print their last whole number, others the open end: `0.5 to <0.75`.
    """
    cuts = tuple(sorted(cuts))
    whole = all(float(cut).is_integer() for cut in cuts)
    between = [f"{low:g}-{high - 1:g}" if whole else f"{low:g} to <{high:g}" for low, high in pairwise(cuts)]
    names = np.array([f"under {cuts[0]:g}", *between, f"{cuts[-1]:g} and over", UNKNOWN], dtype=object)
    numbers = values.to_numpy(zero_copy_only=False)
    codes = np.where(np.isnan(numbers), len(names) - 1, np.searchsorted(cuts, numbers, side="right"))
    return pa.array(names[codes], pa.string())
