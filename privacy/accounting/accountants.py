"""How large is epsilon? Two accountants asked for the same steps, and the larger answer given.

Steps alone: Opacus' PRV and dp-accounting's PLD. With a hyper-parameter search among them: Opacus' Renyi losses under
Papernot and Steinke's formulas written out here, and dp-accounting's own. Both are upper bounds each time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

from affidavit.errors import PlanError
from privacy.accounting.answers import Account, Answer, Bounded, Unbounded, bounded
from privacy.accounting.mechanisms import Mechanism, Search, SubsampledGaussian, neighbours_of, pooled
from privacy.accounting.pld import pld_epsilon
from privacy.accounting.prv import prv_epsilon
from privacy.accounting.renyi import own_account, renyi_account, renyi_bound

Accountant = Literal["prv", "pld", "rdp"]
HOPELESS: Final = 200.0
"""A Renyi bound above which no finer accountant is asked: the answer protects nobody either way. Nor is one where the
bound is 0, as at a delta that forgives everything."""
NO_NOISE: Final = "a step added no noise"
REFUSED: Final = {
    "gdp": "a central limit that understates epsilon for the numbers of steps that are taken",
}


def account(mechanisms: tuple[Mechanism, ...], *, delta: float) -> Answer:
    """Return the epsilon at `delta` of all mechanisms one after the other, under the relation that fits them all.

    Where any is accounted for under `replace`, all are.

    Raises:
        PlanError: `delta` is not between 0 and 1.
    """
    check_delta(delta)
    return _accounted(mechanisms, delta)


@lru_cache(maxsize=1024)
def _accounted(mechanisms: tuple[Mechanism, ...], delta: float) -> Answer:
    if not mechanisms:
        return Bounded(epsilon=0.0, delta=delta)
    if not _noisy(mechanisms):
        return Unbounded(because=NO_NOISE)
    neighbours = neighbours_of(mechanisms)
    steps, searches = _kinds(mechanisms)
    coarse = renyi_account((*steps, *searches), neighbours=neighbours, delta=delta)
    if searches:
        own = own_account((*steps, *searches), neighbours=neighbours, delta=delta)
        return bounded((own, coarse), delta=delta)
    if coarse.epsilon is None or coarse.epsilon > HOPELESS or coarse.epsilon == 0:
        return bounded((coarse,), delta=delta)
    asked: tuple[Account, ...] = (
        prv_epsilon(steps, neighbours=neighbours, delta=delta, rdp=coarse.epsilon),
        pld_epsilon(steps, neighbours=neighbours, delta=delta, rdp=coarse.epsilon),
    )
    if all(one.epsilon is None for one in asked):  # a delta too small for their floating point
        asked = (*asked, coarse)
    return bounded(asked, delta=delta)


def account_by(accountant: str, mechanisms: tuple[Mechanism, ...], *, delta: float) -> Account:
    """Return what one accountant says.

    Raises:
        PlanError: there is no such accountant here, it is one that understates epsilon, or one that knows no searches
            and is asked for one.
    """
    check_accountant(accountant)
    check_delta(delta)
    neighbours = neighbours_of(mechanisms)
    steps, searches = _kinds(mechanisms)
    if searches and accountant != "rdp":
        raise PlanError(
            f"the accountant {accountant!r} knows no hyper-parameter searches, and would leave them out",
            slug="plan-impossible",
            found=f"{len(searches)} searches among the mechanisms",
            allowed="steps alone; searches with rdp",
            remedy="use `account`, which asks two accountants that know both",
        )
    coarse = renyi_account((*steps, *searches), neighbours=neighbours, delta=delta)
    if accountant == "rdp" or coarse.epsilon is None:
        return coarse
    asked = prv_epsilon if accountant == "prv" else pld_epsilon
    return asked(steps, neighbours=neighbours, delta=delta, rdp=coarse.epsilon)


def within(mechanisms: tuple[Mechanism, ...], *, epsilon: float, delta: float) -> bool:
    """Say whether the mechanisms stay within a budget; the accountants are asked only where the coarse bound is not."""
    if not mechanisms:
        return True
    if not _noisy(mechanisms):
        return False
    steps, searches = _kinds(mechanisms)  # clip norms that change from step to step leave thousands that are alike
    coarse = renyi_bound((*steps, *searches), neighbours=neighbours_of(mechanisms), delta=delta)
    if coarse is not None and coarse <= 0.95 * epsilon:
        return True  # the finer ones may lie above it by their errors, well under that margin
    if coarse is None or coarse > 2 * epsilon + 10:
        return False  # Renyi bounds of these mechanisms lie nowhere near that far above
    if not searches:
        quick = account_by("prv", mechanisms, delta=delta)  # the faster of the two says no for both
        if quick.epsilon is not None and quick.epsilon > epsilon:
            return False
    answer = account(mechanisms, delta=delta)
    return isinstance(answer, Bounded) and answer.epsilon <= epsilon


def check_accountant(accountant: str) -> None:
    """Refuse an accountant that is not here.

    Raises:
        PlanError: it is none of `prv`, `pld` and `rdp`.
    """
    if accountant not in ("prv", "pld", "rdp"):
        raise PlanError(
            f"the accountant {accountant!r} is not asked here",
            slug="plan-impossible",
            found=REFUSED.get(accountant),
            allowed="prv, pld (rdp as a coarser bound)",
            remedy="use prv and pld",
        )


def check_delta(delta: float) -> None:
    """Refuse a delta that is none.

    Raises:
        PlanError: it is not between 0 and 1.
    """
    if not 0 < delta < 1:
        raise PlanError(
            "delta is a probability",
            slug="plan-impossible",
            found=f"delta {delta}",
            allowed="above 0 and below 1, and below one over the number of units",
            remedy="give such as 1e-5",
        )


def _kinds(mechanisms: tuple[Mechanism, ...]) -> tuple[tuple[SubsampledGaussian, ...], tuple[Search, ...]]:
    """Return the steps, those of a kind counted together, and the searches."""
    steps = tuple(one for one in mechanisms if isinstance(one, SubsampledGaussian))
    return pooled(steps), tuple(one for one in mechanisms if isinstance(one, Search))


def _noisy(mechanisms: tuple[Mechanism, ...]) -> bool:
    every = [step for one in mechanisms for step in (one.every if isinstance(one, Search) else (one,))]
    return all(step.noise_multiplier > 0 for step in every)
