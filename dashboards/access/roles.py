"""Reads who has which role: for people by name, and for whoever a claim of the login says so.

people:                       # by what the login calls them (`name`, one of the claims)
  a.khan@clinic.example: approver
claims:                       # or by what the login says of them: claim to value to role
  groups: {reviewers: reviewer, board: approver}
name: email                   # the claim under which acts are recorded; email where absent
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field

from affidavit.errors import PlanError
from affidavit.records import Record
from affidavit.yaml_files import read_record
from dashboards.access.people import Person, Role

_RANK = {role: rank for rank, role in enumerate(Role)}


class Roles(Record):
    """A file of roles."""

    people: Mapping[str, Role] = {}
    claims: Mapping[str, Mapping[str, Role]] = {}
    name: str = Field(default="email", min_length=1)

    def person_of(self, told: Mapping[str, Any]) -> Person | None:
        """Return who somebody is by the claims of their login; None for somebody without a role or a name.

        An address counts only where the login does not say that it was never verified. Of several roles the highest is
        taken; a role for a name stands above those for claims, also where it is lower: so one person can be held back.
        """
        name = told.get(self.name)
        if not isinstance(name, str) or not name.strip():
            return None
        if self.name == "email" and told.get("email_verified") is False:
            return None
        named = self.people.get(name)
        roles = [named] if named is not None else sorted(self._claimed(told), key=_RANK.__getitem__)
        return Person(name=name.strip(), role=roles[-1]) if roles else None

    def _claimed(self, told: Mapping[str, Any]) -> Iterator[Role]:
        for claim, by_value in self.claims.items():
            said = told.get(claim)
            for value in said if isinstance(said, list | tuple) else [said]:
                if isinstance(value, str) and value in by_value:
                    yield by_value[value]


def read_roles(path: Path) -> Roles:
    """Read the file.

    Raises:
        TableError: it is not there, or no YAML. PlanError: it says something that roles do not have.
    """
    return read_record(path, Roles, invalid=partial(_invalid, path))


def _invalid(path: Path, found: str) -> PlanError:
    return PlanError(
        "the file of roles does not validate",
        slug="plan-invalid",
        where=path.name,
        found=found,
        allowed=f"people, claims and name; roles are {', '.join(Role)}",
        remedy="correct what is named above; docs/dashboard.md has an example",
    )
