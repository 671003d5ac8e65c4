"""Reads the level of an operator, and says what is allowed when it does not read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from affidavit.errors import PlanError

_NUMBER: Final = r"[+-]?\d+(?:\.\d+)?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number with a unit, within bounds: `10dB`, or `2.5` where the unit is empty."""

    unit: str
    low: float
    high: float
    example: str
    meaning: str

    @property
    def allowed(self) -> str:
        """What may be written."""
        return f"{self.low:g}{self.unit} to {self.high:g}{self.unit} such as {self.example} ({self.meaning})"

    def read(self, text: str | None) -> float | None:
        """Return the number, None where the text is not one of those allowed."""
        match = re.fullmatch(rf"({_NUMBER}){re.escape(self.unit)}", text or "", flags=re.IGNORECASE)
        value = None if match is None else float(match[1])
        return value if value is not None and self.low <= value <= self.high else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share, written `0.3` or `30%`."""

    meaning: str

    @property
    def allowed(self) -> str:
        """What may be written."""
        return f"0 to 1 such as 0.3, or 30% ({self.meaning})"

    def read(self, text: str | None) -> float | None:
        """Return the share, 0 to 1, None where the text is not one."""
        match = re.fullmatch(rf"({_NUMBER})(%?)", text or "")
        if match is None:
            return None
        share = float(match[1]) / (100.0 if match[2] else 1.0)
        return share if 0.0 <= share <= 1.0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """A name out of a few."""

    names: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """What may be written."""
        return ", ".join(self.names)

    def read(self, text: str | None) -> str | None:
        """Return the name, None where it is another."""
        return text if text in self.names else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoLevel:
    """An operator that is on or off."""

    allowed: str = "no level"

    def read(self, text: str | None) -> float | None:
        """Return 1 where no level was written."""
        return 1.0 if text is None else None


LevelKind = Quantity | Share | OneOf | NoLevel


def read_level(kind: LevelKind, text: str | None, *, operator: str, condition: str) -> float | str:
    """Return the level of an operator.

    Raises:
        PlanError: it is missing, malformed or out of bounds.
    """
    value = kind.read(text)
    if value is None:
        raise PlanError(
            f"the level of {operator!r} does not read",
            slug="plan-impossible",
            where=f"condition {condition}",
            found="no level" if text is None else repr(text),
            allowed=kind.allowed,
            remedy="correct the condition in the plan",
        )
    return value
