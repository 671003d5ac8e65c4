"""How a site's table is read for a federated audit: with the plan's labels, features and bands, and no other."""

from __future__ import annotations

from collections.abc import Mapping

from affidavit.plan import Feature
from affidavit.predictions import Reading
from federated.pooled.counts_plan import CountsPlan

NO_NAMES: Mapping[str, str] = {}


def reading_of(plan: CountsPlan, *, columns: Mapping[str, str] = NO_NAMES) -> Reading:
    """Return how to read a table; `columns` names parts whose columns are not recognised."""
    features = {
        name: Feature(level="utterance" if name in plan.of_rows else "unit", bands=plan.bands.get(name))
        for name in plan.features
    }
    return Reading(
        run=plan.run,
        by=tuple(sorted(plan.features)),
        columns=columns,
        features=features,
        label_space=plan.labels,
    )
