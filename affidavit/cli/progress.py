"""Progress on the terminal: nothing for the first two seconds, then a bar; plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Final

from affidavit.cli.progress_file import ProgressFile
from affidavit.protocols import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

PATIENCE_S: Final = 2.0


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Yield a progress callback that shows a bar on standard error once two seconds have passed."""
    shown = _Shown()
    try:
        yield shown
    finally:
        shown.stop()


class _Shown:
    def __init__(self) -> None:
        self._start = monotonic()
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        self._file = ProgressFile.asked_for()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        if self._file is not None:
            self._file(what, done, total)
        if monotonic() - self._start < PATIENCE_S:
            return
        bars = self._started()
        if what not in self._tasks:
            self._tasks[what] = bars.add_task(what, total=total)
            if not bars.console.is_terminal:
                bars.console.print(f"{what} ...", highlight=False)
        bars.update(self._tasks[what], completed=done, total=total)

    def _started(self) -> Bars:
        if self._bars is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bars

            console = Console(stderr=True)
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._bars = Bars(*columns, console=console, transient=True, disable=not console.is_terminal)
            self._bars.start()
        return self._bars

    def stop(self) -> None:
        if self._bars is not None:
            self._bars.stop()
