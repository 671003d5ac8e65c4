"""The queue of clues asks for each aspect, keeps what was said, and tells agreement to who has handed in."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.records.book import RecordBook
from dashboards.reviewing.clues import Aspect, Look, clue_hand, clues_of
from dashboards.reviewing.studies import Study
from tests.dashboards.reviewing.conftest import small_study
from tests.dashboards.views.people_at_pages import Sit, kept, one, press, sit, words, workspace

__all__ = ["kept", "sit", "workspace"]


@pytest.fixture
def study(workspace: Path) -> Study:
    drawn = small_study(per_group=1)
    (workspace / "reviews").mkdir(parents=True)
    (workspace / "reviews" / "first.json").write_text(drawn.plan.model_dump_json())
    return drawn


def test_without_a_study_the_page_says_where_it_comes_from(sit: Sit) -> None:
    app = sit("annotate", name="Ada Osei").run()
    assert not app.exception
    assert "nothing to look at yet" in app.info[0].value


def test_each_aspect_is_asked_for_and_an_empty_one_is_not_taken_for_nothing(
    sit: Sit, study: Study, kept: RecordBook
) -> None:
    app = sit("annotate", name="Ada Osei").run()
    one(app.text_area, "What does the voice").set_value("it <i>trembles</i>")
    press(app, "Keep")
    assert "face and body, words, scene" in app.warning[0].value
    assert clues_of(study, kept) == {}
    for radio, look in zip(app.radio, ("nothing to notice", None, "could not tell", "nothing to notice"), strict=True):
        radio.set_value(look)
    one(app.text_area, "What does the voice").set_value("it <i>trembles</i>")
    press(app, "Keep")
    assert not app.exception
    first = clue_hand(study, "Ada Osei", kept).utterances[0]
    said = clues_of(study, kept)[first]["Ada Osei"]
    looks = {aspect: clue.look for aspect, clue in said.aspects.items()}
    assert looks == {
        Aspect.FACE: Look.NOTHING,
        Aspect.VOICE: Look.NOTICED,
        Aspect.WORDS: Look.UNKNOWN,
        Aspect.SCENE: Look.NOTHING,
    }
    assert said.aspects[Aspect.VOICE].text == "it <i>trembles</i>"
    assert not said.after_cards


def test_agreement_is_told_after_handing_in_and_that_a_card_came_first(
    sit: Sit, study: Study, kept: RecordBook
) -> None:
    press(sit("review", name="Ada Osei").run(), "4 ")
    app = sit("annotate", name="Ada Osei").run()
    for _ in clue_hand(study, "Ada Osei", kept).utterances:
        for radio in app.radio:
            radio.set_value("nothing to notice")
        press(app, "Keep")
    assert "Do they notice the same" not in words(app)
    press(app, "Hand in")
    assert not app.exception
    assert "Do they notice the same" in words(app)
    assert "1 were noted after a rationale" in words(app)
    assert list(app.dataframe[0].value["Aspect"]) == [aspect.value for aspect in Aspect]


def test_who_has_no_utterances_is_told(sit: Sit, study: Study) -> None:
    app = sit("annotate", name="Eve").run()
    assert "No utterances of this study were given to you" in words(app)
    assert not app.dataframe
