"""What a plan may say of training at a site without privacy."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from affidavit.records import Record


class PlainOptions(Record):
    """Some passes over the site's own patients, from the received parameters."""

    epochs: int = Field(default=1, ge=1)
    """Passes in each round."""
    rows_per_step: int = Field(default=4, ge=1)
    """Rows of dialogues in one step."""
    max_turns: int = Field(default=16, ge=1)
    """Turns of a patient in one row."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """Begun anew in every round: what it remembers of one cohort's model is of no use to the next one's."""
    learning_rate: float = Field(default=1.5e-3, gt=0)
    """Of parts that start from noise."""
    pretrained_learning_rate: float = Field(default=2e-5, gt=0)
    clip_norm: float = Field(default=1.0, gt=0)
    """Of a step's gradient; it keeps training steady and protects nobody."""
