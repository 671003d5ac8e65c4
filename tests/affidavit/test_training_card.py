"""What the card of any checkpoint begins with, and whom a trainer finds something to learn from."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.errors import PlanError
from affidavit.records import Record
from affidavit.splits import labelled
from affidavit.training_card import made, training_card
from affidavit.utterances import Utterance


class Options(Record):
    """A trainer's options."""

    epochs: int = 3
    training_digest: str = ""


@pytest.fixture
def corpus() -> Corpus:
    told = [("u1", "p1", "joy"), ("u2", "p1", None), ("u3", "p2", None), ("u4", "p3", "anger")]
    turns = tuple(Utterance(utterance_id=name, unit_id=unit, text=name, label=label) for name, unit, label in told)
    return Corpus(name="c", utterances=turns, digest="sha256:1", licence="CC0", label_space=("joy", "anger"))


def test_a_new_model_tells_how_it_was_made() -> None:
    assert made(SimpleNamespace(card={"seed": 3})) == {"seed": 3}


def test_a_model_that_was_trained_before_tells_nothing_of_that_training() -> None:
    assert made(SimpleNamespace(card={"seed": 3, "training_digest": "sha256:2"})) == {}
    assert made(object()) == {}


def test_a_card_names_trainer_corpus_and_options_but_not_its_own_name_among_them(corpus: Corpus) -> None:
    card = training_card(object(), corpus, trainer="supervised", options=Options(training_digest="sha256:9"))
    assert card == {
        "training_digest": "sha256:9",
        "trainer": "supervised",
        "corpus": {"name": "c", "digest": "sha256:1", "key": corpus_key(corpus), "licence": "CC0"},
        "options": {"epochs": 3},
    }


def test_outside_a_plan_a_training_is_named_by_its_corpus(corpus: Corpus) -> None:
    card = training_card(object(), corpus, trainer="supervised", options=Options())
    assert card["training_digest"] == corpus_key(corpus)


def test_whoever_has_a_label_is_learned_from_with_all_of_their_turns(corpus: Corpus) -> None:
    assert {name: len(turns) for name, turns in labelled(corpus).items()} == {"p1": 2, "p3": 1}


def test_a_label_outside_the_label_space_is_refused_by_name(corpus: Corpus) -> None:
    with pytest.raises(PlanError, match="anger") as refused:
        labelled(replace(corpus, label_space=("joy",)))
    assert refused.value.slug == "row-label"


def test_a_corpus_without_labels_is_refused(corpus: Corpus) -> None:
    untold = tuple(replace(turn, label=None) for turn in corpus.utterances)
    with pytest.raises(PlanError, match="nobody in the corpus has a label"):
        labelled(replace(corpus, utterances=untold))
