"""Reviews that people might have given, written to files, and the case that names them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.reviews import Arm, ReviewItem, ReviewPlan
from affidavit.testing import case_of, predictions_frame
from faithfulness.human_review.sampling import SamplingOptions, draw_reviews

BY = ("accent", "age")
REVIEWERS = ("ada", "ben", "cho", "dee")
COLUMNS = ("card", "reviewer", "score", "reviewed_at", "shown", "clarity")


def own_words(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which no two rationales are the same."""
    return frame.assign(rationale=frame["rationale"] + " (" + frame["utterance_id"] + ")")


@dataclass(kw_only=True)
class Review:
    """A review: what people think of a card, who is severe, and how much they waver."""

    folder: Path
    frame: pd.DataFrame
    opinion: Callable[[ReviewItem, Mapping[str, Any]], float]
    severity: Mapping[str, float] = field(default_factory=dict)
    noise: float = 0.5
    answered: float = 1.0
    per_group: int = 12
    seed: int = 0

    @cached_property
    def plan(self) -> ReviewPlan:
        options = SamplingOptions(
            reviewers=REVIEWERS, per_group=self.per_group, per_card=3, again_share=0.2, shuffled_share=0.5
        )
        run = case_of(self.frame).runs["run"]
        return draw_reviews(run, options, by=BY, condition="TAV", seed=self.seed)

    def rows(self) -> Iterator[dict[str, Any]]:
        rng = np.random.default_rng(self.seed)
        plan = self.plan
        items = {item.card: item for item in plan.items}
        told = self.frame[self.frame["condition"] == "TAV"].set_index("utterance_id").to_dict("index")
        for hand in plan.assignments:
            for card in hand.cards:
                if rng.random() >= self.answered:
                    continue
                thought = self.opinion(items[card], told[items[card].utterance_id])
                said = thought + self.severity.get(hand.reviewer, 0.0) + rng.normal(0, self.noise)
                yield {
                    "card": card,
                    "reviewer": hand.reviewer,
                    "score": int(np.clip(round(said), 1, 4)),
                    "reviewed_at": "2026-03-01T10:00:00Z",
                    "shown": items[card].shown.digest,
                    "clarity": round(thought + rng.normal(0, 0.5), 3),
                }

    def written(self, rows: list[dict[str, Any]] | None = None) -> Review:
        (self.folder / "plan.json").write_text(self.plan.model_dump_json(), encoding="utf-8")
        write(self.folder / "reviews.csv", list(self.rows()) if rows is None else rows)
        return self

    def case(self, **options: Any) -> Case:
        chosen = {"reviews": "reviews.csv", "plan": "plan.json", **options}
        return replace(case_of(self.frame, options=chosen), folder=self.folder)


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else list(COLUMNS))
        writer.writeheader()
        writer.writerows(rows)


def fair(item: ReviewItem, row: Mapping[str, Any]) -> float:
    """Like a rationale where the answer was right, and a control nowhere."""
    return 1.3 if item.arm is Arm.SHUFFLED else (3.2 if row["y_true"] == row["y_pred"] else 2.4)


@pytest.fixture
def review(tmp_path: Path) -> Callable[..., Review]:
    def made(**told: Any) -> Review:
        return Review(
            **{"folder": tmp_path, "frame": own_words(predictions_frame(per_speaker=4)), "opinion": fair, **told}
        )

    return made
