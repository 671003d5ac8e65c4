"""Sites' sums added up: what was told, what is withheld and how much of it there can be, and what noise was added.

Law: what is withheld is never taken for nothing. Of a withheld group the server knows a remainder, the least told group
around it less the told groups within; the group is some part of that, and `bounds` says what follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from affidavit.errors import FederationError
from affidavit.seeds import seed_of
from federated.pooled.contribution import SiteCounts, SiteRow, Spent, misfit, vector_of
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.measures import measures
from federated.pooled.noise import variances
from federated.pooled.plausibility import implausible
from federated.pooled.sums import BlockSums, Values, parted
from federated.pooled.withholding import Place

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Remainder:
    """What a withheld group is some part of, added up over the sites that withhold it."""

    sums: FloatArray
    """`[C]`"""
    moments: FloatArray
    """`[C, C]`"""
    sites: tuple[str, ...]

    def plus(self, other: Remainder) -> Remainder:
        """Return what the group is some part of at both sites."""
        return Remainder(
            sums=self.sums + other.sums, moments=self.moments + other.moments, sites=self.sites + other.sites
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Totals:
    """All sites together."""

    plan: CountsPlan
    blocks: tuple[BlockSums, ...]
    """Of what was told, in double precision."""
    contributors: tuple[str, ...]
    silent: tuple[str, ...] = ()
    """Sites that withheld everything: their patients are in no number."""
    remainders: Mapping[Place, Remainder] = field(default_factory=dict)
    noise: tuple[BlockSums, ...] | None = None
    """Variance of the noise in each number; None where none was added."""
    rows: Mapping[str, tuple[SiteRow, ...]] = field(default_factory=dict)
    """Sites' own estimates, of those that told them."""
    spent: Mapping[str, Spent] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    """Of each site's contribution; of the vector's total under secure sums."""

    @property
    def seed(self) -> int:
        """The seed of what is drawn from these totals."""
        return seed_of(self.plan.seed, "federated-audit")


def added(plan: CountsPlan, contributions: Sequence[SiteCounts]) -> Totals:
    """Add up what sites told, after holding each against what any table could give.

    Raises:
        VerificationError: a contribution is of another plan or site, came twice, or cannot be sums over patients.
        FederationError: nobody told anything.
    """
    sites = [counts.site for counts in contributions]
    if twice := sorted({site for site in sites if sites.count(site) > 1}):
        raise misfit(twice[0], "they came twice")
    total: Values = np.zeros(plan.size, dtype=np.int64)
    remainders: dict[Place, Remainder] = {}
    silent = []
    for counts in sorted(contributions, key=lambda each: each.site):
        _require_of(plan, counts)
        vector = vector_of(plan, counts)
        blocks = parted(plan, vector)
        gone = places_of(plan, counts.withheld)
        if plan.told != "noised" and (fault := implausible(plan, blocks, told=not gone)) is not None:
            raise misfit(counts.site, fault)
        total += vector
        if (0, 0) in gone:
            silent.append(counts.site)
            continue
        for place in gone:
            own = _remainder(blocks, place, gone, site=counts.site)
            remainders[place] = own if place not in remainders else remainders[place].plus(own)
    told = [site for site in sorted(sites) if site not in silent]
    if not told:
        raise _nobody(sites)
    noise = None if plan.noise is None else parted(plan, variances(plan) * len(told))
    return Totals(
        plan=plan,
        blocks=parted(plan, total.astype(np.float64)),
        contributors=tuple(told),
        silent=tuple(silent),
        remainders=remainders,
        noise=noise,
        rows={each.site: each.rows for each in contributions if each.rows},
        spent={each.site: each.spent for each in contributions if each.spent is not None},
        digests={each.site: each.digest for each in contributions},
    )


def _require_of(plan: CountsPlan, counts: SiteCounts) -> None:
    if counts.site not in plan.sites:
        raise misfit(counts.site, "the plan does not name this site")
    if counts.plan != plan.digest or counts.told != plan.told:
        raise misfit(counts.site, "they are of another plan")
    if counts.withheld and plan.told != "plain":
        raise misfit(counts.site, f"under {plan.told} sums nothing is withheld")
    if (plan.noise is not None) != (counts.spent is not None):
        raise misfit(counts.site, "they do not say what their noise cost")
    require_rows(plan, counts.site, counts.rows, told=_told(plan, places_of(plan, counts.withheld)))


def require_rows(plan: CountsPlan, site: str, rows: Sequence[SiteRow], *, told: frozenset[Place]) -> None:
    """Refuse own estimates of what the plan does not ask for, of withheld or small groups, or that are no rates.

    Raises:
        VerificationError: one is.
    """
    every = {(b.condition, tuple(g.items())): (i, j) for i, b in enumerate(plan.blocks) for j, g in enumerate(b.groups)}
    names = {measure.name for measure in measures(plan.labels)}
    seen = set()
    for row in rows:
        place = (row.condition, tuple(row.groups.items()))
        key = (*place, row.metric)
        if every.get(place) not in told or row.metric not in names or key in seen or row.n_units < plan.floor:
            raise misfit(site, "it tells an own estimate that nobody asked for")
        if not 0 <= row.value <= 1 or row.standard_error > 1:
            raise misfit(site, "an own estimate is no rate")
        seen.add(key)


def _told(plan: CountsPlan, gone: frozenset[Place]) -> frozenset[Place]:
    return frozenset((b, g) for b, block in enumerate(plan.blocks) for g in range(len(block.groups))) - gone


def places_of(plan: CountsPlan, withheld: Sequence[int]) -> frozenset[Place]:
    """Return blocks and groups of cells by their positions in a contribution."""
    every = [(b, g) for b, block in enumerate(plan.blocks) for g in range(len(block.groups))]
    return frozenset(every[i] for i in withheld)


def _remainder(blocks: Sequence[BlockSums], place: Place, gone: frozenset[Place], *, site: str) -> Remainder:
    """Return the least told group around a withheld one, less the told groups within it."""
    b, g = place
    own = blocks[b].block
    group = own.groups[g]
    found = []
    for p, around in enumerate(blocks):
        features = around.block.features
        if around.block.condition != own.condition or not set(features) < set(own.features):
            continue
        levels = {feature: group[feature] for feature in features}
        at = around.block.groups.index(levels)
        if (p, at) in gone:
            continue
        within = [h for h, other in enumerate(own.groups) if levels.items() <= other.items() and (b, h) not in gone]
        sums = around.sums[at] - blocks[b].sums[within].sum(axis=0)
        moments = around.moments[at] - blocks[b].moments[within].sum(axis=0)
        if (sums < 0).any() or (np.diagonal(moments) < 0).any():
            raise misfit(site, f"{own.condition}: groups are more than what they are part of")
        found.append(Remainder(sums=sums.astype(np.float64), moments=moments.astype(np.float64), sites=(site,)))
    return min(found, key=lambda each: float(each.sums.sum()))


def _nobody(sites: Sequence[str]) -> FederationError:
    return FederationError(
        "no site told anything",
        slug="quorum-missed",
        where="federated audit",
        found=f"{len(sites)} sites, each with fewer patients than the floor" if sites else "no contribution",
        allowed="one site above the floor at least",
        remedy="sum under secure aggregation, where the floor applies to the total",
    )
