"""What a section lacks, and who must supply it: said in the section and again on the decision page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reports.document import Block, Listing, Section

LEAD: Final = "Missing here:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One thing that a section should hold and does not."""

    what: str
    """As a sentence without its full stop."""
    supplied_by: str
    how: str
    """What to do about it, as a clause."""

    def told(self) -> str:
        """Return it as a sentence."""
        return f"{self.what}. To be supplied by {self.supplied_by}: {self.how}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finished section, and what it lacks."""

    section: Section
    missing: tuple[Missing, ...] = ()


def told(name: str, title: str, blocks: Sequence[Block], missing: Sequence[Missing] = ()) -> Told:
    """Return a section that ends with what it lacks."""
    lacks = (Listing(lead=LEAD, items=tuple(one.told() for one in missing)),) if missing else ()
    return Told(section=Section(id=name, title=title, blocks=(*blocks, *lacks)), missing=tuple(missing))
