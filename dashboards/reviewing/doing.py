"""Who does something now, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dashboards.access.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """Somebody, the moment, and their reason; an empty one is none."""

    by: Person
    at: datetime
    why: str = ""

    @property
    def reason(self) -> str | None:
        """The reason, where one was given."""
        return self.why.strip() or None
