"""What still fits into a budget: each that was ever said for a site binds all of its runs, whatever their unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from privacy.accounting.accountants import within
from privacy.accounting.mechanisms import Mechanism, SubsampledGaussian
from privacy.ledger.book import Book
from privacy.ledger.events import RunOpened

MOST_ASKED: Final = 1_000_000
"""Steps beyond which nobody asks how many more there would be."""


def fits(book: Book, opened: RunOpened, more: Mechanism) -> bool:
    """Say whether every budget of a site holds when the run that was opened so takes `more`.

    Nothing is known of one unit from steps on another, so that a budget on patients forbids steps on utterances.
    """
    runs = book.at(opened.site)
    spent = tuple(one for run in runs for one in run.mechanisms)
    units = {opened.unit, *(run.opened.unit for run in runs if run.mechanisms)}
    for run in runs:
        if run.budget is None:
            continue
        if units != {run.opened.unit}:
            return False
        if not within((*spent, more), epsilon=run.budget.epsilon, delta=run.budget.delta):
            return False
    return True


def most(enough: Callable[[int], bool], *, fits: int, exceeds: int) -> int:
    """Return the largest number that fits, given one that does and one that does not."""
    while exceeds - fits > 1:
        middle = (fits + exceeds) // 2
        fits, exceeds = (middle, exceeds) if enough(middle) else (fits, middle)
    return fits


def steps_left(book: Book, opened: RunOpened, step: SubsampledGaussian) -> int:
    """Return how many more steps of a kind fit, `MOST_ASKED` where it is that many or more."""

    def enough(n: int) -> bool:
        return fits(book, opened, step.times(n))

    if not enough(1):
        return 0
    tried = 2
    while tried < MOST_ASKED and enough(tried):
        tried *= 2
    if tried >= MOST_ASKED:
        return MOST_ASKED
    return most(enough, fits=tried // 2, exceeds=tried)
