"""The reviewed judgements of one run under one condition, as scores, sums and what is to be said of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions
from affidavit.reviews import SHOWN
from affidavit.tally import Tally, tally_outcomes
from faithfulness.human_review.automatic import automatic_scores
from faithfulness.human_review.crossed import Crossed
from faithfulness.human_review.matching import Matched
from faithfulness.human_review.measures import SPEAKS_OF, review_sums
from faithfulness.human_review.reading import Material
from faithfulness.plausibility.behind import Behind

WHY: Final[Mapping[str, str]] = {
    "unknown": "reviews are of cards that the plan does not have",
    "unassigned": "reviews are by somebody who was not given the card",
    "other": "reviews are of a card that showed something else than was drawn",
    "again": "reviews were given again; the last of a reviewer and a card counts",
    "unmatched": "cards are of no judgement of this table",
    "ambiguous": "cards are of several judgements: say instruction, reasoner and repetition",
    "stale": "cards show another rationale than the table has",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """The reviewed judgements of one run under one condition."""

    case: Case
    predictions: Predictions
    material: Material
    matched: Matched
    automatic: str | None

    @cached_property
    def known(self) -> list[float | None]:
        """The automatic scores."""
        if self.automatic is None:
            return [None] * len(self.matched.scores)
        return automatic_scores(self.automatic, self.matched, self.predictions)

    @cached_property
    def sums(self) -> FloatArray:
        """What each judgement adds."""
        return review_sums(self.matched.scores, self.known)

    @cached_property
    def judged(self) -> dict[str, NDArray[Any]]:
        """The `outcome_columns` of each judgement."""
        return self.matched.explained.rows_at([item.row for item in self.matched.scores])

    @cached_property
    def tally(self) -> Tally:
        """The sums of `measures`."""
        return tally_outcomes(
            self.predictions, self.case.by, condition=self.matched.explained.condition, rows=self.judged, sums=self.sums
        )

    @cached_property
    def reviews(self) -> Crossed:
        """Every score of a rationale; a judgement's reviews share its weight."""
        explained, names = self.matched.explained, {name: i for i, name in enumerate(self.matched.reviewers)}
        each = [(item, who, score) for item in self.matched.scores for who, score in sorted(item.own.items())]
        of_table = explained.rows.get("weight", np.ones(len(explained)))
        return Crossed(
            score=np.array([score for _, _, score in each], dtype=np.float64),
            weight=np.array([item.weight * float(of_table[item.row]) / len(item.own) for item, _, _ in each]),
            unit=np.array([explained.rows["unit"][item.row] for item, _, _ in each], dtype=np.int64),
            reviewer=np.array([names[who] for _, who, _ in each], dtype=np.int64),
        )

    @cached_property
    def behind(self) -> Behind:
        """Which of the reviewed judgements each number speaks of."""
        of = {name: self.sums[:, at] > 0 for name, at in SPEAKS_OF.items()}
        return Behind(predictions=self.predictions, rows=self.judged, of=of)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Of each score, the judgement that it is of."""
        return np.array([item.row for item in self.matched.scores for _ in item.own], dtype=np.int64)

    def members(self, groups: Mapping[str, str]) -> NDArray[np.bool_]:
        """Say of each score whether it is of a group."""
        inside = np.ones(len(self.rows), dtype=bool)
        for feature, level in groups.items():
            code = self.predictions.levels[f"group_{feature}"].index(level)
            inside &= self.matched.explained.rows[f"group_{feature}"][self.rows] == code
        return inside

    @property
    def caveats(self) -> tuple[str, ...]:
        """What every finding says."""
        n_reviews = len(self.reviews.score)
        head = (
            f"{n_reviews:,} scores of {len(self.matched.scores):,} judgements by {len(self.matched.reviewers)} people"
        )
        return (head, blinding(self.material), *left_out(self.material.left_out + self.matched.left_out))


def blinding(material: Material) -> str:
    """Say what reviewers were shown."""
    if material.shown is None:
        return "what reviewers were shown is not recorded: whether they were blinded is not known"
    shown = " and ".join(material.shown)
    if set(material.shown) <= set(SHOWN):
        return f"reviewers were shown {shown}, and neither model nor group; the answer only where a rationale names it"
    return f"reviewers were not blinded: they were shown {shown}"


def left_out(counts: Counter[str]) -> list[str]:
    """Say what of the reviews does not count, and why."""
    return [f"{counts[why]:,} {said}" for why, said in WHY.items() if counts[why]]
