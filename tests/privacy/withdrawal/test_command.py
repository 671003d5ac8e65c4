"""`affidavit withdraw`: what holds a patient's data is found and goes, what cannot be told is said, nobody is named."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd
import pytest

from affidavit.cache import PredictionsCache
from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, EXIT_INCONCLUSIVE, PlanError, TableError
from affidavit.hash_chain import read_chain
from affidavit.predictions import Reading, predictions_from
from affidavit.reviews import Arm, Assignment, Review, ReviewItem, ReviewPlan
from affidavit.tables import from_frame
from affidavit.testing import predictions_frame
from affidavit.unit_keys import unit_keys
from affidavit.withdrawals import ENVIRONMENT, KeptPlaces, withdrawals
from privacy.ledger import notes
from privacy.ledger.events import StepEvent
from privacy.ledger.ledger import Ledger
from privacy.withdrawal import command, holdings, reviews
from privacy.withdrawal.command import withdraw
from privacy.withdrawal.models import promise_of

UNIT = "s5"


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "list").mkdir()
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "list"))
    return tmp_path


def keep_table(house: Path, key: str, speakers: list[str]) -> Path:
    frame = predictions_frame(n_speakers=12, per_speaker=2)
    table = predictions_from(
        from_frame(frame[frame["speaker_id"].isin(speakers)]), Reading(run="run", by=("accent", "age"))
    )
    PredictionsCache(house / "cache" / "predictions").store(key, table)
    return house / "cache" / "predictions" / f"{key}.parquet"


def keep_model(folder: Path, trained: list[str] | None, **card: Any) -> Path:
    folder.mkdir(parents=True)
    digest = "sha256:ab"
    units = {} if trained is None else {"units": unit_keys({"train": trained}, digest)}
    (folder / "card.json").write_text(
        json.dumps({"training_digest": digest, "weights_digest": digest, **units, **card})
    )
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def ledger(path: Path, *sites: str) -> Path:
    step = StepEvent(noise_multiplier=1.0, sample_rate=0.1, clip_norm=1.0, sampler="poisson", neighbours="add-remove")
    for site in sites:
        with Ledger.opened(path, site=site, unit="patient", run=f"run {site}", budget=None) as opened:
            opened.confirm(opened.intend(step))
    return path


def said(capsys: pytest.CaptureFixture[str]) -> str:
    out = capsys.readouterr().out
    assert UNIT not in out, "what is printed names nobody"
    return out


def test_a_dry_run_changes_nothing_and_says_what_it_would_do(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = keep_table(house, "k1", ["s4", UNIT])
    model = keep_model(house / "models" / "seed-0", [UNIT, "s1"])
    before = {place: place.read_bytes() for place in house.rglob("*") if place.is_file()}
    code = withdraw(UNIT, places=KeptPlaces(models=(house / "models",)))
    assert code == EXIT_INCONCLUSIVE
    assert {place: place.read_bytes() for place in house.rglob("*") if place.is_file()} == before
    out = said(capsys)
    assert "dry run" in out
    assert "a judged table in the cache" in out
    assert "met the unit: model ab, no epsilon: trained without differential privacy" in out
    assert "no unlearning is claimed" in out
    assert kept.is_file()
    assert model.is_dir()


def test_what_holds_the_unit_goes_and_the_rest_stays(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, other = keep_table(house, "k1", ["s4", UNIT]), keep_table(house, "k2", ["s4", "s6"])
    damaged = house / "cache" / "predictions" / "k3.parquet"
    damaged.write_bytes(b"PAR1 no more")
    met = keep_model(house / "models" / "seed-0", [UNIT, "s1"])
    stranger = keep_model(house / "models" / "seed-1", ["s1"])
    untold = keep_model(house / "models" / "seed-2", None)
    cached = keep_model(house / "cache" / "trained" / "t" / "seed-0", [UNIT])
    state = house / "models" / "seed-3" / ".training.pt"
    opaque = ("shards", "single-streams", "counts")
    for place in (state, *(house / "cache" / part / "a" / "b.json" for part in opaque)):
        place.parent.mkdir(parents=True)
        place.write_bytes(b"?")
    places = KeptPlaces(models=(house / "models",))
    assert withdraw(UNIT, places=places, yes=True) == EXIT_DONE
    assert UNIT in withdrawals()
    assert not any(place.exists() for place in (own, own.with_suffix(".json"), damaged, met, cached, state))
    assert not any((house / "cache" / part).exists() for part in opaque)
    assert other.is_file()
    assert stranger.is_dir()
    assert untold.is_dir(), "unknown is not met"
    out = said(capsys)
    assert "unclear      does not say whom it met" in out
    assert withdraw(UNIT, places=places) == EXIT_DONE, "nothing is left to do"
    assert "it is on it already" in said(capsys)


def test_what_is_made_anew_afterwards_is_nothing_left_to_do_and_goes_when_asked_again(house: Path) -> None:
    """An audit that was running during the withdrawal may have left it: it goes, and is made again."""
    assert withdraw(UNIT, yes=True) == EXIT_DONE
    later = house / "cache" / "shards" / "a" / "b.json"
    later.parent.mkdir(parents=True)
    later.write_bytes(b"of others")
    assert withdraw(UNIT) == EXIT_DONE
    assert later.is_file()
    assert withdraw(UNIT, yes=True) == EXIT_DONE
    assert not later.exists()


def test_what_was_purged_in_one_place_is_looked_for_in_another(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for elsewhere in ("off", str(house / "elsewhere")):
        monkeypatch.setenv("AFFIDAVIT_CACHE", elsewhere)
        assert withdraw(UNIT, yes=True) == EXIT_DONE
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(house / "cache"))
    shard, state = house / "cache" / "shards" / "a.json", house / "models" / "seed-0" / ".training.pt"
    for place in (shard, state):
        place.parent.mkdir(parents=True)
        place.write_bytes(b"?")
    places = KeptPlaces(models=(house / "models",))
    assert withdraw(UNIT) == EXIT_INCONCLUSIVE
    assert withdraw(UNIT, places=places, yes=True) == EXIT_DONE
    assert not shard.exists()
    assert not state.exists()
    assert withdraw(UNIT, places=places) == EXIT_DONE


def test_what_a_killed_run_left_half_written_goes(house: Path) -> None:
    table = house / "cache" / "predictions" / ".k9.parquet.ab12"
    weights = house / "models" / ".seed-0.ab12" / "model.safetensors"
    former = house / "models" / ".seed-0.old.ab12" / "seed-0"
    keep_model(former, [UNIT])
    for place in (table, weights):
        place.parent.mkdir(parents=True)
        place.write_bytes(b"s5")
    assert withdraw(UNIT, places=KeptPlaces(models=(house / "models",)), yes=True) == EXIT_DONE
    assert not any(place.exists() for place in (table, weights, former))


def test_a_model_folder_with_a_ledger_in_it_stays(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = keep_model(house / "models" / "seed-0", [UNIT])
    path = ledger(model / "ledger.jsonl", "north")
    assert withdraw(UNIT, places=KeptPlaces(models=(house / "models",)), yes=True) == EXIT_CRITERION_FAILED
    assert path.is_file(), "ledgers lose nothing"
    assert "could not be removed" in said(capsys)


def test_a_name_is_found_in_a_card_however_the_corpus_wrote_it(house: Path) -> None:
    decomposed = keep_model(house / "models" / "seed-0", ["Zoe\u0308"])
    number = keep_model(house / "models" / "seed-1", ["7.0"])
    places = KeptPlaces(models=(house / "models",))
    assert withdraw("Zo\u00eb", places=places, yes=True) == EXIT_DONE
    assert withdraw("7", places=places, yes=True) == EXIT_DONE
    assert not decomposed.exists()
    assert not number.exists()


def everything_of_the_unit(house: Path) -> KeptPlaces:
    """Lay out a table, a private model with its ledger, and reviews that only a plan or the cache can tell apart."""
    keep_table(house, "k1", ["s4", UNIT])
    promise = {"epsilon": 7.9, "delta": 1e-5, "unit": "patient", "ledger": "own.jsonl", "site": "north"}
    keep_model(house / "models" / "seed-0", [UNIT], privacy=promise)
    ledger(house / "models" / "own.jsonl", "north")
    plan = review_plan(house)
    rows().to_csv(house / "cards.csv", index=False)
    own = predictions_frame(n_speakers=12, per_speaker=2)
    turn = own.loc[own["speaker_id"] == UNIT, "utterance_id"].iloc[0]
    (house / "turns.csv").write_text(f"utterance_id,reason\n{turn},hers\nelse,his\n")
    reviews = (plan, house / "cards.csv", house / "turns.csv")
    return KeptPlaces(models=(house / "models",), reviews=reviews)


def all_gone(house: Path) -> None:
    assert not (house / "models" / "seed-0").exists()
    notes = [link.content["kind"] for link in read_chain(house / "models" / "own.jsonl").links]
    assert "withdrawal-noted" in notes
    assert pd.read_csv(house / "cards.csv")["card"].tolist() == ["c2"]
    assert (house / "turns.csv").read_text() == "utterance_id,reason\nelse,his\n"
    assert [one.card for one in ReviewPlan.model_validate_json((house / "plan.json").read_bytes()).items] == ["c2"]
    assert not (house / "cache" / "predictions" / "k1.parquet").exists()


@pytest.mark.parametrize("at", range(7))
def test_a_withdrawal_that_is_cut_off_anywhere_is_finished_by_another(
    house: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Cut off before the `at`-th change of a file: what tells whose something is goes last."""
    places = everything_of_the_unit(house)
    done = 0

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def until(*told: Any, **named: Any) -> Any:
            nonlocal done
            if done == at:
                raise KeyboardInterrupt
            done += 1
            return change(*told, **named)

        return until

    with monkeypatch.context() as patch:
        patch.setattr(holdings, "_removed", counted(holdings._removed))
        patch.setattr(reviews, "_write_text", counted(reviews._write_text))
        patch.setattr(notes, "note_withdrawal", counted(notes.note_withdrawal))
        with pytest.raises(KeyboardInterrupt):
            withdraw(UNIT, places=places, yes=True)
    assert withdraw(UNIT, places=places, yes=True) == EXIT_DONE
    all_gone(house)
    assert withdraw(UNIT, places=places) == EXIT_DONE


