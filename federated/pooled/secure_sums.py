"""The same sums under secure aggregation: the terms that they are summed under, and totals from what the server learns.

The server sees the total alone. It cannot hold a site's sums against what any table could give, only the total; and the
floor is a rule about what it reports, for the total itself it has seen. Where the plan asks for noise, each site adds
its share, and the server has seen no exact total either (`federated.pooled.noise_shares`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from affidavit.digests import digest_of
from affidavit.errors import PlanError
from federated.pooled.contribution import SiteRow, Spent, misfit
from federated.pooled.counts_plan import CountsPlan, NoiseTerms
from federated.pooled.noise_shares import grid, total_variances
from federated.pooled.plausibility import implausible
from federated.pooled.sums import parted
from federated.pooled.totals import Totals, require_rows
from federated.pooled.withholding import Place, withheld_places
from federated.secure.counts import Counts
from federated.secure.identities import Roster
from federated.secure.terms import LEAST, Terms
from federated.secure.topologies import Topology
from federated.secure.totals import SecureTotal

NO_ROWS: Mapping[str, tuple[SiteRow, ...]] = {}


def counts_terms(plan: CountsPlan, *, roster: Roster, topology: Topology, minimum: int = LEAST) -> Terms:
    """Return the terms under which sites sum the plan's counts, once.

    Raises:
        PlanError: the plan does not ask for secure sums, or the terms admit none.
    """
    if plan.told != "secure":
        raise PlanError(
            "the plan does not ask for secure sums",
            slug="plan-impossible",
            where="federated audit",
            found=f"told: {plan.told}",
            allowed="told: secure",
        )
    if plan.noise is not None:
        minimum = max(minimum, plan.noise.least_sites)
    return Terms(
        run=plan.digest,
        purpose="counts",
        roster=roster,
        size=plan.size,
        encoding=Counts(bound=plan.most_units * plan.most_rows**2) if plan.noise is None else grid(plan),
        topology=topology,
        n_rounds=1,
        minimum=minimum,
    )


def totals_of_secure(
    plan: CountsPlan, total: SecureTotal, *, rows: Mapping[str, tuple[SiteRow, ...]] = NO_ROWS
) -> Totals:
    """Return the totals of a secure sum; `rows` are own estimates that sites told beside it.

    Raises:
        VerificationError: it cannot be a sum over patients: some site did not count as the plan says.
    """
    if len(total.total) != plan.size or total.saturated or total.scaled:
        raise misfit("the secure sum", "it has another length, or larger numbers, than the plan asks for")
    if plan.noise is not None:
        return _noised(plan, total, plan.noise)
    vector = np.asarray(total.integers).astype(np.int64)
    n_sites = len(total.contributors)
    if (fault := implausible(plan, parted(plan, vector), n_sites=n_sites)) is not None:
        raise misfit("the secure sum", fault)
    blocks = parted(plan, vector.astype(np.float64))
    every = frozenset((b, g) for b, sums in enumerate(blocks) for g in range(len(sums.block.groups)))
    for site, own in rows.items():
        require_rows(plan, site, own, told=every)
    return Totals(
        plan=plan,
        blocks=blocks,
        contributors=tuple(sorted(total.contributors)),
        rows=_told(plan, rows, every - withheld_places(plan, blocks)),
        digests={"secure sum": digest_of(vector.tolist())},
    )


def _noised(plan: CountsPlan, total: SecureTotal, noise: NoiseTerms) -> Totals:
    """Return noised totals: without own estimates, which nothing noises, and not held against what tables can give."""
    sites = tuple(sorted(total.contributors))
    spent = Spent(epsilon=noise.epsilon, delta=noise.delta)
    return Totals(
        plan=plan,
        blocks=parted(plan, np.asarray(total.total, dtype=np.float64)),
        contributors=sites,
        noise=parted(plan, total_variances(plan, len(sites))),
        spent=dict.fromkeys(sites, spent),
        digests={"secure sum": digest_of([str(number) for number in total.integers])},
    )


def _told(
    plan: CountsPlan, rows: Mapping[str, tuple[SiteRow, ...]], told: frozenset[Place]
) -> Mapping[str, tuple[SiteRow, ...]]:
    """Return own estimates without those of groups whose total is withheld."""
    kept = {(plan.blocks[b].condition, tuple(plan.blocks[b].groups[g].items())) for b, g in told}
    return {
        site: tuple(row for row in own if (row.condition, tuple(row.groups.items())) in kept)
        for site, own in rows.items()
    }
