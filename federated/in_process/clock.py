"""Time for sites that work one after another: nobody is late because somebody else is at work."""

from __future__ import annotations


class UnhurriedClock:
    """Counts the pauses in which nobody had anything to do, as seconds: the same on every machine."""

    def __init__(self) -> None:
        self._pauses = 0

    def now(self) -> float:
        """Return the pauses so far."""
        return float(self._pauses)

    def pause(self) -> None:
        """Count one more."""
        self._pauses += 1
