"""One zip for the same files: others read it, and nothing else is read."""

from __future__ import annotations

import io
import warnings
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.errors import VerificationError
from reports.trust import archive
from reports.trust.archive import name_fault, open_archive, read_archive, write_archive

FILES = {"report.json": b"{}", "exhibits/a.parquet": bytes(range(256)), "SHA256SUMS": b"", "a b/c-d_e.txt": b"x" * 999}


def test_reads_what_it_wrote_and_so_does_everybody_else() -> None:
    content = write_archive(FILES)
    assert read_archive(content, where="b.zip") == FILES
    with zipfile.ZipFile(io.BytesIO(content)) as read:
        assert read.testzip() is None
        assert {name: read.read(name) for name in read.namelist()} == FILES
        assert read.namelist() == sorted(FILES)
        for info in read.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.external_attr >> 16 == 0o100644
            assert info.extra == b""


def test_the_order_in_which_files_are_given_does_not_matter() -> None:
    assert write_archive(FILES) == write_archive(dict(reversed(FILES.items())))


def _zipped(files: list[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out, warnings.catch_warnings(action="ignore"):
        for info, content in files:
            out.writestr(info, content)
    return buffer.getvalue()


def _info(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr = 3, mode << 16
    return info


def test_the_standard_library_can_write_the_same_bytes() -> None:
    """Nothing of the form is our own invention."""
    assert _zipped([(_info(name), FILES[name]) for name in sorted(FILES)]) == write_archive(FILES)


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ([(_info("../report.json"), b"x")], "../report.json"),
        ([(_info("/etc/passwd"), b"x")], "/etc/passwd"),
        ([(_info("a/../../b"), b"x")], "a/../../b"),
        ([(_info("a/./b"), b"x")], "a/./b"),
        ([(_info("a//b"), b"x")], "a//b"),
        ([(_info("C:x"), b"x")], "C:x"),
        ([(_info("a\\b"), b"x")], "a\\b"),
        ([(_info(".hidden"), b"x")], ".hidden"),
        ([(_info("folder/"), b"")], "folder/"),
        ([(_info("nul.txt"), b"x")], "nul.txt"),
        ([(_info("a."), b"x")], "a."),
        ([(_info("a"), b"x"), (_info("a"), b"x")], "a"),
        ([(_info("A"), b"x"), (_info("a"), b"x")], "a"),
        ([(_info("a"), b"x"), (_info("a/b"), b"x")], "a"),
        ([(_info("b"), b"x"), (_info("a"), b"x")], "a"),
        ([(_info("a", 0o120777), b"/etc/passwd")], "a"),
        ([(_info("a", 0o100755), b"x")], "a"),
        ([(zipfile.ZipInfo("a", (2026, 3, 1, 0, 0, 0)), b"x")], "a"),
    ],
)
def test_names_links_and_other_forms_are_refused_by_name(
    files: list[tuple[str | zipfile.ZipInfo, bytes]], named: str
) -> None:
    with pytest.raises(VerificationError) as caught:
        read_archive(_zipped(files), where="b.zip")
    assert caught.value.what.startswith(f"{named}: ")


def test_a_bomb_is_not_unpacked() -> None:
    info = _info("a")
    info.compress_type = zipfile.ZIP_DEFLATED
    content = _zipped([(info, b"\0" * 10_000_000)])
    assert len(content) < 20_000
    opened = open_archive(content, where="b.zip")
    assert opened.files == {}
    assert opened.faults[0].file == "a"


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = write_archive(FILES)
    monkeypatch.setattr(archive, "MAX_FILES", 3)
    assert open_archive(content, where="b.zip").faults
    with pytest.raises(VerificationError, match="more than 3 files"):
        write_archive(FILES)
    monkeypatch.setattr(archive, "MAX_BYTES", 2**22 + 10)
    with pytest.raises(VerificationError, match="bytes together"):
        write_archive({"a": b"x" * 11})
    monkeypatch.setattr(archive, "MAX_BYTES", 10)
    assert "more than 10 bytes" in open_archive(content, where="b.zip").faults[0].what


def test_extra_fields_comments_and_bytes_around_are_refused() -> None:
    content = write_archive(FILES)
    extra = _info("a")
    extra.extra = b"\x01\x00\x00\x00"
    comment = _info("a")
    comment.comment = b"hello"
    for other in (
        content + b"\0",
        b"\0" + content,
        content[:-1],
        b"",
        content[:-2] + b"\1\0x",
        _zipped([(extra, b"x")]),
        _zipped([(comment, b"x")]),
    ):
        with pytest.raises(VerificationError):
            read_archive(other, where="b.zip")


@pytest.mark.parametrize("name", ["a", "a/b.c", "A-b_c d.e", "9", "signatures/x.dsse.json", "_a"])
def test_plain_names(name: str) -> None:
    assert name_fault([name]) is None


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "../a", "a/..", "é", "a\n", "a:b", "a*", "-a", "a /b", "CON", "x" * 201]
)
def test_names_that_no_bundle_has(name: str) -> None:
    assert name_fault([name]) is not None


@settings(max_examples=60)
@given(
    st.dictionaries(st.text("abcXYZ019._-/ ", min_size=1, max_size=8), st.binary(max_size=20), min_size=1, max_size=6),
    st.data(),
)
def test_any_archive_is_read_back_and_any_flipped_bit_refused(files: dict[str, bytes], data: st.DataObject) -> None:
    if name_fault(sorted(files)) is not None:
        with pytest.raises(VerificationError):
            write_archive(files)
        return
    content = write_archive(files)
    assert read_archive(content, where="b.zip") == files
    place, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    with pytest.raises(VerificationError):
        read_archive(bytes(changed), where="b.zip")
