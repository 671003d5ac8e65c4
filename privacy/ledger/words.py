"""What was spent, in words: what an epsilon is never printed without (unit, relation, sampler, accountants)."""

from __future__ import annotations

from privacy.accounting.answers import Unbounded
from privacy.accounting.mechanisms import Neighbours, Sampler
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
    searches = f" and {spent.n_searches} hyper-parameter searches" if spent.n_searches else ""
    neighbours = NEIGHBOURS[spent.neighbours].format(unit=spent.unit)
    return (
        f"delta {spent.delta:g}; unit: {spent.unit}; neighbours: {neighbours}",
        f"counted: {counted}{searches}" + (f"; sampler: {samplers}" if samplers else ""),
        *([f"accountants: {', '.join(spent.accountants)}"] if spent.accountants else []),
        *([f"sites: {', '.join(spent.sites)}"] if spent.sites else []),
        *([PER_UTTERANCE] if spent.unit == "utterance" else []),
        *spent.caveats,
    )


def number(spent: Spent) -> str:
    """Return epsilon, or why there is none."""
    if isinstance(spent.answer, Unbounded):
        return f"unbounded: {spent.answer.because}"
    return f"epsilon {spent.answer.epsilon:.4g}"
