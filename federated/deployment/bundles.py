"""The bundle that Flower carries to every site, and the digest by which an officer approves it.

The digest is SHA-256 of the bundle's bytes: what Flower calls the FAB's hash, what `sha256sum` prints, and what the
gate takes of the bytes that arrive. The same files give the same bytes, with one version of Flower and of zlib.
"""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

from affidavit.errors import PlanError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What goes to every site."""

    content: bytes

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of its bytes."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    @property
    def files(self) -> tuple[str, ...]:
        """Every file in it, sorted."""
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            return tuple(sorted(archive.namelist()))

    def unpacked(self, folder: Path) -> None:
        """Write its files below a folder, and none outside of it."""
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            archive.extractall(folder)


def built(app: Path) -> Bundle:
    """Return the bundle of an app's folder, as `flwr build` and `flwr run` make it.

    Raises:
        PlanError: its `pyproject.toml` describes none.
    """
    from click.exceptions import ClickException
    from flwr.cli.build import build_fab_from_disk

    try:
        with warnings.catch_warnings():
            # Flower 1.41 calls its patterns by a name that pathspec gives up.
            warnings.simplefilter("ignore", DeprecationWarning)
            return Bundle(content=build_fab_from_disk(app))
    except (ValueError, OSError, ClickException) as error:
        raise PlanError(
            "no bundle can be made of this folder",
            slug="plan-invalid",
            where=str(app),
            found=" ".join(str(error).split())[:300],
            remedy="see [tool.flwr.app] of its pyproject.toml",
        ) from None
