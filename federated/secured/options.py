"""What a plan may say of secure sums."""

from __future__ import annotations

from pydantic import Field

from affidavit.records import Record
from federated.secure.terms import LEAST


class SecureOptions(Record):
    """How many sites a sum is over, and how many of them may drop out or lie."""

    minimum: int = Field(default=LEAST, ge=LEAST)
    """The fewest sites that a sum may be over, and never fewer than a round needs; of a sum over two, either knows the
    other's part."""
    colluding: int = Field(default=0, ge=0)
    """How many sites may side with a server that cheats."""
    dropped: int | None = Field(default=None, ge=0)
    """How many may drop out of an attempt; where absent as many as the others allow: fewer than half of those who do
    not collude, and no fewer than `minimum` stay."""
    stage_deadline: float = Field(default=60, gt=0)
    """Seconds that each stage after the first waits, which carry no training; the first waits as long as a round."""
    bits: int = Field(default=32, ge=8, le=64)
    """Of a number in the sum."""
    max_value: float | None = Field(default=None, gt=0)
    """The largest magnitude of a number in an update; larger ones are cut and counted. The norm bound where absent,
    and then none is ever cut."""
    loss_bound: float | None = Field(default=None, gt=0)
    """The largest loss that q-FFL counts: under a sum that must not overflow, a loss without bound cannot weigh."""
