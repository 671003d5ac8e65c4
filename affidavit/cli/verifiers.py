"""`affidavit verifier`: train the judge of explanations on one's own sentences, or say what one is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.commands import command_of_room


def add_verifiers(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(verifier)


def verifier(
    action: Annotated[str, typer.Argument(help="train or show.")],
    source: Annotated[
        Path,
        typer.Argument(help="train: a table of sentences and emotions, or a plan; show: a verifier's folder."),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="train: the folder of the verifier.")] = None,
    by: Annotated[
        str, typer.Option("--by", help="train: columns (or features) of groups to test it on, parted by commas.")
    ] = "",
    licence: Annotated[str | None, typer.Option("--licence", help="train: under which the table may be used.")] = None,
    training: Annotated[
        str | None, typer.Option("--training", help="train: of a plan, whose corpus; its first training if absent.")
    ] = None,
    encoder: Annotated[str, typer.Option("--encoder", help="train: words, or minilm (extra models).")] = "words",
) -> None:
    """Train the verifier of explanations on sentences of your own, or say what one was trained on and how it reads."""
    features = [name.strip() for name in by.split(",") if name.strip()]
    raise typer.Exit(
        command_of_room("verifier")(
            action, source, out=out, by=features, licence=licence, training=training, encoder=encoder
        )
    )
