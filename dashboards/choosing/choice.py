"""What somebody looks at: a run, a condition, a metric, features and a reference group, kept while pages change.

Streamlit forgets a widget when its page is left, so what was chosen is kept beside the widgets; where a report lacks
what was chosen, the first that it has is taken, and the wish is kept for a report that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from dashboards.choosing.group_numbers import GroupNumbers, Row
from reports.drawings.gallery import PREFERRED
from reports.ordering import distinct
from reports.wording import EVERYBODY, metric_label, plain

_WISH: Final = "choice"
SINGLE: Final = "each feature alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is looked at."""

    run: str
    condition: str
    metric: str
    features: str
    """The pair of features that meet, as exhibits write it (`accent x age`); empty where the report has no pair."""
    reference: str
    """The group that others are told against: `everybody`, or a group of one feature as `feature: level`."""


def kept_choice(page: str, name: str, options: Sequence[str]) -> str:
    """Return what was wished under a name, if it is among the options; else the first of them."""
    wish = st.session_state.get(_place(page, name))
    return str(wish) if wish in options else options[0]


def keep(page: str, name: str, value: str) -> None:
    """Keep a wish, for this page and the next time that it is opened."""
    st.session_state[_place(page, name)] = value


def _place(page: str, name: str) -> str:
    return f"{_WISH}-{name}" if name in _SHARED else f"{_WISH}-{page}-{name}"


_SHARED: Final = frozenset({"run", "condition"})
"""What every page follows; metrics differ from page to page."""


def choose(page: str, numbers: GroupNumbers, *, leading: Sequence[str] = PREFERRED, of_groups: bool = True) -> Choice:
    """Draw the widgets side by side and return what is chosen.

    Args:
        page: starts every key.
        numbers: what there is to choose from; it holds at least one number.
        leading: metrics of which the first that is there stands first.
        of_groups: whether features that meet and a reference group are chosen too.
    """
    first, second, third = st.columns(3)
    run = pick(page, "run", "Run", numbers.runs, first)
    condition = pick(page, "condition", "Condition", numbers.conditions(run), second)
    metric = pick(page, "metric", "Metric", numbers.metrics(run, condition, leading), third, told=metric_label)
    if not of_groups:
        return Choice(run=run, condition=condition, metric=metric, features="", reference=EVERYBODY)
    rows = numbers.rows(run, condition, metric)
    pairs = pairs_of(rows)
    fourth, fifth = st.columns(2)
    features = pick(page, "features", "Features that meet", pairs, fourth, told=_crossed) if pairs else ""
    reference = pick(page, "reference", "Reference group", references_of(rows), fifth)
    return Choice(run=run, condition=condition, metric=metric, features=features, reference=reference)


def pick(
    page: str,
    name: str,
    label: str,
    options: Sequence[str],
    where: st.delta_generator.DeltaGenerator,
    *,
    told: Callable[[str], str] = plain,
) -> str:
    """Draw one widget and return what is chosen there; the wish is kept."""
    at = list(options).index(kept_choice(page, name, options))
    chosen: str = where.selectbox(label, options, index=at, format_func=told, key=f"{page}-{name}")
    keep(page, name, chosen)
    return chosen


def _crossed(features: str) -> str:
    return " × ".join(map(plain, features.split(" x ")))


def pairs_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the pairs of features that have cells, as exhibits write them."""
    return tuple(features for features in distinct(row["features"] for row in rows) if features.count(" x ") == 1)


def references_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return whom others can be told against: everybody, and each group of a single feature."""
    single = (f"{row['features']}: {row['group']}" for row in rows if row["features"] and " x " not in row["features"])
    return (EVERYBODY, *distinct(single))
