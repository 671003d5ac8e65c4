"""Brings in a package that belongs to an extra, or says which extra is missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from affidavit.errors import MissingPartError

EXTRAS: Final = {"soundfile": "media", "av": "media", "opensmile": "egemaps"}


def part(package: str) -> Any:  # noqa: ANN401 - packages differ, and two of the three have no types
    """Return the package, imported now.

    Raises:
        MissingPartError: it, or a package that it needs, is not installed.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        extra = EXTRAS[package]
        raise MissingPartError(
            f"the package {error.name!r} is not installed",
            slug="part-missing",
            where=package,
            remedy=f"install the extra `{extra}`: pip install 'affidavit[{extra}]'",
        ) from error
