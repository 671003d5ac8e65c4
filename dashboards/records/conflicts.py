"""Two people changed the same thing: the second is told who was first, and nothing of what they wrote is lost."""

from __future__ import annotations

from affidavit.errors import AffidavitError
from dashboards.records.entries import Change, Entry


class EditConflictError(AffidavitError):
    """Somebody else changed a subject since it was looked at."""

    def __init__(self, *, mine: Change, theirs: Entry, kept: Entry) -> None:
        """Describe both; `kept` is the row in which the second text lies."""
        subject = mine.subject
        super().__init__(
            "this was changed while you had it before you",
            slug="records-conflict",
            where=f"{subject.kind} {subject.name}",
            found=f"{theirs.person} {theirs.act} at {theirs.at:%Y-%m-%d %H:%M} UTC"
            + (f": {theirs.reason}" if theirs.reason else ""),
            allowed="a change of what stands there now",
            remedy=f"what you wrote is kept (row {kept.number}, set aside); look at what stands there now, then decide",
        )
        self.mine, self.theirs, self.kept = mine, theirs, kept
