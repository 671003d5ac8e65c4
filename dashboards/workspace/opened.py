"""Opens a bundle to be read: held against its digests once, and as a release for those who may see no more.

What is opened is kept by the digest of the report, so that ten readers of one report hold it once in memory. Its
document, with every picture of it, is made when a page first asks for a part of it.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from affidavit.report import AuditReport
from dashboards.access.people import Person, Right
from dashboards.settings import current_settings
from dashboards.workspace.bundles import FoundBundle
from dashboards.workspace.reading import read_whole
from dashboards.workspace.releases import FOLDER, KeptReleases, release_of
from reports.document import Document, Section
from reports.drawings.gallery import Gallery
from reports.pages import document_of
from reports.papers.papers import Papers


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBundle:
    """A report that is being read."""

    path: Path
    report: AuditReport
    papers: Papers | None
    """What was filed with it; None in a release, which leaves without papers."""
    released: bool
    """Whether this is the releasable rendition, in which small groups are withheld."""
    signed_by: tuple[str, ...] = ()

    def section(self, name: str) -> Section:
        """Return a section of the document by its id."""
        return next(section for section in self.document.sections if section.id == name)

    @property
    def document(self) -> Document:
        """The report as a document, with its pictures."""
        return _document(str(self.path), self.report.report_digest, self.signed_by, self)

    @property
    def by_run(self) -> Mapping[str, tuple[str, ...]]:
        """Run to its conditions, fullest first."""
        return {data.run: data.conditions for data in self.report.data}


def opened(bundle: FoundBundle, person: Person) -> OpenedBundle:
    """Return a bundle as somebody may see it.

    Raises:
        VerificationError: it is not as it was written.
    """
    if person.may(Right.READ_REPORTS):
        return _opened(str(bundle.path), bundle.digest, bundle.signed_by)
    workspace = Path(current_settings().workspace)
    return _released(str(bundle.path), bundle.digest, str(workspace / FOLDER))


@st.cache_resource(max_entries=8, show_spinner="Reading the report and holding its digests ...", show_time=True)
def _opened(path: str, digest: str, signed_by: tuple[str, ...]) -> OpenedBundle:
    """Open one; digest and signatures are part of the key, so that a bundle that changed is read again."""
    report, papers = read_whole(Path(path))
    _set_aside()
    return OpenedBundle(path=Path(path), report=report, papers=papers, released=False, signed_by=signed_by)


@st.cache_resource(
    max_entries=8,
    show_spinner="Withholding small groups, once for each report; of a large one this takes half a minute ...",
    show_time=True,
)
def _released(path: str, digest: str, folder: str) -> OpenedBundle:
    """Open the release of one, as it was kept, or made now."""
    report = release_of(Path(path), digest, KeptReleases(Path(folder)))
    _set_aside()
    return OpenedBundle(path=Path(path), report=report, papers=None, released=True)


def _set_aside() -> None:
    """Keep what was just read out of the garbage collections that Streamlit makes after every click.

    A report is tens of thousands of records; walking over them took 0.15 s a click. One that is dropped from the cache
    is still freed: records hold each other in no circle.
    """
    gc.collect()
    gc.freeze()


@st.cache_resource(max_entries=8, show_spinner="Writing the report's pages ...")
def _document(path: str, digest: str, signed_by: tuple[str, ...], _book: OpenedBundle) -> Document:
    del path, digest, signed_by
    return document_of(_book.report, Gallery(), _book.papers)
