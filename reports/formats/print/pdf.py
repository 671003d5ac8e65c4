"""The report as a PDF for the file: PDF/A-2a and PDF/UA-1, with contents, page numbers and its own fonts.

Laws: the same report gives the same bytes (the date is that of the report, no clock is read); the machine's fonts,
packages and files play no part; a text is never read as markup.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal

from affidavit.errors import MissingPartError
from reports.drawings.gallery import pictures_of
from reports.formats.print.flow import flow_of
from reports.formats.print.fonts import faces
from reports.formats.print.row_headings import with_row_headings
from reports.pages import document_of
from reports.papers.papers import Papers

if TYPE_CHECKING:
    from affidavit.report import AuditReport

STANDARDS: Final = ("a-2a", "ua-1")
"""Archival with structure and text (ISO 19005-2, level A), and accessible (ISO 14289-1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfRenderer:
    """The renderer `pdf`."""

    name: str = "pdf"
    suffix: str = ".pdf"

    def render(self, report: AuditReport) -> bytes:
        """Return the PDF.

        Raises:
            MissingPartError: typst or the fonts are not installed.
        """
        return set_pages(report)[0]

    def render_with(self, report: AuditReport, papers: Papers) -> bytes:
        """Return the PDF with what was filed beside the report.

        Raises:
            MissingPartError: typst or the fonts are not installed.
        """
        return set_pages(report, papers)[0]


def set_pages(
    report: AuditReport,
    papers: Papers | None = None,
    *,
    into: Literal["pdf", "png"] = "pdf",
    pixels_per_inch: float = 110,
) -> list[bytes]:
    """Return the report set: as one PDF, or as one picture a page.

    Raises:
        MissingPartError: typst or the fonts are not installed.
    """
    try:
        import typst
    except ModuleNotFoundError:
        raise MissingPartError(
            "a print needs the package typst", slug="part-missing", remedy="install affidavit[reports]"
        ) from None
    document = json.dumps(flow_of(document_of(report, pictures_of(report), papers)), ensure_ascii=False)
    with tempfile.TemporaryDirectory() as nothing:  # the root: there is no file that the sheet could read
        compiler = typst.Compiler(
            input=(files("reports.formats.print") / "sheet.typ").read_bytes(),
            root=nothing,
            font_paths=faces(),
            ignore_system_fonts=True,
            sys_inputs={"document": document},
            package_path=nothing,
            package_cache_path=nothing,
        )
        made: Any = compiler.compile(
            format=into,
            ppi=pixels_per_inch,
            pdf_standards=list(STANDARDS) if into == "pdf" else [],
            timestamp=_seconds(report.provenance.created_at),
        )
    if into == "pdf":
        return [with_row_headings(made)]
    return made if isinstance(made, list) else [made]


def _seconds(moment: str) -> int:
    """Return a moment in ISO 8601 as seconds since 1970; the beginning of 1970 where a report tells none."""
    try:
        return int(datetime.fromisoformat(moment).timestamp())
    except ValueError:
        return 0


RENDERER: Final = PdfRenderer()
