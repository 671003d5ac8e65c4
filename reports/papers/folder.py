"""The folder `papers/` of a bundle: its files, and what they say once they are read.

papers/filing.json           when it was filed, until when it holds, what changed, whose key signed the dossier
papers/dossier.yaml          what people say of the system, byte for byte as it was signed
papers/dossier.dsse.json     the signature over it
papers/dossier.pub.pem       the key of that signature; whose it is, the reader's trust file says
papers/waivers.yaml          who lets a criterion be missed, and until when

Laws: a dossier without its signature is kept and counts as unsigned; a signature that does not hold is a fault; files
that are not of this list are faults; `filing.json` has its canonical form.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from affidavit.digests import canonical_json
from affidavit.errors import PolicyError, VerificationError
from affidavit.records import Record
from affidavit.report import AuditReport
from affidavit.yaml_files import describe_validation_error
from reports.gate.waivers import Waiver, Waivers
from reports.law.dossier import parse_dossier
from reports.law.dossier_signing import verify_dossier
from reports.law.testimony import Testimony
from reports.papers.changes import Changes
from reports.papers.papers import Papers, without_papers

FOLDER: Final = "papers/"
FILING: Final = f"{FOLDER}filing.json"
DOSSIER: Final = f"{FOLDER}dossier.yaml"
ENVELOPE: Final = f"{FOLDER}dossier.dsse.json"
PUBLIC_KEY: Final = f"{FOLDER}dossier.pub.pem"
WAIVERS: Final = f"{FOLDER}waivers.yaml"
FILES: Final = frozenset({FILING, DOSSIER, ENVELOPE, PUBLIC_KEY, WAIVERS})
Read = Callable[[str], bytes]


class Filing(Record):
    """`filing.json`."""

    version: Literal[1] = 1
    filed_on: datetime.date
    valid_until: datetime.date | None = None
    dossier_key_id: str | None = None
    """The key whose signature over the dossier was verified when it was filed."""
    changes: tuple[Changes, ...] = ()

    def to_json(self) -> bytes:
        """Return the one form in which it is written."""
        return canonical_json(self.model_dump(mode="json"))


def papers_of(folder: Path, report: AuditReport) -> Papers:
    """Return the papers in a bundle's folder.

    Raises:
        VerificationError: see `read_papers`.
    """
    names = [path.relative_to(folder).as_posix() for path in (folder / FOLDER).rglob("*") if path.is_file()]
    return read_papers(names, lambda name: (folder / name).read_bytes(), report)


def read_papers(names: Iterable[str], read: Read, report: AuditReport) -> Papers:
    """Return the papers among the files of a bundle; those of a bundle without any are empty.

    Args:
        names: the files of a bundle, or only those of its papers.
        read: gives the bytes of one of them.
        report: the report that they lie beside.

    Raises:
        VerificationError: a paper is missing, is none, is not in its one form, or its signature does not hold.
    """
    own = {name for name in names if name.startswith(FOLDER)}
    if not own:
        return without_papers(report)
    if strange := sorted(own - FILES):
        raise _fault(strange[0], "is no paper that a bundle can have")
    if FILING not in own:
        raise _fault(FILING, "is missing")
    filing = _filing(read(FILING))
    return Papers(
        filed_on=filing.filed_on,
        valid_until=filing.valid_until,
        testimony=_testimony(own, read, filing),
        waivers=parse_waivers(read(WAIVERS), where=WAIVERS) if WAIVERS in own else (),
        changes=filing.changes,
    )


def _filing(content: bytes) -> Filing:
    try:
        filing = Filing.model_validate(json.loads(content))
    except (ValueError, ValidationError, RecursionError):
        raise _fault(FILING, "is not what `affidavit file` writes") from None
    if filing.to_json() != content:
        raise _fault(FILING, "is not written in its canonical form")
    return filing


def _testimony(own: set[str], read: Read, filing: Filing) -> Testimony:
    signed = filing.dossier_key_id is not None
    wanted = {DOSSIER, ENVELOPE, PUBLIC_KEY} if signed else set()
    if missing := sorted(wanted - own):
        raise _fault(missing[0], "is missing")
    if extra := sorted((own & {ENVELOPE, PUBLIC_KEY}) - wanted):
        raise _fault(extra[0], f"stands beside a dossier that was filed unsigned ({FILING})")
    if DOSSIER not in own:
        return Testimony()
    content = read(DOSSIER)
    dossier = parse_dossier(content, where=DOSSIER)
    if not signed:
        return Testimony(dossier=dossier)
    verified = verify_dossier(read(ENVELOPE), content, read(PUBLIC_KEY))
    if verified.key_id != filing.dossier_key_id:
        raise _fault(PUBLIC_KEY, f"is not the key that {FILING} names")
    return Testimony(dossier=dossier, key_id=verified.key_id)


def parse_waivers(content: bytes, *, where: str) -> tuple[Waiver, ...]:
    """Read waivers from their bytes, so that what is kept is what was read.

    Raises:
        PolicyError: they are not YAML, a key is unknown or missing, or a waiver breaks a rule.
    """
    import yaml

    try:
        return Waivers.model_validate(yaml.safe_load(content)).waivers
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError, RecursionError) as error:
        raise PolicyError(
            "the waivers do not validate",
            slug="policy-invalid",
            where=where,
            found=describe_validation_error(error) if isinstance(error, ValidationError) else "not readable YAML",
            allowed=f"version: 1, and under waivers the keys {', '.join(Waiver.model_fields)}",
            remedy="correct what is named above; docs/gate.md shows a file",
        ) from None


def _fault(name: str, what: str) -> VerificationError:
    return VerificationError(
        f"{name} {what}",
        slug="bundle-incomplete",
        where=name,
        remedy="file the papers anew (`affidavit file`), or ask whoever issued the bundle for the original",
    )
