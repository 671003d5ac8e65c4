"""Where everything of a site lies: one folder, which nobody else reads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from affidavit.errors import PlanError
from federated.record.entries import KeyUse
from federated.record.log import LOG


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The folder of a site."""

    folder: Path

    @property
    def policy(self) -> Path:
        """What the site lets happen."""
        return self.folder / "site.yaml"

    @property
    def log(self) -> Path:
        """The site's record."""
        return self.folder / LOG

    @property
    def flower(self) -> Path:
        """What Flower keeps: bundles that it unpacked, and nothing of the site's."""
        return self.folder / "flower"

    @property
    def private(self) -> Path:
        """What a site remembers between rounds."""
        return self.folder / "private"

    def key(self, use: KeyUse) -> Path:
        """Return where a private key lies; the public one is beside it as `.pub`."""
        return self.folder / "keys" / use

    def public(self, use: KeyUse) -> Path:
        """Return where a public key lies."""
        return self.folder / "keys" / f"{use}.pub"

    def retired(self, use: KeyUse, fingerprint: str) -> Path:
        """Return where a public key goes that was replaced."""
        return self.folder / "keys" / "retired" / f"{use}-{fingerprint.removeprefix('sha256:')[:16]}.pub"


def written_privately(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file that was not there, for its owner alone from its first byte on.

    Raises:
        PlanError: there is one already, or the place cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise PlanError(
            "the file is there already" if isinstance(error, FileExistsError) else "the file cannot be written",
            slug="output-exists",
            where=str(path),
            found=error.strerror,
            remedy="choose another folder: nothing of a site is ever overwritten",
        ) from None
    with os.fdopen(file, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
