"""Lists the media of a corpus by name: what is there, what stands twice, and the digest of names and sizes.

Nothing is opened. Hidden files (`._clip.wav` of a copied archive) are not media. A link that leads out of the folder is
refused, as `corpora.media` refuses it for a manifest. The content of media is not part of a corpus digest: a corpus of
many gigabytes is named by its label files, and by what its media are called and how long they are in bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from affidavit.digests import digest_of, file_digest
from affidavit.errors import RowError, TableError

SOUND: Final = (".wav", ".flac", ".mp3", ".ogg", ".m4a")
PICTURES: Final = (".mp4", ".avi", ".flv", ".mkv", ".mov", ".webm")
"""Suffixes of videos; most carry sound too."""
Media = Literal["check", "skip"]
"""`check`: every utterance must have its media. `skip`: those without go without, and are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFile:
    """One file of a listing."""

    path: Path
    """Absolute, links followed."""
    name: str
    """Relative to the folder, with forward slashes."""
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The media below one folder."""

    root: Path
    files: tuple[MediaFile, ...] = ()
    """Sorted by name."""
    repeated: int = 0
    """Files that another one of the same base name and size repeats; the first by name is kept."""
    _by_stem: Mapping[str, Mapping[str, MediaFile]] = field(default_factory=dict)

    @property
    def stems(self) -> tuple[str, ...]:
        """Every base name without its suffix, sorted."""
        return tuple(sorted(self._by_stem))

    def find(self, stem: str, suffixes: Sequence[str]) -> MediaFile | None:
        """Return the file of that base name with the first of `suffixes` there is, or None."""
        found = self._by_stem.get(stem, {})
        return next((found[suffix] for suffix in suffixes if suffix in found), None)

    def remarks(self) -> list[str]:
        """Say how many files were passed over as repetitions."""
        said = f"{self.repeated} media files have the base name and size of another one, which was taken instead"
        return [said] if self.repeated else []


def list_media(root: Path, suffixes: Sequence[str], *, below: Sequence[str] = ()) -> Listing:
    """Return the files that have one of `suffixes`, whatever their case, in `root` or in the folders `below` it.

    Of `below`, patterns such as `Session*/sentences/wav`, those that are not there are passed over.

    Raises:
        TableError: there is no such folder. RowError: a link leads out of it, or one base name stands for two files.
    """
    require_folder(root)
    base = root.resolve()
    folders = dict.fromkeys(path for pattern in below for path in sorted(base.glob(pattern)) if path.is_dir())
    walked = (file for start in (folders if below else [base]) for file in _walk(start, base, tuple(suffixes)))
    files = tuple(sorted(set(walked), key=lambda file: file.name))
    by_stem: dict[str, dict[str, MediaFile]] = {}
    for file in files:
        kept = by_stem.setdefault(Path(file.name).stem, {}).setdefault(Path(file.name).suffix.lower(), file)
        if kept.size != file.size:
            raise RowError(
                "two different media files have the same name",
                slug="row-duplicate",
                where=str(root),
                found=f"{kept.name} ({kept.size} bytes) and {file.name} ({file.size} bytes)",
                allowed="one file of each name",
                remedy="take the folder of another release, or of derived media, out of the way",
            )
    repeated = len(files) - sum(len(found) for found in by_stem.values())
    return Listing(root=root, files=files, repeated=repeated, _by_stem=by_stem)


def require_folder(root: Path) -> None:
    """Refuse a folder that is not there.

    Raises:
        TableError: there is no such folder.
    """
    if not root.is_dir():
        raise TableError(
            "there is no such folder",
            slug="file-not-found",
            where=str(root),
            found="a file" if root.is_file() else "nothing",
            remedy="check the path; docs/corpora.md shows how each corpus is laid out",
        )


def require_media(found: Mapping[str, MediaFile | Path | None], *, where: str, root: Path, media: Media) -> list[str]:
    """Refuse utterances without media under `check`; under `skip` say how many there are.

    Raises:
        RowError: naming the first utterance that has none, and how many there are.
    """
    lacking = [name for name, file in found.items() if file is None]
    if lacking and media == "check":
        raise RowError(
            "there is no media file of that name",
            slug="file-not-found",
            where=where,
            found=f"{lacking[0]}" + (f", and {len(lacking) - 1} more without" if len(lacking) > 1 else ""),
            allowed=f"one for each of the {len(found)} utterances, below {root}",
            remedy="put the files there, or load without them (media: skip)",
        )
    return [f"{len(lacking)} of {len(found)} utterances have no media file below {root.name}"] if lacking else []


def corpus_digest(root: Path, tables: Iterable[Path], listings: Iterable[Listing] = ()) -> str:
    """Return the digest of label files (their bytes) and of listings (names and sizes), wherever the folder lies."""
    base = root.resolve()
    return digest_of(
        {
            "tables": sorted([_relative(path, base), file_digest(path)] for path in tables),
            "media": sorted([_relative(file.path, base), file.size] for each in listings for file in each.files),
        }
    )


def _relative(path: Path, base: Path) -> str:
    resolved = path.resolve()
    return resolved.relative_to(base).as_posix() if resolved.is_relative_to(base) else path.name


def _walk(start: Path, base: Path, suffixes: tuple[str, ...]) -> Iterator[MediaFile]:
    for folder, folders, names in os.walk(_inside(start, base)):
        here = Path(folder)
        for name in folders:
            _inside(here / name, base)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if name.lower().endswith(suffixes) and not name.startswith("."):
                path = _inside(here / name, base)
                yield MediaFile(path=path, name=(here / name).relative_to(base).as_posix(), size=path.stat().st_size)


def _inside(path: Path, base: Path) -> Path:
    resolved = path.resolve() if path.is_symlink() else path
    if not resolved.is_relative_to(base) or not resolved.exists():
        raise RowError(
            "a link leads out of the folder of the corpus, or to nothing",
            slug="row-value",
            where=str(path),
            found=str(resolved),
            allowed=f"files below {base}",
            remedy="name the folder that holds all files, or put the files themselves there",
        )
    return resolved
