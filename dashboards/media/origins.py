"""The folder at which the relative paths of a report's plan start, and whether a plan stays where the desk may look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from affidavit.errors import TableError
from affidavit.plan import AuditPlan, RunSource
from affidavit.training import checkpoint_of
from dashboards.workspace.places import inside

FOLDERS_AT_MOST: Final = 400
"""Below the places, that are looked into."""


def folders_of(bundle: Path, places: Sequence[Path], *, named: Path | None = None) -> tuple[Path, ...]:
    """Return where a plan may have lain, likeliest first: what somebody named, beside its bundle, then the places.

    Raises:
        TableError: what was named lies outside the places.
    """
    found = {} if named is None else {inside(named, places): None}
    for folder in (bundle.parent, *places, *islice(_below(places), FOLDERS_AT_MOST)):
        if folder.is_dir() and _is_inside(folder, places):
            found.setdefault(folder.resolve())
    return tuple(found)


def leads_outside(options: Mapping[str, object], folder: Path, places: Sequence[Path]) -> str | None:
    """Return the first text among options that names something outside the places; None where there is none.

    A text that names nothing, seen from the folder, is no path and leads nowhere.
    """
    for text in _texts(dict(options)):
        path = Path(text)
        led = path.is_absolute() or text.startswith("~") or ".." in path.parts or _is_there(folder / path)
        if led and not _is_inside(folder / path.expanduser() if text.startswith("~") else folder / path, places):
            return text
    return None


def names_files(options: Mapping[str, object], folders: Sequence[Path]) -> bool:
    """Say whether any text among options could be a path: it has the form of one, or something is there by its name."""
    texts = list(_texts(dict(options)))
    formed = any("/" in text or text.startswith("~") for text in texts)
    return formed or any(_is_there(folder / text) for folder in folders for text in texts)


def has_model(plan: AuditPlan, source: RunSource, folder: Path, places: Sequence[Path]) -> bool:
    """Say whether the reasoner of a run can be asked from this folder: its training is there, inside the places."""
    if source.reasoner is None or source.corpus is None:
        return False
    if source.trained is None:
        return leads_outside(source.reasoner.options, folder, places) is None
    training = plan.training.get(source.trained.name)
    if training is None:
        return False
    place = checkpoint_of(source.trained.name, plan, folder, seed=source.trained.seed)
    return place.is_dir() and (training.out is None or _is_inside(place, places))


def _below(places: Sequence[Path]) -> Iterator[Path]:
    """Yield the folders of the places, then the folders in those: trainings often lie in one of their own."""
    near = [child for place in places for child in _children(place)]
    yield from near
    yield from (child for folder in near for child in _children(folder))


def _children(place: Path) -> Iterator[Path]:
    if place.is_dir() and not place.is_symlink():
        yield from (child for child in sorted(place.iterdir()) if child.is_dir() and not child.is_symlink())


def _is_inside(path: Path, places: Sequence[Path]) -> bool:
    try:
        inside(path, places)
    except (TableError, OSError, ValueError):
        return False
    return True


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a name, or with a NUL
        return False


def _texts(told: object) -> Iterator[str]:
    if isinstance(told, Mapping):
        for value in told.values():
            yield from _texts(value)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _texts(value)
    elif isinstance(told, str) and told:
        yield told
