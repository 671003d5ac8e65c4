"""Finds the sound and pictures that a manifest names, and lets no path out of its folder.

A path is read relative to `root`, or is absolute and lies under it. Links are followed before the question is asked,
so a link inside the folder that leads outside is refused as `..` is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from affidavit.errors import RowError


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFolder:
    """The folder that media must lie in."""

    root: Path
    where: str
    """The manifest, for error messages."""
    first_row: int = 0
    """How many rows of the manifest come before those that are asked for, where it is read in parts."""

    def resolved(self, names: Sequence[str | None], column: str) -> list[Path | None]:
        """Return absolute paths, None where the cell was empty.

        Raises:
            RowError: a path leads out of the folder.
        """
        return [None if name is None else self._inside(name, row, column) for row, name in enumerate(names)]

    def require_files(self, paths: Sequence[Path | None], column: str) -> None:
        """Refuse paths at which there is no file, all of them in one error.

        Raises:
            RowError: naming the first row, and how many more there are.
        """
        lacking = [(row, path) for row, path in enumerate(paths) if path is not None and not path.is_file()]
        if lacking:
            row, path = lacking[0]
            more = f", and {len(lacking) - 1} more rows" if len(lacking) > 1 else ""
            raise RowError(
                f"{column}: there is no such file",
                slug="file-not-found",
                where=f"{self.where}, row {self.first_row + row + 1}",
                found=f"{path}{more}",
                allowed=f"files under {self.root}",
                remedy="put the files there, name their folder (media_root), or load without them (media: skip)",
            )

    def _inside(self, name: str, row: int, column: str) -> Path:
        root = self.root.resolve()
        try:
            path = (root / name.replace("\\", "/")).resolve()
        except (OSError, RuntimeError, ValueError):  # a loop of links, or a NUL byte
            path = None
        if path is None or not path.is_relative_to(root):
            raise RowError(
                f"{column} leads out of the folder of the media",
                slug="row-value",
                where=f"{self.where}, row {self.first_row + row + 1}",
                found=repr(name),
                allowed=f"paths inside {root}",
                remedy="name the folder that holds all files (media_root), or correct the path",
            )
        return path
