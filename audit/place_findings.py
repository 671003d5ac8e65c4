"""A finding about one group at one place, before anybody holds it against a criterion."""

from __future__ import annotations

from collections.abc import Mapping

from affidavit.claims import Place
from affidavit.examinations import finding_id, pending
from affidavit.records import Estimate, Finding


def place_finding(
    place: Place,
    metric: str,
    estimate: Estimate,
    *,
    groups: Mapping[str, str],
    higher_is_better: bool | None,
    source: str,
) -> Finding:
    """Return the finding of an estimate in one group: informative, or inconclusive for want of an interval."""
    verdict, because = pending(estimate)
    return Finding(
        id=finding_id(place.run, place.condition, place.examination, metric, groups=groups),
        examination=place.examination,
        method_version=place.method_version,
        metric=metric,
        higher_is_better=higher_is_better,
        run=place.run,
        condition=place.condition,
        groups=groups,
        estimate=estimate,
        verdict=verdict,
        because=because,
        source=source,
    )
