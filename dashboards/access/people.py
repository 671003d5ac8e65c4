"""Roles and what each may do: a viewer reads releases, a reviewer reads everything, an approver decides beside another.

Laws: a right belongs to a role and to nobody by name; whoever is not named has no role, and no role has no right.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import Field

from affidavit.records import Record


class Role(StrEnum):
    """What somebody is at this desk; each may do what those before may."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """Something that not everybody may do."""

    READ_RELEASES = "read what was made for release"
    READ_REPORTS = "read reports with small groups"
    OPEN_MEDIA = "hear and see people"
    REVIEW = "review rationales and annotate clues"
    RUN = "start and cancel runs"
    ASK_WAIVER = "ask for a waiver"
    APPROVE = "approve a waiver, and sign off"
    MANAGE = "see who did what, and manage the desk"


_FROM: Final[Mapping[Right, Role]] = MappingProxyType(
    {
        Right.READ_RELEASES: Role.VIEWER,
        Right.READ_REPORTS: Role.REVIEWER,
        Right.OPEN_MEDIA: Role.REVIEWER,
        Right.REVIEW: Role.REVIEWER,
        Right.RUN: Role.REVIEWER,
        Right.ASK_WAIVER: Role.REVIEWER,
        Right.APPROVE: Role.APPROVER,
        Right.MANAGE: Role.ADMINISTRATOR,
    }
)
_RANK: Final = {role: rank for rank, role in enumerate(Role)}


class Person(Record):
    """Whoever sits at the desk."""

    name: str = Field(min_length=1, max_length=200)
    """How every act of theirs is recorded: what the login said, or what the desk was started with."""
    role: Role

    def may(self, right: Right) -> bool:
        """Say whether the role brings a right."""
        return _RANK[self.role] >= _RANK[_FROM[right]]


def least_role(right: Right) -> Role:
    """Return the first role that brings a right, for the sentence that says who may."""
    return _FROM[right]
