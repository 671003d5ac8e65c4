"""Reads a bundle whole, from its folder or its zip: the report held against its digests, and the papers beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from affidavit.bundle import read_bundle
from affidavit.report import AuditReport
from reports.papers.folder import papers_of
from reports.papers.papers import Papers
from reports.trust.archive import open_archive


def read_whole(place: Path) -> tuple[AuditReport, Papers]:
    """Return a report with its exhibits, and the papers that were filed with it.

    Raises:
        VerificationError: it is not as it was written.
    """
    with _unpacked(place) as folder:
        report = read_bundle(folder)
        return report, papers_of(folder, report)


@contextmanager
def _unpacked(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield place
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, content in open_archive(place.read_bytes(), where=place.name).files.items():
            file = Path(folder) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        yield Path(folder)
