"""Which small counts do the files of a release tell, whatever report.json says?

`privacy.linter.bundles` attacks the numbers of report.json. This reads the text of every file of the bundle anew, and
names each file that tells, of a group, a count under the floor, a count that report.json does not tell of that group
(so that no attack on report.json has seen it), or any number of a group that is withheld.

What is read: counts beside a word for people or rows (`7 units`, `n 70 / 7`, `n = 7`), cells under a heading that
counts, and in CSV and parquet every number of a finding. What a picture says by the length of a line is not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from affidavit.bundle import REPORT, SUMS
from affidavit.disclosure.legend import RULE, WITHHELD
from affidavit.disclosure.told import SEPARATOR
from affidavit.report import AuditReport
from privacy.linter.passages import Passage, passages
from privacy.linter.tables import Demands

LONGEST: Final = 160
_NUMBER: Final = r"(\d{1,3}(?:,\d{3})+|\d+)"
_NOUNS: Final = (
    r"(?:independent |audited |judged |training |held-out )?"
    r"(?:units?|rows?|speakers?|patients?|persons?|people|callers?|utterances?|judgements?|participants?|clients?|users?)"
)
_COUNTED: Final = (
    re.compile(rf"(?<![\d.,\u2212-]){_NUMBER}\s+{_NOUNS}\b", re.IGNORECASE),
    re.compile(rf"\bn\s*[=:]?\s*{_NUMBER}(?:\s*/\s*{_NUMBER})?(?![\d.%])"),
)
_BOUND: Final = re.compile(
    r"(?:\d to|fewer than|less than|under|at least|at most|more than|from|up to|every|beyond|over|width|floor"
    r"|[<>\u2264\u2265])\s*$",
    re.IGNORECASE,
)
_COUNTING: Final = re.compile(r"^n(?:$|[ _(]|_rows|_units|_clusters)|^(?:units|rows|count|people|speakers|patients)\b")
_CELL: Final = re.compile(rf"^{_NUMBER}(?:\.0)?(?:\s*/\s*{_NUMBER})?$")
_SHARE: Final = re.compile(r"\d+(?:\.\d+)?\s*(?:%|points?\b)")
_MEASURED: Final = re.compile(r"\d+(?:\.\d+)?\s*(?:%|points?\b)|\d+\.\d+")
"""In a cell a number with decimals is measured; in a sentence it may be a section's or an option's."""
_TABLES: Final = (".csv", ".parquet")
_MEASURES: Final = frozenset(
    {"value", "low", "high", "n", "n_clusters", "count", "share", "expected_by_chance", "p_value", "p_adjusted"}
)
"""Columns of findings and exhibits that hold what was measured or counted."""
_LISTS: Final = frozenset({"exhibit", "table"})
"""Under these a page lists tables, and their rows are nobody's."""
_EVERYBODY: Final = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionFault:
    """A file that tells what the release may not, or what report.json does not."""

    file: str
    what: str

    def told(self) -> str:
        """Return it as a sentence."""
        return f"{self.file}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What report.json tells of each group, and which groups it withholds."""

    floor: int
    counts: Mapping[str, frozenset[int]]
    """Name of a group, in small letters, to whole numbers that are told of it."""
    numbers: frozenset[float]
    """Every number of findings and exhibits."""
    withheld: frozenset[str]
    """Names of groups of which no number is told anywhere."""
    everywhere: frozenset[int]
    """Every count that is told of anybody."""


def rendition_faults(folder: Path, report: AuditReport, demands: Demands) -> tuple[RenditionFault, ...]:
    """Return what the files of a bundle tell that they may not, each once, file by file."""
    told = told_of(report, demands)
    found: dict[RenditionFault, None] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name != SUMS:
            found |= dict.fromkeys(faults_of_file(name, path.read_bytes(), told))
    return tuple(found)


def faults_of_file(name: str, content: bytes, told: Told) -> Iterator[RenditionFault]:
    """Yield what one file tells that it may not."""
    own = name == REPORT
    try:
        for passage in passages(name, content):
            if not (own and passage.is_row):  # the numbers of report.json themselves are attacked as a whole
                yield from (RenditionFault(file=name, what=what) for what in _faults(passage, told, name))
    except (ValueError, OSError) as error:
        yield RenditionFault(file=name, what=f"cannot be read, so nobody knows what it tells ({type(error).__name__})")


