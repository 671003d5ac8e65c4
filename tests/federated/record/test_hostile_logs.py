"""Whatever is given to `affidavit log`: words for people, and never a trace or a cursor that moves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from affidavit.errors import AffidavitError, PlanError, TableError, VerificationError
from affidavit.hash_chain import ChainWriter, Link
from federated.record.command import log
from federated.record.entries import Disapproved, Farewell, Received, Sent, SiteBegan
from federated.record.holding import MODEL, ROUND, held_together
from federated.record.laws import breaches
from federated.record.log import read_log
from federated.secure.messages import TYPES
from federated.secure.stages import Stage
from tests.federated.record.logs import began, digest, keys, server_log, site_log, written
from tests.federated.record.world import faulty

Change = Callable[[bytes], bytes]


def first_line(change: Change) -> Change:
    def changed(whole: bytes) -> bytes:
        first, rest = whole.split(b"\n", 1)
        return change(first) + b"\n" + rest

    return changed


HOSTILE: dict[str, Change] = {
    "empty": lambda _: b"",
    "one line end": lambda _: b"\n",
    "binary": lambda _: bytes(range(256)) * 20,
    "a long line after the last": lambda whole: whole + b'{"x":"' + b"a" * 10_000_000 + b'"}\n',
    "a long line and no end": lambda _: b"a" * 10_000_000,
    "doubled key": first_line(lambda line: line.replace(b'"number":0', b'"number":0,"number":0')),
    "other order of keys": first_line(lambda line: b'{"number":0,' + line[1:].replace(b',"number":0', b"")),
    "spaces": first_line(lambda line: line.replace(b":", b": ", 1)),
    "line ends of another system": lambda whole: whole.replace(b"\n", b"\r\n"),
    "byte order mark": lambda whole: b"\xef\xbb\xbf" + whole,
    "too deep": lambda _: b"[" * 100_000 + b"\n",
    "a number that JSON has not": lambda _: b'{"number":NaN}\n',
    "a number too long": lambda _: b'{"number":' + b"9" * 5_000 + b"}\n",
    "first line gone": lambda whole: whole.split(b"\n", 1)[1],
    "line twice": first_line(lambda line: line + b"\n" + line),
    "moves the cursor": lambda _: b"\x1b[2J\x1b[31m\x07\n",
    "other encoding": lambda whole: whole.decode().encode("utf-16"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("action", ["verify", "show"])
def test_a_file_that_is_no_record_is_said_to_be_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, action: str
) -> None:
    path = written(tmp_path, server_log())
    path.write_bytes(HOSTILE[name](path.read_bytes()))
    with pytest.raises(VerificationError) as raised:
        log(action, path)
    assert raised.value.slug == "chain-broken"
    assert raised.value.remedy
    shown = capsys.readouterr().out + str(raised.value)
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    assert len(shown) < 2_000


def test_a_record_that_was_cut_within_a_line_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, server_log())
    path.write_bytes(path.read_bytes()[:-40])
    assert log("verify", path) == 0
    said = capsys.readouterr().out
    assert "no whole line: a crash tore it off, or the file was cut there" in said
    assert "set aside" not in said


def test_a_ledger_is_a_chain_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with ChainWriter(path) as chain:
        chain.append({"kind": "run-opened", "\x1b[2J": 1})
    with pytest.raises(VerificationError, match="chain of another kind") as raised:
        log("verify", path)
    assert "\x1b" not in str(raised.value)


def test_a_kind_that_moves_the_cursor_is_printed_as_text(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with ChainWriter(path) as chain:
        chain.append({"at": "now", "entry": {"kind": "\x1b[2J"}})
    with pytest.raises(VerificationError) as raised:
        log("show", path)
    assert "\x1b" not in str(raised.value)


def test_another_logs_head_is_not_this_ones(tmp_path: Path) -> None:
    here, there = written(tmp_path / "a", server_log(2)), written(tmp_path / "b", server_log(3))
    with pytest.raises(VerificationError, match="of another log"):
        log("verify", here, head=read_log(there).head)
    assert log("verify", there, head=read_log(there).lines[0].digest) == 0


def test_places_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder" / "log.jsonl").mkdir(parents=True)
    for place in (tmp_path, tmp_path / "none.jsonl", tmp_path / "folder"):
        with pytest.raises(TableError) as raised:
            log("verify", place)
        assert raised.value.where is not None

    def refused(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path / "own", server_log())
    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(TableError, match="Permission denied"):
        log("verify", path)


def test_logs_of_another_server_are_told_apart_and_not_held_against_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = [
        entry.model_copy(update={"run": "sha256:elsewhere"}) if isinstance(entry, Sent | Received) else entry
        for entry in site_log("north")
    ]
    server = written(tmp_path / "server", server_log())
    site = written(tmp_path / "north", [*site_log("north"), *elsewhere[1:]])
    assert log("verify", server, against=[site]) == 0
    said = capsys.readouterr().out
    assert "not of this server: 1 runs" in said
    assert "not added" not in said


def test_a_site_that_says_nothing_of_the_run_contradicts_the_server(tmp_path: Path) -> None:
    server = written(tmp_path / "server", server_log())
    site = written(tmp_path / "north", [began("north", keys())])
    held = held_together(read_log(server), {"north": read_log(site)})
    assert len(held.contradictions) == 2
    assert "says it sent none" in held.contradictions[0]


def test_an_update_of_another_run_stands_for_none_of_this_one(tmp_path: Path) -> None:
    told = [
        entry.model_copy(update={"run": "sha256:elsewhere"}) if isinstance(entry, Sent) else entry
        for entry in site_log("north")
    ]
    server, site = written(tmp_path / "server", server_log()), written(tmp_path / "north", told)
    held = held_together(read_log(server), {"north": read_log(site)})
    assert len(held.contradictions) == 2
    assert (held.agreeing, held.elsewhere) == (0, 1)


def test_two_models_for_one_site_in_two_attempts_are_a_contradiction(tmp_path: Path) -> None:
    entries = site_log("north")
    again = entries[3].model_copy(update={"attempt": 2, "digest": digest("for you alone")})
    server = written(tmp_path / "server", server_log())
    site = written(tmp_path / "north", [*entries[:4], again, *entries[4:]])
    held = held_together(read_log(server), {"north": read_log(site)})
    assert len(held.contradictions) == 1
    assert "round 2: not all were sent one model" in held.contradictions[0]


def test_one_site_alone_that_was_sent_another_model_than_the_servers(tmp_path: Path) -> None:
    entries = site_log("north")
    entries[3] = entries[3].model_copy(update={"digest": digest("for you alone")})
    server, site = written(tmp_path / "server", server_log()), written(tmp_path / "north", entries)
    (words,) = held_together(read_log(server), {"north": read_log(site)}).contradictions
    assert "the server's was" in words


def test_two_models_before_anything_closed_are_a_contradiction(tmp_path: Path) -> None:
    other = [
        entry.model_copy(update={"digest": digest("another start")})
        if isinstance(entry, Received) and entry.round == 1
        else entry
        for entry in site_log("south")
    ]
    server = written(tmp_path / "server", server_log())
    logs = {"north": site_log("north"), "south": other}
    sites = {site: read_log(written(tmp_path / site, entries)) for site, entries in logs.items()}
    held = held_together(read_log(server), sites)
    assert len(held.contradictions) == 1
    assert "round 1: not all were sent one model" in held.contradictions[0]


def test_a_run_that_began_anew_may_send_out_another_model(tmp_path: Path) -> None:
    """Noise is drawn anew when rounds are thrown away: the second model of a round is no contradiction then."""
    first, second = server_log(2), server_log(2)
    second = [
        entry.model_copy(update={"model": digest("of the second life")}) if entry.kind == "round-closed" else entry  # type: ignore[attr-defined]
        for entry in second[1:-1]
    ]
    received = [entry for entry in site_log("north") if isinstance(entry, Received) and entry.round == 2]
    again = [entry.model_copy(update={"digest": digest("of the second life")}) for entry in received]
    site = read_log(written(tmp_path / "north", [*site_log("north"), *again]))
    server = read_log(written(tmp_path / "server", [*first[:-1], *second]))
    assert held_together(server, {"north": site}).contradictions == ()
    alone = read_log(written(tmp_path / "alone", first))
    assert len(held_together(alone, {"north": site}).contradictions) == 1


def test_server_and_sites_of_a_run_with_faults_tell_the_same_story(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", logger="affidavit.site")
    world = faulty(tmp_path)
    logs = {site: read_log(path) for site, path in zip(world.sites, world.logs, strict=True)}
    held = held_together(read_log(world.record), logs)

    assert held.contradictions == ()
    assert held.agreeing == 14
    assert held.models == 6
    assert len(held.uncounted) == 1, "the update that was too long"
    assert (held.missing, held.elsewhere) == ((), 0)
    assert [breaches(log) for log in logs.values()] == [[], [], []]


def test_the_types_of_messages_that_carry_the_model_are_those_of_the_protocols() -> None:
    assert {ROUND, TYPES[Stage.KEYS]} == MODEL


def test_what_cannot_have_happened_ends_the_command_with_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, [*server_log(1)[:-1], *server_log(3)[10:14]])
    assert log("verify", path) == 1
    assert capsys.readouterr().out.count("line ") == 2


@pytest.mark.parametrize("key", ["00", "ff" * 32, "02" + "00" * 48])
def test_a_key_that_is_none_has_signed_nothing(tmp_path: Path, key: str) -> None:
    site = SiteBegan(site="north", keys={"officer": key})
    refused = Disapproved(digest=digest("x"), by="A", because="no", signature="00")
    (found,) = breaches(read_log(written(tmp_path, [site, refused])))
    assert found.what == "it was not signed by the officer key that held"


def test_what_comes_after_a_last_word_is_found(tmp_path: Path) -> None:
    farewell = Farewell(by="A", because="done", head=digest("x"), rounds=0, bytes=0, signature="00")
    refused = Disapproved(digest=digest("x"), by="A", because="no", signature="00")
    sent = site_log("north")[2]
    said = [one.what for one in breaches(read_log(written(tmp_path, [*site_log("north"), farewell, sent, refused])))]
    assert said.count("it comes after the site's last word") == 1


@pytest.mark.parametrize("action", ["Verify", "", "show; rm"])
def test_an_action_that_there_is_not(tmp_path: Path, action: str) -> None:
    with pytest.raises(PlanError, match="no action"):
        log(action, tmp_path)


def test_a_record_is_read_without_flower_or_torch(tmp_path: Path) -> None:
    path = written(tmp_path, server_log())
    code = (
        "import sys; from pathlib import Path; from federated.record.command import log; "
        f"log('verify', Path({str(path)!r}), against=[]); "
        "sys.exit(bool({'flwr', 'torch', 'ray'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_line_that_is_changed_and_sealed_again_breaks_the_next_one(tmp_path: Path) -> None:
    """Whoever writes one line anew has to write all that follow, and then the head is another."""
    path = written(tmp_path, server_log())
    head = read_log(path).head
    links = list(read_log(path).chain.links)
    forged = Link.after(links[3].before, 3, {**links[3].content, "at": "1999-01-01"})
    path.write_bytes(b"".join(link.line() for link in [*links[:3], forged, *links[4:]]))
    with pytest.raises(VerificationError, match="line 5"):
        log("verify", path)
    for place in range(3, len(links)):
        content = forged.content if place == 3 else links[place].content
        links[place] = Link.after(links[place - 1].digest, place, content)
    path.write_bytes(b"".join(link.line() for link in links))
    assert log("verify", path) == 0
    with pytest.raises(AffidavitError, match="no line has this digest"):
        log("verify", path, head=head)
