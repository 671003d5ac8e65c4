"""Two reports side by side: what differs between them, as if they had met different people.

Reports hold no rows, so nothing can be paired. Bounds of a difference come from each report's own bounds (MOVER), and
hold where the two samples are independent; on the same items the errors of two models move together, the true interval
is narrower, and only the tables can give it. Nothing here is called paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.special import ndtr

from affidavit.courses import Charted, by_key, charted, contrasts, standard_error
from affidavit.errors import PlanError
from affidavit.records import Interval, Number, Record
from affidavit.series import NamedAudit, NewFailure, check_comparable, new_failures
from affidavit.statistics.multiplicity import holm

METHOD: Final = "MOVER from both reports' bounds, as if they had met different people"
SAME_ITEMS: Final = (
    "Nothing is paired here. If both audits judged the same items, `affidavit compare OLD.csv NEW.csv` on their tables "
    "is sharper."
)


class Difference(Record):
    """One finding in both reports: the new value less the old one."""

    id: str
    metric: str
    higher_is_better: bool | None
    family: str | None
    """Of a group less the others, which is how a gap changes: the family of groups; null for a number of its own."""
    old: Number
    new: Number
    difference: Number
    interval: Interval
    p_value: Number
    """Of no difference, normal, from both intervals on the scale of `affidavit.courses`."""
    p_adjusted: Number
    """Over all findings that both reports have, by Holm."""


class Unpaired(Record):
    """What two reports have to say next to each other."""

    old: str
    new: str
    claims_digests: tuple[str, str]
    differences: tuple[Difference, ...]
    only_in_one: int
    """Findings that one report has and the other lacks, or that one gives no interval for."""
    new_failures: tuple[NewFailure, ...]
    remark: str = SAME_ITEMS


def unpaired(old: NamedAudit, new: NamedAudit) -> Unpaired:
    """Compare the findings that both reports have, and each group's distance from the others in place of gaps.

    Raises:
        PlanError: their numbers mean different things, they are of one table, or they share no finding.
    """
    check_comparable([old, new])
    found = [by_key(audit.report.findings) for audit in (old, new)]
    shared = [key for key in found[0] if key in found[1]]
    usable = [key for key in shared if all(standard_error(each[key]) is not None for each in found)]
    if not usable:
        raise PlanError(
            "the two reports share no finding with an interval",
            slug="plan-impossible",
            where=f"{old.name}, {new.name}",
            found=f"{len(found[0])} findings and {len(found[1])}",
            remedy="name runs, conditions and features alike in both audits",
        )
    courses = [charted([each[key] for each in found]) for key in usable]
    courses += contrasts([old.report, new.report], usable)
    p_values = [_p_value(course) for course in courses]
    adjusted = holm(np.array(p_values))
    return Unpaired(
        old=old.name,
        new=new.name,
        claims_digests=(old.report.claims_digest, new.report.claims_digest),
        differences=tuple(
            _difference(course, p, float(q)) for course, p, q in zip(courses, p_values, adjusted, strict=True)
        ),
        only_in_one=len(set().union(*found)) - len(usable),
        new_failures=new_failures([old, new]),
    )


def surely_worse(differences: Sequence[Difference], *, alpha: float = 0.05) -> tuple[Difference, ...]:
    """Return the differences that are for the worse, over the whole family."""
    return tuple(
        d
        for d in differences
        if d.p_adjusted <= alpha and d.higher_is_better is not None and (d.difference < 0) == d.higher_is_better
    )


def _p_value(course: Charted) -> float:
    return float(min(2 * ndtr(-abs(np.diff(course.centre)[0]) / np.hypot(*course.error)), 1.0))


def _difference(course: Charted, p_value: float, p_adjusted: float) -> Difference:
    (old, new), below, above = course.value, course.value - course.low, course.high - course.value
    difference = float(new - old)
    return Difference(
        id=course.id,
        metric=course.metric,
        higher_is_better=course.higher_is_better,
        family=course.family,
        old=float(old),
        new=float(new),
        difference=difference,
        interval=Interval(
            low=difference - float(np.hypot(below[1], above[0])),
            high=difference + float(np.hypot(above[1], below[0])),
            level=course.level,
            method=METHOD,
        ),
        p_value=p_value,
        p_adjusted=p_adjusted,
    )
