"""Which `true_` and `pred_` columns hold the values of a dimension (valence) or the answers about a label (joy).

In a table of labels only the dimensions known by name are read, and only where both columns are there: `true_face` may
be anything. In a regression or multilabel table every `true_` and `pred_` column is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from affidavit.errors import ColumnError
from affidavit.schema import DIMENSIONS
from affidavit.texts import plain_label

_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "true_": ("y_true_", "gold_", "target_"),
    "pred_": ("y_pred_", "predicted_"),
}
"""Other prefixes, taken for the known dimensions only: `predicted_emotion` is a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionColumns:
    """Dimension (or label) to column name, of references and of predictions."""

    truths: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()


def dimension_key(name: str) -> str:
    """Return a dimension's name as metrics write it, by which two names are one.

    >>> dimension_key("Perceived Valence")
    'perceived_valence'
    """
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_")


def find_dimensions(free: Sequence[str], *, named: Mapping[str, str], where: str) -> DimensionColumns:
    """Return every column that reads as the reference or the prediction of something; named ones first.

    Raises:
        ColumnError: two columns are the reference, or the prediction, of one dimension.
    """
    assumptions: list[str] = []
    truths, values = (_found(free, prefix, named, where, assumptions) for prefix in ("true_", "pred_"))
    return DimensionColumns(truths=truths, values=values, assumptions=tuple(assumptions))


def beside_labels(found: DimensionColumns, *, parts: Mapping[str, str], named: Mapping[str, str]) -> DimensionColumns:
    """Keep what a table of labels is read for: known or named dimensions of which both columns are there."""
    asked = {plain_label(part.split("_", 1)[1]) for part in named if part.startswith(("true_", "pred_"))}
    wanted = [d for d in found.truths if d in (*DIMENSIONS, *asked)]
    both = [d for d in wanted if d in found.values or (d == "intensity" and "intensity" in parts)]
    return DimensionColumns(
        truths={d: found.truths[d] for d in both},
        values={d: found.values[d] for d in both if d in found.values},
        assumptions=tuple(said for said in found.assumptions if any(f"{d} (" in said for d in both)),
    )


def _found(
    free: Sequence[str], prefix: str, named: Mapping[str, str], where: str, assumptions: list[str]
) -> dict[str, str]:
    found = {
        plain_label(part.removeprefix(prefix)): column
        for part, column in named.items()
        if part.startswith(prefix) and part.removeprefix(prefix).strip()
    }
    taken = {dimension_key(name): column for name, column in found.items()}
    for column in free:
        if (name := _named_by(column, prefix)) is None:
            continue
        key = dimension_key(name)
        if f"{prefix}{name}" in named:
            continue
        if key in taken:
            raise ColumnError(
                f"two columns could be {prefix}{name}",
                slug="column-ambiguous",
                where=where,
                found=f"{taken[key]}, {column}",
                allowed="one for each dimension or label",
                remedy=f"name it: --column {prefix}{name}={column}, or rename one of them",
            )
        taken[key] = found[name] = column
        if column != f"{prefix}{name}":
            what = "reference" if prefix == "true_" else "prediction"
            assumptions.append(f"column {column!r} was read as {prefix}{name} (the {what})")
    return dict(sorted(found.items()))


def _named_by(column: str, prefix: str) -> str | None:
    """Return the dimension that a column is of; a known one in its own spelling, others as the column spells them."""
    if column.startswith(prefix):
        name = plain_label(column.removeprefix(prefix))
        return next((known for known in DIMENSIONS if known == dimension_key(name)), name) or None
    normal = column.strip().lower().replace(" ", "_").replace("-", "_")
    tails = [normal.removeprefix(start) for start in (prefix, *_ALIASES[prefix]) if normal.startswith(start)]
    return next((tail for tail in tails if tail in DIMENSIONS), None)
