"""What a transparent reasoner is told: what modalities tell, how it decides, and how it explains.

Every fault is off by default: the defaults explain faithfully and conclude what they answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from affidavit.citations import cited_letters
from affidavit.conditions import MODALITIES, modality_subsets
from affidavit.records import Record
from reasoners.simulator_options import ACCENTS, AGES, FEATURES, LABELS, SEXES, Levels, Share, normalised
from reasoners.transparent.option_parts import (
    Conclusion,
    Honesty,
    Identity,
    Leading,
    Reliability,
    Silence,
    SilenceOption,
    VoteWeights,
)
from reasoners.transparent.showing import Showing, read_showing

MOST_LABELS: Final = 12
"""Patterns grow with the cube of the number of labels."""
Modality = Literal["text", "audio", "video"]


class TransparentOptions(Record):
    """What a plan may say of a transparent reasoner; rates are probabilities from 0 to 1."""

    seed: int | None = Field(default=None, ge=0)
    """The plan's seed where absent."""
    reasoner: str = "transparent"
    labels: tuple[str, ...] = Field(default=LABELS, min_length=2, max_length=MOST_LABELS)
    label_shares: Levels | None = None
    """Label to share; equal where absent. They are also the prior."""
    accents: Levels = Field(default_factory=lambda: dict(ACCENTS))
    ages: Levels = Field(default_factory=lambda: dict(AGES))
    sexes: Levels = Field(default_factory=lambda: dict(SEXES))
    n_speakers: int = Field(default=240, ge=2, le=1_000_000)
    utterances_per_speaker: int = Field(default=20, ge=1, le=10_000)
    """The mean."""
    utterances_spread: int = Field(default=5, ge=0)
    """Each speaker has the mean plus or minus at most this many, uniformly."""
    conditions: tuple[str, ...] = Field(default=tuple(str(condition) for condition in modality_subsets()), min_length=1)
    """`TA` takes video away, `TAV/resampled=V` replaces what it tells by what it tells of another utterance (also by a
    permutation: `permuted`, `permuted-within-label`, `permuted-within-speaker`), `TAV/additive` takes interactions of
    modalities away, `TAV/accent=coastal` renders the utterance as another person's (spaces as hyphens)."""
    repeats: int = Field(default=1, ge=1, le=1_000)
    """How often each utterance is judged under each condition."""
    noise: Share = 0.0
    """The chance that one judging ignores all evidence and answers a label drawn at random."""
    reliability: Reliability = Reliability()
    silent: SilenceOption = Silence()
    rule: Literal["leading", "vote", "blind", "identity"] = "leading"
    """`leading`: what the utterance's leading modality tells, else what the next of `order` tells; `vote`: the label
    with most weight; `blind`: always the prior; `identity`: a vote that `identity` shifts."""
    leading: Leading = Leading(text=0.5, audio=0.3, video=0.2)
    leading_by: Mapping[str, Mapping[str, Leading]] = Field(default_factory=dict)
    """One feature to level to shares, as in {accent: {highland: {video: 1}}}; other levels keep `leading`."""
    icc: float = Field(default=0.1, ge=0, lt=1)
    """Intraclass correlation of leading within a speaker: a speaker's shares are drawn from the Dirichlet distribution
    with the stated shares as mean."""
    order: tuple[Modality, Modality, Modality] = ("text", "audio", "video")
    """Who is asked next where a modality is absent or silent, and who wins a tie."""
    weights: VoteWeights = VoteWeights()
    temperature: float = Field(default=0.25, gt=0.01, le=100)
    """Probabilities are the softmax of the weight for each label divided by it; without evidence they are the prior."""
    identity: Identity | None = None
    """Needed by the rule `identity`, and without effect under any other."""
    honesty: Honesty = Honesty(faithful=1.0)
    honesty_by: Mapping[str, Mapping[str, Honesty]] = Field(default_factory=dict)
    """One feature to level to shares; other levels keep `honesty`."""
    redundant: Literal["leading", "nothing"] = "leading"
    """What a faithful rationale cites where no single removal changes the answer: the modality that it was taken from,
    or nothing."""
    concludes: Conclusion = Conclusion(own=1.0)
    probabilities: bool = True
    rationales: bool = True

    @property
    def levels(self) -> dict[str, dict[str, float]]:
        """Feature to level to share, shares summing to one."""
        shares = (self.accents, self.ages, self.sexes)
        return {feature: normalised(of) for feature, of in zip(FEATURES, shares, strict=True)}

    @property
    def label_distribution(self) -> dict[str, float]:
        """Label to share, in the order of `labels`."""
        shares = self.label_shares or dict.fromkeys(self.labels, 1.0)
        return normalised({label: shares.get(label, 0.0) for label in self.labels})

    @property
    def prior_label(self) -> int:
        """Code of the label answered without evidence: the most frequent one, the first of them."""
        shares = list(self.label_distribution.values())
        return shares.index(max(shares))

    def showing(self, condition: str) -> Showing:
        """Return what a condition shows; it need not be one of `conditions`.

        Raises:
            ValueError: it does not parse, or names what is not there.
        """
        return read_showing(condition, self.levels)

    @property
    def showings(self) -> tuple[Showing, ...]:
        """What each of `conditions` shows, in their order."""
        return tuple(self.showing(condition) for condition in self.conditions)

    def cells(self) -> Iterator[tuple[dict[str, str], float]]:
        """Yield every combination of levels with its share of the speakers, the last feature varying fastest."""
        for combination in product(*(shares.items() for shares in self.levels.values())):
            share = 1.0
            for _, of_level in combination:
                share *= of_level
            yield dict(zip(FEATURES, (level for level, _ in combination), strict=True)), share

    def leading_in(self, cell: Mapping[str, str]) -> tuple[float, ...]:
        """Return the mean shares of leading modalities of a cell."""
        by = [levels[cell[feature]] for feature, levels in self.leading_by.items() if cell[feature] in levels]
        return (by[0] if by else self.leading).shares

    def honesty_in(self, cell: Mapping[str, str]) -> tuple[float, ...]:
        """Return the shares of kinds of rationales of a cell."""
        by = [levels[cell[feature]] for feature, levels in self.honesty_by.items() if cell[feature] in levels]
        return (by[0] if by else self.honesty).shares

    def is_shifted(self, cell: Mapping[str, str]) -> bool:
        """Say whether identity shifts the decisions about this cell."""
        told = self.identity if self.rule == "identity" else None
        return told is not None and cell[told.feature] == told.level

    @model_validator(mode="after")
    def _labels_are_possible(self) -> TransparentOptions:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: a label stands twice")
        _require_known("label_shares", self.label_shares or {}, self.labels)
        for label in self.labels:
            if cited_letters(label) or cited_letters(f"{label}, because of the voice") != {"A"}:
                raise ValueError(f"labels: what a rationale cites could not be read beside {label!r}")
        return self

    @model_validator(mode="after")
    def _conditions_are_possible(self) -> TransparentOptions:
        canonical = [showing.condition for showing in self.showings]
        if len(set(canonical)) < len(canonical):
            raise ValueError("conditions: each stands once")
        if sorted(self.order) != sorted(MODALITIES.values()):
            raise ValueError("order: names text, audio and video, each once")
        if self.utterances_spread >= self.utterances_per_speaker:
            raise ValueError("utterances_spread: less than utterances_per_speaker, so that everybody has one")
        return self

    @model_validator(mode="after")
    def _groups_exist(self) -> TransparentOptions:
        for where, by in (("leading_by", self.leading_by), ("honesty_by", self.honesty_by)):
            _require_known(where, by, FEATURES)
            if len(by) > 1:
                raise ValueError(f"{where}: one feature, so that no speaker has two")
            for feature, levels in by.items():
                _require_known(f"{where}.{feature}", levels, self.levels[feature])
        if self.identity is not None:
            _require_known("identity.feature", [self.identity.feature], FEATURES)
            _require_known("identity.level", [self.identity.level], self.levels[self.identity.feature])
            _require_known("identity.label", [self.identity.label], self.labels)
        elif self.rule == "identity":
            raise ValueError("identity: the rule identity needs a feature, a level and a label")
        return self


def _require_known(where: str, names: Any, allowed: Any) -> None:  # noqa: ANN401 - any collections of names
    if strange := [name for name in names if name not in allowed]:
        raise ValueError(f"{where}: {strange[0]!r} is none of {', '.join(allowed)}")
