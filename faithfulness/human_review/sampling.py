"""Draws which rationales people read: as many of each group, from as many units as there are, blinded and shuffled.

Within a group, units are dealt in random order, one judgement of each before a second of any: the unit is what is
independent, and ten rationales of one speaker are worth little more than one. The weight of a drawn judgement is how
many it stands for: those that its unit has in the group for each of them that was drawn, and then those that the group
has for all that its drawn units stand for. Weighted means are those of judgements, in a group and of everybody, whoever
talks most (Hajek 1971).

A share of the cards are controls: the rationale of another utterance with the same answer, which a reader who looks at
the utterance should score lower; and cards that come twice.

Source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from affidavit.confusion import FloatArray
from affidavit.errors import PlanError
from affidavit.predictions import Predictions
from affidavit.records import Record
from affidavit.reviews import Arm, Assignment, ReviewItem, ReviewPlan

_CARD_BITS: Final = 48


class SamplingOptions(Record):
    """How many rationales are read, by whom."""

    per_group: int = Field(default=20, ge=1)
    """Judgements of each group (each combination of the features)."""
    reviewers: tuple[str, ...] = Field(min_length=1)
    per_card: int = Field(default=3, ge=1)
    """Reviewers of each card."""
    shuffled_share: float = Field(default=0.2, ge=0, le=1)
    """Controls, as a share of the judgements drawn."""
    again_share: float = Field(default=0.1, ge=0, le=1)
    """Cards that come twice, as a share of the judgements drawn."""

    @model_validator(mode="after")
    def _enough_reviewers(self) -> SamplingOptions:
        if len(set(self.reviewers)) < len(self.reviewers):
            raise ValueError("reviewers: each stands once")
        if self.per_card > len(self.reviewers):
            raise ValueError(f"per_card: at most as many as there are reviewers, {len(self.reviewers)}")
        return self


def draw_reviews(
    predictions: Predictions, options: SamplingOptions, *, by: Sequence[str], condition: str, seed: int
) -> ReviewPlan:
    """Draw a review of the rationales that a run gave under one condition; the same seed draws the same.

    Raises:
        PlanError: the run has no rationale under the condition.
    """
    rng = np.random.default_rng(seed)
    frame = _judgements(predictions, by, condition)
    drawn = _drawn(frame, options.per_group, by, rng)
    own = [_item(row, Arm.OWN, by, str(row["rationale"])) for row in drawn]
    shuffled = _shuffled(drawn, frame, round(options.shuffled_share * len(drawn)), by, rng)
    again = [
        own[i].model_copy(update={"arm": Arm.AGAIN, "same_as": own[i].card})
        for i in rng.choice(len(own), size=round(options.again_share * len(own)), replace=False)
    ]
    items = _with_cards([*own, *shuffled, *again], rng)
    return ReviewPlan(
        seed=seed,
        by=tuple(by),
        items=items,
        assignments=_assignments(items, options, rng),
        remarks=_remarks(frame, options.per_group, by),
    )


def _judgements(predictions: Predictions, by: Sequence[str], condition: str) -> pd.DataFrame:
    frame = predictions.to_frame()
    frame["row"] = np.arange(len(frame))
    given = (
        frame["rationale"].fillna("").astype(str).str.strip() if "rationale" in frame else pd.Series("", frame.index)
    )
    chosen = frame[(frame["condition"].astype(str) == condition) & (given != "")]
    if chosen.empty:
        raise PlanError(
            "there is nothing to review",
            slug="plan-impossible",
            where=f"run {predictions.run}",
            found=f"no rationale under {condition}",
            allowed=f"one of {', '.join(predictions.conditions)} with rationales",
            remedy="choose another condition, or ask the supplier for rationales",
        )
    columns = {f"group_{feature}": feature for feature in by}
    unit = chosen["unit"].astype(str) if predictions.unit != "row" else chosen["row"].astype(str)
    return chosen.assign(unit_of=unit, run=predictions.run).rename(columns=columns).reset_index(drop=True)


def _drawn(
    frame: pd.DataFrame, per_group: int, by: Sequence[str], rng: np.random.Generator
) -> list[Mapping[Hashable, object]]:
    """Return drawn rows with their weights: in each group one of each unit before a second of any."""
    order = frame.iloc[rng.permutation(len(frame))]
    rank = pd.Series(rng.permutation(order["unit_of"].nunique()), index=order["unit_of"].unique())
    order = order.assign(turn=order.groupby(["unit_of", *by], observed=True).cumcount(), lot=order["unit_of"].map(rank))
    order = order.sort_values(["turn", "lot"], kind="stable")
    groups = order.groupby(list(by), observed=True, sort=True) if by else [((), order)]
    rows: list[Mapping[Hashable, object]] = []
    for _, group in groups:
        taken = group.head(per_group)
        rows += taken.assign(weight=_weights(taken, group)).to_dict("records")
    return rows


def _weights(taken: pd.DataFrame, group: pd.DataFrame) -> FloatArray:
    """Return how many judgements of the group each drawn one stands for; they sum to the size of the group."""
    has, drawn = group["unit_of"].value_counts(), taken["unit_of"].value_counts()
    weights = (taken["unit_of"].map(has) / taken["unit_of"].map(drawn)).to_numpy(np.float64)
    return np.asarray(weights * len(group) / weights.sum())


def _shuffled(
    drawn: Sequence[Mapping[Hashable, object]],
    frame: pd.DataFrame,
    n_controls: int,
    by: Sequence[str],
    rng: np.random.Generator,
) -> list[ReviewItem]:
    """Return controls: drawn judgements with the rationale of another utterance that got the same answer."""
    items: list[ReviewItem] = []
    for i in rng.permutation(len(drawn)):
        if len(items) == n_controls:
            break
        row = drawn[i]
        others = frame[(frame["y_pred"] == row["y_pred"]) & (frame["utterance_id"] != row["utterance_id"])]
        others = others[others["rationale"] != row["rationale"]]
        if len(others):
            items.append(_item(row, Arm.SHUFFLED, by, str(others["rationale"].iloc[rng.integers(len(others))])))
    return items


def _item(row: Mapping[Hashable, object], arm: Arm, by: Sequence[str], rationale: str) -> ReviewItem:
    return ReviewItem(
        card="-",
        arm=arm,
        run=str(row["run"]),
        utterance_id=str(row["utterance_id"]),
        condition=str(row["condition"]),
        reasoner=str(row["reasoner"]),
        instruction=str(row["instruction"]),
        repeat=int(str(row["repeat"])),
        unit=str(row["unit_of"]),
        groups={feature: str(row[feature]) for feature in by},
        rationale=rationale,
        weight=float(str(row["weight"])),
    )


def _with_cards(items: Sequence[ReviewItem], rng: np.random.Generator) -> tuple[ReviewItem, ...]:
    """Give every item a number that says nothing, in an order that says nothing."""
    numbers: set[int] = set()
    while len(numbers) < len(items):
        numbers.add(int(rng.integers(1 << _CARD_BITS)))
    names = [f"{number:012x}" for number in rng.permutation(sorted(numbers))]
    n_own = sum(item.arm is Arm.OWN for item in items)
    of_first = {_key(item): name for item, name in zip(items[:n_own], names, strict=False)}
    named = [
        item.model_copy(update={"card": name, **({"same_as": of_first[_key(item)]} if item.arm is Arm.AGAIN else {})})
        for item, name in zip(items, names, strict=True)
    ]
    return tuple(sorted(named, key=lambda item: item.card))


def _key(item: ReviewItem) -> tuple[str, ...]:
    return (item.utterance_id, item.reasoner, item.instruction, str(item.repeat))


def _assignments(
    items: Sequence[ReviewItem], options: SamplingOptions, rng: np.random.Generator
) -> tuple[Assignment, ...]:
    """Deal each card to as many reviewers as it needs, evenly; who gets a card also gets its repetition.

    Each goes to those who have fewest, by lot among equals, so that everybody shares cards with everybody: of two teams
    that share none, nobody could say whether their reviewers or their cards differ.
    """
    firsts = [item for item in items if item.same_as is None]
    hands: dict[str, list[str]] = {reviewer: [] for reviewer in options.reviewers}
    readers: dict[str, list[str]] = {}
    dealt = Counter(dict.fromkeys(options.reviewers, 0))
    for i in rng.permutation(len(firsts)):
        lots = [options.reviewers[k] for k in rng.permutation(len(options.reviewers))]
        chosen = sorted(lots, key=dealt.__getitem__)[: options.per_card]
        readers[firsts[i].card] = chosen
        dealt.update(chosen)
    for item in items:
        for reviewer in readers[item.same_as or item.card]:
            hands[reviewer].append(item.card)
    return tuple(
        Assignment(reviewer=reviewer, cards=tuple(hands[reviewer][i] for i in rng.permutation(len(hands[reviewer]))))
        for reviewer in sorted(hands)
    )


def _remarks(frame: pd.DataFrame, per_group: int, by: Sequence[str]) -> tuple[str, ...]:
    if not by:
        return ()
    sizes = frame.groupby(list(by), observed=True).size()
    short = [
        f"{', '.join(map(str, name if isinstance(name, tuple) else (name,)))} has {n}"
        for name, n in sizes[sizes < per_group].items()
    ]
    return (f"fewer judgements than the {per_group} wanted: {'; '.join(short)}",) if short else ()
