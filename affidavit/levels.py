"""The vocabularies of coded columns: which labels there are, and in what order labels, levels and units stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from affidavit.canonical import MAX_LABELS
from affidavit.conditions import sorted_conditions
from affidavit.errors import ColumnError
from affidavit.plan import Feature
from affidavit.schema import UNKNOWN
from affidavit.texts import plain_label


def declared_labels(
    label_space: Sequence[str] | None, probabilities: Iterable[str], *, where: str
) -> tuple[str, ...] | None:
    """Return the labels that were declared, by name or by prob_ columns; None where there is nothing declared.

    Raises:
        ColumnError: a label is named twice, or there are too many.
    """
    labels = tuple(plain_label(label) for label in label_space or ()) or tuple(probabilities)
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise ColumnError(
            "the label space names a label twice",
            slug="label-space",
            where=where,
            found=", ".join(twice),
            allowed="each label once; 1 and 1.0, True and true are one label",
            remedy="drop one",
        )
    if len(labels) > MAX_LABELS:
        raise ColumnError(
            f"there are more than {MAX_LABELS} labels: these are not classes",
            slug="label-space",
            where=where,
            found=f"{len(labels)} labels, such as {', '.join(labels[:3])}",
            allowed=f"at most {MAX_LABELS} labels",
            remedy="map them to coarser labels first",
        )
    return labels or None


def multilabel_space(label_space: Sequence[str] | None, columns: Iterable[str], *, where: str) -> tuple[str, ...]:
    """Return the labels of a multilabel table: those that it has columns of, in the declared order or the natural one.

    Raises:
        ColumnError: what is declared is not what has columns, or there are too many.
    """
    there = tuple(sorted(columns, key=natural))
    labels = declared_labels(label_space or there, (), where=where) or ()
    if odd := sorted(set(labels) ^ set(there)):
        raise ColumnError(
            "the label space is not that of the pred_ columns",
            slug="label-space",
            where=where,
            found=", ".join(odd),
            allowed=", ".join(there),
            remedy="name the labels that have columns, each once, or leave the label space out",
        )
    return labels


def ranked(found: Sequence[str], *, where: str) -> tuple[tuple[str, ...], str]:
    """Return ordinal labels that nobody put in order by their numbers, and say so.

    Raises:
        ColumnError: they are no whole numbers, so that their order is not known.
    """
    try:
        labels = tuple(sorted(found, key=lambda label: (int(label), label)))
    except ValueError:
        raise ColumnError(
            "the order of the labels is not known",
            slug="label-space",
            where=where,
            found=", ".join(sorted(found)),
            allowed="whole numbers, or labels whose order is declared",
            remedy="name them from the lowest to the highest: --labels mild,moderate,severe (plan: label_space)",
        ) from None
    return labels, f"ordinal labels by their numbers: {', '.join(labels)} (label_space if there are others)"


def ordered_levels(
    vocabularies: Mapping[str, Iterable[str]], features: Mapping[str, Feature], labels: tuple[str, ...] | None
) -> dict[str, tuple[str, ...]]:
    """Return each vocabulary in the order of its codes."""
    levels = {name: tuple(sorted(vocabulary, key=natural)) for name, vocabulary in vocabularies.items()}
    levels["condition"] = sorted_conditions(set(levels["condition"]))
    found = {*levels.get("y_true", ()), *levels.get("y_pred", ())}
    space = labels or tuple(sorted(found, key=natural))
    levels |= {part: space for part in ("y_true", "y_pred") if part in levels}
    for name in levels:
        if name.startswith("group_"):
            levels[name] = _level_order(levels[name], features.get(name.removeprefix("group_"), Feature()))
    return levels


def _level_order(found: tuple[str, ...], feature: Feature) -> tuple[str, ...]:
    """Put declared levels first in their order, the rest in natural order with open bands outside, `unknown` last."""
    declared = [level for level in feature.order or () if level in found]
    rest = [level for level in found if level not in declared and level != UNKNOWN]
    rest = sorted(rest, key=lambda level: (not level.startswith("under "), level.endswith(" and over"), natural(level)))
    return (*declared, *rest, *([UNKNOWN] if UNKNOWN in found and UNKNOWN not in declared else []))


def natural(text: str | None) -> tuple[tuple[int, float, str], ...]:
    """Return a sort key under which `u2` comes before `u10`, and no two texts are alike.

    >>> sorted(["u10", "u2"], key=natural)
    ['u2', 'u10']
    """
    parts = [part for part in re.split(r"(\d+)", text or "") if part]
    counted = [(0, float(part), "") if part.isdecimal() else (1, 0.0, part) for part in parts]
    return (*counted, (-1, 0.0, text or ""))
