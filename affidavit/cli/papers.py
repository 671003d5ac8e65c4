"""`affidavit file`: lay papers beside a report before anybody signs."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.commands import command_of_room


def add_papers(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def file(
        bundle: Annotated[Path, typer.Argument(help="Folder or zip of an audit that nobody has signed yet.")],
        dossier: Annotated[
            Path | None, typer.Option("--dossier", help="The dossier (YAML), or the folder that holds dossier.yaml.")
        ] = None,
        key: Annotated[
            Path | None, typer.Option("--key", help="Card or public key of whoever signed the dossier.")
        ] = None,
        waivers: Annotated[Path | None, typer.Option("--waivers", help="File of waivers.")] = None,
        since: Annotated[
            list[Path] | None,
            typer.Option("--since", help="Bundle of the last audit, or of `affidavit compare` on both tables; repeat."),
        ] = None,
        valid_until: Annotated[
            datetime.datetime | None,
            typer.Option("--valid-until", formats=["%Y-%m-%d"], help="Last day on which the report may be relied on."),
        ] = None,
    ) -> None:
        """File papers with a report and draw its pages again: dossier, waivers, the last audit, an end date."""
        last = None if valid_until is None else valid_until.date()
        filed = command_of_room("file")
        raise typer.Exit(
            filed(bundle, dossier=(dossier, key), waivers=waivers, since=tuple(since or ()), valid_until=last)
        )
