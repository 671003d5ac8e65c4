"""A command that a plugin adds: `affidavit greet`."""

from __future__ import annotations

import typer


def greet() -> None:
    """Say hello."""
    typer.echo("the plugin greets")
