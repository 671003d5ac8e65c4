from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affidavit.digests import canonical_json
from affidavit.errors import InputError, TableError, VerificationError
from affidavit.hash_chain import START, TORN, ChainWriter, Link, read_chain

SAME_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)


def written(path: Path, *contents: dict[str, Any]) -> Path:
    with ChainWriter(path) as chain:
        for content in contents:
            chain.append(content)
    return path


THREE: tuple[dict[str, Any], ...] = ({"kind": "a", "x": 0.1}, {"kind": "b", "text": "é\n"}, {"kind": "c"})


def three(folder: Path) -> Path:
    """Write three lines, without waiting for the disk."""
    path, head, lines = folder / "chain.jsonl", START, []
    for number, content in enumerate(THREE):
        link = Link.after(head, number, content)
        head = link.digest
        lines.append(link.line())
    path.write_bytes(b"".join(lines))
    return path


def test_a_writer_writes_the_same_three_lines(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert written(tmp_path / "chain.jsonl", *THREE).read_bytes() == three(tmp_path / "other").read_bytes()


def test_what_was_appended_is_read_in_order(tmp_path: Path) -> None:
    chain = read_chain(three(tmp_path))
    assert [link.content["kind"] for link in chain.links] == ["a", "b", "c"]
    assert [link.number for link in chain.links] == [0, 1, 2]
    assert chain.links[0].before == START
    assert chain.torn == b""


def test_each_digest_is_of_what_the_docstring_says(tmp_path: Path) -> None:
    """The naive twin: digests from hashlib over canonical JSON, without the module's own classes."""
    before = START
    for line in three(tmp_path).read_bytes().splitlines():
        read = json.loads(line)
        sealed = {name: read[name] for name in ("number", "before", "content")}
        assert read["digest"] == "sha256:" + hashlib.sha256(canonical_json(sealed)).hexdigest()
        assert read["before"] == before
        before = read["digest"]


def test_an_empty_chain_holds(tmp_path: Path) -> None:
    chain = read_chain(written(tmp_path / "chain.jsonl"))
    assert chain.links == ()
    assert chain.head == START


@SAME_FOLDER
@given(data=st.data())
def test_any_flipped_byte_is_found(tmp_path: Path, data: st.DataObject) -> None:
    path = three(tmp_path)
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(1, 255))
    path.write_bytes(whole[:place] + bytes([whole[place] ^ other]) + whole[place + 1 :])
    line = whole[:place].count(b"\n") + 1
    if place == len(whole) - 1:  # the end of the last line: what is left is no line, and no entry
        assert len(read_chain(path).links) == 2
        assert read_chain(path).torn
    else:
        with pytest.raises(VerificationError, match=f"line {line} does not hold"):
            read_chain(path)
    path.unlink()


@SAME_FOLDER
@given(data=st.data())
def test_a_line_left_out_doubled_or_moved_is_found(tmp_path: Path, data: st.DataObject) -> None:
    path = three(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    order = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=5))
    path.write_bytes(b"".join(lines[i] for i in order))
    if order == list(range(len(order))):
        assert len(read_chain(path).links) == len(order)  # cut off the end: only a head kept elsewhere finds that
    else:
        first = next(i for i in range(len(order)) if order[i] != i)
        with pytest.raises(VerificationError, match=f"line {first + 1} does not hold"):
            read_chain(path)
    path.unlink()


def test_lines_cut_off_the_end_are_found_by_a_head_that_was_kept(tmp_path: Path) -> None:
    path = three(tmp_path)
    head = read_chain(path).head
    assert read_chain(path).holds(head)
    assert read_chain(written(path, {"kind": "d"})).holds(head)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert not read_chain(path).holds(head)


def test_every_prefix_that_a_crash_may_leave_is_mended_and_nothing_is_dropped(tmp_path: Path) -> None:
    path = three(tmp_path)
    whole = path.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    for cut in (*range(start + 1, len(whole) - 2, 17), len(whole) - 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        complete = cut == len(whole) - 1  # only the line end is missing
        assert read_chain(path).torn == (b"" if complete else whole[start:cut])
        written(path, {"kind": "next"})
        kinds = [link.content["kind"] for link in read_chain(path).links]
        assert kinds == (["a", "b", "c", "next"] if complete else ["a", "b", TORN, "next"])
        asides = list(tmp_path.glob("chain.jsonl.torn-*"))
        assert [aside.read_bytes() for aside in asides] == ([] if complete else [whole[start:cut]])
        for aside in asides:
            aside.unlink()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"number": 0}',
        b'{"before": 1, "content": {"x": NaN}, "digest": "", "number": 0}',
        b'{"before": 1, "content": {"x": 1e999}, "digest": "", "number": 0}',
        b'{"before": 1, "content": [], "digest": "", "number": 0}',
    ],
)
def test_lines_that_are_no_lines_of_a_chain_are_named(tmp_path: Path, line: bytes) -> None:
    path = three(tmp_path)
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(VerificationError, match="line 4 does not hold"):
        read_chain(path)