def test_two_withdrawals_at_once_do_not_bring_each_other_back(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = house / "r.csv"
    path.write_text("unit,reason\ns5,a\ns6,b\ns7,c\n")
    places = KeptPlaces(reviews=(path,))
    other = Thread(target=lambda: withdraw("s6", places=places, yes=True))
    plain = command.survey

    def meanwhile(unit: str, *told: Any, **named: Any) -> Any:
        found = plain(unit, *told, **named)
        if unit == UNIT:
            other.start()
            other.join(timeout=0.5)  # goes on where the other waits
        return found

    monkeypatch.setattr(command, "survey", meanwhile)
    assert withdraw(UNIT, places=places, yes=True) == EXIT_DONE
    other.join()
    assert path.read_text() == "unit,reason\ns7,c\n"


def test_a_ledger_that_does_not_hold_keeps_its_model_and_nothing_else(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = everything_of_the_unit(house)
    book = house / "models" / "own.jsonl"
    whole = book.read_bytes()
    book.write_bytes(whole.replace(b"north", b"south", 1))
    assert withdraw(UNIT, places=places, yes=True) == EXIT_CRITERION_FAILED
    out = said(capsys)
    assert "its ledger could not be noted" in out
    assert "not noted: " in out
    assert (house / "models" / "seed-0").is_dir()
    assert not (house / "cache" / "predictions" / "k1.parquet").exists()
    book.write_bytes(whole)
    assert withdraw(UNIT, places=places, yes=True) == EXIT_DONE
    all_gone(house)


def test_models_can_be_kept_and_are_told(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    promise = {"epsilon": 7.9, "delta": 1e-5, "unit": "patient", "ledger": "l.jsonl", "site": "north"}
    model = keep_model(house / "models" / "seed-0", [UNIT], privacy=promise)
    for _ in range(2):
        assert withdraw(UNIT, places=KeptPlaces(models=(house / "models",), keep_models=True), yes=True) == EXIT_DONE
        out = said(capsys)
        assert (
            "kept         met the unit: model ab, epsilon 7.9 at delta 1e-05 for each patient (ledger l.jsonl)" in out
        )
    assert model.is_dir()


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ({}, "without differential privacy"),
        ({"privacy": {"epsilon": None, "why_no_epsilon": "the noise was drawn from a known seed"}}, "known seed"),
        ({"privacy": {"epsilon": 3.0, "delta": 1e-5}}, "without a ledger"),
        ({"privacy": "strong"}, "without differential privacy"),
        (
            {"privacy": {"epsilon": 3.0, "delta": 1e-5, "unit": "utterance", "ledger": "l.jsonl"}},
            "for each utterance; who has several is promised less",
        ),
    ],
)
def test_no_epsilon_is_told_that_no_ledger_bears(card: dict[str, Any], words: str) -> None:
    assert words in promise_of(card)


def test_a_ledger_gains_one_line_and_loses_none(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = ledger(house / "l.jsonl", "north")
    before = path.read_bytes()
    places = KeptPlaces(ledgers=(path,))
    assert withdraw(UNIT, places=places) == EXIT_INCONCLUSIVE
    assert path.read_bytes() == before
    for _ in range(2):
        assert withdraw(UNIT, places=places, yes=True) == EXIT_DONE
    after = path.read_bytes()
    assert after.startswith(before)
    assert read_chain(path).links[-1].content == {"kind": "withdrawal-noted", "site": "north"}
    assert after[len(before) :].count(b"\n") == 1, "noted once, however often it is withdrawn"
    assert UNIT.encode() not in after
    said(capsys)


def test_the_ledger_beside_a_model_that_met_the_unit_is_noted_too(house: Path) -> None:
    promise = {"epsilon": 7.9, "delta": 1e-5, "unit": "patient", "ledger": "seed-0.ledger.jsonl", "site": "north"}
    keep_model(house / "models" / "seed-0", [UNIT], privacy=promise)
    keep_model(house / "models" / "seed-1", ["s1"], privacy={**promise, "ledger": "seed-1.ledger.jsonl"})
    own, other = (ledger(house / "models" / f"seed-{i}.ledger.jsonl", "north") for i in range(2))
    size = other.stat().st_size
    assert withdraw(UNIT, places=KeptPlaces(models=(house / "models",)), yes=True) == EXIT_DONE
    assert read_chain(own).links[-1].content["kind"] == "withdrawal-noted"
    assert other.stat().st_size == size


def test_of_several_sites_one_has_to_be_named(house: Path) -> None:
    path = ledger(house / "l.jsonl", "north", "south")
    with pytest.raises(PlanError, match="in which site"):
        withdraw(UNIT, places=KeptPlaces(ledgers=(path,)), yes=True)
    with pytest.raises(PlanError, match="no such site"):
        withdraw(UNIT, places=KeptPlaces(ledgers=(path,), site="west"), yes=True)
    assert UNIT not in withdrawals(), "refused before anything was done"
    assert withdraw(UNIT, places=KeptPlaces(ledgers=(path,), site="south"), yes=True) == EXIT_DONE
    assert read_chain(path).links[-1].content["site"] == "south"
    assert withdraw(UNIT, places=KeptPlaces(ledgers=(path,), site="north"), yes=True) == EXIT_DONE
    assert read_chain(path).links[-1].content["site"] == "north", "who was at both is noted at both"


def test_a_ledger_in_which_nothing_was_spent_is_no_hindrance(house: Path) -> None:
    path = house / "l.jsonl"
    path.write_bytes(b"")
    assert withdraw(UNIT, places=KeptPlaces(ledgers=(path,)), yes=True) == EXIT_DONE
    assert path.read_bytes() == b""


def item(card: str, unit: str, rationale: str, arm: Arm = Arm.OWN) -> ReviewItem:
    return ReviewItem(
        card=card,
        arm=arm,
        run="r",
        utterance_id=f"{unit}-1",
        condition="TAV",
        reasoner="m",
        instruction="",
        repeat=0,
        unit=unit,
        groups={},
        rationale=rationale,
        weight=1.0,
    )


def review_plan(house: Path) -> Path:
    items = (
        item("c1", UNIT, "his voice breaks"),
        item("c2", "s6", "the words are kind"),
        item("c3", "s6", "his voice breaks", Arm.SHUFFLED),
    )
    hands = (Assignment(reviewer="ann", cards=("c1", "c2", "c3")),)
    path = house / "plan.json"
    path.write_text(ReviewPlan(seed=1, by=(), items=items, assignments=hands).model_dump_json())
    path.chmod(0o600)
    return path


def rows() -> pd.DataFrame:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    said_of = [Review(card=f"c{i}", reviewer="ann", score=3, reason='so,\n"so"', reviewed_at=now) for i in (1, 2, 3)]  # type: ignore[arg-type]
    return pd.DataFrame([json.loads(one.model_dump_json()) for one in said_of])


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_reviews_of_the_unit_go_and_the_others_stay_as_they_were(house: Path, suffix: str) -> None:
    plan, path = review_plan(house), house / f"reviews.{suffix}"
    frame = rows()
    if suffix == "parquet":
        frame.to_parquet(path)
    elif suffix == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    text = path.read_bytes()
    assert withdraw(UNIT, places=KeptPlaces(reviews=(path, plan)), yes=True) == EXIT_DONE
    left = ReviewPlan.model_validate_json(plan.read_bytes())
    assert [one.card for one in left.items] == ["c2"], "the unit's rationale stood on another's card as a control"
    assert left.assignments[0].cards == ("c2",)
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600, "who may read it stays"
    if suffix == "parquet":
        assert pd.read_parquet(path)["card"].tolist() == ["c2"]
    else:
        assert path.read_bytes() in text or suffix != "jsonl"
        assert b"c2" in path.read_bytes()
        assert b"c1" not in path.read_bytes()
        assert b"c3" not in path.read_bytes()
    again = plan.read_bytes(), path.read_bytes()
    assert withdraw(UNIT, places=KeptPlaces(reviews=(path, plan)), yes=True) == EXIT_DONE
    assert (plan.read_bytes(), path.read_bytes()) == again


def test_the_lines_of_a_csv_that_stay_are_not_touched(house: Path) -> None:
    path = house / "r.csv"
    path.write_bytes(b'card;x,utterance_id,unit\r\n1,"u\r\n1",s5\r\n2 ,"u""2",s6\r\n3,u3,"s5 "\r\n')
    assert withdraw(UNIT, places=KeptPlaces(reviews=(path,)), yes=True) == EXIT_DONE
    assert path.read_bytes() == b'card;x,utterance_id,unit\r\n2 ,"u""2",s6\r\n'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", "{}"),
        ("r.txt", "x"),
        ("r.jsonl", "[1]\n"),
        ("r.jsonl", "{"),
        ("r.csv", 'a,b\n"1,2\n'),
        ("none.csv", ""),
    ],
)
def test_records_that_cannot_be_read_stop_before_anything_is_done(house: Path, name: str, text: str) -> None:
    if text:
        (house / name).write_text(text)
    with pytest.raises(TableError, match="nobody knows whose they are"):
        withdraw(UNIT, places=KeptPlaces(reviews=(house / name,)), yes=True)
    assert UNIT not in withdrawals()


