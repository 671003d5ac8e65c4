"""`affidavit draw-reviews`: which rationales of a table people read, dealt to reviewers, as a plan of cards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.commands import command_of_room
from affidavit.cli.flags import By, Seed, TableArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawFlags:
    """What the command line says of a review, beside the table."""

    reviewers: tuple[str, ...]
    by: tuple[str, ...] = ()
    run: str = "predictions"
    """What the run is called in the audit whose rationales are read."""
    condition: str | None = None
    """The fullest one where absent."""
    per_group: int = 20
    per_card: int = 3
    shuffled_share: float = 0.2
    again_share: float = 0.1
    seed: int = 0


def add_reviewing(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("draw-reviews")
    def draw_reviews(
        table: TableArgument,
        reviewer: Annotated[list[str], typer.Option("--reviewer", help="Who reads; repeat.")],
        out: Annotated[Path, typer.Option("--out", help="The plan of cards: JSON, for whoever deals them alone.")],
        by: By = "",
        run: Annotated[str, typer.Option("--run", help="What the run is called in the audit.")] = "predictions",
        condition: Annotated[str | None, typer.Option("--condition", help="The fullest one if absent.")] = None,
        per_group: Annotated[int, typer.Option("--per-group", min=1, help="Judgements of each group.")] = 20,
        per_card: Annotated[int, typer.Option("--per-card", min=1, help="Reviewers of each card.")] = 3,
        shuffled: Annotated[float, typer.Option("--shuffled", min=0, max=1, help="Controls, as a share.")] = 0.2,
        again: Annotated[float, typer.Option("--again", min=0, max=1, help="Cards that come twice, a share.")] = 0.1,
        seed: Seed = 0,
    ) -> None:
        """Draw which rationales people read on EMER's four points: blinded, shuffled, with controls among them."""
        flags = DrawFlags(
            reviewers=tuple(reviewer),
            by=tuple(name.strip() for name in by.split(",") if name.strip()),
            run=run,
            condition=condition,
            per_group=per_group,
            per_card=per_card,
            shuffled_share=shuffled,
            again_share=again,
            seed=seed,
        )
        raise typer.Exit(command_of_room("draw-reviews")(table, out, flags))
