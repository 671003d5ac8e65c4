"""Renderers that tell of papers, and how they are asked: one that does not know of papers renders the report alone."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from affidavit.protocols import Renderer
from affidavit.report import AuditReport
from reports.papers.papers import Papers


@runtime_checkable
class RendererOfPapers(Protocol):
    """A renderer whose page tells what was filed with the report too."""

    def render_with(self, report: AuditReport, papers: Papers) -> bytes:
        """Return the page of a report and its papers."""


def rendered_with(renderer: Renderer, report: AuditReport, papers: Papers) -> bytes:
    """Return what a renderer makes of a report, and of its papers where it tells of any."""
    if isinstance(renderer, RendererOfPapers):
        return renderer.render_with(report, papers)
    return renderer.render(report)
