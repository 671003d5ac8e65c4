"""Finds bundles and says of each what stands on its first page, from report.json alone; nothing is verified here."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from affidavit.bundle import REPORT, SIGNATURES
from affidavit.errors import AffidavitError
from affidavit.kept_file import keep, kept
from affidavit.provenance import package_version
from affidavit.records import Record, Verdict
from affidavit.report import AuditReport, parse_report
from reports.sections.areas import Area, area_of
from reports.trust.parties import Role as Signer
from reports.wording import worst

DEPTH: Final = 4
"""Folders below one that was named in which a bundle is looked for."""
_ZIP: Final = ".zip"
FOLDER: Final = "listed"
"""Of a workspace, for what was read of bundles."""
_VERSION: Final = f"1-{package_version('affidavit')}"
_MOST_BYTES: Final = 256 * 2**20
"""Of a report.json that is read from a zip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBundle:
    """A bundle, as a list of them shows it."""

    path: Path
    title: str
    decision: str
    created_at: str
    digest: str
    runs: tuple[str, ...]
    verdicts: Mapping[Area, Verdict]
    """The worst that a criterion met in each area; an area without one is not there."""
    open_questions: int
    """Findings that a criterion binds and that came out inconclusive."""
    signed_by: tuple[str, ...]
    """Roles that signed, as files in the folder of signatures say; whether they hold, only `verify` knows."""
    unreadable: str | None = None
    """Why it cannot be read, where it cannot."""

    @property
    def waits_for(self) -> tuple[str, ...]:
        """Roles of those who sign a report that have not signed."""
        return tuple(role.value for role in Signer if role.value not in self.signed_by)


@dataclass(slots=True)
class BundleShelf:
    """The bundles under some places; each report is read again only when its file changes."""

    places: tuple[Path, ...]
    kept_in: Path | None = None
    """A folder for what was read of each, so that a desk that is started again does not read all of them anew."""
    _read: dict[Path, tuple[tuple[int, int], FoundBundle]] = field(default_factory=dict)

    def bundles(self) -> tuple[FoundBundle, ...]:
        """Return what is there now, the latest first."""
        found = [self._found(path) for place in self.places for path in sorted(set(_candidates(place, DEPTH)))]
        return tuple(sorted(found, key=lambda bundle: (bundle.created_at, str(bundle.path)), reverse=True))

    def _found(self, path: Path) -> FoundBundle:
        told = path / REPORT if path.is_dir() else path
        stamp = told.stat()
        signatures = _signatures(path)
        state = (stamp.st_mtime_ns ^ hash(signatures), stamp.st_size)
        kept = self._read.get(path)
        if kept is None or kept[0] != state:
            self._read[path] = (state, _described(path, signatures, self.kept_in))
        return self._read[path][1]


def _candidates(place: Path, depth: int) -> Iterator[Path]:
    """Yield folders and zips that look like bundles; nothing inside a bundle is looked into, nor any link followed."""
    if place.is_file():
        if place.suffix == _ZIP and zipfile.is_zipfile(place):
            yield place
        return
    if (place / REPORT).is_file():
        yield place
        return
    if depth == 0 or not place.is_dir():
        return
    for child in sorted(place.iterdir()):
        if child.is_symlink() or child.name.startswith("."):
            continue
        if child.is_dir():
            yield from _candidates(child, depth - 1)
        elif child.suffix == _ZIP and _holds_report(child):
            yield child


def _holds_report(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.rpartition("/")[2] == REPORT for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _signatures(path: Path) -> tuple[str, ...]:
    """Return the names of the files in which somebody swears."""
    if path.is_dir():
        return tuple(sorted(file.name for file in (path / SIGNATURES).glob("*.dsse.json")))
    with zipfile.ZipFile(path) as archive:
        inside = [name for name in archive.namelist() if f"{SIGNATURES}/" in name and name.endswith(".dsse.json")]
    return tuple(sorted(name.rpartition("/")[2] for name in inside))


class _Told(Record):
    """What a report says of itself on a list, and nothing that can change without it."""

    title: str
    decision: str
    created_at: str
    digest: str
    runs: tuple[str, ...]
    verdicts: Mapping[Area, Verdict]
    open_questions: int


def _described(path: Path, signatures: Sequence[str], kept_in: Path | None) -> FoundBundle:
    try:
        told = _told(path, kept_in)
    except (AffidavitError, OSError, ValueError, zipfile.BadZipFile) as error:
        return _unreadable(path, " ".join(str(error).split()))
    return FoundBundle(
        path=path,
        title=told.title,
        decision=told.decision,
        created_at=told.created_at,
        digest=told.digest,
        runs=told.runs,
        verdicts=told.verdicts,
        open_questions=told.open_questions,
        signed_by=_roles(signatures),
    )


def _told(path: Path, kept_in: Path | None) -> _Told:
    """Return what a report says of itself: as it was kept under the digest of its file, else as it is read now."""
    content = _content(path)
    file = None if kept_in is None else kept_in / f"{hashlib.sha256(content).hexdigest()}-{_VERSION}.json"
    known = None if file is None else kept(file)
    if known is not None:
        with suppress(ValidationError):
            return _Told.model_validate_json(known)
    told = _told_by(parse_report(content, where=path.name))
    if file is not None:
        with suppress(OSError):
            keep(file, told.model_dump_json().encode())
    return told


def _told_by(report: AuditReport) -> _Told:
    decided = [finding for finding in report.findings if finding.criterion is not None]
    areas = {area: [f.verdict for f in decided if area_of(f) is area] for area in Area}
    return _Told(
        title=report.title,
        decision=report.decision.value,
        created_at=report.provenance.created_at,
        digest=report.report_digest,
        runs=tuple(data.run for data in report.data),
        verdicts={area: worst(verdicts) for area, verdicts in areas.items() if verdicts},
        open_questions=sum(finding.verdict is Verdict.INCONCLUSIVE for finding in decided),
    )


def _content(path: Path) -> bytes:
    if path.is_dir():
        return (path / REPORT).read_bytes()
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.rpartition("/")[2] == REPORT)
        with archive.open(name) as file:
            return file.read(_MOST_BYTES)


def _roles(signatures: Sequence[str]) -> tuple[str, ...]:
    """Return the roles in the names of signatures (`<role>-<key>.dsse.json`), each once."""
    known = {role.value for role in Signer}
    found = (next((role for role in known if name.startswith(f"{role}-")), None) for name in signatures)
    return tuple(dict.fromkeys(role for role in found if role is not None))


def _unreadable(path: Path, why: str) -> FoundBundle:
    return FoundBundle(
        path=path,
        title=path.name,
        decision="unreadable",
        created_at="",
        digest="",
        runs=(),
        verdicts={},
        open_questions=0,
        signed_by=(),
        unreadable=why,
    )


def same_line(bundles: Sequence[FoundBundle], bundle: FoundBundle) -> tuple[FoundBundle, ...]:
    """Return the audits under one title, oldest first: what a trend is drawn over."""
    return tuple(sorted((b for b in bundles if b.title == bundle.title), key=lambda one: one.created_at))


def read_report(path: Path) -> AuditReport:
    """Return a bundle's report without holding its files against it, for a list; see `opened` for reading.

    Raises:
        AffidavitError: it does not read.
    """
    return parse_report(_content(path), where=path.name)
