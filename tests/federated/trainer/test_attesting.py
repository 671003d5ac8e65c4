"""What the trainer attests in the sites' ledgers: that nobody is at two of them, where it is so, of one corpus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from privacy.ledger.book import read_book
from privacy.ledger.spending import spent_at, spent_overall
from tests.federated.trainer.conftest import Train, corpus_of

ROUNDS = {"rounds": 1, "norm_bound": 2.0}
DELTA = 1e-3
PRIVATE = {"steps": 1, "noise_multiplier": 2.0, "delta": DELTA, "sample_rate": 0.5, "counted": "public"}
SITES = ("city-hospital", "harbour", "st-anne")


def privately(train: Train, *, corpus: Corpus | None = None, **options: Any) -> dict[str, Any]:
    private = {**PRIVATE, "gradients": "loop"}
    _, card = train(corpus=corpus, rounds=ROUNDS, held_out=0, private=private, **options)
    return card


def ledgers(folder: Path) -> Mapping[str, Path]:
    return {site: folder / f"model.{site}.ledger.jsonl" for site in SITES}


def moved(corpus: Corpus) -> Corpus:
    """A patient comes to a second hospital."""
    turns = tuple(
        replace(turn, site="Harbour", dialogue_id="later") if turn.utterance_id == "0-2" else turn
        for turn in corpus.utterances
    )
    return replace(corpus, utterances=turns)


def test_whoever_reads_the_ledgers_finds_the_largest_loss_and_what_the_card_says(train: Train, tmp_path: Path) -> None:
    card = privately(train)
    book = read_book(tmp_path)
    overall = spent_overall(book, unit="patient", delta=DELTA)

    each = [spent_at(book, site=site, unit="patient", delta=DELTA).epsilon or 0.0 for site in SITES]
    assert overall.epsilon == pytest.approx(max(each))
    assert card["privacy"]["epsilon"] == pytest.approx(max(each))
    assert any("no patient is at two of them" in caveat for caveat in overall.caveats)


def test_it_is_attested_once(train: Train, tmp_path: Path) -> None:
    privately(train)
    privately(train, seed=6)  # in the same folder: the ledgers go on
    for path in ledgers(tmp_path).values():
        assert len(read_book(path).attested) == 1
        assert len(read_book(path).runs) == 2


def test_nothing_is_attested_where_a_patient_is_at_two_sites(train: Train, tmp_path: Path) -> None:
    card = privately(train, corpus=moved(corpus_of()))
    book = read_book(tmp_path)

    assert book.attested == []
    together = spent_overall(book, unit="patient", delta=DELTA).epsilon
    assert together is not None
    assert together > max(one["epsilon"] for one in card["privacy"]["sites"].values())


def test_ledgers_that_were_attested_in_take_no_other_corpus(train: Train, tmp_path: Path) -> None:
    privately(train)
    before = {path: path.read_bytes() for path in ledgers(tmp_path).values()}

    with pytest.raises(PlanError, match="of another corpus"):
        privately(train, corpus=moved(corpus_of()))

    assert {path: path.read_bytes() for path in ledgers(tmp_path).values()} == before


def test_nothing_is_attested_in_ledgers_of_two_corpora(train: Train, tmp_path: Path) -> None:
    privately(train, corpus=moved(corpus_of()))
    privately(train)

    assert all(read_book(path).attested == [] for path in ledgers(tmp_path).values())