def test_the_same_content_written_otherwise_is_another_line(tmp_path: Path) -> None:
    path = three(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"kind":"c"', b'"kind": "c"'))
    with pytest.raises(VerificationError, match="line 3"):
        read_chain(path)


def test_a_chain_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TableError):
        read_chain(tmp_path / "none.jsonl")
    (tmp_path / "file").write_text("x")
    with pytest.raises((TableError, FileExistsError)):
        ChainWriter(tmp_path / "file" / "chain.jsonl")


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = three(tmp_path)
    with ChainWriter(path) as first:
        with pytest.raises(InputError, match="another process writes"):
            ChainWriter(path)
        first.append({"kind": "d"})
        assert len(read_chain(path).links) == 4  # readers need no lock
    written(path, {"kind": "e"})


def test_a_writer_that_nobody_has_any_more_lets_go(tmp_path: Path) -> None:
    writer: ChainWriter | None = ChainWriter(tmp_path / "chain.jsonl")
    assert writer is not None
    writer = None
    written(tmp_path / "chain.jsonl", {"kind": "a"})


def _try(path: Path, answer: Any) -> None:
    try:
        ChainWriter(path)
    except InputError:
        answer.send("held")
    else:
        answer.send("free")


def test_another_process_cannot_write_either(tmp_path: Path) -> None:
    path = three(tmp_path)
    context = multiprocessing.get_context("spawn")
    with ChainWriter(path):
        ours, theirs = context.Pipe()
        process = context.Process(target=_try, args=(path, theirs))
        process.start()
        assert ours.recv() == "held"
        process.join()


def test_a_write_that_fails_leaves_the_chain_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = three(tmp_path)
    before = path.read_bytes()

    real, calls = os.write, []

    def full(file: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(file, data[:10])

    with ChainWriter(path) as chain:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(OSError, match="No space"):
                chain.append({"kind": "d", "text": "x" * 200})
        assert path.read_bytes() == before
        chain.append({"kind": "e"})
    assert [link.content["kind"] for link in read_chain(path).links] == ["a", "b", "c", "e"]


def test_an_interrupt_after_the_line_is_on_disk_takes_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second line of the same number would spoil the chain for good."""
    path = three(tmp_path)
    before = path.read_bytes()

    def interrupted(file: int) -> None:
        raise KeyboardInterrupt

    with ChainWriter(path) as chain:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", interrupted)
            with pytest.raises(KeyboardInterrupt):
                chain.append({"kind": "d"})
        assert path.read_bytes() == before
        assert chain.n_links == len(chain.links) == 3
        chain.append({"kind": "e"})
    assert [link.content["kind"] for link in read_chain(path).links] == ["a", "b", "c", "e"]


def test_a_closed_chain_is_not_written_to_nor_the_file_that_came_after_it(tmp_path: Path) -> None:
    """The system gives the number of a closed file to the next one that is opened."""
    chain = ChainWriter(three(tmp_path))
    chain.close()
    others = [(tmp_path / f"other-{i}").open("w+b", buffering=0) for i in range(4)]
    try:
        with pytest.raises(ValueError, match="was closed"):
            chain.append({"kind": "d"})
        assert [other.seek(0, os.SEEK_END) for other in others] == [0] * 4
    finally:
        for other in others:
            other.close()


@pytest.mark.parametrize("change", [b"", b"x"])
def test_a_file_that_changed_under_its_writer_is_not_added_to(tmp_path: Path, change: bytes) -> None:
    path = three(tmp_path)
    with ChainWriter(path) as chain:
        chain.append({"kind": "d"})
        path.write_bytes(path.read_bytes() + change if change else path.read_bytes()[:-1])
        left = path.read_bytes()
        with pytest.raises(VerificationError, match="changed while it was open"):
            chain.append({"kind": "e"})
        assert path.read_bytes() == left


def test_each_append_is_synced_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = tmp_path / "chain.jsonl", os.fsync
    seen: list[int] = []

    def synced(file: int) -> None:
        seen.append(path.stat().st_size)
        real(file)

    with ChainWriter(path) as chain:
        monkeypatch.setattr(os, "fsync", synced)
        chain.append({"kind": "a"})
        assert seen == [path.stat().st_size]
