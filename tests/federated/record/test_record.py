from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affidavit.errors import InputError, PlanError, TableError, VerificationError
from affidavit.hash_chain import ChainWriter
from affidavit.records import Record
from federated.record.command import log
from federated.record.entries import Disapproved, Farewell, KeyRotated, Received, Sent
from federated.record.holding import held_together
from federated.record.laws import breaches
from federated.record.log import RunLog, read_log, write_line
from federated.record.signatures import public_hex, signed_by
from federated.rounds.events import (
    Asked,
    ReplyRefused,
    ReplyTaken,
    RoundClosed,
    RoundFailed,
    RoundLost,
    RunBegan,
    RunEnded,
    Summed,
)
from tests.federated.record.logs import began, digest, keys, round_of, server_log, site_log, written


def faults(path: Path, entries: Sequence[Record]) -> list[str]:
    return [breach.what for breach in breaches(read_log(written(path, entries)))]


def test_what_is_written_is_read_with_its_moment(tmp_path: Path) -> None:
    entries = server_log()
    read = read_log(written(tmp_path, entries).parent)
    assert [line.entry for line in read.lines] == entries
    assert [line.at for line in read.lines[:2]] == ["2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00"]
    assert read.head == read.lines[-1].digest


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(min_value=0), to=st.binary(min_size=1, max_size=1))
def test_any_changed_byte_is_found(tmp_path: Path, at: int, to: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.unlink(missing_ok=True)
    path = written(tmp_path, server_log())
    before = path.read_bytes()
    place = at % (len(before) - 1)
    if before[place : place + 1] == to:
        return
    path.write_bytes(before[:place] + to + before[place + 1 :])
    with pytest.raises(VerificationError):
        log("verify", path)


def test_a_line_of_no_known_kind_is_refused_and_not_skipped(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for content in ({"at": "now", "entry": {"kind": "from-the-future"}}, {"at": "now"}, {"at": 1, "entry": {}}):
        path.unlink(missing_ok=True)
        with ChainWriter(path) as writer:
            writer.append(content)
        with pytest.raises(VerificationError, match="no entry"):
            read_log(path)


def test_what_a_crash_tore_off_is_counted(tmp_path: Path) -> None:
    path = written(tmp_path, server_log())
    path.write_bytes(path.read_bytes() + b'{"before":"sha')
    assert read_log(path).crashes == 1
    with RunLog(path) as again:
        again.note(RunEnded(rounds_done=2, because="all rounds done", model=digest(("model", 2))))
    assert read_log(path).crashes == 1
    assert breaches(read_log(path)) == []


def test_a_sound_record_breaks_no_law(tmp_path: Path) -> None:
    assert faults(tmp_path, server_log(5)) == []


def began_again(done: int, run: str = "sha256:run") -> RunBegan:
    return RunBegan(run=run, layout="sha256:layout", size=100, rounds=9, rounds_done=done)


def closed(number: int, *sites: str) -> RoundClosed:
    return RoundClosed(
        round=number, attempts=1, contributors=sites, missing=(), moved=0.1, model=digest(("model", number))
    )


def summed(number: int, *sites: str) -> Summed:
    told = {"round": number, "attempt": 1, "terms": "t", "contributors": sites, "dropped": {}}
    return Summed.model_validate({**told, "saturated": 0, "scaled": 0, "bytes": 8})


def both_in_and_missing() -> RoundClosed:
    return closed(1, "north").model_copy(update={"missing": ("north",)})


def ended(done: int, *, model: str = digest(("model", 1)), lost: tuple[int, ...] = ()) -> RunEnded:
    return RunEnded(rounds_done=done, rounds_lost=lost, because="all rounds done", model=model)


LOST = RoundLost(round=1, attempts=1, because="it did not open")
END = RunEnded(rounds_done=1, rounds_lost=(1,), because="too few sites left", model=digest(("model", 2)))
FEW = RunEnded(rounds_done=2, because="too few sites left", model=digest("kept"))
FAILED = RoundFailed(round=1, attempts=1, replied=(), quorum=2)
TAKEN = round_of(1)[1]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([closed(1)], "counts nobody"),
        ([Asked(round=1, attempt=1, sites=("north",)), closed(1, "north")], "and nobody were added"),
        ([*round_of(1)[:2], closed(1, "north", "south")], "counts north, south, and north were added"),
        ([*round_of(1)[:2], TAKEN, closed(1, "north")], "twice"),
        ([TAKEN, closed(1, "north")], "was not asked"),
        ([*round_of(1), *round_of(1)], "round 1 closed after round 1"),
        ([*round_of(1), *round_of(3)], "round 3 closed after round 1"),
        ([*round_of(1), RunEnded(rounds_done=2, because="all rounds done", model="m")], "ends after 2 rounds"),
        ([*round_of(1), began_again(4)], "goes on after 4 rounds, and 1 closed"),
        ([*round_of(1)[:-1], began_again(1), *round_of(1)], "round 1 was asked for after round 1"),  # it was kept
        ([LOST, *round_of(1)], "round 1 was asked for after round 1"),
        ([RoundLost(round=3, attempts=1, because="-")], "round 3 was lost after round 0"),
        ([*round_of(1), LOST], "round 1 was lost after round 1"),
        ([round_of(1)[0], *round_of(2)[1:]], "something was added to round 2 while round 1 was asked for"),
        ([*round_of(1)[:2], both_in_and_missing()], "north is in round 1 and missing from it"),
        ([LOST, *round_of(2), ended(1)], "without a word of the lost rounds 1"),
        ([*round_of(1), ended(1)], "all rounds are said to be done, and 9 were planned"),
        ([*round_of(1), ended(1, model="sha256:other")], "another model than the last round closed with"),
        ([Asked(round=1, attempt=1, sites=("a",)), summed(1, "a", "b"), closed(1, "a", "b")], "b was added"),
    ],
)
def test_what_cannot_have_happened_is_found(tmp_path: Path, entries: list[Record], words: str) -> None:
    found = faults(tmp_path, [began_again(0), *entries])
    assert any(words in what for what in found), found


