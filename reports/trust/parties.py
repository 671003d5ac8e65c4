"""The people of a bundle: their roles, when two names are one person's, and moments that name their zone."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints


class Role(StrEnum):
    """What somebody does for an audit."""

    REQUESTER = "requester"
    """Asked for it; may sign that the report arrived, and never approves it."""
    ISSUER = "issuer"
    """Ran it and vouches that the bundle is what came out."""
    REVIEWER = "reviewer"
    """Read it."""
    APPROVER = "approver"
    """Decides on it; neither the requester nor a reviewer."""


def _with_zone(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time names its zone, as in 2026-03-01T10:00:00+00:00")
    return moment.astimezone(UTC)


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("a name is printable text on one line")
    return name


Moment = Annotated[datetime, AfterValidator(_with_zone)]
"""A moment, in UTC."""
PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_printable)
]
KeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256, in hex, of a public key's SubjectPublicKeyInfo (DER)."""


def plain_name(name: str) -> str:
    """Return a name as it is compared: compatible forms, letter case and spaces do not make another person.

    >>> plain_name("Ada  LOVELACE ") == plain_name("ada lovelace")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def file_part(name: str) -> str:
    """Return a name as part of a file name: small ASCII letters, digits and hyphens; empty where none are left.

    >>> file_part("Zoë O'Neil")
    'zoe-o-neil'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60].rstrip("-")
