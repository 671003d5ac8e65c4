"""Records of people who read rationales, without those of a unit: the review plan, and the reviews of its cards.

The file is written anew beside itself and then takes its name. What is not of the unit stays as it was, in its order; a
CSV keeps its other lines as they stand.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from pydantic import ValidationError

from affidavit.admitted_rows import NAMES
from affidavit.errors import TableError
from affidavit.files import replacing
from affidavit.reviews import Arm, ReviewPlan
from affidavit.texts import plain_label

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What is known of a unit's records."""

    unit: str
    utterances: Collection[str] = frozenset()
    cards: Collection[str] = frozenset()
    rationales: Collection[str] = frozenset()
    """What was said of the unit's utterances: it may stand on somebody else's card, as a shuffled control."""
    others: Collection[str] = frozenset()
    """Cards that plans say are somebody else's."""

    def has(self, row: Row) -> bool:
        """Say whether a record is the unit's: by name, by card, or by utterance where it names nobody.

        An utterance of the same id may be somebody else's in another corpus.
        """
        people = _people(row)
        if self.unit in people or _card(row) in self.cards:
            return True
        return not people and _utterance(row) in self.utterances

    def is_unclear(self, row: Row) -> bool:
        """Say whether nobody can tell whose a record is: it names a card that no plan here has, and nobody."""
        utterance = _utterance(row)
        told = _people(row) or (utterance and self.utterances)
        card = _card(row)
        return not told and bool(card) and card not in self.cards and card not in self.others


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """A file without the unit's records."""

    path: Path
    n: int
    """Records that go."""
    write: Callable[[], None]
    """Writes the file anew."""
    unclear: int = 0
    """Records that stay, though nobody knows whose they are."""
    is_plan: bool = False
    """A plan says whose the cards in tables are, and is written after them."""


def review_files(paths: Collection[Path], own: Own) -> tuple[Cleaned, ...]:
    """Return the files with records of the unit or of nobody knows whom; plans are read first, for they name the cards.

    Raises:
        TableError: a file does not open, or is neither a review plan nor a table of reviews.
    """
    plans = {path: plan for path in paths if (plan := _plan(path)) is not None}
    items = [item for plan in plans.values() for item in plan.items]
    of_unit = [item for item in items if own.has(item.model_dump())]
    said = {*own.rationales, *(item.rationale for item in of_unit if item.arm is not Arm.SHUFFLED)}
    shuffled = [item.card for item in items if item.arm is not Arm.OWN and item.rationale in said]
    cards = {*own.cards, *shuffled, *(item.card for item in of_unit)}
    known = replace(own, cards=cards, others={item.card for item in items} - cards)
    found = [
        _without_items(path, plans[path], known) if path in plans else _without_rows(path, known) for path in paths
    ]
    return tuple(one for one in found if one.n or one.unclear)


def _people(row: Row) -> frozenset[str]:
    named = (plain_label(str(row[name])) for name in NAMES if row.get(name) is not None)
    return frozenset(name for name in named if name)


def _utterance(row: Row) -> str:
    return plain_label(str(row["utterance_id"])) if row.get("utterance_id") is not None else ""


def _card(row: Row) -> str:
    return str(row["card"]).strip() if row.get("card") is not None else ""


def _plan(path: Path) -> ReviewPlan | None:
    """Return a review plan, or None of a file that is something else."""
    if path.suffix.lower() != ".json":
        return None
    try:
        return ReviewPlan.model_validate_json(path.read_bytes())
    except ValidationError as error:  # what stands in the file is not told: it may name somebody
        faults = [f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors(include_input=False)]
        raise _unreadable(path, "; ".join(faults)) from None
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from None


def _without_items(path: Path, plan: ReviewPlan, own: Own) -> Cleaned:
    gone = {item.card for item in plan.items if own.has(item.model_dump()) or item.same_as in own.cards}
    kept = plan.model_copy(
        update={
            "items": tuple(item for item in plan.items if item.card not in gone),
            "assignments": tuple(
                hand.model_copy(update={"cards": tuple(card for card in hand.cards if card not in gone)})
                for hand in plan.assignments
            ),
        }
    )

    def write() -> None:
        _write_text(path, kept.model_dump_json(indent=2))

    return Cleaned(path=path, n=len(gone), write=write, is_plan=True)


def _without_rows(path: Path, own: Own) -> Cleaned:
    readers = {".parquet": _parquet, ".csv": _lines_of_csv, ".tsv": _lines_of_csv, ".jsonl": _json_lines}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise _unreadable(path, f"the suffix {path.suffix or 'of none'}")
    try:
        return reader(path, own)
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
        raise _unreadable(path, str(error)) from None


def _parquet(path: Path, own: Own) -> Cleaned:
    table = parquet.read_table(path)
    rows = table.to_pylist()
    stays = [not own.has(row) for row in rows]

    def write() -> None:
        mode = path.stat().st_mode
        with replacing(path) as temporary:
            parquet.write_table(table.filter(pa.array(stays, pa.bool_())), temporary)
        path.chmod(mode)

    return Cleaned(path=path, n=stays.count(False), write=write, unclear=sum(map(own.is_unclear, rows)))


def _lines_of_csv(path: Path, own: Own) -> Cleaned:
    with path.open(encoding="utf-8-sig", newline="") as file:
        text = file.read()
    lines = _Remembering(text)
    rows = csv.reader(lines, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
    header = [name.strip() for name in next(rows, [])]
    kept = [lines.taken()]
    n = unclear = 0
    for row in rows:
        named = dict(zip(header, row, strict=False))
        unclear += own.is_unclear(named)
        if own.has(named):
            n += 1
            lines.taken()
        else:
            kept.append(lines.taken())
    return Cleaned(path=path, n=n, write=lambda: _write_text(path, "".join(kept)), unclear=unclear)


class _Remembering:
    """Lines of a text for a reader, which remembers those of the row that was read last: a cell may hold several."""

    def __init__(self, text: str) -> None:
        self._lines = iter(io.StringIO(text, newline=""))
        self._taken: list[str] = []

    def __iter__(self) -> _Remembering:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken.append(line)
        return line

    def taken(self) -> str:
        """Return the lines since the last call."""
        taken, self._taken = "".join(self._taken), []
        return taken


def _json_lines(path: Path, own: Own) -> Cleaned:
    with path.open(encoding="utf-8", newline="") as file:
        lines = [f"{line}\n" for line in file.read().split("\n")]  # other line breaks may stand within a text
    lines[-1] = lines[-1].removesuffix("\n")
    rows = [json.loads(line) if line.strip() else {} for line in lines]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a line is no object")
    gone = [own.has(row) for row in rows]
    kept = "".join(line for line, goes in zip(lines, gone, strict=True) if not goes)
    unclear = sum(map(own.is_unclear, rows))
    return Cleaned(path=path, n=sum(gone), write=lambda: _write_text(path, kept), unclear=unclear)


def _write_text(path: Path, text: str) -> None:
    mode = path.stat().st_mode  # who may read it stays
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
    path.chmod(mode)


def _unreadable(path: Path, found: str) -> TableError:
    return TableError(
        "these records of reviews cannot be read, so nobody knows whose they are",
        slug="file-not-found" if not path.exists() else "file-unreadable",
        where=str(path),
        found=" ".join(found.split())[:200],
        allowed="a review plan (JSON), or a table of reviews (CSV, TSV, JSON lines, parquet)",
        remedy="check the path, or take the records out by hand",
    )
