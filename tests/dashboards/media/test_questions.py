"""A question is a process of its own that answers for its plan, run and utterance; no value of it is read as a flag."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from affidavit.explanations import Answer, Explanation
from affidavit.plan import AuditPlan
from dashboards.access.people import Person, Role
from dashboards.jobs.job import COMMAND, Job, State
from dashboards.jobs.starting import JobBoard
from dashboards.media.questions import EXPLAINED, METHODS, Question, ask, asked_before, explanation_of

SOMEBODY = Person(name="A. Khan", role=Role.REVIEWER)
PATIENCE_S = 300.0
PAUSE = Event()
"""Never set: what is waited on between two looks at a process of the system."""


@pytest.fixture
def board(tmp_path: Path) -> Iterator[JobBoard]:
    made = JobBoard(tmp_path / "asked")
    yield made
    for job in made.jobs():
        job.cancel()
        ended(job)


def ended(job: Job) -> State:
    end = monotonic() + PATIENCE_S
    while (state := job.state) in (State.RUNNING, State.WAITING, State.ENDING):
        assert monotonic() < end, job.told()
        PAUSE.wait(0.1)
    return state


def plan(**corpus: object) -> AuditPlan:
    return AuditPlan.model_validate(
        {
            "title": "Asked",
            "runs": {
                "told": {
                    "corpus": {"name": "clinic", "options": {"n_utterances": 8, "media": "none", **corpus}},
                    "reasoner": "recorded",
                }
            },
        }
    )


def question(tmp_path: Path, utterance: str, asked: AuditPlan) -> Question:
    return Question(
        plan=asked, run="told", utterance_id=utterance, folder=tmp_path, conditions=("T",), methods=("occlusion",)
    )


def first_utterance() -> str:
    from affidavit.protocols import silent
    from affidavit.sources import load_corpus

    return load_corpus("clinic", {"n_utterances": 8, "media": "none"}, progress=silent).utterances[1].utterance_id


def test_a_question_is_answered_by_a_process(board: JobBoard, tmp_path: Path) -> None:
    """Of a reasoner that cannot be asked again: the answer says so."""
    name = first_utterance()
    job = ask(board, question(tmp_path, name, plan()), by=SOMEBODY)
    assert ended(job) is State.DONE, job.told()
    assert job.note.by == "A. Khan"
    (again,) = asked_before(board, plan(), "told", name)
    assert again == job
    told = Explanation.model_validate_json((job.folder / EXPLAINED).read_bytes())
    assert explanation_of(job, told.corpus_digest) == told
    assert [(one.condition, one.because) for one in told.answers] == [("T", "this reasoner cannot be asked again")]
    assert [one.method for one in told.refused] == ["occlusion"]
    assert explanation_of(job, "sha256:another") is None
    assert asked_before(board, plan(), "told", "another") == ()
    assert asked_before(board, plan(seed=9), "told", name) == (), "another plan was not asked"


def test_a_question_that_cannot_be_answered_says_why(board: JobBoard, tmp_path: Path) -> None:
    job = ask(board, question(tmp_path, "--out=/tmp/x", plan()), by=SOMEBODY)
    assert ended(job) is State.FAILED
    assert "there is no such utterance" in job.told()
    assert explanation_of(job, "sha256:x") is None


def test_every_value_stands_behind_its_flag(board: JobBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboards.jobs import starting

    monkeypatch.setattr(starting, "_launch", lambda folder: None)
    job = ask(board, question(tmp_path, "--help", plan()), by=SOMEBODY)
    command = json.loads((job.folder / COMMAND).read_bytes())
    assert command[0] == "explain"
    assert "--utterance=--help" in command
    assert "--help" not in command


def test_a_broken_folder_is_no_question(board: JobBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboards.jobs import starting

    monkeypatch.setattr(starting, "_launch", lambda folder: None)
    job = ask(board, question(tmp_path, "u", plan()), by=SOMEBODY)
    assert asked_before(board, plan(), "told", "u") == (job,)
    (job.folder / EXPLAINED).write_text("{")
    assert explanation_of(job, "sha256:x") is None
    (job.folder / COMMAND).write_text("{}")
    assert asked_before(board, plan(), "told", "u") == ()


def test_methods_are_those_of_the_command() -> None:
    from affidavit.registry import Door, load

    known = load(Door.COMMANDS, "explain").__globals__["NAMES"]
    assert known == METHODS


def test_an_answer_is_found_by_its_condition() -> None:
    told = Explanation(run="r", utterance_id="u", corpus_digest="d", answers=(Answer(condition="T", label="joy"),))
    assert told.answer("T") == told.answers[0]
    assert told.answer("A") is None
