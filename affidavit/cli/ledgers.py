"""`ledger` and `withdraw`: what was spent on patients, and who takes no part any more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.commands import command_of_room


def add_ledgers(app: typer.Typer) -> None:
    """Add the commands about patients' budgets and their leave."""
    for command in (ledger, withdraw):
        app.command()(command)


def ledger(
    action: Annotated[str, typer.Argument(help="show, verify, remaining or attest.")],
    path: Annotated[Path, typer.Argument(help="A privacy ledger, or a folder of ledgers (*.jsonl), one a site.")],
    delta: Annotated[float | None, typer.Option("--delta", help="show: at which delta; else the budget's.")] = None,
    head: Annotated[str | None, typer.Option("--head", help="verify: a digest kept elsewhere, to be found.")] = None,
    sites: Annotated[
        list[str] | None, typer.Option("--site", help="attest: a site that shares no patient with the others; repeat.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="attest: who attests it, as an office.")] = None,
    because: Annotated[str | None, typer.Option("--because", help="attest: how it was found out.")] = None,
) -> None:
    """Say what a ledger says was spent, whether it holds, and what remains; or note that sites share no patient."""
    word = None if by is None or because is None else (by, because)
    raise typer.Exit(
        command_of_room("ledger")(action, path, delta=delta, head=head, sites=tuple(sites or ()), word=word)
    )


def withdraw(
    unit: Annotated[str, typer.Argument(help="Id of the patient (else speaker); - reads it from standard input.")],
    plan: Annotated[
        Path | None, typer.Option("--plan", help="A plan whose models, reviews and ledgers are looked at.")
    ] = None,
    models: Annotated[list[Path] | None, typer.Option("--models", help="A folder with checkpoints; repeat.")] = None,
    reviews: Annotated[
        list[Path] | None, typer.Option("--reviews", help="A review plan or a table of reviews; repeat.")
    ] = None,
    ledger: Annotated[
        list[Path] | None, typer.Option("--ledger", help="A privacy ledger to note it in; repeat.")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="The unit's site in a ledger of several.")] = None,
    keep_models: Annotated[
        bool, typer.Option("--keep-models", help="Say which models met the unit, and leave them.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is said what would be done.")] = False,
) -> None:
    """Take a patient out of the next training and audit, and purge what is kept here of them."""
    from affidavit.withdrawals import KeptPlaces

    places = KeptPlaces(
        models=tuple(models or ()),
        reviews=tuple(reviews or ()),
        ledgers=tuple(ledger or ()),
        site=site,
        keep_models=keep_models,
    )
    raise typer.Exit(command_of_room("withdraw")(unit, plan=plan, places=places, yes=yes))
