"""Judges a corpus and its renderings with any reasoner: one table, each rendering under a condition of its own.

A reasoner is shown each rendering under the modalities alone and never learns that it is one; the condition is renamed
afterwards. The plain conditions are judged exactly as they would be without any rendering.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from affidavit.conditions import Condition
from affidavit.corpus import Corpus
from affidavit.errors import RowError
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.rendering import CONCEPTS, Asked, asked_for, rendered
from affidavit.tables import from_arrow

if TYPE_CHECKING:
    import pyarrow as pa

    from affidavit.protocols import Progress

OPTION: Final = "conditions"
"""Where a reasoner's options say under which conditions it judges."""
Judge = Callable[[Corpus | None, Mapping[str, Any]], Predictions]
"""Asks a reasoner about a corpus under options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What was judged at once, with the conditions as they were asked for."""

    predictions: Predictions
    table: pa.Table
    side_tables: Mapping[str, pa.Table]


def judged_with_renderings(
    judge: Judge, corpus: Corpus | None, options: Mapping[str, Any], *, reading: Reading, progress: Progress
) -> Predictions:
    """Return one table of what a reasoner says of a corpus under plain conditions and of its renderings.

    `judge` is asked once for the plain conditions, then once for each rendering, under the same options but for the
    conditions: give it the same seed each time, so that nothing differs but what is shown. Without a condition that
    names a rendering it is asked once with the options as they are.

    Raises:
        PlanError: the corpus cannot be re-rendered, or has no such concept or level.
    """
    plain, asked = _split(corpus, options.get(OPTION))
    if corpus is None or not asked:
        return judge(corpus, options)
    parts = [_part(judge(corpus, {**options, OPTION: plain}), {})] if plain else []
    renderings: dict[tuple[str, str], list[Asked]] = {}
    for each in asked:
        renderings.setdefault((each.concept, each.level), []).append(each)
    for done, ((concept, level), under) in enumerate(renderings.items(), start=1):
        shown = rendered(corpus, concept, level, progress=progress)
        judged = judge(shown, {**options, OPTION: [each.shown for each in under]})
        parts.append(_part(judged, {each.shown: str(each.condition) for each in under}))
        progress("judging renderings", done, len(renderings))
    return _joined(parts, reading, progress)


def _split(corpus: Corpus | None, conditions: Any) -> tuple[list[Any], list[Asked]]:  # noqa: ANN401 - not validated yet
    """Part conditions into plain ones, whatever they are, and renderings; a reasoner validates its own."""
    if corpus is None or isinstance(conditions, str) or not isinstance(conditions, Sequence):
        return [], []
    plain: list[Any] = []
    asked: dict[str, Asked] = {}
    for text in conditions:
        condition = _parsed(text)
        if condition is None or condition.operator not in CONCEPTS:
            plain.append(text)
        else:
            asked.setdefault(str(condition), asked_for(corpus, condition))
    return plain, list(asked.values())


def _parsed(text: object) -> Condition | None:
    try:
        return Condition.parse(text) if isinstance(text, str) else None
    except RowError:
        return None


def _part(predictions: Predictions, names: Mapping[str, str]) -> _Part:
    """Return a table and its side tables with conditions under other names."""
    import pyarrow as pa

    whole = pa.Table.from_batches(list(predictions.batches(predictions.columns)))
    sides = predictions.side_tables
    return _Part(
        predictions=predictions,
        table=_renamed(whole, names),
        side_tables={name: _renamed(table, names) for name, table in sides.items()},
    )


def _renamed(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """Return a table without dictionaries (those of two tables hold different words), its conditions renamed."""
    import pyarrow as pa

    columns = {
        name: column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    if "condition" in columns:
        said = columns["condition"].to_pylist()
        columns["condition"] = pa.array([names.get(text, text) for text in said], pa.string())
    return pa.table(columns)


def _joined(parts: Sequence[_Part], reading: Reading, progress: Progress) -> Predictions:
    """Return the parts as one table, validated again under canonical names."""
    first = parts[0].predictions
    space = dict.fromkeys(label for part in parts for label in part.predictions.labels)
    again = replace(
        reading,
        columns={} if first.unit == "row" else {first.unit: "unit"},
        features={name: feature.model_copy(update={"bands": None}) for name, feature in reading.features.items()},
        task=first.task,
        label_space=reading.label_space or tuple(space) or None,
    )
    raw = from_arrow(_stacked([part.table for part in parts]), name=first.source_name, format_name="judged")
    predictions = predictions_from(raw, again, progress=progress)
    said = dict.fromkeys(line for part in parts for line in part.predictions.assumptions)
    names = dict.fromkeys(name for part in parts for name in part.side_tables)
    sides = {name: [part.side_tables[name] for part in parts if name in part.side_tables] for name in names}
    return replace(
        predictions,
        assumptions=tuple(dict.fromkeys([*said, *predictions.assumptions])),
        side_tables={name: _stacked(tables) for name, tables in sides.items()},
        models=tuple(dict.fromkeys(model for part in parts for model in part.predictions.models)),
    )


def _stacked(tables: Sequence[pa.Table]) -> pa.Table:
    """Return tables one below the other; what one of them lacks (rationales) is null there."""
    import pyarrow as pa

    return pa.concat_tables(tables, promote_options="permissive")
