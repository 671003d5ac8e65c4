"""A report in one line, for a chat message."""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.report import AuditReport


@dataclass(frozen=True, slots=True)
class OneLine:
    """Satisfies `affidavit.protocols.Renderer`."""

    name: str = "one-line"
    suffix: str = ".txt"

    def render(self, report: AuditReport) -> bytes:
        """Return title, decision and digest."""
        return f"{report.title}: {report.decision} ({report.claims_digest})\n".encode()


RENDERER = OneLine()