def told_of(report: AuditReport, demands: Demands) -> Told:
    """Return what a report tells of each group."""
    counts: dict[str, set[int]] = {_EVERYBODY: set()}
    numbers: set[float] = set()
    for names, row in (*_rows_of_findings(report), *_rows_of_exhibits(report)):
        found = list(_numbers_in(row))
        numbers.update(found)
        for name in names:
            counts.setdefault(name, set()).update(int(number) for number in found if number == int(number))
    for data in report.data:
        counts[_EVERYBODY] |= {data.n_rows, *(() if data.n_units is None else (data.n_units,))}
    withheld = {name for row in _withheld_rows(report) for name in _names(row["features"], row["group"])}
    return Told(
        floor=demands.floor,
        counts={name: frozenset(own) for name, own in counts.items()},
        numbers=frozenset(numbers),
        withheld=frozenset(withheld - counts.keys()),
        everywhere=frozenset().union(*counts.values()),
    )


def _withheld_rows(report: AuditReport) -> list[dict[str, Any]]:
    return report.exhibit(WITHHELD).to_pylist() if report.has_exhibit(WITHHELD) else []


def _rows_of_findings(report: AuditReport) -> Iterator[tuple[Sequence[str], object]]:
    for finding in report.findings:
        levels = ", ".join(finding.groups.values())
        names = _names(SEPARATOR.join(finding.groups), levels) if finding.groups else (_EVERYBODY,)
        yield names, finding.model_dump(mode="json", exclude={"criterion", "caveats"})
        if finding.criterion is not None:
            yield names, finding.criterion.model_dump(mode="json")


def _rows_of_exhibits(report: AuditReport) -> Iterator[tuple[Sequence[str], object]]:
    """Yield each row, and what the rows of a group add up to: pictures print such sums of bins and classes."""
    for exhibit in report.exhibits:
        if exhibit.id in (RULE, WITHHELD):
            continue
        sums: dict[tuple[str, ...], list[int]] = {}
        for row in report.exhibit(exhibit.id).to_pylist():
            named = row.get("features") and isinstance(row.get("group"), str)
            names = _names(row["features"], row["group"]) if named else (_EVERYBODY,)
            yield names, row
            if isinstance(row.get("n"), int):
                place = (str(row.get("run")), str(row.get("condition")), *names)
                sums.setdefault(place, []).append(row["n"])
        for (_, _, *spelt), counts in sums.items():
            yield tuple(spelt), [sum(counts)]


