"""What was spent, in words: what an epsilon is never printed without (unit, relation, sampler, accountants)."""

from __future__ import annotations

from collections import Counter

from privacy.accounting.answers import Unbounded
from privacy.accounting.mechanisms import Neighbours, Sampler
from privacy.ledger.events import SearchEvent, Unit
from privacy.ledger.spending import Spent

NEIGHBOURS: dict[Neighbours, str] = {
    "add-remove": "one {unit} added or removed (sensitivity: the clip norm)",
    "replace": "one {unit} replaced by another (sensitivity: twice the clip norm)",
}
SAMPLERS: dict[Sampler, str] = {
    "poisson": "each {unit} drawn with its own coin (Poisson), unseen by whoever attacks",
    "full": "every {unit} in every step, without amplification",
}
PER_UTTERANCE = (
    "protects one utterance, not the patient who spoke it: with k utterances the patient has k times the epsilon, and "
    "k e^((k - 1) epsilon) times the delta"
)


def promise(spent: Spent) -> tuple[str, ...]:
    """Return everything that an epsilon is true of, one sentence each."""
    samplers = " and ".join(SAMPLERS[sampler].format(unit=spent.unit) for sampler in spent.samplers)
    counted = f"{spent.n_steps:,} steps" + (f", {spent.unconfirmed:,} of them unconfirmed" if spent.unconfirmed else "")
    searches = (
        f" and {spent.n_searches} hyper-parameter search{'es' * (spent.n_searches > 1)}" if spent.searched else ""
    )
    neighbours = NEIGHBOURS[spent.neighbours].format(unit=spent.unit)
    return (
        f"delta {spent.delta:g}; unit: {spent.unit}; neighbours: {neighbours}",
        f"counted: {counted}{searches}" + (f"; sampler: {samplers}" if samplers else ""),
        *(_searched(one, n, spent.unit) for one, n in Counter(spent.searched).items()),
        *([f"accountants: {', '.join(spent.accountants)}"] if spent.accountants else []),
        *([f"sites: {', '.join(spent.sites)}"] if spent.sites else []),
        *([PER_UTTERANCE] if spent.unit == "utterance" else []),
        *spent.caveats,
    )


def _searched(search: SearchEvent, n: int, unit: Unit) -> str:
    """Return what one search, or several that are alike, was said to be before its first trial."""
    kind = {"poisson": "Poisson", 0: "logarithmic", 1: "geometric"}.get(search.shape, "truncated negative binomial")
    steps = "; ".join(
        f"{step.n_times:,} step{'s' * (step.n_times > 1)}, {SAMPLERS[step.sampler].format(unit=unit)}"
        for step in search.steps
    )
    times = f"{n} searches, each" if n > 1 else "the search"
    apart = f"; scored on {unit}s whom no step sees, who are counted too" if search.score is not None else ""
    return (
        f"{times}: trials in a number drawn from a {kind} distribution of mean {search.mean:g} and told to nobody, "
        f"each of at most {steps}{apart}; the best one is released, and nothing else of any"
    )


def number(spent: Spent) -> str:
    """Return epsilon, or why there is none."""
    if isinstance(spent.answer, Unbounded):
        return f"unbounded: {spent.answer.because}"
    return f"epsilon {spent.answer.epsilon:.4g}"
