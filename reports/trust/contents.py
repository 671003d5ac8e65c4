"""The files of a bundle, from its folder or its zip: their names, their digests, and their bytes when asked for.

A link, a name that no bundle has, or anything that is no plain file is a fault and is not read. What is read later is
held against the digest taken at first, so that nobody can change a file in between.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affidavit.bundle import ENVELOPE, REPORT
from affidavit.errors import TableError, VerificationError
from reports.trust.archive import MAX_BYTES, name_fault, open_archive
from reports.trust.faults import Fault
from reports.trust.statements import FOLDER

ZIP: Final = ".zip"
INDEX: Final = f"{FOLDER}SHA256SUMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in a bundle."""

    where: Path
    digests: Mapping[str, str]
    """File to the SHA-256 of its bytes, in hex."""
    faults: tuple[Fault, ...]
    """Of files that could not be taken in, and of the archive itself."""
    _bytes_of: Callable[[str], bytes]
    cut_short: bool = False
    """Whether there may be files behind the first fault of an archive, which were not read."""

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            VerificationError: it was changed since its digest was taken.
        """
        content = self._bytes_of(name)
        if hashlib.sha256(content).hexdigest() != self.digests[name]:
            raise VerificationError(
                f"{name} was changed while it was being verified",
                slug="digest-mismatch",
                where=str(self.where),
                remedy="find out what writes to it, and verify again",
            )
        return content

    @property
    def signed(self) -> dict[str, str]:
        """Every file that a signature speaks of, to its digest: all but the signatures."""
        return {name: digest for name, digest in self.digests.items() if not name.startswith(FOLDER)}

    @property
    def listed(self) -> dict[str, str]:
        """Every file that SHA256SUMS speaks of; an envelope of the former kind came after it."""
        return {name: digest for name, digest in self.signed.items() if name not in ("SHA256SUMS", ENVELOPE)}

    @property
    def envelopes(self) -> dict[str, str]:
        """Every file in the folder of signatures but its list of checksums."""
        return {name: digest for name, digest in self.digests.items() if name.startswith(FOLDER) and name != INDEX}


def open_contents(bundle: Path) -> Contents:
    """Return what is in a bundle, a folder or a zip.

    Raises:
        TableError: there is no such file or folder.
        VerificationError: `bundle-incomplete`, it is a folder without a report.
    """
    if bundle.is_dir():
        return _folder(bundle)
    if not bundle.is_file():
        raise TableError(
            "there is no such bundle", slug="file-not-found", where=str(bundle), remedy="check the path"
        ) from None
    return _zip(bundle)


def _zip(path: Path) -> Contents:
    with path.open("rb") as file:
        opened = open_archive(file.read(MAX_BYTES + 1), where=path.name)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in opened.files.items()}
    read = opened.files.__getitem__
    return Contents(where=path, digests=digests, faults=opened.faults, _bytes_of=read, cut_short=bool(opened.faults))


def _folder(folder: Path) -> Contents:
    if not (folder / REPORT).is_file():
        raise VerificationError(
            "this is not an audit bundle",
            slug="bundle-incomplete",
            where=str(folder),
            found=f"no {REPORT}",
            remedy="give the folder that `affidavit audit`, `run` or `compare` wrote, or its zip",
        )
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    faults: list[Fault] = []
    digests: dict[str, str] = {}
    for name, path in paths.items():
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            continue
        if not stat.S_ISREG(mode):
            kind = "a link" if stat.S_ISLNK(mode) else "no plain file"
            faults.append(Fault(file=name, what=f"is {kind}, and a bundle holds plain files alone"))
        elif (fault := name_fault([name])) is not None:
            faults.append(fault)
        else:
            try:
                with path.open("rb") as file:
                    digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                faults.append(Fault(file=name, what=f"cannot be read: {error.strerror}"))
    if (fault := name_fault(digests)) is not None:
        faults.append(fault)
    return Contents(
        where=folder, digests=digests, faults=tuple(faults), _bytes_of=lambda name: (folder / name).read_bytes()
    )
