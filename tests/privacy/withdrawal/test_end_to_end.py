"""A model is trained and audited, one of its patients withdraws, and all is done again: they are nowhere in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pyarrow import parquet

from affidavit.bundle import write_bundle
from affidavit.cache import cache_folder
from affidavit.errors import EXIT_DONE
from affidavit.hash_chain import read_chain
from affidavit.plan import AuditPlan
from affidavit.protocols import silent
from affidavit.run import run_plan
from affidavit.sources import load_corpus
from affidavit.training import read_card
from affidavit.unit_keys import was_trained_on
from affidavit.utterances import Utterance
from affidavit.withdrawals import ENVIRONMENT, KeptPlaces
from privacy.ledger.events import StepEvent
from privacy.ledger.ledger import Ledger
from privacy.withdrawal.command import withdraw

CORPUS = {"name": "clinic", "options": {"seed": 7, "n_utterances": 130, "media": "none"}}
MODEL = {"size": "tiny", "audio": False, "visual": False, "rationales": False}


def plan() -> AuditPlan:
    trainer = {"name": "supervised", "options": {"epochs": 1, "development": 0.2, "held_out": 0.4}}
    return AuditPlan.model_validate(
        {
            "training": {
                "m": {"corpus": CORPUS, "reasoner": {"name": "instructed", "options": MODEL}, "trainer": trainer}
            },
            "runs": {
                "held-out": {
                    "corpus": CORPUS,
                    "reasoner": {"name": "instructed", "options": {"conditions": ["T"]}},
                    "trained": "m",
                },
            },
            "by": ["sex"],
            "examinations": ["performance"],
            "statistics": {"n_resamples": 100, "n_permutations": 99},
            "execution": {"device": "cpu", "workers": 0},
        }
    )


def turns() -> Sequence[Utterance]:
    return load_corpus("clinic", CORPUS["options"]).utterances  # type: ignore[arg-type]


def texts_below(*folders: Path) -> Iterator[str]:
    """Yield all that stands in files below some folders, tables read out."""
    for folder in folders:
        for file in sorted(place for place in folder.rglob("*") if place.is_file()):
            if file.suffix == ".parquet":
                yield json.dumps(parquet.read_table(file).to_pylist(), default=str)
            else:
                yield file.read_bytes().decode("latin-1")


def places_of(name: str, *folders: Path) -> int:
    return sum(text.count(name) for text in texts_below(*folders))


@pytest.mark.slow
@pytest.mark.parametrize("part", ["train", "held out"])
def test_a_patient_is_nowhere_once_they_withdrew(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "list").mkdir()
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "list"))
    kept = cache_folder("trained")
    assert kept is not None
    first = run_plan(plan(), folder=tmp_path)
    write_bundle(first, tmp_path / "before")
    (card_file,) = kept.rglob("card.json")
    card = read_card(card_file.parent)
    assert card is not None
    everybody = turns()
    unit = min(turn.unit for turn in everybody if was_trained_on(card, turn.unit) is (part == "train"))
    dialogue = next(turn.dialogue_id for turn in everybody if turn.unit == unit)
    cached = tmp_path / "cache" / "predictions"
    assert (places_of(unit, cached) > 0) is (part == "held out")
    book = tmp_path / "ledger.jsonl"
    step = StepEvent(noise_multiplier=1.0, sample_rate=0.1, clip_norm=1.0, sampler="poisson", neighbours="add-remove")
    with Ledger.opened(book, site="north", unit="patient", run="first", budget=None) as opened:
        opened.confirm(opened.intend(step))
    spent = book.read_bytes()

    assert withdraw(unit, places=KeptPlaces(ledgers=(book,)), yes=True) == EXIT_DONE
    assert unit not in capsys.readouterr().out
    assert card_file.exists() is (part == "held out"), "a model that never met them stays"
    assert book.read_bytes().startswith(spent)
    assert len(read_chain(book).links) == spent.count(b"\n") + 1

    second = run_plan(plan(), folder=tmp_path)
    write_bundle(second, tmp_path / "after")
    found = [tmp_path / "after", tmp_path / "cache", tmp_path / "list"]
    assert places_of(unit, *found) == 0
    assert places_of(str(dialogue), *found) == 0
    for file in kept.rglob("card.json"):
        assert was_trained_on(read_card(file.parent) or {}, unit) is False
    assert unit not in {turn.unit for turn in turns()}
    (after,) = second.data
    assert any("withdrew" in said for said in after.assumptions)
    assert second.claims_digest != first.claims_digest
    if part == "held out":
        assert run_plan(plan(), folder=tmp_path, progress=silent).claims_digest == second.claims_digest
    assert withdraw(unit, places=KeptPlaces(ledgers=(book,))) == EXIT_DONE, "nothing is left to do"
