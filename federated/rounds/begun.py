"""Which attempt was begun last, on disk before anybody is asked: a server that was killed never says a number twice.

Sites answer an attempt once. A server that began to open a sum and was killed cannot ask for another one of the same
round: two sums over nearly the same sites differ by what one of them sent.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from affidavit.errors import CheckpointError
from affidavit.files import replacing


@dataclass(slots=True, kw_only=True)
class Begun:
    """The last attempt of a run; in memory alone where there is no path."""

    run: str
    path: Path | None = None
    _last: tuple[int, int, bool] = field(default=(0, 0, False), init=False)

    def __post_init__(self) -> None:
        """Read what an earlier server of this run left.

        Raises:
            CheckpointError: there is something, and it cannot be read.
        """
        if self.path is None or not self.path.exists():
            return
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            if found["run"] == self.run:
                self._last = (int(found["round"]), int(found["attempt"]), bool(found["opened"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                "nobody can read which attempt of a round was begun last",
                slug="checkpoint-invalid",
                where=str(self.path),
                found=type(error).__name__,
                remedy="under secure sums begin a new run (another nonce), since sites may have opened a sum; "
                "otherwise remove the file, and the round is asked for again",
            ) from error

    def attempts(self, number: int) -> int:
        """Return the number of the last attempt of a round; 0 where none was begun."""
        return self._last[1] if self._last[0] == number else 0

    def opened(self, number: int) -> bool:
        """Say whether sites were asked for what opens a sum of this round."""
        return self._last[0] == number and self._last[2]

    def write(self, number: int, attempt: int, *, opened: bool = False) -> None:
        """Note an attempt before it is begun, or before its sum is opened."""
        self._last = (number, attempt, opened)
        if self.path is None:
            return
        written = {"run": self.run, "round": number, "attempt": attempt, "opened": opened}
        with replacing(self.path) as temporary, temporary.open("w", encoding="utf-8") as file:
            json.dump(written, file)
            file.flush()
            os.fsync(file.fileno())
