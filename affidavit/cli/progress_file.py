"""Progress for another program: a file says what is being done, how far it is, and of how much (`AFFIDAVIT_PROGRESS`).

It is written twice a second at most and always whole, so whoever reads it needs no patience and no lock.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

from affidavit.files import replacing

ENVIRONMENT: Final = "AFFIDAVIT_PROGRESS"
_EVERY_S: Final = 0.5


class ProgressFile:
    """Writes progress down; a place that cannot be written to ends no work."""

    def __init__(self, path: Path) -> None:
        """Begin with nothing written."""
        self.path = path
        self._what = ""
        self._next = 0.0

    @classmethod
    def asked_for(cls) -> ProgressFile | None:
        """Return the one that the environment names; None where it names none."""
        place = os.environ.get(ENVIRONMENT)
        return None if not place else cls(Path(place))

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Write down where the work is: at once where something else began or ended, else now and then."""
        moment = monotonic()
        if what == self._what and moment < self._next and done != total:
            return
        self._what, self._next = what, moment + _EVERY_S
        with suppress(OSError), replacing(self.path) as temporary:
            temporary.write_text(json.dumps({"what": what, "done": done, "total": total}), encoding="utf-8")
