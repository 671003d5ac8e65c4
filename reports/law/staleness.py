"""When what is told of a law must be looked at again; today comes from whoever asks."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

from reports.law.pack import LawPack


def stale_warnings(packs: Sequence[LawPack], *, today: datetime.date) -> tuple[str, ...]:
    """Return one sentence for each reason to distrust a pack: its review is over, or an amendment came since."""
    return tuple(warning for pack in packs for warning in _of_pack(pack, today))


def _of_pack(pack: LawPack, today: datetime.date) -> Iterator[str]:
    if today > pack.stale_after:
        yield f"{pack.title}: the review of this pack held until {pack.stale_after}, and today is {today}"
    amended = pack.last_amended
    if amended is None:
        return
    if pack.text_date < amended.date:
        yield f"{pack.title}: told of as of {pack.text_date}, amended on {amended.date} by {amended.by}"
    if early := [one.article for one in pack.requirements if one.date_read and one.date_read < amended.date]:
        yield f"{pack.title}: read before the amendment of {amended.date} by {amended.by}: {', '.join(early)}"
