"""The command `affidavit ledger`: what was spent, whether the ledger holds, what is left, and who shares no patient.

Exit codes: 0 it is so; 1 a budget is exceeded or nothing is left of it; 2 the ledger cannot be read or does not hold;
3 it cannot be said, or not without a caveat that matters: nothing bounds the loss, delta is not below one over the
number of units or nobody declared that number, the accountants differ, no budget was stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, get_args

import typer

from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, EXIT_INCONCLUSIVE, PlanError, VerificationError
from privacy.accounting.answers import Bounded
from privacy.accounting.mechanisms import SubsampledGaussian
from privacy.ledger.adding import added_up
from privacy.ledger.book import Book, Run, read_book, read_books, read_chains, together
from privacy.ledger.notes import attest_disjoint
from privacy.ledger.room import MOST_ASKED, steps_left
from privacy.ledger.spending import Spent, spent_at, spent_overall
from privacy.ledger.words import number, promise

Action = Literal["show", "verify", "remaining", "attest"]
NO_DELTA: Final = "no run of this ledger has a budget, so that nobody has said at which delta to account"


def ledger(
    action: str,
    path: Path,
    *,
    delta: float | None = None,
    head: str | None = None,
    sites: Sequence[str] = (),
    word: tuple[str, str] | None = None,
) -> int:
    """Show what was spent, verify the chain, say what remains of the budgets, or note an attestation.

    What it says is printed; the exit code is returned. `sites` are those that share no patient, `word` says who attests
    that, and from what.

    Raises:
        PlanError: there is no such action, delta is missing and no budget says one, or nothing is attested.
        TableError: there is nothing to read.
        VerificationError: a line does not hold, or no line has the digest `head`.
    """
    if action == "verify":
        return verify(path, head=head)
    if action == "show":
        return show(path, delta=delta)
    if action == "remaining":
        return remaining(path)
    if action == "attest":
        return attest(path, tuple(sites), word)
    raise PlanError(
        f"the ledger has no action {action!r}",
        slug="plan-impossible",
        allowed=", ".join(get_args(Action)),
        remedy="such as `affidavit ledger show PATH`",
    )


def verify(path: Path, *, head: str | None = None) -> int:
    """Verify every line of a ledger or a folder of ledgers and, given a digest kept elsewhere, that it is in there."""
    chains = read_chains(path)
    book = read_book(path)
    for name, chain in chains.items():
        torn = f", and {len(chain.torn)} bytes of a line that a crash cut off" if chain.torn else ""
        typer.echo(f"{name}: {len(chain.links):,} lines hold{torn}\nhead {chain.head}")
    if book.torn:
        typer.echo(f"{book.torn} lines were cut off by crashes and set aside beside the ledger")
    if head is not None and not any(chain.holds(head) for chain in chains.values()):
        raise VerificationError(
            "no line has this digest: lines were cut off the end, or it is of another ledger",
            slug="digest-mismatch",
            where=str(path),
            found="heads " + ", ".join(chain.head for chain in chains.values()),
            allowed=head,
            remedy="ask whoever keeps the ledger for the lines that are missing",
        )
    return EXIT_DONE


def show(path: Path, *, delta: float | None = None) -> int:
    """Show what each site has spent, and all together."""
    book = _told_together(path)
    asked = delta if delta is not None else book.stated_delta
    if asked is None:
        raise PlanError(
            NO_DELTA,
            slug="plan-impossible",
            where=str(path),
            allowed="a delta below one over the number of units",
            remedy="give --delta, such as 1e-5",
        )
    every = [spent_at(book, site=site, unit=unit, delta=asked) for site in book.sites for unit in book.units(site)]
    for spent in every:
        _say(f"site {spent.sites[0]}, each {spent.unit}", spent)
    if len(book.sites) > 1:
        units = book.every_unit
        every += [spent_overall(book, unit=unit, delta=asked) for unit in units]
        for spent in every[-len(units) :]:
            _say(f"all sites, each {spent.unit}", spent)
    for site, n in book.withdrawals.items():
        typer.echo(f"site {site}: {n} withdrawals noted; what was spent stays spent")
    if not every:
        typer.echo("no run was opened: nothing was spent")
    return EXIT_DONE if all(sound(spent) for spent in every) else EXIT_INCONCLUSIVE


def remaining(path: Path) -> int:
    """Say what is left of every budget: epsilon, and how many more steps like the last.

    A site's budget is held against all that its ledgers have counted: a budget that no single one exceeds may be
    exceeded by several that were written apart.
    """
    book = _told_together(path)
    outcomes = [_left(book, run) for run in book.runs.values() if run.budget is not None]
    if not outcomes:
        typer.echo("no run has a budget")
        return EXIT_INCONCLUSIVE
    return max(outcomes, key=(EXIT_DONE, EXIT_INCONCLUSIVE, EXIT_CRITERION_FAILED).index)


def attest(path: Path, sites: tuple[str, ...], word: tuple[str, str] | None) -> int:
    """Note in a ledger that somebody attests that sites share no patient; it counts for the sites of that ledger."""
    if word is None or not path.is_file():
        raise PlanError(
            "an attestation needs the sites, who attests it, and from what; and one ledger that it is noted in",
            slug="plan-impossible",
            where=str(path),
            allowed="a ledger that is there (of several read together, that of each site)",
            remedy="such as `affidavit ledger attest north.jsonl --site north --site south --by 'data protection "
            "office' --because 'patient lists compared'`",
        )
    by, because = word
    number = attest_disjoint(path, sites=sites, by=by, because=because)
    typer.echo(f"line {number + 1}: {by} attests that no patient is at two of {', '.join(sites)}")
    return EXIT_DONE


def _told_together(path: Path) -> Book:
    """Read ledgers as one account, and say which are added up and why."""
    books = read_books(path)
    book = together(books)
    for said in added_up(books):
        typer.echo(said)
    return book


def sound(spent: Spent) -> bool:
    """Say whether the number stands: the loss is bounded, delta is one that promises something, accountants agree."""
    return isinstance(spent.answer, Bounded) and spent.answer.disagreement is None and spent.delta_fits is True


def _left(book: Book, run: Run) -> int:
    budget, opened = run.budget, run.opened
    if budget is None:
        return EXIT_DONE
    spent = spent_at(book, site=opened.site, unit=opened.unit, delta=budget.delta)
    head = f"site {opened.site}, each {opened.unit}, budget of {opened.run}: epsilon {budget.epsilon:g}"
    if spent.epsilon is None:
        typer.echo(f"{head}; {number(spent)}")
        return EXIT_INCONCLUSIVE
    left = budget.epsilon - spent.epsilon
    last = _last(book.at(opened.site, opened.unit))
    more = "" if last is None else _more(steps_left(book, opened, last))
    typer.echo(f"{head} at delta {budget.delta:g}; spent {spent.epsilon:.4g}, left {max(left, 0.0):.4g}{more}")
    return EXIT_DONE if left > 0 and not more.startswith("; no") else EXIT_CRITERION_FAILED


def _last(runs: tuple[Run, ...]) -> SubsampledGaussian | None:
    steps = [step for run in runs for step in run.steps]
    return steps[-1].mechanism if steps else None


def _more(n: int) -> str:
    if n == 0:
        return "; no step like the last fits"
    return f"; {n:,}{' or more' if n >= MOST_ASKED else ''} steps like the last fit"


def _say(what: str, spent: Spent) -> None:
    typer.echo("\n".join([f"{what}: {number(spent)}", *(f"  {said}" for said in promise(spent))]))
