"""The releasable rendition of a report, kept in the workspace: it is made once, and a desk that starts again has it.

WORKSPACE/releases/<key>/       a bundle: the released report and its exhibits
WORKSPACE/releases/<key>.json   the digest of the released report

The key is made of the digest of the report and of the version that made the release. A release that is not as it was
written is made anew. A large one is made by a process of its own, which leaves the desk to others meanwhile:
`python -m dashboards.workspace.releases BUNDLE FOLDER`.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock
from pydantic import ValidationError

from affidavit.bundle import read_bundle, write_bundle
from affidavit.digests import digest_of
from affidavit.errors import AffidavitError
from affidavit.files import replacing
from affidavit.provenance import package_version
from affidavit.records import Record
from affidavit.registry import Door, load
from affidavit.report import AuditReport
from dashboards.workspace.reading import read_whole

RELEASE: Final = "releasable"
"""The release, behind the door of that name, that those who may not see small groups are shown."""
FOLDER: Final = "releases"
FORM: Final = 1
"""Of what is kept; another number is another key."""
AT_ONCE: Final = 1000
"""Findings up to which a release is made where the page is drawn."""
_LOCK: Final = ".releasing"


class _Note(Record):
    report_digest: str


@dataclass(frozen=True, slots=True)
class KeptReleases:
    """The releases that a desk keeps, in a folder of its workspace."""

    folder: Path

    def read(self, digest: str) -> AuditReport | None:
        """Return the release of a report; None where none was kept, and where it is not as it was written."""
        key = key_of(digest)
        try:
            note = _Note.model_validate_json(self._note(key).read_bytes())
            report = read_bundle(self.folder / key)
        except (OSError, ValidationError, ValueError, AffidavitError):
            return None
        return report if report.report_digest == note.report_digest else None

    def keep(self, digest: str, released: AuditReport) -> None:
        """Keep the release of a report; the note is written last, so that what it names is whole."""
        key = key_of(digest)
        write_bundle(released, self.folder / key, renderings=())
        with replacing(self._note(key)) as temporary:
            temporary.write_text(_Note(report_digest=released.report_digest).model_dump_json(), encoding="utf-8")

    def _note(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def key_of(digest: str) -> str:
    """Return the name of the release of a report."""
    told = {"form": FORM, "affidavit": package_version("affidavit"), "release": RELEASE, "report": digest}
    return digest_of(told).removeprefix("sha256:")


def release_of(place: Path, digest: str, shelf: KeptReleases) -> AuditReport:
    """Return the release of the report in a bundle: as it was kept, else made now and kept.

    Raises:
        AffidavitError: the bundle is not as it was written, or too few people are in it for anything to be released.
    """
    kept = shelf.read(digest)
    if kept is not None:
        return kept
    report, _ = read_whole(place)
    if len(report.findings) > AT_ONCE:
        command = [sys.executable, "-m", "dashboards.workspace.releases", str(place), str(shelf.folder)]
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
    return made(report, shelf)


def made(report: AuditReport, shelf: KeptReleases) -> AuditReport:
    """Return the release of a report, made by whoever comes first and kept.

    Raises:
        PlanError: too few people are in it for anything to be released.
    """
    shelf.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(shelf.folder / _LOCK):
        kept = shelf.read(report.report_digest)
        if kept is not None:
            return kept
        released: AuditReport = load(Door.RELEASES, RELEASE).release(report)
        shelf.keep(report.report_digest, released)
        return released


def main(place: str, folder: str) -> int:
    """Make the release of a bundle and keep it."""
    report, _ = read_whole(Path(place))
    made(report, KeptReleases(Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