@pytest.mark.parametrize(
    "entries",
    [
        [FAILED, *round_of(1)],
        [LOST, *round_of(2), END],
        [LOST, began_again(0), *round_of(2), END],  # a server killed after a round was lost goes on with the next one
        [LOST, began_again(0), RoundLost(round=2, attempts=1, because="-"), began_again(0), *round_of(3)],
        [LOST, began_again(0), *round_of(1)],  # its state was removed
        [*round_of(1), began_again(1), *round_of(2)],
        [*round_of(1)[:-1], began_again(1), *round_of(2)],  # kept, then killed before the line was written
        [*round_of(1), round_of(2)[0], began_again(1), *round_of(3)],  # the same with a lost round
        [*round_of(1), *round_of(2)[:-1], began_again(2), FEW],  # the kept model stands in no line
        [*round_of(1), began_again(0), *round_of(1)],  # its state was removed
        [*round_of(1), began_again(0, "sha256:other"), *round_of(1)],
        [Asked(round=1, attempt=1, sites=("a", "b")), summed(1, "a", "b"), closed(1, "a", "b")],
        [*round_of(1)[:2], began_again(0), *round_of(1)],  # killed within a round
    ],
)
def test_what_interruptions_leave_breaks_no_law(tmp_path: Path, entries: list[Record]) -> None:
    assert faults(tmp_path, [began_again(0), *entries]) == []


