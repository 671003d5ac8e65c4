"""`affidavit draw-reviews` writes the plan that Python draws, for its owner alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from affidavit.cli.main import app
from affidavit.cli.reviewing import DrawFlags
from affidavit.errors import AffidavitError
from affidavit.predictions import Reading, read_predictions
from affidavit.reviews import ReviewPlan
from affidavit.testing.tables import predictions_frame
from faithfulness.human_review.command import draw
from faithfulness.human_review.sampling import SamplingOptions, draw_reviews

WHO = ("Ada Osei", "Ben Levi", "Cai Wu")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    place = tmp_path / "table.csv"
    predictions_frame(n_speakers=12, per_speaker=4).to_csv(place, index=False)
    return place


def test_it_writes_what_python_draws(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    done = CliRunner().invoke(
        app,
        [
            *("draw-reviews", str(table), "--out", str(out), "--by", "accent", "--run", "vendor", "--seed", "3"),
            *("--per-group", "2", *(part for name in WHO for part in ("--reviewer", name))),
        ],
    )
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    predictions = read_predictions(table, Reading(run="vendor", by=("accent",)))
    options = SamplingOptions(per_group=2, reviewers=WHO)
    told = ReviewPlan.model_validate_json(out.read_bytes())
    assert told == draw_reviews(predictions, options, by=("accent",), condition="TAV", seed=3)
    assert f"{len(told.items)} cards under TAV, dealt to 3 reviewers" in done.output


def test_fewer_readers_than_asked_read_every_card(table: Path, tmp_path: Path) -> None:
    draw(table, tmp_path / "plan.json", DrawFlags(reviewers=WHO[:1], per_group=2))
    told = ReviewPlan.model_validate_json((tmp_path / "plan.json").read_bytes())
    assert [len(hand.cards) for hand in told.assignments] == [len(told.items)]


@pytest.mark.parametrize(
    "flags", [DrawFlags(reviewers=("a", "a")), DrawFlags(reviewers=WHO, condition="Z"), DrawFlags(reviewers=())]
)
def test_what_makes_no_review_is_refused_and_nothing_is_written(table: Path, tmp_path: Path, flags: DrawFlags) -> None:
    with pytest.raises(AffidavitError):
        draw(table, tmp_path / "plan.json", flags)
    assert not (tmp_path / "plan.json").exists()
