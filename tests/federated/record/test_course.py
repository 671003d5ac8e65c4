"""What became of a run: counted from its record, and equal to counting what the sites of the test really did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from affidavit.records import Record
from federated.record.course import Course, course_of, runs_of
from federated.record.exhibits import missing_rows, round_rows, run_row, site_rows
from federated.record.laws import breaches
from federated.record.log import Log, read_log
from federated.rounds.events import (
    Asked,
    AttemptAborted,
    ReplyRefused,
    RoundClosed,
    RoundFailed,
    RoundLost,
    RunBegan,
    RunEnded,
    SiteLeft,
    Summed,
)
from tests.federated.record.logs import digest, round_of, server_log, site_log, written
from tests.federated.record.world import World, faulty

RUN = "sha256:run"


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", logger="affidavit.site")


def began(done: int = 0, *, run: str = RUN, rounds: int = 9) -> RunBegan:
    return RunBegan(run=run, layout="sha256:layout", size=100, rounds=rounds, rounds_done=done)


def asked(number: int, *sites: str, attempt: int = 1) -> Asked:
    return Asked(round=number, attempt=attempt, sites=sites)


def course(path: Path, entries: Sequence[Record], run: str = RUN) -> Course:
    found = course_of(read_log(written(path, entries)), run)
    assert found is not None
    return found


def outcomes(told: Course) -> list[tuple[int, str]]:
    return [(one.number, one.outcome) for one in told.rounds]


def came_of(told: Course) -> list[tuple[int, int, str, str]]:
    return [(ask.round, ask.attempt, ask.site, ask.part) for ask in told.asks]


def test_a_run_with_faults_is_told_as_it_went(tmp_path: Path) -> None:
    world = faulty(tmp_path)
    log = read_log(world.record)
    told = course_of(log, world.run_id)
    assert told is not None

    assert breaches(log) == []
    assert outcomes(told) == [
        (1, "closed"),
        (2, "closed"),
        (3, "closed"),
        (4, "closed, and its line is missing"),
        (5, "closed"),
        (6, "closed"),
    ]
    assert [ask for ask in came_of(told) if ask[3] != "in"] == [
        (2, 1, "harbour", "no reply"),
        (2, 1, "north", "refused"),
        (2, 2, "harbour", "no reply"),
        (3, 1, "north", "refused"),
        (5, 1, "valley", "left"),
    ]
    assert (told.went_on, told.began_anew) == (1, 0)
    assert told.ended is not None
    rows = {row["site"]: row for row in site_rows("run", told, {})}
    assert {site: row["rounds"] for site, row in rows.items()} == {"harbour": 5, "north": 5, "valley": 4}
    assert {site: row["patients"] for site, row in rows.items()} == dict(world.sites)
    assert rows["valley"]["epsilon"] == 2.0, "what it told with its last update, in round 4"
    assert rows["harbour"]["epsilon"] == 3.0
    assert run_row("run", told, log)["done"] == 6


def test_the_tables_add_up_to_the_lines_of_the_record(tmp_path: Path) -> None:
    """The slow twin: every line of the record counted by itself, without following rounds."""
    world = faulty(tmp_path)
    log = read_log(world.record)
    told = course_of(log, world.run_id)
    assert told is not None

    taken = Counter(entry.site for entry in (line.entry for line in log.lines) if entry.kind == "reply-taken")
    asks = Counter(site for line in log.lines if isinstance(line.entry, Asked) for site in line.entry.sites)
    rows = {str(row["site"]): row for row in site_rows("run", told, {})}
    assert {site: row["asked"] for site, row in rows.items()} == asks
    assert {site: row["came"] for site, row in rows.items()} == taken
    assert {site: row["bytes"] for site, row in rows.items()} == {site: 24 * n for site, n in taken.items()}
    lengths = {
        site: [e.norm for e in (x.entry for x in log.lines) if e.kind == "reply-taken" and e.site == site]
        for site in rows
    }
    assert {site: row["longest"] for site, row in rows.items()} == {site: max(own) for site, own in lengths.items()}
    by_round = {row["round"]: row for row in round_rows("run", told)}
    for number, row in by_round.items():
        norms = sorted(e.norm for e in (x.entry for x in log.lines) if e.kind == "reply-taken" and e.round == number)
        assert (row["shortest"], row["longest"]) == (norms[0], norms[-1])
        middle = (norms[(len(norms) - 1) // 2] + norms[len(norms) // 2]) / 2
        assert row["median"] == pytest.approx(middle)
        present = [name for name in str(row["present"]).split(", ") if name]
        assert len(present) == row["contributors"]
    assert len(missing_rows("run", told)) == sum(asks.values()) - sum(taken.values())


def test_a_stopped_attempt_is_neither_a_reply_nor_the_want_of_one(tmp_path: Path) -> None:
    told = course(tmp_path, [began(), *round_of(1), *round_of(2)[:2], began(1), *round_of(2)])

    assert outcomes(told) == [(1, "closed"), (2, "no end"), (2, "closed")]
    assert [ask.part for ask in told.asks if ask.round == 2] == ["not seen", "not seen", "in", "in"]
    assert sum(row["not_seen"] for row in site_rows("run", told, {})) == 2  # type: ignore[misc]
    assert len(told.done) == 2


def test_a_record_that_stops_within_a_round_says_that_it_has_no_end(tmp_path: Path) -> None:
    told = course(tmp_path, [began(), *round_of(1), asked(2, "north", "south")])

    assert outcomes(told) == [(1, "closed"), (2, "no end")]
    assert told.ended is None


def test_a_second_reply_and_a_strangers_change_nothing_of_who_is_in(tmp_path: Path) -> None:
    again = ReplyRefused(round=1, attempt=1, site="north", because="it replied already")
    stranger = ReplyRefused(round=1, attempt=1, site="node 77", because="nobody asked it")
    first = round_of(1)
    told = course(tmp_path, [began(), *first[:-1], again, stranger, first[-1]])

    assert came_of(told) == [(1, 1, "north", "in"), (1, 1, "south", "in")]
    assert told.sites == ("north", "south")
    assert told.rounds[0].refused == 2
    assert {row["site"]: row["refused"] for row in site_rows("run", told, {})} == {"north": 1, "south": 0}


def test_secure_rounds_tell_who_dropped_out_and_where(tmp_path: Path) -> None:
    summed = Summed(
        round=1, attempt=2, terms="t", contributors=("a", "b"), dropped={"c": "masked"}, saturated=3, scaled=1, bytes=8
    )
    closed = RoundClosed(round=1, attempts=2, contributors=("a", "b"), missing=("c",), moved=0.1, model=digest("m"))
    told = course(
        tmp_path,
        [
            began(),
            asked(1, "a", "b", "c"),
            ReplyRefused(round=1, attempt=1, site="b", because="keys: another run"),
            AttemptAborted(round=1, attempt=1, stage="shares", slug="secure-few", because="too few", missing=("c",)),
            asked(1, "a", "b", "c", attempt=2),
            summed,
            closed,
        ],
    )

    assert came_of(told) == [
        (1, 1, "a", "aborted"),
        (1, 1, "b", "refused"),
        (1, 1, "c", "no reply"),
        (1, 2, "a", "in"),
        (1, 2, "b", "in"),
        (1, 2, "c", "no reply"),
    ]
    (row,) = round_rows("run", told)
    assert (row["aborted"], row["refused"], row["cut"], row["scaled"], row["median"]) == (1, 1, 3, 1, None)
    stages = [ask.because for ask in told.asks if ask.site == "c"]
    assert stages == ["no answer at stage shares", "no answer at stage masked"]
    sites = {row["site"]: (row["came"], row["bytes"]) for row in site_rows("run", told, {})}
    assert sites == {"a": (2, 8), "b": (1, 8), "c": (0, 0)}


def test_lost_and_failed_rounds_are_no_rounds_that_happened(tmp_path: Path) -> None:
    told = course(
        tmp_path,
        [
            began(),
            asked(1, "north", "south"),
            RoundLost(round=1, attempts=1, because="it did not open"),
            *round_of(2),
            asked(3, "north", "south"),
            SiteLeft(site="south", round=3, slug="budget-spent", because="spent"),
            RoundFailed(round=3, attempts=1, replied=(), quorum=2),
            RunEnded(rounds_done=1, rounds_lost=(1,), because="a round failed", model=digest(("model", 2))),
        ],
    )

    assert outcomes(told) == [(1, "lost"), (2, "closed"), (3, "failed")]
    assert ([one.number for one in told.done], [one.number for one in told.lost]) == ([2], [1])
    assert told.rounds[2].contributors == ()
    assert told.left["south"].slug == "budget-spent"


@pytest.mark.parametrize(
    ("before", "after", "anew"),
    [
        ([*round_of(1)], [*round_of(1)], 1),  # what was kept had been removed
        ([asked(1, "north", "south")], [*round_of(1)], 0),  # killed in the first round: nothing was thrown away
        ([RoundLost(round=1, attempts=1, because="-")], [*round_of(2)], 0),  # it goes on after a lost round
        ([RoundLost(round=1, attempts=1, because="-")], [*round_of(1)], 1),
    ],
)
def test_a_run_that_began_with_nothing_again(
    tmp_path: Path, before: list[Record], after: list[Record], anew: int
) -> None:
    told = course(tmp_path, [began(), *before, began(), *after])

    assert told.began_anew == anew
    assert told.went_on == 1 - anew
    assert outcomes(told)[-1][1] == "closed"
    assert len(told.done) == 1


def test_each_run_of_a_record_is_told_by_itself(tmp_path: Path) -> None:
    other = "sha256:other"
    entries = [*server_log(2), began(run=other), *round_of(1), began(2), *round_of(3)]
    log = read_log(written(tmp_path, entries))

    assert runs_of(log) == (other, RUN)
    assert [len(_told(log, run).done) for run in (RUN, other)] == [3, 1]
    assert _told(log, other).opened is None
    assert _told(log, RUN).opened is not None
    assert course_of(log, "sha256:none") is None


def _told(log: Log, run: str) -> Course:
    found = course_of(log, run)
    assert found is not None
    return found


def test_names_of_a_round_are_left_out_where_they_are_many(tmp_path: Path) -> None:
    sites = [f"site-{n}" for n in range(61)]
    told = course(tmp_path, [began(), *round_of(1, sites)])

    (row,) = round_rows("run", told)
    assert row["present"] is None
    assert row["contributors"] == 61


def test_a_secure_sums_epsilon_is_taken_from_the_sites_own_log(tmp_path: Path) -> None:
    summed = Summed(
        round=1, attempt=1, terms="t", contributors=("north", "south"), dropped={}, saturated=0, scaled=0, bytes=8
    )
    closed = RoundClosed(round=1, attempts=1, contributors=("north", "south"), missing=(), moved=0.1, model="m")
    told = course(tmp_path / "server", [began(), asked(1, "north", "south"), summed, closed])
    own = site_log("north")
    own[-1] = own[-1].model_copy(update={"epsilon": 1.5, "round": 2})
    elsewhere = own[-1].model_copy(update={"epsilon": 9.0, "run": "sha256:other"})
    log = read_log(written(tmp_path / "north", [*own, elsewhere]))

    rows = {row["site"]: row for row in site_rows("run", told, {"north": log})}
    assert (rows["north"]["epsilon"], rows["south"]["epsilon"]) == (1.5, None)
    assert (rows["north"]["log"], rows["south"]["log"]) == (log.head, None)


@pytest.mark.parametrize("own", [1.5, 2.5])
def test_of_two_epsilons_the_larger_is_told(tmp_path: Path, own: float) -> None:
    told = course(tmp_path / "server", [began(), *round_of(1), *round_of(2)])  # it told 2.0
    entries = [
        entry.model_copy(update={"epsilon": own}) if entry.kind == "sent" else entry  # type: ignore[attr-defined]
        for entry in site_log("north")
    ]
    log = read_log(written(tmp_path / "north", entries))
    rows = {row["site"]: row for row in site_rows("run", told, {"north": log})}
    assert rows["north"]["epsilon"] == max(own, 2.0)


def test_a_quiet_run_wants_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, rounds=3)
    world.begin()
    assert world.train()
    told = course_of(read_log(world.record), world.run_id)
    assert told is not None
    assert missing_rows("run", told) == []
    assert {ask.part for ask in told.asks} == {"in"}
