"""`affidavit dashboard`: the reviewer's desk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.commands import command_of_room

ROLES = "viewer, reviewer, approver or administrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskFlags:
    """What the command line says of the desk."""

    workspace: Path | None
    """Where runs and records lie; the user's data folder where absent."""
    address: str
    port: int
    database: str | None
    """Where records are kept, as SQLAlchemy writes it."""
    person: str | None
    """Who sits there where nobody logs in; the account's name where absent."""
    role: str | None
    """As what; administrator where absent."""
    login: Path | None
    people: Path | None
    trust: Path | None
    session_minutes: int
    upload_mb: int
    browser: bool


def add_desk(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def dashboard(
        places: Annotated[
            list[Path] | None, typer.Argument(metavar="[BUNDLE|DIR]...", help="Bundles, and folders that hold some.")
        ] = None,
        workspace: Annotated[
            Path | None, typer.Option("--workspace", help="Folder of runs and records; else the user's data folder.")
        ] = None,
        port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port.")] = 8501,
        address: Annotated[
            str, typer.Option("--address", help="Where to listen; beyond this machine only with --login.")
        ] = "127.0.0.1",
        database: Annotated[
            str | None, typer.Option("--database", help="Records in PostgreSQL or SQLite: an SQLAlchemy URL.")
        ] = None,
        person: Annotated[
            str | None, typer.Option("--as", help="Who sits there, where nobody logs in; else the account's name.")
        ] = None,
        role: Annotated[str | None, typer.Option("--role", help=f"As what: {ROLES}.")] = None,
        login: Annotated[
            Path | None, typer.Option("--login", help="File of the login (OpenID Connect), as Streamlit reads it.")
        ] = None,
        people: Annotated[Path | None, typer.Option("--people", help="File that says who has which role.")] = None,
        trust: Annotated[Path | None, typer.Option("--trust", help="Trust file: whose signatures count.")] = None,
        session_minutes: Annotated[
            int, typer.Option("--session-minutes", min=1, max=10_080, help="After how long to log in again.")
        ] = 480,
        upload_mb: Annotated[int, typer.Option("--upload-mb", min=1, max=4096, help="Largest table to bring.")] = 200,
        browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    ) -> None:
        """Open the reviewer's desk on this machine: reports, cohorts, review, waivers, runs."""
        flags = DeskFlags(
            workspace=workspace,
            address=address,
            port=port,
            database=database,
            person=person,
            role=role,
            login=login,
            people=people,
            trust=trust,
            session_minutes=session_minutes,
            upload_mb=upload_mb,
            browser=browser,
        )
        raise typer.Exit(command_of_room("dashboard")(tuple(places or ()), flags))
