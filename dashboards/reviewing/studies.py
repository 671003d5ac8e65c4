"""The studies of a desk: plans of cards that were drawn elsewhere, one file each in the workspace.

WORKSPACE/reviews/NAME.json     an `affidavit.reviews.ReviewPlan`

What people are shown of patients stays in these files, where `affidavit withdraw` takes it out; the records hold
cards by their numbers alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st
from pydantic import ValidationError

from affidavit.errors import PlanError, TableError
from affidavit.files import replacing
from affidavit.reviews import ReviewPlan
from affidavit.yaml_files import describe_validation_error
from dashboards.access.people import Person
from dashboards.records.book import RecordBook
from dashboards.records.entries import Change, Kind, Moment, Subject
from reports.trust.parties import plain_name

FOLDER: Final = "reviews"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,59}")
LARGEST_BYTES: Final = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A plan under a name."""

    name: str
    plan: ReviewPlan

    def hand_name(self, person: Person) -> str | None:
        """Return under which name the plan gives cards to somebody; None where it gives them none."""
        return next(
            (a.reviewer for a in self.plan.assignments if plain_name(a.reviewer) == plain_name(person.name)), None
        )


def studies(workspace: Path) -> tuple[Study, ...]:
    """Return the studies of a workspace by name.

    Raises:
        TableError: a file in the folder is no plan.
    """
    files = sorted((workspace / FOLDER).glob("*.json"))
    return tuple(_read(str(file), file.stat().st_mtime_ns) for file in files if _NAME.fullmatch(file.stem))


def add_study(workspace: Path, book: RecordBook, *, name: str, content: bytes, by: Person, at: Moment) -> Study:
    """Keep a plan under a name, and note who brought it.

    Raises:
        PlanError: the name is none, or taken. TableError: the content is no plan.
    """
    file = workspace / FOLDER / f"{name}.json"
    if not _NAME.fullmatch(name) or file.exists():
        raise PlanError(
            "a study cannot have this name",
            slug="plan-invalid",
            where="name of the study",
            found=f"{name[:60]}{', which there is already' if _NAME.fullmatch(name) else ''}",
            allowed="up to 60 letters, digits, spaces, hyphens and underscores, that no other study has",
            remedy="choose another name",
        )
    plan = _parsed(content, where=f"{name}.json")
    with replacing(file) as temporary:
        temporary.write_bytes(content)
    file.chmod(0o600)  # it says what each card is, which no reviewer may know
    told = Subject(kind=Kind.STUDY, about=name, name=name)
    counts = {"cards": len(plan.items), "reviewers": len(plan.assignments)}
    book.note(Change(subject=told, act="brought", person=by.name, at=at, content=counts))
    return Study(name=name, plan=plan)


@st.cache_resource(max_entries=16, show_spinner=False)
def _read(file: str, stamp: int) -> Study:
    del stamp
    path = Path(file)
    return Study(name=path.stem, plan=_parsed(path.read_bytes(), where=path.name))


def _parsed(content: bytes, *, where: str) -> ReviewPlan:
    try:
        if len(content) > LARGEST_BYTES:
            raise TableError("the plan is too large", slug="file-unreadable", where=where, remedy="draw fewer cards")
        plan = ReviewPlan.model_validate_json(content)
    except ValidationError as error:
        raise TableError(
            "this is no review plan",
            slug="file-unreadable",
            where=where,
            found=describe_validation_error(error)[:300],
            allowed="the JSON of an affidavit.reviews.ReviewPlan",
            remedy="bring the plan that the sample was drawn with (docs/faithfulness.md)",
        ) from None
    known = {item.card for item in plan.items}
    lacking = sorted({card for hand in plan.assignments for card in hand.cards} - known)
    if lacking:
        raise TableError(
            "the plan deals cards that it does not have",
            slug="file-unreadable",
            where=where,
            found=", ".join(lacking[:5]),
            remedy="bring the plan as it was drawn",
        )
    return plan
