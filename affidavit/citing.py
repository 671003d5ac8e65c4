"""What a report has to cite: every method that its findings rest on, and every public data set in it.

A finding rests on what it names as its source, on how its interval was made and on how its test was corrected.

Sources stand in findings as people write them ("Lum, Zhang, Bower 2022"); the entries are in `bibliography.bib`. An
entry is found by the surname of its first author and the year, or by a text in its field `affidavit`: the name of a
corpus, or of a method that is cited by name. What has no author and year (a definition) is not cited.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from affidavit.records import Finding
    from affidavit.report import AuditReport

_ENTRY: Final = re.compile(r"^@(\w+)\{([^,\s]+),\n(.*?)^\}$", re.MULTILINE | re.DOTALL)
_FIELD: Final = re.compile(r"^  (\w+) = \{(.*)\},?$", re.MULTILINE)
_NAME: Final = r"[A-Z\u00c0-\u00de][\w'\u2019-]*"
_CITATION: Final = re.compile(rf"((?:{_NAME}(?:, | and | et al\. | ))*?{_NAME}(?: et al\.)?) (\d{{4}})\b")
_VENUES: Final = frozenset({"neurips"})
"""Words before a year that are no authors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the bibliography."""

    key: str
    type: str
    fields: tuple[tuple[str, str], ...]

    @property
    def first_author(self) -> str:
        """Return the folded surname of the first author."""
        names = dict(self.fields).get("author", "").strip("{}")
        return folded(names.split(" and ")[0].split(",")[0])

    @property
    def year(self) -> str:
        """Return the year."""
        return dict(self.fields).get("year", "")

    @property
    def names(self) -> tuple[str, ...]:
        """Return the texts by which it is found beside author and year."""
        return tuple(name.strip() for name in dict(self.fields).get("affidavit", "").split(",") if name.strip())

    def text(self) -> str:
        """Return the entry as BibTeX, without what only this project reads."""
        lines = [f"  {name} = {{{value}}}," for name, value in self.fields if name != "affidavit"]
        return "\n".join([f"@{self.type}{{{self.key},", *lines, "}"])


@cache
def bibliography() -> tuple[Entry, ...]:
    """Return every entry that ships."""
    text = (files("affidavit") / "bibliography.bib").read_text(encoding="utf-8")
    return parsed(text)


def parsed(text: str) -> tuple[Entry, ...]:
    """Return the entries of a file with one field a line.

    Raises:
        ValueError: an entry is not closed, has a field that does not fit on a line, or a key appears twice.
    """
    entries = tuple(
        Entry(key=key, type=kind, fields=tuple(_FIELD.findall(body))) for kind, key, body in _ENTRY.findall(text)
    )
    if len(entries) != len(re.findall(r"^@", text, re.MULTILINE)) or len({e.key for e in entries}) < len(entries):
        raise ValueError("an entry is not closed, or two have one key")
    n_lines = sum(bool(line.strip()) and not line.startswith(("@", "}", "%")) for line in text.splitlines())
    if n_lines != sum(len(entry.fields) for entry in entries):
        raise ValueError("a line is no field")
    return entries


def citations(source: str) -> tuple[str, ...]:
    """Return every "authors year" in a source.

    >>> citations("UAR: Schuller et al. 2009; balanced accuracy: Brodersen et al. 2010")
    ('Schuller et al. 2009', 'Brodersen et al. 2010')
    """
    found = [f"{names} {year}" for names, year in _CITATION.findall(source)]
    return tuple(text for text in found if folded(text.split()[-2]) not in _VENUES)


def resolved(citation: str) -> Entry | None:
    """Return the entry of "authors year"; None where there is none.

    >>> resolved("Lum, Zhang, Bower 2022").key
    'lum2022'
    """
    *names, year = re.sub(r" et al\.", "", citation).replace(" and ", ", ").rsplit(" ", 1)
    for name in names[0].split(", "):
        for entry in bibliography():
            if entry.year == year and folded(name) in (entry.first_author, entry.first_author.split()[-1]):
                return entry
    return None


def entries_of(sources: Iterable[str]) -> tuple[Entry, ...]:
    """Return the entries that sources name, each once, in the order of keys."""
    found: dict[str, Entry] = {}
    for source in dict.fromkeys(sources):
        named = [entry for entry in bibliography() if any(name in source for name in entry.names)]
        cited = [entry for citation in citations(source) if (entry := resolved(citation)) is not None]
        found |= {entry.key: entry for entry in (*named, *cited)}
    return tuple(found[key] for key in sorted(found))


def data_sets(names: Sequence[str]) -> tuple[Entry, ...]:
    """Return the entries of corpora, by the names of their loaders."""
    return tuple(entry for entry in bibliography() if set(entry.names) & set(names))


def cite(report: AuditReport) -> str:
    """Return BibTeX for this software, for what the report's findings rest on, and for its data sets."""
    sources = [source for finding in report.findings for source in _rests_on(finding)]
    sources += [] if report.policy is None else [criterion.source for criterion in report.policy.criteria]
    corpora = [source.corpus.name for source in report.plan.runs.values() if source.corpus is not None]
    corpora += [training.corpus.name for training in report.plan.training.values()]
    methods, data = entries_of(sources), data_sets(corpora)
    own = tuple(entry for entry in bibliography() if entry.key == "affidavit")
    unique = {entry.key: entry for entry in (*own, *data, *methods)}
    return "\n\n".join(entry.text() for entry in unique.values()) + "\n"


def _rests_on(finding: Finding) -> tuple[str, ...]:
    """Return the texts that name what stands behind a finding's number, its interval and its test."""
    interval, test = finding.estimate.interval, finding.test
    return (
        finding.source,
        *(() if interval is None else (interval.method,)),
        *(() if test is None else (test.method,)),
        *(() if test is None or test.correction is None else (f"correction: {test.correction}",)),
    )


def folded(text: str) -> str:
    """Return a name in small letters without accents.

    >>> folded("Bröcker")
    'brocker'
    """
    plain = unicodedata.normalize("NFKD", text)
    return "".join(character for character in plain if not unicodedata.combining(character)).lower()
