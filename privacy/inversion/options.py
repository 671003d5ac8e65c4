"""What a plan may say of gradient inversion."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from affidavit.records import Record

NAME: Final = "gradient-inversion"
VERSION: Final = "2"
BATCHES: Final = (1, 4, 16)
Batch = Literal[1, 4, 16]


class InversionOptions(Record):
    """The options of this examination in a plan."""

    condition: str | None = None
    """Under which condition; the fullest of the run where absent."""
    input: str | None = None
    """Which input is to be found out (`descriptors`, `mel`, `pixels`, `tokens`); the smallest where absent."""
    batch_sizes: tuple[Batch, ...] = BATCHES
    """Turns behind one update."""
    targets: int = Field(default=16, ge=4, le=256)
    """Units, one turn of each, whose input is to be found out."""
    objective: Literal["cosine", "squared"] = "cosine"
    steps: int = Field(default=80, ge=1, le=20_000)
    """Of matching gradients, where no layer takes the input in as it is; each differentiates every turn twice."""
    noise_multiplier: float = Field(default=1.0, gt=0)
    clip_norm: float | None = Field(default=None, gt=0)
    """Norm that each turn's gradient is clipped to; the median of its batch where absent."""
    most_parameters: int = Field(default=5_000_000, ge=1)
    """Trained ones of a reasoner: one with more is refused, for each step of the attack differentiates them twice."""
