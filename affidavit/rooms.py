"""Guards the rooms: they are top-level packages, so a stray `audit.py` beside a script would take their place."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from affidavit.errors import HouseError

ROOMS: Final = (
    "corpora",
    "reasoners",
    "audit",
    "privacy",
    "faithfulness",
    "federated",
    "reports",
    "dashboards",
)


def check_rooms() -> None:
    """Make sure that every room is ours, without importing one.

    Raises:
        HouseError: another file or package answers to the name of a room.
    """
    home = Path(__file__).resolve().parent.parent
    for room in ROOMS:
        spec = find_spec(room)
        found = None if spec is None or spec.origin is None else Path(spec.origin).resolve()
        if found is None or found.parent.parent != home:
            raise HouseError(
                f"the room {room!r} is not affidavit's own",
                slug="room-shadowed",
                where=str(found or "nowhere"),
                allowed=str(home / room),
                remedy="rename the file or folder that shadows it, or run from another folder",
            )