def test_what_a_file_holds_is_not_told_when_it_cannot_be_read(house: Path) -> None:
    (house / "p.json").write_text(
        json.dumps({"seed": 1, "items": [{"card": "c1", "unit": UNIT, "rationale": "weeps"}]})
    )
    with pytest.raises(TableError) as caught:
        withdraw(UNIT, places=KeptPlaces(reviews=(house / "p.json",)), yes=True)
    assert "weeps" not in str(caught.value)
    assert UNIT not in str(caught.value).replace(str(house), "")
    assert "items.0.arm: missing" in str(caught.value)


def test_reviews_without_their_plan_are_told_as_unclear(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = house / "reviews.csv"
    rows().to_csv(path, index=False)
    before = path.read_bytes()
    assert withdraw(UNIT, places=KeptPlaces(reviews=(path,)), yes=True) == EXIT_DONE
    assert "unclear      3 records in" in said(capsys)
    assert path.read_bytes() == before
    assert withdraw(UNIT, places=KeptPlaces(reviews=(path, review_plan(house))), yes=True) == EXIT_DONE
    assert "unclear" not in said(capsys)


def test_an_utterance_of_the_same_id_that_is_somebody_elses_stays(house: Path) -> None:
    keep_table(house, "k1", [UNIT])
    frame = predictions_frame(n_speakers=12, per_speaker=2)
    turn = frame.loc[frame["speaker_id"] == UNIT, "utterance_id"].iloc[0]
    path = house / "r.csv"
    path.write_text(f"utterance_id,unit\n{turn},other-corpus-1\n{turn},\n")
    assert withdraw(UNIT, places=KeptPlaces(reviews=(path,)), yes=True) == EXIT_DONE
    assert path.read_text() == f"utterance_id,unit\n{turn},other-corpus-1\n"


def test_a_line_break_within_a_text_breaks_no_line(house: Path) -> None:
    path = house / "r.jsonl"
    path.write_bytes('{"unit": "s6", "reason": "a\u2028b"}\r\n\n{"unit": "s5"}\n{"unit": "s7"}'.encode())
    assert withdraw(UNIT, places=KeptPlaces(reviews=(path,)), yes=True) == EXIT_DONE
    assert path.read_bytes() == '{"unit": "s6", "reason": "a\u2028b"}\r\n\n{"unit": "s7"}'.encode()


def test_a_folder_that_holds_more_than_a_checkpoint_is_not_removed(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = keep_model(house / "project", [UNIT])
    keep_model(house / "project" / "models" / "seed-0", ["s1"])
    assert withdraw(UNIT, places=KeptPlaces(models=(house / "project",)), yes=True) == EXIT_CRITERION_FAILED
    assert (own / "model.safetensors").is_file()
    assert "could not be removed" in said(capsys)
    here = keep_model(house / "here", [UNIT])
    monkeypatch.chdir(here)
    assert withdraw(UNIT, places=KeptPlaces(models=(here,)), yes=True) == EXIT_CRITERION_FAILED


def test_a_folder_of_models_that_is_not_there_is_an_error(house: Path) -> None:
    with pytest.raises(PlanError, match="no such folder of models"):
        withdraw(UNIT, places=KeptPlaces(models=(house / "modles",)), yes=True)
    assert UNIT not in withdrawals()


def test_an_unknown_name_is_said_to_be(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert withdraw("s55", yes=False) == EXIT_INCONCLUSIVE
    assert "check the spelling" in capsys.readouterr().out


def test_the_name_can_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{UNIT}\n"))
    assert withdraw("-", yes=True) == EXIT_DONE
    assert UNIT in withdrawals()
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(PlanError, match="no unit is named"):
        withdraw("-")


def test_what_cannot_be_removed_is_told_and_done_another_time(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = keep_table(house, "k1", [UNIT])
    shard = house / "cache" / "shards" / "a.json"
    shard.parent.mkdir()
    shard.write_text("{}")
    with monkeypatch.context() as patch:
        patch.setattr(holdings, "_removed", lambda path: False)
        assert withdraw(UNIT, yes=True) == EXIT_CRITERION_FAILED
    assert "could not be removed" in said(capsys)
    assert UNIT in withdrawals()
    assert withdraw(UNIT, yes=True) == EXIT_DONE
    assert not kept.exists()
    assert not shard.exists()


def test_a_plan_says_where_to_look(house: Path) -> None:
    review_plan(house)
    rows().to_csv(house / "reviews.csv", index=False)
    path = ledger(house / "l.jsonl", "north")
    model = keep_model(house / "models" / "seed-0", [UNIT])
    (house / "audit.yaml").write_text(
        """
training: {m: {corpus: clinic, reasoner: instructed, out: models}}
runs: {r: {table: t.csv}}
examinations:
  - {name: human-review, options: {reviews: reviews.csv, plan: plan.json}}
  - {name: privacy-ledger, options: {ledger: l.jsonl}}
"""
    )
    assert withdraw(UNIT, plan=house / "audit.yaml", yes=True) == EXIT_DONE
    assert not model.exists()
    assert b"c1" not in (house / "reviews.csv").read_bytes()
    assert read_chain(path).links[-1].content["kind"] == "withdrawal-noted"


@pytest.mark.parametrize("option", ["{a: north.jsonl, b: kept/south.jsonl}", "kept"])
def test_a_plan_names_ledgers_by_run_or_as_a_folder(house: Path, option: str) -> None:
    north, south = ledger(house / "north.jsonl", "north"), ledger(house / "kept" / "south.jsonl", "south")
    (house / "audit.yaml").write_text(
        f"runs: {{a: {{table: t.csv}}}}\nexaminations: [{{name: privacy-ledger, options: {{ledger: {option}}}}}]\n"
    )
    assert withdraw(UNIT, plan=house / "audit.yaml", yes=True) == EXIT_DONE
    kinds = [read_chain(path).links[-1].content["kind"] for path in (north, south)]
    assert kinds == ["confirmed" if option == "kept" else "withdrawal-noted", "withdrawal-noted"]


def test_where_a_site_is_named_the_ledgers_of_other_sites_are_left_alone(house: Path) -> None:
    north, south = ledger(house / "north.jsonl", "north"), ledger(house / "south.jsonl", "south")
    before = north.read_bytes()
    assert withdraw(UNIT, places=KeptPlaces(ledgers=(north, south), site="south"), yes=True) == EXIT_DONE
    assert north.read_bytes() == before
    assert read_chain(south).links[-1].content == {"kind": "withdrawal-noted", "site": "south"}
