"""`release`, `render` and `lint-release`: what of a report is handed on, in which form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.commands import command_of_room


def add_documents(app: typer.Typer) -> None:
    """Add the commands that make of a bundle what others get."""
    for command in (release, render, lint_release):
        app.command()(command)


def release(
    bundle: Annotated[Path, typer.Argument(help="Folder that an audit wrote.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the report that may leave the house.")],
    floor: Annotated[int | None, typer.Option("--floor", help="Least number of units that is told: 11.")] = None,
    rounding: Annotated[
        int | None, typer.Option("--rounding", help="Round counts to multiples of this; rates follow them.")
    ] = None,
    intervals_only: Annotated[
        bool, typer.Option("--intervals-only", help="Tell counts and rates as intervals, without points.")
    ] = False,
) -> None:
    """Make of a report one that may leave the house: small groups, and what they follow from, are withheld."""
    from affidavit.cli.releases import release_bundle, rule_of

    rule = rule_of(floor=floor, rounding=rounding, intervals_only=intervals_only)
    raise typer.Exit(release_bundle(bundle, out=out, rule=rule))


def render(
    bundle: Annotated[Path, typer.Argument(help="Folder that an audit wrote.")],
    formats: Annotated[
        str, typer.Option("--as", help="Formats, separated by commas: pdf, junit, model-card, oscal, tables, html, md.")
    ],
    out: Annotated[Path, typer.Option("--out", help="New or empty folder for the files.")] = Path("rendered-report"),
    trust: Annotated[Path | None, typer.Option("--trust", help="Your trust file, by which signers are named.")] = None,
) -> None:
    """Write a report in other formats, all of them or none; docs/formats.md says what each is for."""
    raise typer.Exit(command_of_room("render")(bundle, formats=formats, out=out, trust=trust))


def lint_release(
    released: Annotated[Path, typer.Argument(help="Bundle of a released report, a table, or a folder of tables.")],
    previous: Annotated[
        list[Path] | None, typer.Argument(help="Earlier releases, the latest first, attacked together with it.")
    ] = None,
    floor: Annotated[int | None, typer.Option("--floor", help="Least number of units that may be told.")] = None,
    width: Annotated[int | None, typer.Option("--width", help="Least range of candidates of what is withheld.")] = None,
    rounding: Annotated[
        int | None, typer.Option("--rounding", help="Tables: counts are rounded to multiples of this.")
    ] = None,
) -> None:
    """Attack released tables: which small counts follow from sums, percentages and earlier releases?"""
    lint = command_of_room("lint-release")
    raise typer.Exit(lint(released, *(previous or ()), floor=floor, width=width, rounding=rounding))
