"""The flags of `affidavit explain`: one utterance, asked of the model that judged it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.commands import command_of_room


def add_explaining(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(explain)


def explain(
    plan: Annotated[Path, typer.Argument(help="A plan with a run of a corpus and a reasoner.")],
    utterance: Annotated[str, typer.Option("--utterance", help="The id of the utterance.")],
    out: Annotated[Path, typer.Option("--out", help="The JSON file to write.")],
    run: Annotated[str | None, typer.Option("--run", help="Which run; the only one if absent.")] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option("--condition", help="Judge under this condition; again for more. All seven if absent."),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", help="Attribute the fullest answer by this method; again for more, or `all`."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where the plan's relative paths start; its own folder if absent.")
    ] = None,
    most_parameters: Annotated[
        int, typer.Option("--most-parameters", min=1, help="Attribute no larger reasoner.")
    ] = 20_000_000,
) -> None:
    """Ask a model about one utterance: under which conditions it says what, and which inputs move its answer."""
    raise typer.Exit(
        command_of_room("explain")(
            plan,
            run=run,
            utterance=utterance,
            conditions=tuple(condition or ()),
            methods=tuple(method or ()),
            folder=folder,
            out=out,
            most_parameters=most_parameters,
        )
    )
