"""What a live reasoner was asked of one utterance: its answers under conditions, and what moved the fullest of them.

One JSON file (`affidavit explain`). An attribution never stands without its checks: by how much its values miss what
the score moved by, what the same method finds in the same model with all its parameters drawn anew (the placebo), and
what is lost when the first-ranked inputs are erased, beside as many at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from affidavit.errors import TableError
from affidavit.records import Record
from affidavit.yaml_files import describe_validation_error

VERSION: Final = 1
LARGEST_BYTES: Final = 64 * 2**20


class ToldCue(Record):
    """A cue that the reasoner lists beside its rationale."""

    modality: str
    quote: str
    start_s: float | None = None
    end_s: float | None = None


class Answer(Record):
    """What the reasoner says under one condition, or why it was not asked."""

    condition: str
    label: str | None = None
    probabilities: Mapping[str, float] = {}
    intensity: float | None = None
    rationale: str | None = None
    cues: tuple[ToldCue, ...] = ()
    because: str | None = None
    """Why there is no answer; None where there is one."""


class ValuedSpan(Record):
    """What one piece of the input brings to the score."""

    modality: str
    name: str
    start_s: float | None = None
    end_s: float | None = None
    start_char: int | None = None
    end_char: int | None = None
    value: float
    placebo: float | None = None
    """What the same method gives it with all parameters drawn anew; None where nobody could draw them."""


class Attributed(Record):
    """One answer attributed by one method, with its checks."""

    method: str
    condition: str
    target: str
    """`emotion:<label>`: the label's score before normalisation, in nats."""
    output: float
    baseline_output: float
    gap: float | None = None
    """Sum of the values less what the score moved by; None of a method that promises no sum."""
    gap_share: float | None = None
    """The gap as a share of what the score moved by; None where there is none."""
    sums: bool | None = None
    """Whether the values meet their sum, within a tenth of what the score moved by; None where no sum is promised."""
    placebo_likeness: float | None = None
    """Cosine of values and placebo, -1 to 1: near 1, the method shows the input and not the model."""
    erased: float | None = None
    """The answer's probability lost without the first-ranked inputs, mean over five sizes; None where not measured."""
    erased_random: float | None = None
    """The same for as many inputs drawn at random."""
    spans: tuple[ValuedSpan, ...]


class NotDone(Record):
    """A method that was asked for and refused."""

    method: str
    because: str


class Explanation(Record):
    """Everything that was asked of one utterance."""

    version: int = Field(default=VERSION, ge=1, le=VERSION)
    run: str
    utterance_id: str
    corpus_digest: str
    answers: tuple[Answer, ...]
    attributions: tuple[Attributed, ...] = ()
    refused: tuple[NotDone, ...] = ()
    remarks: tuple[str, ...] = ()

    def answer(self, condition: str) -> Answer | None:
        """Return what was said under a condition; None where it was not asked for."""
        return next((one for one in self.answers if one.condition == condition), None)


def read_explanation(path: Path) -> Explanation:
    """Read one.

    Raises:
        TableError: there is none, it is too large, or it is no explanation.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise _unreadable(path, "a larger file than any explanation")
        return Explanation.model_validate_json(path.read_bytes())
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from None
    except ValidationError as error:
        raise _unreadable(path, describe_validation_error(error)[:300]) from None


def _unreadable(path: Path, found: str) -> TableError:
    return TableError(
        "this is no explanation",
        slug="file-unreadable",
        where=path.name,
        found=found,
        allowed=f"the JSON that `affidavit explain` writes, version {VERSION}",
        remedy="ask again",
    )
