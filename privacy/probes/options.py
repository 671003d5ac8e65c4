"""What a plan may say of leakage probes."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from affidavit.records import Record

NAME: Final = "leakage"
VERSION: Final = "1"


class LeakageOptions(Record):
    """The options of this examination in a plan."""

    embeddings: str | None = None
    """A table of vectors: `utterance_id`, and numbers in columns `<source>_<number>`, such as `audio_0`."""
    attributes: tuple[str, ...] | None = None
    """Which features of the plan are told; each of them where absent."""
    condition: str | None = None
    """Under which condition; the fullest of the run where absent."""
    speaker: bool = True
    """Whether the unit itself is told, too."""
    states: bool = True
    """Whether a live reasoner is asked for the states of its modalities."""
    rows_per_unit: int = Field(default=8, ge=2, le=50)
    """Utterances of one unit that are looked at, at most."""
    most_units: int = Field(default=200, ge=10, le=2000)
    """Units that are looked at, drawn at random where there are more."""
    components: int = Field(default=64, ge=2, le=256)
    """Principal components that a probe is given."""
    folds: int = Field(default=5, ge=2, le=20)
    permutations: int = Field(default=199, ge=99, le=9999)
    """Control tasks of the linear probe."""
    hidden: int = Field(default=16, ge=0, le=256)
    """Hidden units of the nonlinear probe; 0 leaves it out."""
