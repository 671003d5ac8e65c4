"""Adds commands that plugins bring through the door `commands`: each is a function that typer can read."""

from __future__ import annotations

import sys

import typer


def add_commands(app: typer.Typer) -> None:
    """Add plugin commands; a built-in name cannot be taken. Loaded only when called, or when help lists them all."""
    from importlib.metadata import entry_points

    built_in = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    wanted = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), None)
    if wanted in built_in:
        return
    from affidavit.registry import Door, load

    for entry in entry_points(group=f"affidavit.{Door.COMMANDS}"):
        if entry.name not in built_in:
            app.command(name=entry.name)(load(Door.COMMANDS, entry.name))
