"""The pictures of a report, drawn once for the page and the files that are written beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ReferenceType, ref

from reports.drawings import gallery

if TYPE_CHECKING:
    from affidavit.report import AuditReport

_last: dict[str, tuple[ReferenceType[AuditReport], gallery.Gallery]] = {}
"""The report whose pictures were asked for last, for as long as somebody holds it: a report never changes."""


def pictures_of(report: AuditReport) -> gallery.Gallery:
    """Return the pictures of a report, as `gallery` draws them; of the same object they are drawn once."""
    held = _last.get("report")
    if held is not None and held[0]() is report:
        return held[1]
    drawn = gallery.pictures_of(report)
    _last["report"] = ref(report), drawn
    return drawn
