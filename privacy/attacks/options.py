"""What a plan may say of the examination `membership`."""

from __future__ import annotations

from pydantic import Field, model_validator

from affidavit.records import Record
from privacy.attacks.attack import AttackName
from privacy.attacks.units import OverClips


class MembershipOptions(Record):
    """The options of this examination in a plan."""

    losses: str | dict[str, str] | None = None
    """The table of losses (parquet, CSV, JSON lines, XLSX), relative to the plan, or one for each run by its name."""
    ask: bool = False
    """Where no table is named: whether the model is asked about the corpus that the plan trained it on."""
    shadows: tuple[str, ...] = ()
    """Runs whose models were trained on other halves of the same corpus: they are asked besides, and not attacked."""
    attack: AttackName | None = None
    """Which attack leads; what the table allows decides where absent, before anything is scored."""
    baseline: str | None = None
    """The run that others are compared with, on the same units: the model before it was protected."""
    over_clips: OverClips = "mean"
    """How scores of a unit's clips become the unit's."""
    gamma: float = Field(default=1.0, gt=0)
    """RMIA: how many times an example has to be likelier than another one to count."""
    a: float | None = Field(default=None, ge=0, le=1)
    """RMIA: what the mean over models without the example is corrected by; tuned on a reference where absent."""
    delta: float = Field(default=1e-5, ge=0, lt=1)
    """At which delta epsilon is bounded."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of the lower bound of epsilon, one-sided."""
    permutations: int = Field(default=199, ge=199)
    """Times that membership is dealt anew, to look for a shift."""

    @model_validator(mode="after")
    def _coherent(self) -> MembershipOptions:
        if self.shadows and not self.ask:
            raise ValueError("shadows are asked: say ask: true; a table of losses has shadows of its own")
        if self.baseline in self.shadows:
            raise ValueError("the baseline is attacked, and a shadow is not: take it out of shadows")
        return self

    def table_of(self, run: str) -> str | None:
        """Return the table of a run, None where none is named."""
        return self.losses.get(run) if isinstance(self.losses, dict) else self.losses
