"""A site's own estimates: made at the site, kept there, told to the server only where the site's policy says so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from federated.pooled.contribution import SiteRow
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.estimates import pooled
from federated.pooled.measures import measures
from federated.pooled.sums import BlockSums
from federated.pooled.withholding import Place


def site_rows(
    plan: CountsPlan, blocks: Sequence[BlockSums], *, withheld: frozenset[Place] = frozenset()
) -> tuple[SiteRow, ...]:
    """Return each metric of each group that is above the floor and not withheld, with its standard error.

    Groups without an estimate (a label that nobody has, patients that cannot be compared) have no row.
    """
    rows = []
    for b, sums in enumerate(blocks):
        for measure in measures(plan.labels):
            found = pooled(measure, sums)
            errors = found.believable_error()
            for g, group in enumerate(sums.block.groups):
                units = int(sums.n_units[g])
                if units < plan.floor or (b, g) in withheld or np.isnan(errors[g]) or np.isnan(found.value[g]):
                    continue
                if errors[g] <= 0:
                    continue
                rows.append(
                    SiteRow(
                        condition=sums.block.condition,
                        groups=group,
                        metric=measure.name,
                        value=float(found.value[g]),
                        standard_error=float(errors[g]),
                        n_units=units,
                    )
                )
    return tuple(rows)
