"""The report as canonical JSON (RFC 8785): the bytes that are signed, and that every other rendering is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from affidavit.report import AuditReport


@dataclass(frozen=True, slots=True, kw_only=True)
class CanonicalRenderer:
    """The renderer `json`."""

    name: str = "json"
    suffix: str = ".json"

    def render(self, report: AuditReport) -> bytes:
        """Return `report.json` as it stands in a bundle."""
        return report.to_json()


RENDERER: Final = CanonicalRenderer()
