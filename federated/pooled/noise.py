"""Noise on a site's sums: how far one patient can move them, and what it costs to send them.

A patient brings at most L rows under one condition (`rows_per_patient`; of more, L are drawn). In one block they move

| part | by at most, in L2 |
|---|---|
| number of patients | 1 (of rows: as many groups as they can be in, the root of min(G, L)) |
| rows | L |
| hits, truths, calls | sqrt(3) L: each of the three adds up to at most L |
| patients by label | the root of min(labels, L) |
| second moments, and between groups | 3 L^2, the square of the line before |

Each part is divided by its bound, so that the whole vector of B blocks moves by at most sqrt(5 B), gets Gaussian noise
of `noise_multiplier` times that, and is multiplied back. Adding or removing a patient is the neighbouring relation; all
patients take part, so nothing is amplified. The noise comes from the operating system's generator
(`privacy.dpsgd.randomness`, which says what double precision leaves), and is rounded afterwards, which costs nothing.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affidavit.errors import PlanError
from affidavit.hash_chain import read_chain
from federated.pooled.counts_plan import Block, CountsPlan, NoiseTerms
from federated.pooled.sums import Values
from privacy.accounting.answers import Bounded
from privacy.accounting.calibration import noise_for
from privacy.accounting.mechanisms import SubsampledGaussian
from privacy.dpsgd.randomness import Source
from privacy.ledger.book import Book, book_of
from privacy.ledger.events import Budget, RunOpened, StepEvent
from privacy.ledger.ledger import Ledger
from privacy.ledger.room import fits

FloatArray = NDArray[np.float64]
PARTS = 5
"""Parts of a block, each divided by its own bound."""


def patient_bounds(plan: CountsPlan) -> FloatArray:
    """Return by how much one patient can move the part that each number belongs to, `[size]`."""
    rows = _terms(plan).rows_per_patient
    return np.concatenate([_block_bounds(block, rows) for block in plan.blocks])


def _block_bounds(block: Block, rows: int) -> FloatArray:
    groups, k = len(block.groups), block.n_labels
    among = groups if block.joint else 1
    parts = (
        (groups, math.sqrt(min(among, rows))),
        (groups, float(rows)),
        (groups * block.n_sums, math.sqrt(3) * rows),
        (groups * k, math.sqrt(min(among * k, rows))),
        (groups * block.n_moments + len(block.pairs) * block.n_sums**2, 3.0 * rows**2),
    )
    return np.concatenate([np.full(size, bound) for size, bound in parts])


def noise_multiplier(plan: CountsPlan) -> float:
    """Return the standard deviation of the noise over the sensitivity that the plan's epsilon and delta ask for."""
    terms = _terms(plan)
    return _multiplier(terms.epsilon, terms.delta)


@lru_cache(maxsize=16)
def _multiplier(epsilon: float, delta: float) -> float:
    once = SubsampledGaussian(noise_multiplier=1.0, sample_rate=1.0, sampler="full", neighbours="add-remove")
    return noise_for(once, epsilon=epsilon, delta=delta)


def variances(plan: CountsPlan) -> FloatArray:
    """Return the variance of one site's noise in each number, rounding included, `[size]`."""
    scale = noise_multiplier(plan) * math.sqrt(PARTS * len(plan.blocks))
    return np.asarray((patient_bounds(plan) * scale) ** 2 + 1 / 12)


def noised(plan: CountsPlan, vector: Values, *, source: Source) -> Values:
    """Return a site's numbers with noise, whole numbers that may be negative."""
    deviation = np.sqrt(variances(plan) - 1 / 12)
    return np.asarray(np.rint(vector + deviation * source.normal(len(vector))).astype(np.int64))


def spend(plan: CountsPlan, ledger: Path, *, site: str, budget: Budget | None = None) -> tuple[float | None, str]:
    """Write the sending into the site's ledger before it is done; return the whole ledger's epsilon, and its head.

    `budget` binds beside every one that was said in the ledger before.

    Raises:
        BudgetSpentError: a budget of the site forbids it; nothing was written.
    """
    terms = _terms(plan)
    run = _run(plan)
    with Ledger.opened(ledger, site=site, unit="patient", run=run, budget=budget).looking_no_further() as hand:
        hand.confirm(hand.intend(_step(plan)))
        spent = hand.spent(delta=terms.delta).answer
        return (spent.epsilon if isinstance(spent, Bounded) else None), hand.head


def affordable(plan: CountsPlan, ledger: Path, *, site: str, budget: Budget | None) -> bool:
    """Say whether the sending would stay within `budget` and every other one of the ledger; nothing is written.

    Raises:
        VerificationError: a line of the ledger does not hold.
    """
    book = book_of(read_chain(ledger).links, where=str(ledger)) if ledger.exists() else Book()
    asked = RunOpened(
        site=site,
        unit="patient",
        run=_run(plan),
        epsilon=None if budget is None else budget.epsilon,
        delta=None if budget is None else budget.delta,
    )
    if asked.run not in book.runs:
        book.take(-1, asked, where=str(ledger))
    return fits(book, asked, _step(plan).mechanism)


def _run(plan: CountsPlan) -> str:
    return f"federated-audit {plan.digest}"


def _step(plan: CountsPlan) -> StepEvent:
    return StepEvent(
        noise_multiplier=noise_multiplier(plan),
        sample_rate=1.0,
        clip_norm=1.0,
        sampler="full",
        neighbours="add-remove",
    )


def _terms(plan: CountsPlan) -> NoiseTerms:
    if plan.noise is None:
        raise PlanError(
            "the plan asks for no noise", slug="plan-impossible", remedy="say told: noised, with epsilon and delta"
        )
    return plan.noise
