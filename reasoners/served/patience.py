"""How often an endpoint is asked again, and how long is waited: doubling waits, or what the endpoint asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential


class Fault(Exception):  # noqa: N818 - it passes, and is counted rather than reported
    """One attempt that brought no answer, after which asking again may help."""

    def __init__(self, kind: str, *, wait_s: float | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        """In few words, without anything particular: faults are counted by it."""
        self.wait_s = wait_s
        """What the endpoint asks to wait; None where it says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How one question is asked."""

    attempts: int
    timeout_s: float
    first_wait_s: float
    longest_wait_s: float

    def retrying(self) -> AsyncRetrying:
        """Return what asks again after a `Fault`; the last one is raised."""
        return AsyncRetrying(
            retry=retry_if_exception_type(Fault),
            stop=stop_after_attempt(self.attempts),
            wait=self.wait_s,
            reraise=True,
        )

    def wait_s(self, state: RetryCallState) -> float:
        """Return the seconds before the next attempt."""
        fault = None if state.outcome is None else state.outcome.exception()
        asked = fault.wait_s if isinstance(fault, Fault) else None
        doubling = wait_random_exponential(multiplier=self.first_wait_s, max=self.longest_wait_s)(state)
        return min(self.longest_wait_s, doubling if asked is None else max(asked, doubling))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After`; a date counts from the endpoint's own clock, which `Date` tells.

    >>> retry_after_s({"retry-after": "2"}), retry_after_s({"retry-after": "soon"}), retry_after_s({})
    (2.0, None, None)
    """
    said = headers.get("retry-after", "").strip()
    try:
        seconds = float(said)
    except ValueError:
        seconds = _until(said, headers.get("date", ""))
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(then: str, now: str) -> float:
    try:
        return (parsedate_to_datetime(then) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError):
        return math.nan
