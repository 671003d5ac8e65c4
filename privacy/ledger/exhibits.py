"""The exhibits behind an accounted epsilon: what the ledger holds, what each accountant says of it, and how it grew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.exhibits import Cell, ExhibitTable
from affidavit.records import ExhibitColumn
from privacy.accounting.answers import Account, Bounded
from privacy.ledger.book import Book, Run
from privacy.ledger.events import StepEvent
from privacy.ledger.spending import Spent
from privacy.ledger.timeline import SpentAfter

Row = dict[str, Cell]


def _column(name: str, kind: str, description: str, unit: str | None = None) -> ExhibitColumn:
    return ExhibitColumn(name=name, type=kind, unit=unit, description=description)


LEDGER: Final = (
    _column("run", "text", "the run that is examined"),
    _column("site", "text", "whose ledger it is"),
    _column("unit", "text", "what one unit is"),
    _column("training", "text", "the run of the ledger"),
    _column("noise_multiplier", "number", "standard deviation of the noise over the clip norm"),
    _column("sample_rate", "number", "probability with which each unit takes part in a step"),
    _column("sampler", "text", "poisson, or full: every unit in every step"),
    _column("neighbours", "text", "add-remove or replace"),
    _column("lowest_clip_norm", "number", "the lowest clip norm of these steps"),
    _column("highest_clip_norm", "number", "the highest"),
    _column("steps", "integer", "taken or intended", "steps"),
    _column("unconfirmed", "integer", "intents of the training that nobody confirmed; they count", "intents"),
    _column("resumed", "integer", "how often the training went on after it had ended"),
    _column("trials", "number", "of a hyper-parameter search: the mean of the drawn number of trials"),
)
ACCOUNTS: Final = (
    _column("run", "text", "the run that is examined"),
    _column("sites", "text", "the sites whose losses are added in it"),
    _column("unit", "text", "what one unit is"),
    _column("delta", "number", "at which delta"),
    _column("accountant", "text", "who computed it, with its version"),
    _column("epsilon", "number", "an upper bound; empty where this accountant has none"),
    _column("why_none", "text", "why it has none"),
)
SPENDING: Final = (
    _column("run", "text", "the run that is examined"),
    _column("site", "text", "whose ledger it is"),
    _column("unit", "text", "what one unit is"),
    _column("entry", "integer", "which entry of those that cost something, from 1: a round, steps, a count, a search"),
    _column("entries", "integer", "how many there are at this site; of many some are told, evenly spread", "entries"),
    _column("training", "text", "the run of the ledger that the entry is of"),
    _column("kind", "text", "steps, or search: hyper-parameters were chosen"),
    _column("steps", "integer", "taken or intended at this site up to here, those of searches apart", "steps"),
    _column("delta", "number", "at which delta"),
    _column("epsilon", "number", "spent at this site up to here, an upper bound; empty where nothing bounds the loss"),
    _column("why_none", "text", "why nothing bounds it"),
    _column("budget", "number", "the smallest epsilon said for the site at this delta; empty where there is none"),
)


def ledgers_table(rows: Sequence[Row]) -> ExhibitTable:
    """Return the exhibit of what ledgers hold."""
    return ExhibitTable(
        id="privacy-ledgers",
        title="Steps that the privacy ledger counts",
        columns=LEDGER,
        values={column.name: [row[column.name] for row in rows] for column in LEDGER},
    )


def accounts_table(rows: Sequence[Row]) -> ExhibitTable:
    """Return the exhibit of what accountants say."""
    return ExhibitTable(
        id="privacy-accounts",
        title="What each accountant says",
        columns=ACCOUNTS,
        values={column.name: [row[column.name] for row in rows] for column in ACCOUNTS},
    )


def spending_table(rows: Sequence[Row]) -> ExhibitTable:
    """Return the exhibit of how each site's epsilon grew."""
    return ExhibitTable(
        id="privacy-spending",
        title="Epsilon spent at each site, entry by entry of its ledger",
        columns=SPENDING,
        values={column.name: [row[column.name] for row in rows] for column in SPENDING},
    )


def spending_row(run: str, after: SpentAfter) -> Row:
    """Return what had been spent after one entry."""
    answer = after.spent.answer
    return {
        "run": run,
        "site": after.site,
        "unit": after.spent.unit,
        "entry": after.entry,
        "entries": after.n_entries,
        "training": after.training,
        "kind": "search" if after.searching else "steps",
        "steps": after.spent.n_steps,
        "delta": after.spent.delta,
        "epsilon": after.spent.epsilon,
        "why_none": None if isinstance(answer, Bounded) else answer.because,
        "budget": after.budget,
    }


def ledger_rows(run: str, book: Book) -> list[Row]:
    """Return one row for each kind of step of each training, and one for each kind of step of each search."""
    return [row for training in book.runs.values() for row in _training_rows(run, training)]


def _training_rows(run: str, training: Run) -> list[Row]:
    opened = training.opened
    place: Row = {"run": run, "site": opened.site, "unit": opened.unit, "training": opened.run}
    state: Row = {"unconfirmed": len(training.unconfirmed), "resumed": training.resumed}
    kinds: dict[tuple[Cell, ...], list[tuple[StepEvent, int]]] = {}
    for step, n in training.steps.items():
        kinds.setdefault(tuple(_kind(step).values()), []).append((step, n))
    rows: list[Row] = []
    for alike in kinds.values():
        clips = [step.clip_norm for step, _ in alike]
        clipped: Row = {"lowest_clip_norm": min(clips), "highest_clip_norm": max(clips)}
        steps: Row = {"steps": sum(n for _, n in alike), "trials": None}
        rows.append({**place, **_kind(alike[0][0]), **clipped, **steps, **state})
    for searched in training.searches:
        for step in searched.event().every:
            clipped = {"lowest_clip_norm": step.clip_norm, "highest_clip_norm": step.clip_norm}
            steps = {"steps": step.n_times, "trials": searched.mean}
            rows.append({**place, **_kind(step), **clipped, **steps, **state})
    return rows


def _kind(step: StepEvent) -> Row:
    return {
        "noise_multiplier": step.noise_multiplier,
        "sample_rate": step.sample_rate,
        "sampler": step.sampler,
        "neighbours": step.neighbours,
    }


def account_rows(run: str, spent: Spent) -> list[Row]:
    """Return one row for each accountant, and one that says why where nothing bounds the loss."""
    place: Row = {"run": run, "sites": ", ".join(spent.sites), "unit": spent.unit, "delta": spent.delta}
    if not isinstance(spent.answer, Bounded):
        return [{**place, "accountant": None, "epsilon": None, "why_none": spent.answer.because}]
    return [{**place, **_said(one)} for one in spent.answer.accounts]


def _said(one: Account) -> Row:
    return {"accountant": one.name, "epsilon": one.epsilon, "why_none": one.why_none}
