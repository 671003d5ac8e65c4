"""Waivers: who lets a criterion be missed, why, until when, and who else agreed. They are shown, never hidden.

version: 1
waivers:
  - criterion: accuracy-gap
    finding: private/TAV/accent/accuracy_difference   # all that the criterion binds, where absent
    owner: Ada Osei, head of quality
    reason: the new microphones arrive in March; until then caribbean patients are judged by two clinicians
    granted: 2026-01-15
    expires: 2026-04-01
    approved_by: Jo Lindqvist, patient safety
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from affidavit.errors import PolicyError
from affidavit.records import Record
from affidavit.yaml_files import read_record


class Waiver(Record):
    """One promise to live with a criterion that is not met, for a time."""

    criterion: str = Field(min_length=1)
    finding: str | None = None
    """Id of the finding; every finding that the criterion binds where absent."""
    owner: str = Field(min_length=1)
    """Who answers for it."""
    reason: str = Field(min_length=10)
    granted: date
    expires: date
    """The first day on which it no longer holds."""
    approved_by: str = Field(min_length=1)
    """The second person; not the owner."""

    @model_validator(mode="after")
    def _by_two_for_a_time(self) -> Waiver:
        if _same(self.owner, self.approved_by):
            raise ValueError(f"{self.owner} cannot approve a waiver of their own: approved_by is a second person")
        if self.expires <= self.granted:
            raise ValueError(f"it expires on {self.expires}, which is not after {self.granted}, when it was granted")
        return self

    def covers(self, criterion: str, finding: str | None) -> bool:
        """Say whether it speaks of a criterion's finding; `None` is a criterion that nothing was found for."""
        return self.criterion == criterion and self.finding in (None, finding)

    def in_force(self, today: date) -> bool:
        """Say whether it holds on this day."""
        return self.granted <= today < self.expires

    def told(self) -> str:
        """Return it as a sentence."""
        return (
            f"{self.owner} answers for it since {self.granted} and until {self.expires}, agreed by {self.approved_by}: "
            f"{self.reason}"
        )


class Waivers(Record):
    """The file."""

    version: Literal[1]
    waivers: tuple[Waiver, ...]


def read_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read a file of waivers.

    Raises:
        TableError: there is no such file, or it is not YAML.
        PolicyError: a key is unknown or missing, owner and approver are one, or a waiver ends before it begins.
    """
    return read_record(path, Waivers, invalid=partial(_invalid, path)).waivers


def _invalid(path: Path, found: str) -> PolicyError:
    return PolicyError(
        "the waivers do not validate",
        slug="policy-invalid",
        where=path.name,
        found=found,
        allowed=f"version: 1, and under waivers the keys {', '.join(Waiver.model_fields)}",
        remedy="correct what is named above; docs/gate.md shows a file",
    )


def first_in_force(waivers: Sequence[Waiver], criterion: str, finding: str | None, *, today: date) -> Waiver | None:
    """Return the waiver that lets a finding through on this day, if one does."""
    return next((one for one in waivers if one.covers(criterion, finding) and one.in_force(today)), None)


def _same(one: str, other: str) -> bool:
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())