def _numbers_in(value: object) -> Iterator[float]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _numbers_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _numbers_in(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        yield float(value)


def _names(features: str, levels: str) -> tuple[str, ...]:
    """Return what a group is called in the files of a bundle, in small letters."""
    crossed = features.replace(SEPARATOR, " \u00d7 ")
    spelt = (levels, f"{levels} ({crossed})", f"{levels} {crossed}", f"{levels} ({features})", f"{levels} {features}")
    return tuple(dict.fromkeys(name.lower() for name in spelt))


def _faults(passage: Passage, told: Told, file: str) -> Iterator[str]:
    if passage.is_row:
        yield from _faults_of_row(passage, told, file)
    else:
        yield from _faults_of_text(passage.text, told)


def _faults_of_row(passage: Passage, told: Told, file: str) -> Iterator[str]:
    if passage.headings and passage.headings[0].lower() in _LISTS:
        return
    group = _group_of_row(passage, told)
    cells = list(zip(passage.headings or ("",) * len(passage.cells), passage.cells, strict=False))
    counts = [number for heading, cell in cells for number in _counts_in_cell(heading, cell)]
    row = _short(" | ".join(cell for cell in passage.cells if cell))
    if group in told.withheld:
        if counts or any(_MEASURED.search(_unnamed(cell, told)) for cell in passage.cells):
            yield f"tells numbers of {group}, which is withheld: {row}"
        return
    everybody = group == _EVERYBODY  # or of groups of a feature that has no column of its own
    for count in dict.fromkeys(counts):
        if _is_small(count, told):
            yield f"tells {count} of {group or 'somebody'}, which is under the floor of {told.floor}: {row}"
        elif group is not None and count and count not in (told.everywhere if everybody else told.counts[group]):
            yield f"tells {count} of {group}, which {REPORT} does not: {row}"
    if file.endswith(_TABLES):
        yield from (f"tells {cell} of {group}, which {REPORT} does not: {row}" for cell in _untold(passage, told))


def _untold(passage: Passage, told: Told) -> Iterator[str]:
    """Yield what was measured in a row of a table and stands nowhere in report.json; a level may look like a number."""
    for heading, cell in zip(passage.headings, passage.cells, strict=False):
        try:
            number = float(cell) if heading in _MEASURES else math.nan
        except ValueError:
            continue
        if number not in told.numbers and not math.isnan(number):
            yield cell


def _group_of_row(passage: Passage, told: Told) -> str | None:
    """Return the group that a row is of: by its columns of levels, else by its first cell."""
    first = passage.cells[0].lower()
    by_column = dict(zip(passage.headings, passage.cells, strict=False))
    if by_column.get("features") and by_column.get("group"):
        first = by_column["group"].lower()
    elif "compared" in by_column and "metric" in by_column:
        start, end = passage.headings.index("condition") + 1, passage.headings.index("compared")
        first = ", ".join(level for level in passage.cells[start:end] if level).lower() or _EVERYBODY
    return first if first in told.counts or first in told.withheld else None


def _counts_in_cell(heading: str, cell: str) -> Iterator[int]:
    whole = _CELL.match(cell)
    if whole and _COUNTING.match(heading.strip().lower()):
        yield from (_whole(number) for number in whole.groups() if number)
    elif not whole:
        yield from (number for number, _ in _counts_in_text(cell))


def _counts_in_text(text: str) -> Iterator[tuple[int, int]]:
    """Yield each count of people or rows that a text tells, and where it stands."""
    for pattern in _COUNTED:
        for match in pattern.finditer(text):
            if not _BOUND.search(text[: match.start()]):
                yield from ((_whole(number), match.start()) for number in match.groups() if number)


def _faults_of_text(text: str, told: Told) -> Iterator[str]:
    counts = list(_counts_in_text(text))
    for count, place in counts:
        if _is_small(count, told):
            whom = _named_before(text, place, told.counts) or "somebody"
            yield f"tells {count} of {whom}, which is under the floor of {told.floor}: {_short(text)}"
        elif count and count not in told.everywhere and _named_before(text, place, told.counts) is not None:
            yield f"tells {count}, which {REPORT} tells of nobody: {_short(text)}"
    shares = [match.start() for match in _SHARE.finditer(text)]
    for place in (*(place for _, place in counts), *shares):
        group = _named_before(text, place, (*told.counts, *told.withheld))
        if group in told.withheld:
            yield f"tells a number of {group}, which is withheld: {_short(text)}"


def _named_before(text: str, place: int, names: Iterable[str]) -> str | None:
    """Return the group that is named nearest before a place in the same sentence; the longest name of one place."""
    start = max(text.rfind(". ", 0, place), text.rfind("; ", 0, place)) + 1
    before = text[start:place].lower()
    found = [(before.rfind(name) + len(name), len(name), name) for name in names if _stands_in(name, before)]
    return max(found)[2] if found else None


def _stands_in(name: str, text: str) -> bool:
    if len(name) < 3 or name not in text:
        return False
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _unnamed(text: str, told: Told) -> str:
    """Return a cell without the names of groups, which may hold digits."""
    lowered = text.lower()
    for name in sorted((*told.counts, *told.withheld), key=len, reverse=True):
        lowered = lowered.replace(name, "")
    return lowered


def _is_small(count: int, told: Told) -> bool:
    return 0 < count < told.floor


def _whole(number: str) -> int:
    return int(number.replace(",", ""))


def _short(text: str) -> str:
    said = " ".join(text.split())
    return said if len(said) <= LONGEST else f"{said[:LONGEST]} ..."
