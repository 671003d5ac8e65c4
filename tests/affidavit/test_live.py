"""Examinations of live runs: the corpus and the reasoner reach them, once, and a table gives neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.examinations import FunctionExamination, Testimony
from affidavit.judging import judge
from affidavit.live import Openable
from affidavit.plan import AuditPlan, Choice, Task
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Progress, Reasoner, silent
from affidavit.registry import Door, register
from affidavit.run import examine
from affidavit.sources import load_run
from affidavit.testing.tables import case_of, predictions_frame
from affidavit.utterances import Judgement, Utterance

TURNS = tuple(
    Utterance(utterance_id=f"u{i}", speaker_id=f"s{i // 4}", text="so so", label=("joy", "anger")[i % 2])
    for i in range(24)
)
CORPUS = Corpus(name="turns", utterances=TURNS, digest="sha256:0", licence="none", label_space=("joy", "anger"))


class Loader:
    name = "live-turns"

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        return CORPUS


class JoyfulDoor:
    """Answers joy, and hands itself over."""

    name = "live-joy"
    offers = frozenset({"callable"})

    def __init__(self) -> None:
        self.opened_with: list[Mapping[str, Any]] = []

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        assert corpus is not None
        return replace(judge(lambda *_: Judgement(label="joy"), corpus, conditions=["T"]), run=reading.run)

    def opened(self, options: Mapping[str, Any], *, reading: Reading) -> str:
        self.opened_with.append(dict(options))
        return "the live reasoner"


def asks(*access: Any) -> FunctionExamination:
    return FunctionExamination(
        name="asks",
        title="Asks",
        method_version="1",
        access=access,
        metrics=frozenset(),
        tasks=frozenset({Task.MULTICLASS}),
        function=lambda case: Testimony(),
    )


@pytest.fixture
def door() -> JoyfulDoor:
    made = JoyfulDoor()
    register(Door.CORPORA, Loader.name, Loader())
    register(Door.REASONERS, made.name, made)
    return made


def plan_of(reasoner: str) -> AuditPlan:
    run = {"corpus": Loader.name, "reasoner": {"name": reasoner, "options": {"tone": 1}}}
    return AuditPlan.model_validate({"runs": {"m": run}})


def test_a_run_that_is_judged_here_brings_corpus_and_reasoner(door: JoyfulDoor, tmp_path: Path) -> None:
    (loaded,) = load_run("m", plan_of(door.name).runs["m"], plan_of(door.name), tmp_path, silent)
    assert loaded.live is not None
    assert loaded.live.corpus is CORPUS
    assert loaded.live.offers == {"callable"}
    assert door.opened_with == [], "it is opened when somebody asks for it"
    assert loaded.live.reasoner() == loaded.live.reasoner() == "the live reasoner"
    assert door.opened_with == [{"tone": 1}], "and once"


def test_examinations_find_it_in_their_case(door: JoyfulDoor, tmp_path: Path) -> None:
    plan = plan_of(door.name)
    seen: list[Case] = []

    class Looking:
        name, title, method_version = "looking", "Looking", "1"
        access: tuple[str, ...] = ()
        metrics: frozenset[str] = frozenset()

        def refuses(self, case: Case) -> None:
            seen.append(case)

        def examine(self, case: Case) -> Testimony:
            return Testimony()

    loaded = load_run("m", plan.runs["m"], plan, tmp_path, silent)
    with pytest.raises(Exception, match="no examination could say anything"):
        examine(plan, loaded, examinations=[(Looking(), {})], policy=None, folder=tmp_path)
    (case,) = seen
    assert case.live["m"].reasoner() == "the live reasoner"
    assert asks("corpus", "callable").refuses(case) is None
    refusal = asks("corpus", "gradients").refuses(case)
    assert refusal is not None
    assert "gradients" in refusal.because


def test_a_door_that_hands_over_nothing_offers_nothing(door: JoyfulDoor, tmp_path: Path) -> None:
    class Shut:
        name = "live-shut"
        judge = JoyfulDoor.judge

    register(Door.REASONERS, Shut.name, Shut())
    assert isinstance(Shut(), Reasoner)
    assert not isinstance(Shut(), Openable)
    (loaded,) = load_run("m", plan_of(Shut.name).runs["m"], plan_of(Shut.name), tmp_path, silent)
    assert loaded.live is not None
    assert loaded.live.offers == frozenset()
    with pytest.raises(LookupError):
        loaded.live.reasoner()


def test_what_asks_the_model_again_is_done_on_request_only(door: JoyfulDoor, tmp_path: Path) -> None:
    done: list[Case] = []

    def answer(case: Case) -> Testimony:
        done.append(case)
        return Testimony()

    costly: Any = replace(asks("corpus"), on_request=True, function=answer)
    plan = plan_of(door.name)
    loaded = load_run("m", plan.runs["m"], plan, tmp_path, silent)
    with pytest.raises(PlanError, match="no examination could say anything") as caught:
        examine(plan, loaded, examinations=[(costly, {})], policy=None, folder=tmp_path)
    assert "it is done where a plan names it" in str(caught.value.found)
    assert not done
    named = plan.model_copy(update={"examinations": (Choice(name="asks"),)})
    with pytest.raises(PlanError):  # it is done, and says nothing
        examine(named, loaded, examinations=[(costly, {})], policy=None, folder=tmp_path)
    assert len(done) == 1


@pytest.mark.parametrize("access", ["corpus", "callable", "logits", "gradients"])
def test_a_table_is_refused_what_only_a_live_run_has(access: str) -> None:
    refusal = asks(access).refuses(case_of(predictions_frame()))
    assert refusal is not None
    assert refusal.remedy
