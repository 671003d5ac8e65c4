"""What a site does for a federated audit: count, withhold or noise, write down what it costs, hand over.

The order is the law: what leaves is made whole, the noise's cost is in the site's ledger on disk, and only then is
there anything to send. Under secure sums nothing leaves but the masked vector: `site_vector` is its input.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affidavit.errors import PlanError
from affidavit.predictions import Predictions
from affidavit.seeds import seed_of
from federated.pooled.contribution import SiteCounts, Spent, contribution
from federated.pooled.counting import counted
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.noise import noised, spend
from federated.pooled.site_rows import site_rows
from federated.pooled.sums import BlockSums, Values, joined, parted
from federated.pooled.withholding import withheld_places
from privacy.dpsgd.randomness import Source, secret_source
from privacy.ledger.events import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTerms:
    """What a site allows."""

    site: str
    ledger: Path | None = None
    """Where the cost of noise is written; needed where the plan asks for noise."""
    budget: Budget | None = None
    """What the site's answers and trainings may cost a patient together, beside what its ledger says already."""
    floor: int = 2
    """The site's own floor; where it is larger than the plan's it says what is withheld."""
    tell_own_rows: bool = False
    """Whether its own estimates may leave, for how far sites differ."""
    tell_data_digest: bool = False
    """Whether the digest of its table may leave: whoever has the table can then show that it was this one."""


def site_counts(
    predictions: Predictions, plan: CountsPlan, terms: SiteTerms, *, source: Source | None = None
) -> SiteCounts:
    """Return what leaves a site; `source` draws the noise, of the operating system where None.

    Raises:
        InputError: the table cannot be counted.
        PlanError: the plan asks for secure sums, does not name the site, or noise without a ledger.
        BudgetSpentError: the site's budget forbids the noise's cost.
    """
    if terms.site not in plan.sites:
        raise _unfit("the plan does not name this site", terms.site, ", ".join(plan.sites))
    if plan.told == "secure":
        raise _unfit("the plan asks for secure sums, which leave no file", plan.told, "plain or noised")
    blocks = site_blocks(predictions, plan, site=terms.site)
    data = predictions.digest if terms.tell_data_digest else ""
    if plan.noise is not None:
        return _noised(plan, blocks, terms, source or secret_source(), data=data)
    stricter = plan.model_copy(update={"floor": max(plan.floor, terms.floor)})
    gone = withheld_places(stricter, blocks)
    made = contribution(plan, blocks, site=terms.site, withheld=gone, data=data)
    rows = site_rows(stricter, blocks, withheld=gone) if terms.tell_own_rows else ()
    return made.model_copy(update={"rows": rows}).sealed()


def site_blocks(predictions: Predictions, plan: CountsPlan, *, site: str) -> tuple[BlockSums, ...]:
    """Return a site's exact sums, which stay there.

    Raises:
        InputError: the table cannot be counted.
        PlanError: a feature of the plan is not in the table.
    """
    return counted(predictions, plan, rng=np.random.default_rng(seed_of(plan.seed, "federated-audit", site)))


def site_vector(predictions: Predictions, plan: CountsPlan, *, site: str) -> Values:
    """Return the exact sums as the vector that goes into a secure sum, int64.

    Raises:
        InputError: the table cannot be counted.
        PlanError: a feature of the plan is not in the table.
    """
    return joined(site_blocks(predictions, plan, site=site))


def _noised(
    plan: CountsPlan, blocks: tuple[BlockSums, ...], terms: SiteTerms, source: Source, *, data: str
) -> SiteCounts:
    if plan.noise is None or terms.tell_own_rows:
        raise _unfit("own estimates are not noised", "tell_own_rows", "noise without them")
    if terms.ledger is None and not source.simulated:
        raise _unfit("noise is promised, and there is no ledger to count what it costs", "no ledger", "a ledger")
    overall, head = (None, None)
    if terms.ledger is not None and not source.simulated:
        overall, head = spend(plan, terms.ledger, site=terms.site, budget=terms.budget)
    vector = noised(plan, joined(blocks), source=source)
    made = contribution(plan, parted(plan, vector), site=terms.site, withheld=frozenset(), data=data)
    spent = Spent(
        epsilon=plan.noise.epsilon,
        delta=plan.noise.delta,
        ledger_epsilon=overall,
        ledger_head=head,
        simulated=source.simulated,
    )
    return made.model_copy(update={"spent": spent}).sealed()


def _unfit(what: str, found: str, allowed: str) -> PlanError:
    return PlanError(what, slug="plan-impossible", where="federated audit", found=found, allowed=allowed)
