"""Lists of checksums, and how names of people and of files are compared."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from affidavit.digests import file_digest
from reports.trust.parties import Moment, file_part, plain_name
from reports.trust.sums import ordered, parse_sums, sums_text

A, B = "a" * 64, "b" * 64


def test_a_list_is_read_back_and_sha256sum_checks_it(tmp_path: Path) -> None:
    names = ("x.txt", "folder/y.txt", "folder with space/z")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    digests = {name: file_digest(tmp_path / name).removeprefix("sha256:") for name in names}
    content = sums_text(digests)
    assert parse_sums(content) == digests
    (tmp_path / "SHA256SUMS").write_bytes(content)
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_it_is_the_list_that_a_bundle_is_written_with(unsigned: Path) -> None:
    content = (unsigned / "SHA256SUMS").read_bytes()
    digests = parse_sums(content)
    assert digests is not None
    assert sums_text(digests) == content
    files = {path.relative_to(unsigned).as_posix() for path in unsigned.rglob("*") if path.is_file()}
    assert set(digests) == files - {"SHA256SUMS"}


def test_folder_by_folder() -> None:
    assert ordered(["a.b", "a/b", "a", "B"]) == ["B", "a", "a/b", "a.b"]


@pytest.mark.parametrize(
    "content",
    [
        f"{A}  x",
        f"{A} x\n",
        f"{A}  x\r\n",
        f"{A.upper()}  x\n",
        f"{A}  x\n\n",
        f"\n{A}  x\n",
        f"{A}  x\n{B}  x\n",
        f"{A}  y\n{B}  x\n",
        f"{A}   x\n",
        f"{A}  x \n",
        f"{A[1:]}  x\n",
        f"# comment\n{A}  x\n",
        "\ufeff",
    ],
)
def test_another_writing_is_none(content: str) -> None:
    assert parse_sums(content.encode()) is None


def test_no_text_is_none_and_nothing_is_the_empty_list() -> None:
    assert parse_sums(b"\xff\n") is None
    assert parse_sums(b"") == {}


@pytest.mark.parametrize(
    ("one", "other"), [("Ada Osei", "ada  OSEI"), ("Zoë", "Zoe\u0308"), ("Ａda", "Ada"), (" Jo\u00a0L", "Jo L")]
)
def test_one_person_s_name(one: str, other: str) -> None:
    assert plain_name(one) == plain_name(other)


def test_two_people_s_names() -> None:
    assert len({plain_name(name) for name in ("Ada", "Adа", "Ada B", "Zoe", "Zoë")}) == 5  # one of them is Cyrillic


def test_names_of_files() -> None:
    assert [file_part(name) for name in ("Zoë O'Neil", "李雷", "../../etc", "a" * 80)] == [
        "zoe-o-neil",
        "",
        "etc",
        "a" * 60,
    ]


def test_a_moment_names_its_zone() -> None:
    moment = TypeAdapter(Moment)
    assert moment.validate_python("2026-03-01T10:00:00+02:00").isoformat() == "2026-03-01T08:00:00+00:00"
    with pytest.raises(ValidationError, match="names its zone"):
        moment.validate_python("2026-03-01T10:00:00")
