"""Who reads cards may see and hear the utterance behind each: noted, and with nothing that tells what was answered."""

# ruff: noqa: F811

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from affidavit import registry
from affidavit.cli.reviewing import DrawFlags
from affidavit.protocols import silent
from affidavit.registry import Door, register
from affidavit.reviews import ReviewPlan
from affidavit.sources import load_run
from dashboards.records.book import RecordBook, Wanted
from dashboards.records.entries import Kind
from dashboards.reviewing.behind_card import LABEL, NO_AUDIT
from dashboards.reviewing.drawing import drawn_plan
from tests.dashboards.media.told_clinic import Told, audited, patients, told_plan
from tests.dashboards.views.people_at_pages import Sit, kept, one, press, sit, words, workspace  # noqa: F401

pytest.importorskip("soundfile")
pytest.importorskip("av")


@dataclass(frozen=True)
class Drawn:
    """An audit, and the cards that were drawn from its table."""

    folder: Path
    plan: ReviewPlan


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drawn]:
    folder = tmp_path_factory.mktemp("clinic")
    audited(folder)
    plan = told_plan()
    (loaded,) = load_run("told", plan.runs["told"], plan, folder, silent)
    flags = DrawFlags(reviewers=("Ada",), by=("age",), run="told", condition="TAV", per_group=2, per_card=1)
    cards = ReviewPlan.model_validate_json(drawn_plan(loaded.predictions, flags))
    assert cards.table == loaded.predictions.digest
    yield Drawn(folder=folder, plan=cards)
    registry._registered.pop((Door.REASONERS, "told"), None)


@pytest.fixture(autouse=True)
def study(drawn: Drawn, workspace: Path) -> ReviewPlan:
    register(Door.REASONERS, "told", Told())
    return brought(drawn.plan, workspace)


def brought(plan: ReviewPlan, workspace: Path) -> ReviewPlan:
    (workspace / "reviews").mkdir(parents=True, exist_ok=True)
    (workspace / "reviews" / "first.json").write_text(plan.model_dump_json())
    return plan


def heard(book: RecordBook) -> list[tuple[str, str]]:
    return sorted((row.subject.name, row.act) for row in book.found(Wanted(kind=Kind.MEDIA)))


@pytest.mark.parametrize("page", ["review", "annotate"])
def test_a_card_can_be_heard_and_tells_nothing_more(
    sit: Sit, drawn: Drawn, study: ReviewPlan, kept: RecordBook, page: str
) -> None:
    app = sit(page, drawn.folder, name="Ada").run()
    assert heard(kept) == []
    press(app, LABEL)
    assert not app.exception
    first = study.cards("Ada")[0]
    turn = next(turn for turn in patients() if turn.utterance_id == first.utterance_id)
    item = next(item for item in study.items if item.card == first.card)
    shown = words(app)
    assert (turn.text or "")[:40] in shown
    assert app.get("audio")
    told = shown.replace(item.rationale, "").replace(turn.text or "", "")
    assert first.utterance_id not in told
    assert str(turn.label) not in told.split()
    acts = [act for name, act in heard(kept) if name == first.utterance_id]
    assert set(acts) >= {"heard", "read"}
    app.run()
    assert [act for name, act in heard(kept) if name == first.utterance_id] == acts, "noted once, however often drawn"


def test_the_next_card_is_opened_too_and_noted(sit: Sit, drawn: Drawn, study: ReviewPlan, kept: RecordBook) -> None:
    app = sit("review", drawn.folder, name="Ada").run()
    press(app, LABEL)
    press(app, "3 ")
    first, second = study.cards("Ada")[:2]
    assert {name for name, _ in heard(kept)} == {first.utterance_id, second.utterance_id}


@pytest.mark.parametrize("how", ["no audit", "another table"])
def test_without_the_audit_of_these_cards_it_says_what_is_missing(
    sit: Sit, drawn: Drawn, workspace: Path, kept: RecordBook, how: str
) -> None:
    places: list[Any] = [] if how == "no audit" else [drawn.folder]
    if how == "another table":
        brought(drawn.plan.model_copy(update={"table": "sha256:" + "0" * 64}), workspace)
    app = sit("review", *places, name="Ada").run()
    press(app, LABEL)
    assert NO_AUDIT in [info.value for info in app.info]
    assert heard(kept) == []


def test_of_cards_that_were_drawn_elsewhere_a_run_of_that_name_is_looked_for(
    sit: Sit, drawn: Drawn, workspace: Path, kept: RecordBook
) -> None:
    brought(drawn.plan.model_copy(update={"table": None}), workspace)
    app = sit("review", drawn.folder, name="Ada").run()
    press(app, LABEL)
    assert {name for name, _ in heard(kept)} == {drawn.plan.cards("Ada")[0].utterance_id}
