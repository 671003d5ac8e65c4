"""Opens a bundle to be read: held against its digests once, and as a release for those who may see no more.

What is opened is kept by the digest of the report, so that ten readers of one report hold it once in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from affidavit.bundle import read_bundle
from affidavit.registry import Door, load
from affidavit.report import AuditReport
from dashboards.access.people import Person, Right
from dashboards.workspace.bundles import FoundBundle
from reports.document import Document, Section
from reports.drawings.gallery import Gallery
from reports.pages import document_of
from reports.papers.folder import papers_of
from reports.papers.papers import Papers
from reports.trust.archive import open_archive

RELEASE = "releasable"
"""The release, behind the door of that name, that those who may not see small groups are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBundle:
    """A report that is being read, with its document."""

    path: Path
    report: AuditReport
    document: Document
    released: bool
    """Whether this is the releasable rendition, in which small groups are withheld."""

    def section(self, name: str) -> Section:
        """Return a section of the document by its id."""
        return next(section for section in self.document.sections if section.id == name)

    @property
    def by_run(self) -> Mapping[str, tuple[str, ...]]:
        """Run to its conditions, fullest first."""
        return {data.run: data.conditions for data in self.report.data}


def opened(bundle: FoundBundle, person: Person) -> OpenedBundle:
    """Return a bundle as somebody may see it.

    Raises:
        VerificationError: it is not as it was written.
    """
    release = not person.may(Right.READ_REPORTS)
    return _opened(str(bundle.path), bundle.digest, bundle.signed_by, release=release)


@st.cache_resource(max_entries=8, show_spinner="Reading the report and holding its digests ...")
def _opened(path: str, digest: str, signed_by: tuple[str, ...], *, release: bool) -> OpenedBundle:
    """Open one; digest and signatures are part of the key, so that a bundle that changed is read again."""
    place = Path(path)
    report, papers = _read(place)
    if release:
        report, papers = load(Door.RELEASES, RELEASE).release(report), None
    document = document_of(report, Gallery(), papers)
    return OpenedBundle(path=place, report=report, document=document, released=release)


def _read(place: Path) -> tuple[AuditReport, Papers | None]:
    if place.is_dir():
        report = read_bundle(place)
        return report, papers_of(place, report)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in open_archive(place.read_bytes(), where=place.name).files.items():
            file = Path(folder) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        report = read_bundle(Path(folder))
        return report, papers_of(Path(folder), report)