def test_signatures_hold_under_the_keys_of_their_time_and_no_others(tmp_path: Path) -> None:
    old, new = keys(), keys()
    refused = {"kind": "disapproved", "digest": digest("x"), "by": "A. Officer", "because": "no need"}
    rotated = {"kind": "key-rotated", "use": "officer", "key": public_hex(new["officer"]), "because": "left"}
    told = [
        began("north", old),
        Disapproved.model_validate({**refused, "signature": signed_by(old["officer"], refused, site="north")}),
        KeyRotated.model_validate({**rotated, "signature": signed_by(old["officer"], rotated, site="north")}),
        Disapproved.model_validate({**refused, "signature": signed_by(new["officer"], refused, site="north")}),
    ]
    assert faults(tmp_path / "sound", told) == []
    late = Disapproved.model_validate({**refused, "signature": signed_by(old["officer"], refused, site="north")})
    other = Disapproved.model_validate({**refused, "signature": signed_by(new["officer"], refused, site="south")})
    assert faults(tmp_path / "late", [*told, late]) == ["it was not signed by the officer key that held"]
    assert faults(tmp_path / "other", [*told, other]) == ["it was not signed by the officer key that held"]
    assert "nothing says which officer key held" in faults(tmp_path / "none", [late])[0]


@pytest.mark.parametrize("site", ["south", "st-anne-2"])
def test_a_signature_is_of_its_own_site(tmp_path: Path, site: str) -> None:
    private = keys()
    refused = {"kind": "disapproved", "digest": digest("x"), "by": "A. Officer", "because": "no need"}
    for signed_at, found in ((site, []), ("north", ["it was not signed by the officer key that held"])):
        signature = signed_by(private["officer"], refused, site=signed_at)
        entry = Disapproved.model_validate({**refused, "signature": signature})
        assert faults(tmp_path / signed_at, [began(site, private), entry]) == found


def test_a_node_key_signs_its_successor(tmp_path: Path) -> None:
    old, new = keys(), keys()
    rotated = {"kind": "key-rotated", "use": "node", "key": public_hex(new["node"]), "because": "yearly"}
    signed = KeyRotated.model_validate({**rotated, "signature": signed_by(old["node"], rotated, site="north")})
    forged = KeyRotated.model_validate({**rotated, "signature": signed_by(new["node"], rotated, site="north")})
    assert faults(tmp_path / "sound", [began("north", old), signed]) == []
    assert faults(tmp_path / "forged", [began("north", old), forged]) == ["it was not signed by the node key that held"]
    refused = {"kind": "disapproved", "digest": digest("x"), "by": "A. Officer", "because": "no need"}
    after = Disapproved.model_validate({**refused, "signature": signed_by(old["officer"], refused, site="north")})
    assert faults(tmp_path / "after", [began("north", old), signed, after]) == [], "the officer's key is what it was"


def test_a_site_begins_once(tmp_path: Path) -> None:
    assert faults(tmp_path, [began("north", keys()), began("north", keys())]) == ["a site begins twice"]


def test_a_farewell_countersigns_the_line_before(tmp_path: Path) -> None:
    private = keys()
    unsigned = {"kind": "farewell", "by": "A", "because": "done", "head": digest("no line"), "rounds": 0, "bytes": 0}
    unsigned["epsilon"] = None
    signature = signed_by(
        private["signing"], {name: value for name, value in unsigned.items() if value is not None}, site="north"
    )
    farewell = Farewell.model_validate({**unsigned, "signature": signature})
    assert faults(tmp_path, [began("north", private), farewell]) == ["it countersigns another line than the one before"]


def logs_of(folder: Path, *, server: Sequence[Record] = (), **sites: Sequence[Record]) -> tuple[Path, list[Path]]:
    place = written(folder / "server", server or server_log())
    return place, [written(folder / site, entries) for site, entries in sites.items()]


def test_logs_that_tell_the_same_story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server, sites = logs_of(tmp_path, north=site_log("north"), south=site_log("south"))
    assert log("verify", server, against=sites) == 0
    assert "4 updates are named alike by server and site; 2 rounds sent one model" in capsys.readouterr().out
    assert log("verify", server, against=sites[:1]) == 0
    assert "not held against: south" in capsys.readouterr().out


