"""What may run at a site: digests that its officer approved, each with a signature, a reason and perhaps a last day.

Law: nothing is approved until it is; the last word about a digest counts; after the site took its leave nothing is.
An approval is of bytes: what has another digest is another thing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from affidavit.digests import file_digest
from affidavit.errors import PlanError, VerificationError
from affidavit.provenance import Now, now
from affidavit.yaml_files import describe_validation_error
from federated.deployment.house import House
from federated.deployment.keys import officer_key
from federated.record.entries import Approved, Disapproved, Farewell
from federated.record.laws import breaches
from federated.record.log import Log, read_log, write_line
from federated.record.signatures import public_hex, signed_by
from federated.record.site_keys import SiteKeys, keys_of

_DIGEST: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
NEVER: Final = "nobody approved it"
_A = TypeVar("_A", Approved, Disapproved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Who says something for a site, and why."""

    by: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an officer's log says of digests on one day."""

    site: str
    answers: dict[str, Approved | Disapproved]
    """The last word about each digest."""
    left: bool
    today: date

    def against(self, digest: str) -> str | None:
        """Return why what has this digest may not run; None where it may."""
        if self.left:
            return "the site took its leave"
        answer = self.answers.get(digest)
        if answer is None:
            return NEVER
        if isinstance(answer, Disapproved):
            return "the officer refused it"
        if answer.until is not None and self.today > date.fromisoformat(answer.until):
            return f"its approval ended on {answer.until}"
        return None


def standing(folder: Path, *, clock: Now = now) -> Standing:
    """Return what is approved at a site now, every signature having been verified.

    Raises:
        VerificationError: a line of its log does not hold, or a signature in it does not: then nothing is approved.
        TableError: there is no log.
    """
    return _standing(read_log(House(folder=folder).log), today=clock().date())


def digest_named(named: str) -> tuple[str, str]:
    """Return the digest that somebody names, itself or by the file that has it, and what it is called.

    Raises:
        PlanError: it is neither a digest nor a file.
    """
    if found := _DIGEST.fullmatch(named.strip().lower()):
        return f"sha256:{found[1]}", "named by its digest"
    path = Path(named)
    if path.is_file():
        return file_digest(path), path.name
    raise PlanError(
        "this is neither a digest nor a file",
        slug="plan-invalid",
        where="affidavit site",
        found=named[:100],
        allowed="sha256: and 64 hexadecimal digits, or the path of a bundle",
        remedy="ask whoever runs the server for the digest, and compare it by another way",
    )


def approve(house: House, named: str, *, word: Word, until: str | None = None, clock: Now = now) -> Approved:
    """Write down that the officer lets what has this digest run here.

    Raises:
        PlanError: nothing is named, nobody says so or why, or the last day is none or past.
        VerificationError: the log does not hold, or the key is not the officer's.
    """
    digest, what = digest_named(named)
    fields = {"kind": "approved", "digest": digest, "what": what, "by": word.by, "because": word.because}
    if until is not None:
        fields["until"] = _day(until, today=clock().date())
    entry = _signed(Approved, fields, house)
    write_line(house.log, entry, clock=clock)
    return entry


def refuse(house: House, named: str, *, word: Word, clock: Now = now) -> Disapproved:
    """Write down that the officer lets what has this digest not run here, or no more.

    Raises:
        PlanError: nothing is named, or nobody says so or why.
        VerificationError: the log does not hold, or the key is not the officer's.
    """
    fields = {"kind": "disapproved", "digest": digest_named(named)[0], "by": word.by, "because": word.because}
    entry = _signed(Disapproved, fields, house)
    write_line(house.log, entry, clock=clock)
    return entry


def _standing(log: Log, *, today: date) -> Standing:
    broken = breaches(log)
    if broken:
        raise VerificationError(
            f"line {broken[0].line} does not hold: {broken[0].what}; nothing is approved on such a log",
            slug="signature-invalid",
            where=log.where,
            remedy="find out who wrote that line; begin a new folder with `affidavit site init` if nobody knows",
        )
    answers: dict[str, Approved | Disapproved] = {}
    for line in log.lines:
        if isinstance(line.entry, Approved | Disapproved):
            answers[line.entry.digest] = line.entry
    site = keys_of(line.entry for line in log.lines).site
    return Standing(site=site, answers=answers, left=bool(log.of(Farewell)), today=today)


def _signed(kind: type[_A], fields: dict[str, Any], house: House) -> _A:
    """Return an entry that the officer signed, after the log was found to be whole and the key to be theirs."""
    log = read_log(house.log)
    keys = keys_of(line.entry for line in log.lines)
    key = officer_key(house.key("officer"))
    _require_theirs(public_hex(key), keys, house)
    try:
        unsigned = kind.model_validate({**fields, "signature": "00"})
    except ValidationError as error:
        raise PlanError(
            "an answer needs somebody who gives it, and their reason",
            slug="plan-invalid",
            where="affidavit site",
            found=describe_validation_error(error),
            allowed="--by and --because, up to 500 characters each",
        ) from None
    told = unsigned.model_dump(mode="json", exclude={"signature"})
    return kind.model_validate({**told, "signature": signed_by(key, told, site=keys.site)})


def _require_theirs(public: str, keys: SiteKeys, house: House) -> None:
    if keys.keys.get("officer") != public:
        raise VerificationError(
            "this is not the officer's key that the log names",
            slug="key-invalid",
            where=str(house.key("officer")),
            remedy="use the key that `affidavit site init` made, or that `affidavit site rotate-key` put in its place",
        )


def _day(until: str, *, today: date) -> str:
    try:
        day = date.fromisoformat(until)
    except ValueError:
        day = date.min
    if day < today:
        raise PlanError(
            "an approval cannot end on that day",
            slug="plan-invalid",
            where="--until",
            found=until,
            allowed=f"a day from {today.isoformat()} on, as year-month-day",
        )
    return day.isoformat()
