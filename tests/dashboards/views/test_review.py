"""A reviewer's queue: blinded, kept at once, closed to others' scores until it is handed in."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from affidavit.bundle import write_bundle
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.reviews import ReviewPlan
from affidavit.run import run_plan
from affidavit.testing.tables import FAST, predictions_frame
from dashboards.access.people import Role
from dashboards.records.book import RecordBook
from dashboards.reviewing.hands import hand_of, reviews_of
from dashboards.reviewing.studies import Study
from tests.dashboards.reviewing.conftest import small_study
from tests.dashboards.views.people_at_pages import Sit, kept, one, press, sit, words, workspace

__all__ = ["kept", "sit", "workspace"]


@pytest.fixture
def study(workspace: Path) -> Study:
    """A study of few cards, in the workspace."""
    drawn = small_study(per_group=1)
    (workspace / "reviews").mkdir(parents=True)
    (workspace / "reviews" / "first.json").write_text(drawn.plan.model_dump_json())
    return drawn


def test_an_empty_queue_says_what_to_do(sit: Sit) -> None:
    app = sit("review", name="Ada Osei").run()
    assert not app.exception
    assert "nothing to review yet" in app.info[0].value
    assert not app.button, "a reviewer brings no plan"


def test_a_card_shows_a_rationale_and_nothing_that_tells(sit: Sit, study: Study) -> None:
    app = sit("review", name="Ada Osei").run()
    assert not app.exception
    card = study.plan.cards("Ada Osei")[0]
    item = next(item for item in study.plan.items if item.card == card.card)
    shown = words(app)
    assert card.rationale in shown
    hidden = shown.replace(card.rationale, "")
    for told in (item.utterance_id, str(item.unit), item.run, item.condition, item.arm.value, *item.groups.values()):
        assert told not in hidden.split(), told
    one(app.checkbox, "Show the utterance").check().run()
    assert item.utterance_id in words(app)


def test_keys_score_and_skip_and_the_next_card_comes(sit: Sit, study: Study, kept: RecordBook) -> None:
    app = sit("review", name="ada  osei").run()
    assert [button.proto.shortcut for button in app.button][:6] == ["m", "1", "2", "3", "4", "s"]
    cards = study.plan.cards("Ada Osei")
    one(app.text_area, "Why").set_value("the <b>voice</b> trembles").run()
    press(app, "3 ")
    assert cards[1].rationale in words(app)
    press(app, "Skip")
    hand = hand_of(study, "Ada Osei", kept)
    assert (hand.scored, hand.skipped) == (1, 1)
    (review,) = reviews_of(study, kept)
    assert (int(review.score), review.reason, review.shown) == (3, "the <b>voice</b> trembles", cards[0].digest)
    assert "1 scored, 1 skipped" in words(app) + str(app.get("progress")[0].proto.text)


def finish(app: object, study: Study, reviewer: str, score: str = "4 ") -> None:
    for _ in study.plan.cards(reviewer):
        press(app, score)  # type: ignore[arg-type]


def test_agreement_is_closed_until_the_cards_are_handed_in(sit: Sit, study: Study, kept: RecordBook) -> None:
    for reviewer in ("Ben Ito", "Cho Min"):
        other = sit("review", name=reviewer).run()
        finish(other, study, reviewer)
    app = sit("review", name="Ada Osei", role=Role.ADMINISTRATOR).run()
    assert "alpha" not in words(app)
    finish(app, study, "Ada Osei", "2 ")
    assert "alpha" not in words(app), "done, and not handed in"
    press(app, "Hand in")
    assert not app.exception
    shown = words(app)
    assert "Krippendorff's alpha" in shown
    own = sum(item.arm == "own" for item in study.plan.items)
    assert f"{own} cards that two people scored" in shown
    assert not [button for button in app.button if button.label.startswith("4 ")], "the cards are closed"
    assert list(app.dataframe[0].value["Scores"]) == [len(study.plan.items)] * 3


def test_history_does_not_tell_others_scores_to_who_has_not_handed_in(sit: Sit, study: Study, kept: RecordBook) -> None:
    other = sit("review", name="Ben Ito").run()
    one(other.text_area, "Why").set_value("Ben's secret reason").run()
    press(other, "4 ")
    reader = sit("history", name="Ada Osei", role=Role.ADMINISTRATOR).run()
    rows = reader.dataframe[0].value
    assert "Ben's secret reason" not in rows.to_csv()
    assert list(rows["Said"]) == ["closed until you hand in"]
    keeper = sit("history", name="Dee", role=Role.ADMINISTRATOR).run()
    assert "Ben's secret reason" in keeper.dataframe[0].value.to_csv()


def test_a_changed_score_keeps_the_one_before(sit: Sit, study: Study, kept: RecordBook) -> None:
    app = sit("review", name="Ada Osei").run()
    press(app, "1 ")
    one(app.radio, "Score").set_value(4).run()
    assert one(app.button, "Change the score").disabled, "a change says why"
    one(app.text_input, "Why you change it").set_value("I read it again").run()
    press(app, "Change the score")
    assert not app.exception
    hand = hand_of(study, "Ada Osei", kept)
    history = kept.history(hand.subject(hand.cards[0]))
    assert [entry.content["score"] for entry in history] == [1, 4]
    assert history[-1].reason == "I read it again"


def test_two_windows_of_one_reviewer_lose_nothing(sit: Sit, study: Study, kept: RecordBook) -> None:
    here, there = sit("review", name="Ada Osei").run(), sit("review", name="Ada Osei").run()
    press(here, "1 ")
    press(there, "4 ")  # of the card that the first window scored
    hand = hand_of(study, "Ada Osei", kept)
    assert hand.said[hand.cards[0].card].content["score"] == 1
    assert not there.exception


def test_who_has_no_cards_is_told_and_an_approver_sees_what_came_of_it(sit: Sit, study: Study) -> None:
    stranger = sit("review", name="Eve").run()
    assert "No cards were given to you" in words(stranger)
    assert "alpha" not in words(stranger)
    approver = sit("review", name="Eve", role=Role.APPROVER).run()
    assert not approver.exception
    assert "unknown: nothing was looked at by two people yet" in words(approver)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", ":red[x] $y$ **z**", "![i](http://x.example/i.png)", ""])
def test_a_rationale_is_a_text_whatever_it_holds(sit: Sit, workspace: Path, text: str) -> None:
    plan = small_study(per_group=1).plan
    items = tuple(item.model_copy(update={"rationale": text}) for item in plan.items)
    (workspace / "reviews").mkdir(parents=True)
    (workspace / "reviews" / "x.json").write_text(ReviewPlan(**{**dict(plan), "items": items}).model_dump_json())
    app = sit("review", name="Ada Osei").run()
    assert not app.exception
    assert not app.error
    for element in app.markdown:
        for mark in ("<script>", ":red[", "![", "$y$", "**z**"):
            assert mark not in element.value


def test_a_plan_that_does_not_read_is_told(sit: Sit, workspace: Path) -> None:
    (workspace / "reviews").mkdir(parents=True)
    (workspace / "reviews" / "x.json").write_text("{}")
    app = sit("review", name="Ada Osei").run()
    assert "this is no review plan" in app.error[0].value.replace("\\", "")


def test_reviews_are_exported_as_the_examination_reads_them(sit: Sit, study: Study, kept: RecordBook) -> None:
    from dashboards.reviewing.exporting import reviews_csv

    press(sit("review", name="Ada Osei").run(), "2 ")
    rows = list(csv.DictReader(io.StringIO(reviews_csv(reviews_of(study, kept)).decode())))
    assert [(row["reviewer"], row["score"]) for row in rows] == [("Ada Osei", "2")]


@pytest.fixture
def audited(tmp_path: Path) -> Path:
    """A bundle, and the table that it was made from, beside each other."""
    predictions_frame(n_speakers=12, per_speaker=4).to_csv(tmp_path / "vendor.csv", index=False)
    plan = AuditPlan(
        runs={"vendor": RunSource(table="vendor.csv")},
        by=("accent",),
        statistics=FAST,
        examinations=(Choice(name="performance"),),
    )
    write_bundle(run_plan(plan, folder=tmp_path), tmp_path / "bundle", renderings=())
    return tmp_path


def test_an_administrator_draws_cards_and_readers_find_them(sit: Sit, audited: Path) -> None:
    app = sit("review", audited, name="Root", role=Role.ADMINISTRATOR).run()
    app.text_input(key="review-draw-name").set_value("second").run()
    app.text_input(key="review-draw-names").set_value("Ada Osei, Ben Levi").run()
    app.number_input(key="review-draw-per-group").set_value(1).run()
    app.button(key="review-draw").click().run()
    assert not app.exception
    assert not app.error
    reader = sit("review", audited, name="Ada Osei").run()
    assert one(reader.selectbox, "Study").value == "second"
    assert "Does this explain" in words(reader)


def test_without_the_table_nobody_draws(sit: Sit, small_bundle: Path) -> None:
    app = sit("review", small_bundle, name="Root", role=Role.ADMINISTRATOR).run()
    app.text_input(key="review-draw-name").set_value("second").run()
    app.text_input(key="review-draw-names").set_value("Ada Osei").run()
    app.button(key="review-draw").click().run()
    assert not app.exception
    assert "The table behind this run is not" in words(app)
