"""Where a model's weights come from, under which licence, and by which digest they can be told from others.

A reasoner names it with every table that it makes (`Predictions.models`), so that the report repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from affidavit.model_origins import Basis, ModelOrigin
from reasoners.instructed.origins import origin

UNKNOWN: Final = "a licence that nobody named"
_LICENSES: Final = ("LICENSE", "LICENSE.txt", "LICENSE.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One set of weights."""

    name: str
    origin: str
    """A package and its version, a folder's name, or a hub id; never where on this machine."""
    licence: str
    digest: str
    """`sha256:<hex>` of the files, or of a hub id the commit."""

    def described(self) -> ModelOrigin:
        """Return it as a table of predictions names it.

        >>> ModelCard(name="M", origin="package m 1.0", licence=UNKNOWN, digest="sha256:00").described().licence
        """
        return ModelOrigin(
            name=self.name,
            source=self.origin,
            licence=None if self.licence == UNKNOWN else self.licence,
            digest=self.digest,
            basis=Basis.FILES,
        )

    def record(self) -> dict[str, str]:
        """Return it as a checkpoint's card keeps it."""
        return asdict(self)


def packaged_card(source: str, *, name: str, package: str, licence: str) -> ModelCard:
    """Return the card of weights that an installed package brings.

    Raises:
        MissingPartError: the package is not installed.
    """
    digest = origin(source)
    try:
        told = f"package {package} {version(package)}"
    except PackageNotFoundError:
        told = f"package {package}"
    return ModelCard(name=name, origin=told, licence=licence, digest=digest)


def folder_card(source: str) -> ModelCard:
    """Return the card of a folder of weights or a hub id, as its own README and LICENSE tell.

    Raises:
        PlanError: there is no such folder.
    """
    digest, place = origin(source), Path(source).expanduser()
    if not place.is_dir():
        return ModelCard(name=source.rsplit("/", 1)[-1], origin=f"hub {source}", licence=UNKNOWN, digest=digest)
    told = _front_matter(place / "README.md")
    licence = told.get("license_name") or told.get("license") or _first_line(place) or UNKNOWN
    return ModelCard(
        name=str(told.get("model_name") or place.name), origin="a folder", licence=str(licence), digest=digest
    )


def card_of(record: Mapping[str, Any]) -> ModelCard:
    """Return a card as a checkpoint kept it."""
    return ModelCard(**{name: str(record[name]) for name in ("name", "origin", "licence", "digest")})


def _front_matter(readme: Path) -> Mapping[str, Any]:
    """Return what the model hub's form of a README says before its text; nothing where it says nothing."""
    import yaml

    try:
        text = readme.read_text(encoding="utf-8")
        told = yaml.safe_load(text.split("---")[1]) if text.startswith("---") else {}
    except (OSError, ValueError, IndexError, yaml.YAMLError):
        return {}
    return told if isinstance(told, dict) else {}


def _first_line(place: Path) -> str | None:
    for name in _LICENSES:
        file = place / name
        if file.is_file():
            lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
            return next((line.strip() for line in lines if line.strip()), None)
    return None
