"""Imports the packages of the extra `media` when they are first needed, and says which one is missing."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Final

from affidavit.errors import MissingPartError

NEEDED: Final = ("espeakng_loader", "soundfile", "PIL.Image", "PIL.ImageDraw", "av")


def part(module: str) -> ModuleType:
    """Import a module.

    Raises:
        MissingPartError: its package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"the clinic's sound and pictures need the package {error.name!r}",
            slug="part-missing",
            remedy="install the extra: pip install 'affidavit[media]', or set `media: none`",
        ) from error
