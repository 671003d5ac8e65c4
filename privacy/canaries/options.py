"""What a plan may say of the examination `one-run-audit`."""

from __future__ import annotations

from pydantic import Field, model_validator

from affidavit.records import Record
from privacy.canaries.guessing import Rule


class Promise(Record):
    """What the training is said to be: (epsilon, delta)-private for adding or removing one canary's patient.

    For a table of pairs: for replacing one.
    """

    epsilon: float = Field(ge=0)
    delta: float = Field(ge=0, lt=1)


class OneRunOptions(Record):
    """The options of this examination in a plan."""

    guesses: str | dict[str, str] | None = None
    """The table of canaries (parquet, CSV, JSON lines, XLSX), relative to the plan, or one for each run by its name."""
    k_plus: int | None = Field(default=None, ge=0)
    """How many of the highest scores are guessed in, as fixed before anybody looked; with `k_minus`."""
    k_minus: int | None = Field(default=None, ge=0)
    """How many of the lowest scores are guessed out. Without both, several numbers are tried and corrected for."""
    delta: float | None = Field(default=None, ge=0, lt=1)
    """At which delta epsilon is bounded; the promise's where absent, else 1e-5. Well below 1 / canaries."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of the lower bound, one-sided."""
    promised: Promise | None = None
    """The accounted epsilon that the bound is held against."""
    ledger: str | None = None
    """In place of `promised`: the privacy ledger of the training, relative to the plan; read at `delta`."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> OneRunOptions:
        if (self.k_plus is None) != (self.k_minus is None):
            raise ValueError("k_plus and k_minus are fixed together")
        if self.k_plus == 0 == self.k_minus:
            raise ValueError("k_plus and k_minus are both 0: nothing would be guessed")
        if self.promised is not None and self.ledger is not None:
            raise ValueError("promised and ledger both say what was promised; name one")
        return self

    @property
    def rule(self) -> Rule | None:
        """The numbers of guesses that were fixed, if they were."""
        if self.k_plus is None or self.k_minus is None:
            return None
        return Rule(n_in=self.k_plus, n_out=self.k_minus)

    @property
    def delta_of_bound(self) -> float:
        """At which delta epsilon is bounded."""
        if self.delta is not None:
            return self.delta
        return self.promised.delta if self.promised is not None else 1e-5

    def table_of(self, run: str) -> str | None:
        """Return the table of a run, None where none is named."""
        return self.guesses.get(run) if isinstance(self.guesses, dict) else self.guesses
