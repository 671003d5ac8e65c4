"""What a log keeps of a run, and what it never keeps."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from affidavit.bundle import read_bundle, write_bundle
from affidavit.digests import canonical_json
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.run import audit, run_plan
from affidavit.run_log import FROM_CACHE, LONGEST, RunLog, log_of
from affidavit.testing.tables import FAST, predictions_frame


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


def _lines(log: RunLog) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.content().splitlines()]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> RunLog:
    return RunLog("run", moment=clock.moment, clock=clock)


def test_it_says_what_was_done_when_and_for_how_long(log: RunLog, clock: Clock) -> None:
    clock.seconds = 2
    log("reading", 0, 10)
    clock.seconds = 5
    log("reading", 10, 10)
    with log.step("examined", {"examination": "performance"}) as said:
        clock.seconds = 9
        said["claims"] = 3
    started, stage, examined = _lines(log)
    assert (started["event"], started["what"]) == ("started", "run")
    assert stage == {
        "at": "1970-01-01T00:00:02.000+00:00",
        "event": "stage",
        "what": "reading",
        "done": 10,
        "total": 10,
        "seconds": 3,
    }
    assert examined == {
        "at": "1970-01-01T00:00:09.000+00:00",
        "event": "examined",
        "examination": "performance",
        "claims": 3,
        "seconds": 4,
    }


def test_stages_that_take_turns_are_told_once_each(log: RunLog) -> None:
    for done in range(5):
        log("voices", done, 5)
        log("faces", done, None)
    assert [line["what"] for line in _lines(log)[1:]] == ["voices", "faces"]


def test_every_line_is_canonical_and_progress_is_told_on(clock: Clock) -> None:
    heard: list[tuple[str, int, int | None]] = []
    log = RunLog("run", told=lambda *said: heard.append(said), moment=clock.moment, clock=clock)
    log("reading", 1, None)
    assert heard == [("reading", 1, None)]
    for line in log.content().splitlines():
        assert canonical_json(json.loads(line)) == line


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("reading /home/ada/clinic/table.csv", "reading table.csv"),
        ("reading ../clinic/table.csv, ~/b.csv", "reading table.csv, b.csv"),
        (r"reading C:\audits\b.csv", "reading b.csv"),
        ("judging vendor/omni/plain", "judging vendor/omni/plain"),
        ("\x1b[31m\x00", "\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}"),
        ("x" * 1_000, "x" * LONGEST),
    ],
)
def test_no_folder_and_no_control_character_is_kept(log: RunLog, text: str, kept: str) -> None:
    log.note("stage", {"what": text})
    assert _lines(log)[-1]["what"] == kept


def test_of_a_warning_it_keeps_the_kind_and_not_the_words(log: RunLog) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *said, **more: None
        with log.hearing_warnings():
            warnings.warn("patient-17 has an odd voice", RuntimeWarning, stacklevel=1)
    (told,) = [line for line in _lines(log) if line["event"] == "warned"]
    assert (told["kind"], told["by"]) == ("RuntimeWarning", "test_run_log")
    assert "patient-17" not in log.content().decode()


def test_a_callback_that_is_no_log_is_told_on_by_one() -> None:
    heard: list[str] = []
    log = log_of(lambda what, done, total: heard.append(what), what="run")
    log("reading", 0, None)
    assert heard == ["reading"]
    assert log_of(log, what="run") is log


def test_an_audit_writes_down_its_steps_and_no_id(tmp_path: Path) -> None:
    log = RunLog("audit")
    plan = AuditPlan(
        runs={"run": RunSource(table="frame")},
        statistics=FAST,
        examinations=(Choice(name="performance"), Choice(name="calibration")),
    )
    frame = predictions_frame()
    report = audit(frame, by=["accent"], plan=plan, progress=log)
    bundle = write_bundle(report, tmp_path / "out", renderings=("md", "findings"), log=log)
    lines = [json.loads(line) for line in (bundle / "log.jsonl").read_bytes().splitlines()]
    told = [(line["event"], line.get("examination") or line.get("run") or line.get("what")) for line in lines]
    assert told[0] == ("started", "audit")
    assert ("loaded", "predictions") in told
    assert ("examined", "performance") in told
    assert ("refused", "calibration") in told
    assert [what for event, what in told if event == "written"] == ["md", "findings", "exhibits"]
    assert [line["at"] for line in lines if line["event"] != "stage"] == sorted(
        line["at"] for line in lines if line["event"] != "stage"
    )
    content = (bundle / "log.jsonl").read_text(encoding="utf-8")
    assert str(tmp_path) not in content
    words = set(content.replace('"', " ").split())
    assert not words & {*frame["speaker_id"], *frame["utterance_id"]}
    assert read_bundle(bundle).claims_digest == report.claims_digest


def test_it_says_what_was_computed_and_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reasoner that asks to be cached is asked once."""
    from affidavit import registry

    class Asked:
        name, cache_version = "asked", "1"

        def judge(self, corpus: object, options: object, *, reading: Any, rng: object, progress: object) -> Any:
            from affidavit.predictions import predictions_from
            from affidavit.tables import from_frame

            return predictions_from(from_frame(predictions_frame()), reading)

    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(registry._registered, (registry.Door.REASONERS, "asked"), Asked())
    plan = AuditPlan(
        runs={"asked": RunSource(reasoner=Choice(name="asked"))},
        by=("accent",),
        statistics=FAST,
        examinations=(Choice(name="performance"),),
    )
    ways = []
    for _ in range(2):
        log = RunLog("run")
        run_plan(plan, folder=tmp_path, progress=log)
        ways += [line["how"] for line in _lines(log) if line["event"] == "loaded"]
    assert ways == ["computed", FROM_CACHE]
