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

from affidavit.errors import PlanError
from affidavit.records import Finding, Interval, Number, Record
from affidavit.series import NamedAudit, NewFailure, by_key, check_comparable, new_failures, standard_error
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
    old: Number
    new: Number
    difference: Number
    interval: Interval
    p_value: Number
    """Of no difference, normal, from the widths of both intervals."""
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
    """Compare the findings that both reports have, gaps left out.

    Raises:
        PlanError: their numbers mean different things, they are of one table, or they share no finding.
    """
    check_comparable([old, new])
    one, other = by_key(old.report.findings), by_key(new.report.findings)
    pairs = [(one[key], other[key]) for key in one if key in other]
    usable = [(a, b) for a, b in pairs if standard_error(a) is not None and standard_error(b) is not None]
    if not usable:
        raise PlanError(
            "the two reports share no finding with an interval",
            slug="plan-impossible",
            where=f"{old.name}, {new.name}",
            found=f"{len(one)} findings and {len(other)}",
            remedy="name runs, conditions and features alike in both audits",
        )
    p_values = [_p_value(a, b) for a, b in usable]
    adjusted = holm(np.array(p_values))
    return Unpaired(
        old=old.name,
        new=new.name,
        claims_digests=(old.report.claims_digest, new.report.claims_digest),
        differences=tuple(
            _difference(a, b, p, float(q)) for (a, b), p, q in zip(usable, p_values, adjusted, strict=True)
        ),
        only_in_one=len({*one, *other}) - len(usable),
        new_failures=new_failures([old, new]),
    )


def surely_worse(differences: Sequence[Difference], *, alpha: float = 0.05) -> tuple[Difference, ...]:
    """Return the differences that are for the worse, over the whole family."""
    return tuple(
        d
        for d in differences
        if d.p_adjusted <= alpha and d.higher_is_better is not None and (d.difference < 0) == d.higher_is_better
    )


def _p_value(old: Finding, new: Finding) -> float:
    one, other = (standard_error(finding) or float("nan") for finding in (old, new))
    distance = abs((new.estimate.value or 0.0) - (old.estimate.value or 0.0))
    return float(min(2 * ndtr(-distance / np.hypot(one, other)), 1.0))


def _difference(old: Finding, new: Finding, p_value: float, p_adjusted: float) -> Difference:
    a, b = old.estimate, new.estimate
    if a.interval is None or b.interval is None or a.value is None or b.value is None:
        raise ValueError(f"{old.id} has no interval")
    difference = b.value - a.value
    low = difference - float(np.hypot(b.value - b.interval.low, a.interval.high - a.value))
    high = difference + float(np.hypot(b.interval.high - b.value, a.value - a.interval.low))
    level = min(a.interval.level, b.interval.level)
    name = new.id if new.criterion is None else new.id.removesuffix(f"#{new.criterion.id}")
    return Difference(
        id=name,
        metric=new.metric,
        higher_is_better=new.higher_is_better,
        old=a.value,
        new=b.value,
        difference=difference,
        interval=Interval(low=low, high=high, level=level, method=METHOD),
        p_value=p_value,
        p_adjusted=p_adjusted,
    )
