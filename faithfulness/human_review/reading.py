"""Reads what reviewers said, and which judgement each card stands for.

Reviews are a table (parquet, CSV, JSON lines) with `card`, `reviewer` and `score`, and, where they were kept,
`reviewed_at`, `shown` and `reason`. A review plan (JSON, `affidavit.reviews.ReviewPlan`) says what the cards are; a
table without a plan says so itself, by `utterance_id` and as many of `run`, `condition`, `reasoner`, `instruction`,
`repeat`, `arm` and `rationale` as it has.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from affidavit.errors import ColumnError, RowError, TableError
from affidavit.reviews import Arm, Plausibility, ReviewItem, ReviewPlan
from affidavit.tables import open_table
from affidavit.yaml_files import describe_validation_error

NEEDED: Final = ("card", "reviewer", "score")
WORDS: Final[Mapping[str, Plausibility]] = MappingProxyType(
    {
        **{point.name.replace("_", " ").lower(): point for point in Plausibility},
        "correct (small part)": Plausibility.CORRECT_IN_A_SMALL_PART,
        "correct (most part)": Plausibility.CORRECT_FOR_THE_MOST_PART,
    }
)
"""The four points in words, also as EMER prints them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a card stands for; None where it is not said."""

    card: str
    arm: Arm
    utterance_id: str
    run: str | None = None
    condition: str | None = None
    reasoner: str | None = None
    instruction: str | None = None
    repeat: int | None = None
    rationale: str | None = None
    weight: float = 1.0
    same_as: str | None = None
    digest: str | None = None
    """Of the card as it was to be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What one reviewer said of one card."""

    card: str
    reviewer: str
    score: int
    automatic: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that is known of a review."""

    subjects: Mapping[str, Subject]
    given: tuple[Given, ...]
    """At most one of a reviewer and a card, in their order."""
    assigned: frozenset[tuple[str, str]] | None
    """Reviewer and card, of a plan."""
    shown: tuple[str, ...] | None
    """What reviewers were shown, in words; None where nobody says."""
    left_out: Counter[str] = field(default_factory=Counter)


def read_material(reviews: Path, plan: Path | None, *, automatic: str | None) -> Material:
    """Read a table of reviews and its plan; `automatic` names a column with another score of the cards.

    Raises:
        TableError: a file does not open. ColumnError: a column is missing. RowError: a score is none of the four.
    """
    rows = _rows(reviews, wanted=[*NEEDED, *([] if plan else ["utterance_id"]), *([automatic] if automatic else [])])
    if plan is None:
        subjects = _subjects_of(rows)
        assigned, shown = None, None
    else:
        drawn = read_plan(plan)
        subjects = {item.card: _subject_of_item(item) for item in drawn.items}
        assigned = frozenset((hand.reviewer, card) for hand in drawn.assignments for card in hand.cards)
        shown = drawn.shown
    left_out: Counter[str] = Counter()
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["reviewer"], row["card"])
        if (why := _why_left_out(row, subjects, assigned)) is not None:
            left_out[why] += 1
            continue
        left_out["again"] += key in kept
        if key not in kept or str(row.get("reviewed_at") or "") >= str(kept[key].get("reviewed_at") or ""):
            kept[key] = row
    given = tuple(
        Given(card=card, reviewer=reviewer, score=row["score"], automatic=_number(row.get(automatic or "")))
        for (reviewer, card), row in sorted(kept.items())
    )
    return Material(subjects=subjects, given=given, assigned=assigned, shown=shown, left_out=left_out)


def read_plan(path: Path) -> ReviewPlan:
    """Return the plan of a review.

    Raises:
        TableError: the file does not open, or is no review plan.
    """
    try:
        return ReviewPlan.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise TableError(
            "there is no such file", slug="file-not-found", where=str(path), remedy="check the path"
        ) from None
    except (ValidationError, OSError) as error:
        found = describe_validation_error(error) if isinstance(error, ValidationError) else str(error)
        raise TableError(
            "this is no review plan",
            slug="file-unreadable",
            where=str(path),
            found=found[:300],
            allowed="the JSON of an affidavit.reviews.ReviewPlan",
            remedy="name the plan that the sample was drawn with",
        ) from None


