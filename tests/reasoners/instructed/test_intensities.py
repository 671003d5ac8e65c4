"""The scale of intensities: learnt from whom it is trained on, or declared; what is no strength is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.plan import Execution
from affidavit.protocols import silent
from affidavit.splits import grouped
from affidavit.utterances import Utterance
from reasoners.instructed.door import REASONER
from reasoners.instructed.intensities import intensity_scale
from reasoners.instructed.losses import LossWeights
from reasoners.instructed.reasoner import InstructedReasoner


def rated(*intensities: float) -> list[Utterance]:
    return [Utterance(utterance_id=f"u{i}", label="joy", intensity=value) for i, value in enumerate(intensities)]


@pytest.mark.parametrize(
    ("given", "scale"), [([0.2, 1.0], 1), ([1, 3], 5), ([1, 5], 5), ([0, 5.5], 10), ([40], 100), ([], 10)]
)
def test_the_scale_of_intensities_is_the_least_that_holds_them(given: list[float], scale: float) -> None:
    nobody = [Utterance(utterance_id="none", label="joy"), Utterance(utterance_id="context", intensity=70.0)]
    assert intensity_scale([*rated(*given), *nobody]) == scale


@pytest.mark.parametrize("value", [-5.0, 101.0, float("inf")])
def test_intensities_that_are_no_strengths_are_refused_by_name(value: float) -> None:
    with pytest.raises(PlanError, match="utterance u1") as caught:
        intensity_scale(rated(1, value))
    assert "1 of 2" in str(caught.value)


def prepared(reasoner: InstructedReasoner, turns: list[Utterance]) -> InstructedReasoner:
    reasoner.prepare_training(turns, rng=np.random.default_rng(0), progress=silent)
    return reasoner


def test_a_model_answers_on_the_scale_that_it_was_trained_on(
    make_reasoner: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    turns = [u if u.intensity is None else replace(u, intensity=3.0) for u in make_corpus(2).utterances]
    reasoner = prepared(make_reasoner(), turns)
    rows = list(grouped(turns).values())
    assert {round(float(v), 3) for v in reasoner.batch(rows).intensity.flatten() if v == v} == {0.6}
    reasoner.save(tmp_path, {"training_digest": "sha256:1"})
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    assert card["intensity_scale"] == 5
    again = make_reasoner(card=card)
    said, expected = (r.judge_under(turns, condition="T") for r in (again, make_reasoner()))
    for one, other in zip(said, expected, strict=True):
        assert one.intensity == pytest.approx(other.intensity / 2, abs=1e-4)


@pytest.mark.parametrize("turns", [rated(), rated(0.5), rated(1, 3), rated(7)])
def test_a_declared_scale_is_the_same_whoever_is_learnt_from(turns: list[Utterance]) -> None:
    assert intensity_scale(turns, declared=7) == 7


@pytest.mark.parametrize("value", [-1.0, 7.5])
def test_an_intensity_beyond_the_declared_scale_is_refused_and_not_cut_off(value: float) -> None:
    with pytest.raises(PlanError, match="utterance u1") as caught:
        intensity_scale(rated(1, value), declared=7)
    assert caught.value.allowed is not None
    assert caught.value.allowed.startswith("0 (none) to 7;")
    assert "intensity_scale" in caught.value.remedy
    intensity_scale([rated(1)[0], Utterance(utterance_id="context", intensity=value)], declared=7)


def test_a_declared_scale_divides_what_is_learnt_and_stands_in_the_card(
    make_reasoner: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    turns = [u if u.intensity is None else replace(u, intensity=3.0) for u in make_corpus(2).utterances]
    reasoner = make_reasoner(declared_scale=7.0)
    assert reasoner.intensity_scale == 7, "before it is trained, too"
    rows = list(grouped(turns).values())
    given = prepared(reasoner, turns).batch(rows).intensity.flatten()
    assert {round(float(v), 4) for v in given if v == v} == {round(3 / 7, 4)}
    cards = []
    for name, made in (("declared", reasoner), ("learnt", prepared(make_reasoner(), turns))):
        (tmp_path / name).mkdir()
        made.save(tmp_path / name, {"training_digest": "sha256:1"})
        cards.append(json.loads((tmp_path / name / "card.json").read_text(encoding="utf-8")))
    assert (cards[0]["intensity_scale"], cards[0]["intensity_scale_declared"]) == (7, True)
    assert cards[1]["intensity_scale"] == 5
    assert "intensity_scale_declared" not in cards[1], "the card of a plan that declares nothing is as it was"
    assert make_reasoner(card=cards[0]).intensity_scale == 7


def test_a_plan_that_declares_no_scale_keeps_its_name_and_its_model(make_corpus: Callable[..., Corpus]) -> None:
    corpus, options = make_corpus(2), {"size": "tiny", "visual": False, "rationales": False}
    plain = REASONER.model_digest(corpus, options)
    assert "intensity_scale" not in plain
    assert REASONER.model_digest(corpus, {**options, "intensity_scale": None}) == plain
    assert REASONER.model_digest(corpus, {**options, "intensity_scale": 7}) == {**plain, "intensity_scale": 7}
    records = [
        REASONER.untrained(corpus, {**options, **more}, seed=0, execution=Execution(device="cpu"))
        for more in ({}, {"intensity_scale": 7})
    ]
    assert records[0].model.config == records[1].model.config
    assert [record.intensity_scale for record in records] == [10, 7]
    with pytest.raises(PlanError, match="intensity_scale"):
        REASONER.model_digest(corpus, {**options, "intensity_scale": 0})


def test_a_valence_is_refused_unless_intensity_has_no_weight(
    make_reasoner: Callable, make_corpus: Callable[..., Corpus]
) -> None:
    turns = [u if u.intensity is None else replace(u, intensity=-3.0) for u in make_corpus(2).utterances]
    with pytest.raises(PlanError, match="no strengths"):
        prepared(make_reasoner(), turns)
    assert prepared(make_reasoner(weights=LossWeights(intensity=0)), turns).intensity_scale == 10
