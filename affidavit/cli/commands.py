"""Commands that rooms bring, found through the registry when they are asked for."""

from __future__ import annotations

from collections.abc import Callable


def command_of_room(name: str) -> Callable[..., int]:
    """Return what is behind the door `commands` under this name; it takes the flags, and returns the exit code."""
    from affidavit.registry import Door, load

    command: Callable[..., int] = load(Door.COMMANDS, name)
    return command
