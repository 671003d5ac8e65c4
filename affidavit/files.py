"""Writes files and folders so that nothing is ever left half-written: under a temporary name, then renamed.

A link is followed: what it points to is replaced, the link stays. `check_place` finds out before any work is done
whether a folder can be written at all.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from affidavit.errors import PlanError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes that name when the block ends well, and vanishes otherwise."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it takes that name, the former folder going, when the block ends well."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield temporary
        temporary.chmod(0o755)
        _swap(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap(new: Path, path: Path) -> None:
    if not path.exists():
        new.rename(path)
        return
    old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old."))
    path.rename(old / path.name)
    try:
        new.rename(path)
    except OSError:
        (old / path.name).rename(path)
        raise
    shutil.rmtree(old)


def check_place(folder: Path) -> None:
    """Refuse a folder that could not be written, by making and removing a folder where it would be.

    Raises:
        PlanError: it is or holds the working folder, is a mount point, has a file in its way, or cannot be made.
    """
    try:
        place = folder.resolve()
        if Path.cwd().is_relative_to(place):
            raise _unfit(folder, "is or holds the working folder, and writing replaces a folder as a whole")
        if os.path.ismount(place):
            raise _unfit(folder, "is a mount point, and writing replaces a folder as a whole")
        there = next(parent for parent in place.parents if parent.exists())
        if not there.is_dir():
            raise _unfit(folder, f"cannot be made: {there.name} is a file")
        with tempfile.TemporaryDirectory(dir=there, prefix=f".{place.name}.") as temporary:
            (Path(temporary) / place.relative_to(there)).mkdir(parents=True)
    except (OSError, RuntimeError, ValueError) as error:  # no right to it, no room, a name too long, links in a circle
        raise _unfit(folder, f"cannot be written: {getattr(error, 'strerror', None) or error}") from None


def _unfit(folder: Path, what: str) -> PlanError:
    return PlanError(
        f"the output folder {what}",
        slug="output-exists",
        where=str(folder),
        allowed="a new or empty folder in a place that can be written",
        remedy="choose another --out, such as a new folder below this one",
    )