def test_an_update_that_the_site_did_not_send_is_a_contradiction(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = server_log()
    at = next(i for i, entry in enumerate(entries) if isinstance(entry, ReplyTaken))
    entries[at] = entries[at].model_copy(update={"digest": digest("forged")})
    server, sites = logs_of(tmp_path, server=entries, north=site_log("north"), south=site_log("south"))
    assert log("verify", server, against=sites) == 1
    assert "contradiction: round 1: the server added" in capsys.readouterr().out


def test_two_models_in_one_round_are_a_contradiction(tmp_path: Path) -> None:
    other = [
        entry.model_copy(update={"digest": digest("for you alone")})
        if isinstance(entry, Received) and entry.round == 2
        else entry
        for entry in site_log("south")
    ]
    server, sites = logs_of(tmp_path, north=site_log("north"), south=other)
    held = held_together(read_log(server), {"north": read_log(sites[0]), "south": read_log(sites[1])})
    assert len(held.contradictions) == 1
    assert "not all were sent one model" in held.contradictions[0]
    assert held.models == 1


def test_a_late_update_is_told_and_no_contradiction(tmp_path: Path) -> None:
    server, sites = logs_of(tmp_path, north=site_log("north", 3))
    held = held_together(read_log(server), {"north": read_log(sites[0])})
    assert held.contradictions == ()
    assert len(held.uncounted) == 1


def test_a_secure_sum_is_held_against_who_sent(tmp_path: Path) -> None:
    entries = [
        began_again(0),
        Asked(round=1, attempt=1, sites=("north", "south")),
        summed(1, "north", "south"),
        closed(1, "north", "south"),
    ]
    masked = Sent(run="sha256:run", round=1, attempt=1, what="train.masked", bytes=8, digest=digest("masked"))
    server, sites = logs_of(
        tmp_path, server=entries, north=[began("north", keys()), masked], south=[began("south", keys())]
    )
    held = held_together(read_log(server), {"north": read_log(sites[0]), "south": read_log(sites[1])})
    assert held.contradictions == ("round 1: south is in the server's sum, and its log says that it sent nothing",)
    assert held.uncounted == (), "a masked vector is added with the others, and never by itself"


def test_a_site_is_no_server_and_one_site_not_two(tmp_path: Path) -> None:
    server, sites = logs_of(tmp_path, north=site_log("north"))
    for first, against in ((sites[0], sites), (server, [*sites, *sites]), (server, [server])):
        with pytest.raises(PlanError, match="held against those of different sites"):
            log("verify", first, against=against)


def test_a_head_that_was_kept_elsewhere_finds_lines_cut_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, server_log())
    head = read_log(path).head
    assert log("verify", path, head=head) == 0
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert log("verify", path) == 0
    with pytest.raises(VerificationError, match="cut off the end"):
        log("verify", path, head=head)


def test_show_prints_a_line_an_entry_and_nothing_that_moves_a_cursor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = ReplyRefused(round=1, attempt=1, site="north", because="x\x1b[2Jy\nz")
    path = written(tmp_path, [*server_log(), bad])
    assert log("show", path) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == len(server_log()) + 1
    assert "\x1b" not in printed


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TableError):
        log("verify", tmp_path)
    with pytest.raises(PlanError, match="no action"):
        log("mend", tmp_path)


def test_a_place_that_cannot_be_written_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def waiting(seconds: float) -> None:
        raise AssertionError("there is nothing to wait for")

    monkeypatch.setattr("federated.record.log.time.sleep", waiting)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError) as raised:
        write_line(
            tmp_path / "file" / "log.jsonl", Disapproved(digest=digest("x"), by="A", because="no", signature="0a")
        )
    assert raised.value.slug != "chain-held"


def _write(path: Path, n: int) -> None:
    for _ in range(n):
        write_line(path, Disapproved(digest=digest("x"), by="A", because="no", signature="00"))


def test_processes_that_write_to_one_log_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    several = [multiprocessing.get_context("spawn").Process(target=_write, args=(path, 20)) for _ in range(2)]
    for process in several:
        process.start()
    for process in several:
        process.join(60)
        assert process.exitcode == 0
    assert len(read_log(path).lines) == 40
    with RunLog(path), pytest.raises(InputError):
        write_line(path, Disapproved(digest=digest("x"), by="A", because="no", signature="00"), patience_s=0.0)
