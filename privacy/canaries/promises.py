"""What a privacy ledger promises, where it promises what canaries can speak of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from privacy.canaries.options import Promise
from privacy.ledger.book import read_book
from privacy.ledger.spending import Spent, spent_overall


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """A promise, or none, and what is to be said of it."""

    promise: Promise | None
    said: str


def promise_of_ledger(path: Path, *, delta: float, paired: bool) -> Promised:
    """Return the epsilon that a ledger has spent at a delta, for adding or removing a unit, or for replacing one.

    What is promised of adding or removing one, (epsilon, delta), is for replacing one at most (2 epsilon,
    (1 + e^epsilon) delta): one is removed, another added. A ledger for replacing promises nothing of adding one.

    Raises:
        TableError: there is no ledger. VerificationError: its chain does not hold. PlanError: delta is not above 0.
    """
    book = read_book(path)
    units = {unit for site in book.sites for unit in book.units(site)}
    spent = spent_overall(book, unit="patient" if "patient" in units or not units else "utterance", delta=delta)
    if spent.epsilon is None:
        return Promised(promise=None, said=f"the ledger bounds nothing that could be refuted ({_why(spent)})")
    if spent.neighbours == "replace" and not paired:
        said = "the ledger accounts for replace and these canaries speak of add-remove: not held against it"
        return Promised(promise=None, said=said)
    said = (
        f"promised by the ledger: epsilon {spent.epsilon:.4g} at delta {delta:g} for one {spent.unit}, "
        f"{spent.neighbours}, sampler {' and '.join(spent.samplers) or 'none'}, {', '.join(spent.accountants)}"
    )
    promise = Promise(epsilon=spent.epsilon, delta=delta)
    if paired and spent.neighbours == "add-remove":
        return _of_replacing(promise, said)
    return Promised(promise=promise, said=said)


def _of_replacing(promise: Promise, said: str) -> Promised:
    """Return what a promise of adding or removing one promises of replacing one, if anything."""
    log_delta = float(np.logaddexp(0.0, promise.epsilon)) + math.log(promise.delta)
    if log_delta >= 0:
        return Promised(promise=None, said=f"{said}; of replacing one that promises nothing: not held against it")
    twice = Promise(epsilon=2 * promise.epsilon, delta=math.exp(log_delta))
    of_pairs = f"of replacing one, which pairs speak of, that is epsilon {twice.epsilon:.4g} at delta {twice.delta:.3g}"
    return Promised(promise=twice, said=f"{said}; {of_pairs}")


def _why(spent: Spent) -> str:
    return getattr(spent.answer, "because", "nothing is said")
