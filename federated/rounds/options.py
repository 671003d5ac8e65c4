"""What a plan may say of the rounds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from affidavit.records import Record


class RoundOptions(Record):
    """How many rounds, and when one counts."""

    rounds: int = Field(ge=1)
    """Fixed before the first one: a number that looks at results would tell of the patients they were made from."""
    quorum: int = Field(default=2, ge=1)
    """With fewer usable replies it is no round: the model stays as it was, and who is missing is asked again."""
    deadline: float = Field(default=600, gt=0)
    """Seconds that an attempt waits for replies; before it, at most as long again until enough sites are connected."""
    attempts: int = Field(default=3, ge=1)
    """How often those that did not reply are asked, until the quorum is there."""
    share: float = Field(default=1.0, gt=0, le=1)
    """Share of the sites that a round asks, drawn from the plan's seed. Known to everybody: no privacy comes of it."""
    norm_bound: float | None = Field(default=None, gt=0)
    """The longest update that is taken: sites clip theirs to it, and the server refuses a longer one that it sees."""
    weights: Literal["equal", "capped"] = "equal"
    """`capped` weighs a site by its number of patients, up to `cap`, where its policy tells that number."""
    cap: int | None = Field(default=None, ge=1)
    """The number of patients from which on a site weighs 1."""

    @model_validator(mode="after")
    def _coherent(self) -> RoundOptions:
        if (self.weights == "capped") != (self.cap is not None):
            raise ValueError("say cap with weights: capped, and without it not")
        return self

    def weight(self, n_units: int | None) -> float | None:
        """Return what a site counts, between 0 and 1; None where it would have to tell a number that it does not."""
        if self.weights == "equal" or self.cap is None:
            return 1.0
        return None if not n_units else min(n_units, self.cap) / self.cap
