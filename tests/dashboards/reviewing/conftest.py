"""A study of simulated rationales, and a book to review them into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("streamlit")
pytest.importorskip("sqlalchemy")

from affidavit.testing import case_of, predictions_frame
from dashboards.records.book import RecordBook
from dashboards.records.opening import open_book
from dashboards.reviewing.studies import Study
from faithfulness.human_review.sampling import SamplingOptions, draw_reviews

REVIEWERS = ("Ada Osei", "Ben Ito", "Cho Min")


def small_study(per_group: int = 2) -> Study:
    """Return a study of a few cards, drawn as samples are drawn."""
    frame = predictions_frame(per_speaker=2)
    frame = frame.assign(rationale=frame["rationale"] + " (" + frame["utterance_id"] + ")")
    options = SamplingOptions(reviewers=REVIEWERS, per_group=per_group, per_card=3, again_share=0.2, shuffled_share=0.2)
    plan = draw_reviews(case_of(frame).runs["run"], options, by=("accent", "age"), condition="TAV", seed=1)
    return Study(name="first", plan=plan)


@pytest.fixture(scope="session")
def study() -> Study:
    return small_study()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[RecordBook]:
    opened = open_book(tmp_path)
    yield opened
    opened.reading.dispose()
