"""The parts of a transparent reasoner's options: numbers by modality, kinds of rationales, identity."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from affidavit.records import Record
from reasoners.simulator_options import Positive, Share

Amount = Annotated[float, Field(ge=0)]


class Reliability(Record):
    """How often what a modality tells is the true label, where it tells anything."""

    text: Share = 0.85
    audio: Share = 0.7
    video: Share = 0.65

    @property
    def by_modality(self) -> tuple[float, float, float]:
        """Text, audio, video."""
        return self.text, self.audio, self.video


class Silence(Record):
    """How often a modality tells nothing at all, though it is shown."""

    text: Share = 0.05
    audio: Share = 0.1
    video: Share = 0.15

    @property
    def by_modality(self) -> tuple[float, float, float]:
        """Text, audio, video."""
        return self.text, self.audio, self.video


class VoteWeights(Record):
    """How much what a modality tells counts in the vote; 0 is a modality that is never used."""

    text: Amount = 1.0
    audio: Amount = 0.8
    video: Amount = 0.6

    @property
    def by_modality(self) -> tuple[float, float, float]:
        """Text, audio, video."""
        return self.text, self.audio, self.video


class _Shares(Record):
    """Shares, divided by their sum; what is not named has none."""

    @model_validator(mode="after")
    def _sum_is_positive(self) -> _Shares:
        if not sum(getattr(self, name) for name in type(self).model_fields) > 0:
            raise ValueError(f"the shares of {', '.join(type(self).model_fields)} sum to zero")
        return self


class Leading(_Shares):
    """How often each modality is the one that leads."""

    text: Amount = 0.0
    audio: Amount = 0.0
    video: Amount = 0.0

    @property
    def shares(self) -> tuple[float, ...]:
        """Text, audio, video; they sum to one."""
        return _normalised(self.text, self.audio, self.video)


class Honesty(_Shares):
    """How often each kind of rationale is given (see `reasoners.transparent.citing`)."""

    faithful: Amount = 0.0
    decorative: Amount = 0.0
    template: Amount = 0.0
    inverted: Amount = 0.0

    @property
    def shares(self) -> tuple[float, ...]:
        """In the order of `reasoners.transparent.citing.KINDS`; they sum to one."""
        return _normalised(self.faithful, self.decorative, self.template, self.inverted)


class Conclusion(_Shares):
    """How often a rationale names the emotion that was answered, another one, or none."""

    own: Amount = 0.0
    other: Amount = 0.0
    none: Amount = 0.0

    @property
    def shares(self) -> tuple[float, ...]:
        """Own, other, none; they sum to one."""
        return _normalised(self.own, self.other, self.none)


class Identity(Record):
    """A group whose identity shifts the decision, whatever the evidence."""

    feature: str
    level: str
    label: str
    shift: Positive = 1.0
    """Added to the weight of the votes for `label`."""
    disclosed: Share = 0.0
    """The share of this group's rationales that name the feature as a reason."""


def _normalised(*amounts: float) -> tuple[float, ...]:
    total = sum(amounts)
    return tuple(amount / total for amount in amounts)


def _of_all(value: Any) -> Any:  # noqa: ANN401 - runs before validation
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return dict.fromkeys(("text", "audio", "video"), value) if is_number else value


SilenceOption = Annotated[Silence, BeforeValidator(_of_all)]
"""A number stands for all three modalities."""
