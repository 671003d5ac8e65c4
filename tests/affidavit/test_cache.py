from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.cache import keeping, when_kept
from affidavit.corpus import Corpus
from affidavit.plan import AuditPlan
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress
from affidavit.registry import Door, register
from affidavit.run import run_plan
from affidavit.tables import from_frame
from affidavit.testing import predictions_frame
from affidavit.utterances import MediaSpan, Utterance


@dataclass
class Counting:
    """A reasoner that counts how often it is asked."""

    name: str = "counting"
    cache_version: str = "1"
    asked: list[int] = field(default_factory=list)

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        self.asked.append(1)
        frame = predictions_frame(seed=int(options.get("table", 0)))
        frame["years"] = np.where(frame["age"] == "40+", 50, 20)
        return predictions_from(from_frame(frame, name="counted"), reading, progress=progress)


@pytest.fixture
def reasoner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    counting = Counting()
    register(Door.REASONERS, "counting", counting)
    return counting


def plan(seed: int = 0, **options: object) -> AuditPlan:
    return AuditPlan.model_validate(
        {
            "runs": {"r": {"reasoner": {"name": "counting", "options": options}}},
            "by": ["accent", "years"],
            "features": {"years": {"bands": [40]}},
            "seed": seed,
            "examinations": ["demographic-parity"],
            "statistics": {"n_resamples": 100, "n_permutations": 99},
        }
    )


def test_an_audit_repeats_without_the_reasoner(reasoner: Counting, tmp_path: Path) -> None:
    first, second = (run_plan(plan(), folder=tmp_path) for _ in range(2))
    assert len(reasoner.asked) == 1
    assert first.claims_digest == second.claims_digest
    assert first.data == second.data


def test_whatever_changes_the_judgements_changes_the_key(reasoner: Counting, tmp_path: Path) -> None:
    run_plan(plan(), folder=tmp_path)
    run_plan(plan(seed=1), folder=tmp_path)
    run_plan(plan(temperature=1), folder=tmp_path)
    reasoner.cache_version = "2"
    run_plan(plan(), folder=tmp_path)
    assert len(reasoner.asked) == 4


@pytest.mark.parametrize("damage", ["table", "note", "swap"])
def test_a_damaged_entry_is_never_believed(reasoner: Counting, tmp_path: Path, damage: str) -> None:
    first = run_plan(plan(), folder=tmp_path)
    table, note = (
        next((tmp_path / "cache" / "predictions").glob("*.parquet")),
        next((tmp_path / "cache" / "predictions").glob("*.json")),
    )
    if damage == "swap":
        run_plan(plan(table=7), folder=tmp_path)
        other = next(path for path in (tmp_path / "cache" / "predictions").glob("*.parquet") if path != table)
        table.write_bytes(other.read_bytes())
    else:
        path = table if damage == "table" else note
        path.write_bytes(path.read_bytes()[:50])
    asked = len(reasoner.asked)
    assert run_plan(plan(), folder=tmp_path).claims_digest == first.claims_digest
    assert len(reasoner.asked) == asked + 1


def test_can_be_switched_off(reasoner: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", "off")
    for _ in range(2):
        run_plan(plan(), folder=tmp_path)
    assert len(reasoner.asked) == 2
    assert not (tmp_path / "cache").exists()


class Loader:
    """A corpus of one utterance whose label is an option that its digest leaves out, and whose sound is a file."""

    name = "one utterance"

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        turn = Utterance(utterance_id="u", label=str(options["label"]), audio=MediaSpan(path=folder / "u.wav"))
        return Corpus(name="one", utterances=(turn,), digest="sha256:1", licence="none", label_space=("joy", "anger"))


def test_options_and_media_of_the_corpus_change_the_key(reasoner: Counting, tmp_path: Path) -> None:
    register(Door.CORPORA, "one-utterance", Loader())
    (tmp_path / "u.wav").write_bytes(b"one sound")

    def asked(label: str) -> int:
        given = plan()
        source = given.runs["r"].model_dump(mode="json")
        source["corpus"] = {"name": "one-utterance", "options": {"label": label}}
        run_plan(AuditPlan.model_validate({**given.model_dump(mode="json"), "runs": {"r": source}}), folder=tmp_path)
        return len(reasoner.asked)

    assert [asked("joy"), asked("joy"), asked("anger"), asked("joy")] == [1, 1, 2, 2]
    (tmp_path / "u.wav").write_bytes(b"two sound")
    assert asked("joy") == 3


def test_what_waits_is_done_when_the_table_is_kept_and_not_before() -> None:
    done: list[str] = []
    when_kept(lambda: done.append("nobody keeps it"))
    assert done == ["nobody keeps it"]
    with keeping():
        when_kept(lambda: done.append("kept"))
        assert len(done) == 1
    assert done[1:] == ["kept"]

    def fails() -> None:
        with keeping():
            when_kept(lambda: done.append("never"))
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - whatever storing ends in
        fails()
    when_kept(lambda: done.append("after"))
    assert done[2:] == ["after"]


def test_a_table_that_could_not_be_kept_leaves_what_an_interrupted_run_needs(
    reasoner: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[int] = []
    judge = reasoner.judge

    def judged(*given: Any, **named: Any) -> Predictions:
        when_kept(lambda: forgotten.append(1))
        return judge(*given, **named)

    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(reasoner, "judge", judged)
    with monkeypatch.context() as patch:
        patch.setattr("affidavit.cache.PredictionsCache.store", full)
        with pytest.raises(OSError, match="no space"):
            run_plan(plan(), folder=tmp_path)
    assert not forgotten
    run_plan(plan(), folder=tmp_path)
    assert forgotten == [1]