def _rows(path: Path, *, wanted: Sequence[str]) -> list[dict[str, Any]]:
    raw = open_table(path)
    lacking = [name for name in wanted if name not in raw.columns]
    if lacking:
        raise ColumnError(
            f"there is no column {', '.join(lacking)}",
            slug="column-missing",
            where=raw.name,
            found=", ".join(raw.columns),
            allowed=", ".join(wanted),
            remedy="export the reviews with these columns, or name the review plan (option plan)",
        )
    rows = [row for batch in raw.batches(None) for row in batch.to_pylist()]
    return [_plain(row, f"{raw.name}, row {number}") for number, row in enumerate(rows, start=1)]


def _plain(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    for name in ("card", "reviewer"):
        if row[name] is None or not str(row[name]).strip():
            raise _bad_row(f"{name} is missing", where, "nothing", "a text")
    texts = {name: str(row[name]).strip() for name in ("card", "reviewer")}
    return {**row, **texts, "score": _score(row["score"], where)}


def _score(value: object, where: str) -> int:
    word = " ".join(str(value).replace("_", " ").lower().split())
    if word in WORDS:
        return int(WORDS[word])
    number = _number(value)
    if number is None or number not in set(map(float, Plausibility)):
        raise _bad_row("the score is none of the four", where, str(value)[:80], "1 to 4, or " + ", ".join(WORDS))
    return int(number)


def _number(value: object) -> float | None:
    try:
        number = float(str(value)) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bad_row(what: str, where: str, found: str, allowed: str) -> RowError:
    remedy = "correct the row, or leave it out: a card that nobody scored is counted as not reviewed"
    return RowError(what, slug="row-value", where=where, found=found, allowed=allowed, remedy=remedy)


def _why_left_out(
    row: Mapping[str, Any], subjects: Mapping[str, Subject], assigned: frozenset[tuple[str, str]] | None
) -> str | None:
    subject = subjects.get(row["card"])
    if subject is None:
        return "unknown"
    if assigned is not None and (row["reviewer"], row["card"]) not in assigned:
        return "unassigned"
    shown = row.get("shown")
    return "other" if shown and subject.digest and shown != subject.digest else None


def _subject_of_item(item: ReviewItem) -> Subject:
    return Subject(
        card=item.card,
        arm=item.arm,
        utterance_id=item.utterance_id,
        run=item.run,
        condition=item.condition,
        reasoner=item.reasoner,
        instruction=item.instruction,
        repeat=item.repeat,
        rationale=None if item.arm is Arm.SHUFFLED else item.rationale,
        weight=item.weight,
        same_as=item.same_as,
        digest=item.shown.digest,
    )


def _subjects_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Subject]:
    """Return what each card stands for by the table itself: the same in every row that names it."""
    found: dict[str, Subject] = {}
    for row in rows:
        subject = _subject_of_row(row)
        if found.setdefault(subject.card, subject) != subject:
            raise RowError(
                "a card stands for two judgements",
                slug="row-value",
                where=f"card {subject.card}",
                found=f"{found[subject.card].utterance_id} and {subject.utterance_id}",
                allowed="one utterance, run, condition, reasoner, instruction, repeat, arm and rationale a card",
                remedy="give every judgement a card of its own, or name the review plan (option plan)",
            )
    return found


def _subject_of_row(row: Mapping[str, Any]) -> Subject:
    arm = str(row.get("arm") or Arm.OWN).strip().lower()
    if arm not in set(Arm):
        raise _bad_row("the arm is unknown", f"card {row['card']}", arm[:80], ", ".join(Arm))
    texts = ("run", "condition", "reasoner", "instruction", "rationale")
    named = {name: str(row[name]) for name in texts if row.get(name) is not None}
    repeat = _number(row.get("repeat"))
    return Subject(
        card=row["card"],
        arm=Arm(arm),
        utterance_id=str(row["utterance_id"]),
        repeat=None if repeat is None else int(repeat),
        run=named.get("run"),
        rationale=None if arm == Arm.SHUFFLED else named.get("rationale"),
        condition=named.get("condition"),
        reasoner=named.get("reasoner"),
        instruction=named.get("instruction"),
    )
