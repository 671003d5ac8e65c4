"""The command `affidavit withdraw`: takes a patient out of the next round and audit, and purges what is kept here.

Without `--yes` it says what it would do. What it prints names nobody. Exit codes: 0 done, and nothing is left to do; 1
something could not be removed or noted; 2 bad input; 3 a dry run, and there is something to do.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import typer

from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, EXIT_INCONCLUSIVE, PlanError
from affidavit.plan import read_plan
from affidavit.withdrawals import KeptPlaces, withdrawals
from privacy.withdrawal.holdings import Holding
from privacy.withdrawal.survey import Withdrawal, places_of, survey

FROM_INPUT: Final = "-"
NO_UNLEARNING: Final = (
    "forgotten    nothing, no unlearning is claimed: a model that met somebody may tell of them, bounded by its "
    "epsilon alone, where it has one, for the unit that it names; removing a checkpoint takes nothing out of its "
    "copies, of what it said, or of models that learned from it"
)
YOURS: Final = (
    "not here     corpora, predictions tables, bundles, copies and models elsewhere are yours to look after; from here "
    "on who withdrew is left out when they are read"
)


def withdraw(unit: str, *, plan: Path | None = None, places: KeptPlaces | None = None, yes: bool = False) -> int:
    """Withdraw a unit (`-` reads it from standard input, which no shell remembers) and return the exit code.

    Raises:
        PlanError: no unit is named, a folder of models is not there, or the unit's site in a ledger is not known.
        AffidavitError: the plan, a file of reviews, a ledger or the list of withdrawals cannot be read.
    """
    named = _named(unit)
    where = _there(places or KeptPlaces())
    if plan is not None:
        where = _joined(where, places_of(read_plan(plan), plan.resolve().parent))
    listed = withdrawals(begun=False)
    if not yes:
        found = survey(named, where, listed)
        _say(_in_words(found, yes=False))
        return EXIT_DONE if found.done else EXIT_INCONCLUSIVE
    with listed.alone():
        found = survey(named, where, listed, again=True)
        _say(_in_words(found, yes=True))
        stayed = found.carry_out()
    _say([f"stayed       {path}: {why}" for path, why in stayed])
    return EXIT_CRITERION_FAILED if stayed else EXIT_DONE


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(line)


def _named(unit: str) -> str:
    name = (sys.stdin.readline() if unit == FROM_INPUT else unit).strip()
    if name:
        return name
    raise PlanError(
        "no unit is named",
        slug="plan-invalid",
        where="withdraw",
        allowed="the id of a patient (else of a speaker), as the corpus has it",
        remedy="name it, or write - and give it on standard input, where no shell keeps it",
    )


def _there(places: KeptPlaces) -> KeptPlaces:
    """Return the places if each folder of models is there: nothing is found where nobody looked."""
    for folder in places.models:
        if not folder.is_dir():
            raise PlanError(
                "there is no such folder of models",
                slug="file-not-found",
                where=str(folder),
                remedy="check the path: a model that is not looked at is not told",
            )
    return places


def _joined(own: KeptPlaces, planned: KeptPlaces) -> KeptPlaces:
    return replace(
        own,
        models=tuple(dict.fromkeys((*own.models, *planned.models))),
        reviews=tuple(dict.fromkeys((*own.reviews, *planned.reviews))),
        ledgers=tuple(dict.fromkeys((*own.ledgers, *planned.ledgers))),
    )


def _in_words(found: Withdrawal, *, yes: bool) -> list[str]:
    """Return what was found as lines; none of them names the unit."""
    verb = "removed" if yes else "to remove"
    said = ["withdrawal   being carried out" if yes else "withdrawal   dry run: nothing is changed without --yes"]
    if not found.known and not found.on_list:
        said.append("unknown      nothing here names this unit: check the spelling, for the list takes any name")
    said.append(f"list         {'it is on it already' if found.on_list else _to_list(yes=yes)}: {found.listed.folder}")
    said += [f"{verb:<12} {line}" for line in _counted((*found.holdings, *found.opaque))]
    said += [f"{verb:<12} {one.n:,} records of reviews in {one.path}" for one in found.reviews if one.n]
    said += [
        f"{'unclear':<12} {one.unclear:,} records in {one.path} name a card and nobody: name their review plan as well"
        for one in found.reviews
        if one.unclear
    ]
    for model in found.models:
        fate = verb if model in found.removed else ("kept" if model.met else "unclear")
        why = "met the unit" if model.met else "does not say whom it met"
        said.append(f"{fate:<12} {why}: {model.told()}")
    said += [
        f"{'noted' if yes else 'to note':<12} one withdrawal, without a name, in {path}" for path, _ in found.ledgers
    ]
    return [*said, YOURS, NO_UNLEARNING]


def _to_list(*, yes: bool) -> str:
    return "it is put on it" if yes else "it would be put on it"


def _counted(holdings: Sequence[Holding]) -> list[str]:
    counts = Counter(holding.what for holding in holdings)
    return [f"{what}{f' ({n:,})' if n > 1 else ''}" for what, n in counts.items()]
