"""Roles bring rights, and a login brings a role only where the file of roles says so."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from affidavit.errors import PlanError
from dashboards.access.people import Person, Right, Role, least_role
from dashboards.access.roles import Roles, read_roles

FILE = """
people: {a.khan@clinic.example: approver, guest@clinic.example: viewer}
claims: {groups: {reviewers: reviewer, board: approver}}
"""


@pytest.fixture
def roles(tmp_path: Path) -> Roles:
    (tmp_path / "people.yaml").write_text(FILE)
    return read_roles(tmp_path / "people.yaml")


def test_each_role_may_do_what_those_before_it_may() -> None:
    rights = [{right for right in Right if Person(name="x", role=role).may(right)} for role in Role]
    assert all(less < more for less, more in pairwise(rights))
    assert rights[-1] == set(Right)


def test_a_viewer_reads_releases_and_nothing_else() -> None:
    viewer = Person(name="x", role=Role.VIEWER)
    assert [right for right in Right if viewer.may(right)] == [Right.READ_RELEASES]


def test_only_from_an_approver_on_is_a_waiver_approved() -> None:
    assert least_role(Right.APPROVE) is Role.APPROVER
    assert not Person(name="x", role=Role.REVIEWER).may(Right.APPROVE)


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"email": "a.khan@clinic.example"}, Role.APPROVER),
        ({"email": "b@clinic.example", "groups": ["staff", "reviewers"]}, Role.REVIEWER),
        ({"email": "b@clinic.example", "groups": "board"}, Role.APPROVER),
        ({"email": "b@clinic.example", "groups": ["reviewers", "board"]}, Role.APPROVER),
        ({"email": "guest@clinic.example", "groups": ["board"]}, Role.VIEWER),  # held back by name
        ({"email": "b@clinic.example", "groups": ["staff"]}, None),
        ({"email": "b@clinic.example"}, None),
        ({"email": "a.khan@clinic.example", "email_verified": False}, None),
        ({"email": " "}, None),
        ({"groups": ["board"]}, None),
        ({}, None),
    ],
)
def test_a_login_becomes_somebody_with_a_role_or_nobody(
    roles: Roles, claims: dict[str, Any], role: Role | None
) -> None:
    person = roles.person_of(claims)
    assert (None if person is None else person.role) is role
    if person is not None:
        assert person.name == claims["email"]


def test_a_role_that_is_none_is_refused_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "people.yaml").write_text("people: {a@b.example: boss}")
    with pytest.raises(PlanError) as raised:
        read_roles(tmp_path / "people.yaml")
    assert "viewer, reviewer, approver, administrator" in str(raised.value)
