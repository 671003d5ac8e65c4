"""The part of a report's groups that a cohort is made of; for a number of the cohort as a whole it takes the tables.

Laws: a group is shown in a cohort only if everybody in it is known to belong there; a number is never put together
from numbers of parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from affidavit.cohorts import Cohort
from affidavit.report import AuditReport
from dashboards.choosing.group_numbers import COLUMNS, Row
from reports.ordering import distinct
from reports.sections.tabulated import attached

LEVELS = ("level_1", "level_2", "level_3", "level_4")


def groups_within(rows: Sequence[Row], cohort: Cohort) -> tuple[Row, ...]:
    """Return everybody of the audit, and each group that lies in the cohort as a whole."""
    return tuple(row for row in rows if not row["features"] or lies_within(row, cohort))


def lies_within(row: Row, cohort: Cohort) -> bool:
    """Say whether everybody in a group belongs to a cohort: every feature of the cohort is one of the group's."""
    own = levels_of(row)
    return all(own.get(feature) in levels for feature, levels in cohort.levels.items())


def same_people(row: Row, cohort: Cohort) -> bool:
    """Say whether a group is the cohort, so that its number is the cohort's."""
    own = levels_of(row)
    return bool(own) and {feature: (level,) for feature, level in own.items()} == dict(cohort.levels)


def levels_of(row: Row) -> Mapping[str, str]:
    """Return feature to level of a group."""
    features = row["features"].split(" x ") if row["features"] else []
    return {feature: row[part] for feature, part in zip(features, LEVELS, strict=False)}


def fits(cohort: Cohort, report: AuditReport) -> bool:
    """Say whether a report knows every feature and level of a cohort."""
    known = known_levels(report)
    return all(set(levels) <= set(known.get(feature, ())) for feature, levels in cohort.levels.items())


def known_levels(report: AuditReport) -> Mapping[str, tuple[str, ...]]:
    """Return each feature of the audit with the levels that the report's groups have, in their order; found once."""
    return _known(report.report_digest, report)


@st.cache_resource(max_entries=8, show_spinner=False)
def _known(digest: str, _report: AuditReport) -> Mapping[str, tuple[str, ...]]:
    del digest
    found: dict[str, tuple[str, ...]] = dict.fromkeys(_report.plan.by, ())
    for exhibit in _report.exhibits:
        table = attached(_report, exhibit.id)
        if table is None or not set(COLUMNS[:5]) <= set(table.column_names):
            continue
        keys = (
            table.select(["features", "level_1"])
            .group_by(["features", "level_1"], use_threads=False)
            .aggregate([])
            .to_pylist()
        )
        for feature in found:
            own = (key["level_1"] for key in keys if key["features"] == feature and key["level_1"] is not None)
            found[feature] = distinct((*found[feature], *own))
    return {feature: levels for feature, levels in found.items() if levels}
