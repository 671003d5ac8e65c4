"""The four parts of `verify`: what holds is said to hold, and whatever was changed is found and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.bundle import write_bundle
from affidavit.errors import TableError, VerificationError
from affidavit.report import AuditReport
from reports.trust.archive import write_archive
from reports.trust.contents import INDEX, open_contents
from reports.trust.parties import Role
from reports.trust.sums import sums_text
from reports.trust.trust_file import Standing
from reports.trust.verification import Asked, State, VerificationReport, verify

TAMPERINGS = 1_000
"""Of each of the two forms of a bundle."""


def _checked(signed: Any, bundle: Path) -> VerificationReport:
    return verify(bundle, Asked(trust=signed.trust, pages=False))


def test_a_signed_bundle_holds(signed: Any, tmp_path: Path) -> None:
    for bundle in (signed.folder, signed.archived(tmp_path / "b.zip")):
        report = _checked(signed, bundle)
        states = {name: part.state for name, part in report.parts.items()}
        assert states == {
            "signature": State.HOLDS,
            "digests": State.HOLDS,
            "recomputation": State.NOT_CHECKED,
            "reproduction": State.NOT_CHECKED,
        }
        assert not report.fails
        assert report.at_fault == ()
        assert {one.name: one.standing for one in report.signatures} == {
            "Ada Reviewer": Standing.TRUSTED,
            "Bo Approver": Standing.TRUSTED,
        }


@pytest.mark.slow  # verifies a folder for every file of it
def test_any_flipped_byte_of_a_folder_is_found_and_named(
    signed: Any, tmp_path: Path, files: Callable[[Path], dict[str, bytes]]
) -> None:
    folder = signed.copy(tmp_path / "b")
    content = files(folder)
    names = sorted(content)
    rng = np.random.default_rng(8)
    for i in range(TAMPERINGS):
        name = names[i % len(names)]
        place, bits = int(rng.integers(len(content[name]))), int(rng.integers(1, 256))
        (folder / name).write_bytes(_flipped(content[name], place, bits))
        report = _checked(signed, folder)
        (folder / name).write_bytes(content[name])
        assert report.fails, (name, place, bits)
        assert name in report.at_fault, (name, place, bits, report.at_fault)
        # A role that is required is missing besides where its envelope is broken, and a token that is not what its
        # list says may be as it was: one of the two is.
        beside = {"signatures"} if name.endswith(".dsse.json") else {INDEX} if name.endswith(".tsr") else set()
        if name != INDEX:
            assert set(report.at_fault) <= {name, *beside}, (name, place, bits, report.at_fault)
    assert not _checked(signed, folder).fails


def test_any_flipped_byte_of_a_zip_is_found_and_named(signed: Any, tmp_path: Path) -> None:
    bundle = signed.archived(tmp_path / "b.zip")
    content = bundle.read_bytes()
    spans = _spans(signed.folder)
    rng = np.random.default_rng(9)
    for i in range(TAMPERINGS):
        # Every other flip is in a header or in the directory, where a byte is easily free.
        first, last, name = spans[i % len(spans)]
        place, bits = int(rng.integers(first, last)), int(rng.integers(1, 256))
        bundle.write_bytes(_flipped(content, place, bits))
        report = _checked(signed, bundle)
        assert report.fails, (name, place, bits)
        assert name in report.at_fault, (name, place, bits, report.at_fault)
        # Where a name itself is flipped nobody knows which of the two is the right one.
        assert len(report.at_fault) <= 2, (name, place, bits, report.at_fault)


def _spans(folder: Path) -> list[tuple[int, int, str]]:
    """Return where headers, bytes and directory records of each file lie in the zip, and its end record."""
    spans, offset = [], 0
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in names:
        start, size = offset + 30 + len(name), (folder / name).stat().st_size
        spans += [(offset, start, name), (start, start + size, name)]
        offset = start + size
    for name in names:
        spans.append((offset, offset + 46 + len(name), name))
        offset += 46 + len(name)
    return [*spans, (offset, offset + 22, "b.zip")]


def _flipped(content: bytes, place: int, bits: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= bits
    return bytes(changed)


@pytest.mark.parametrize(
    "name", ["report.json", "report.md", "plan.yaml", "SHA256SUMS", INDEX, "exhibits", "signatures"]
)
def test_a_removed_file_is_named(signed: Any, tmp_path: Path, name: str) -> None:
    folder = signed.copy(tmp_path / "b")
    removed = min(path for path in (folder / name).iterdir()) if (folder / name).is_dir() else folder / name
    removed.unlink()
    named = removed.relative_to(folder).as_posix()
    bundle = tmp_path / "b.zip"
    bundle.write_bytes(write_archive({p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}))
    if named == "report.json":
        with pytest.raises(VerificationError, match="not an audit bundle"):
            verify(folder, Asked())
        folder = bundle
    report = _checked(signed, folder)
    assert report.fails
    assert named in report.at_fault


@pytest.mark.parametrize(
    "name", ["addendum.html", "exhibits/more.parquet", "signatures/notes.txt", "signatures/a.dsse.json", ".hidden"]
)
def test_an_unlisted_file_is_named(signed: Any, tmp_path: Path, name: str) -> None:
    folder = signed.copy(tmp_path / "b")
    (folder / name).write_text("all is well")
    report = _checked(signed, folder)
    assert report.fails
    assert name in report.at_fault


def test_a_renamed_file_is_named(signed: Any, tmp_path: Path) -> None:
    folder = signed.copy(tmp_path / "b")
    (folder / "report.md").rename(folder / "summary.md")
    report = _checked(signed, folder)
    assert set(report.at_fault) == {"report.md", "summary.md"}


def test_a_link_is_named(signed: Any, tmp_path: Path) -> None:
    folder = signed.copy(tmp_path / "b")
    (tmp_path / "elsewhere.md").write_bytes((folder / "report.md").read_bytes())
    (folder / "report.md").unlink()
    (folder / "report.md").symlink_to(tmp_path / "elsewhere.md")
    assert "report.md" in _checked(signed, folder).at_fault


def test_swapped_signatures_are_named(signed: Any, tmp_path: Path) -> None:
    folder = signed.copy(tmp_path / "b")
    first, second = folder / signed.reviewed, folder / signed.approved
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    _list_again(folder)
    report = _checked(signed, folder)
    assert {signed.reviewed, signed.approved} <= set(report.at_fault)


def test_signatures_swapped_inside_their_envelopes_are_named(signed: Any, tmp_path: Path) -> None:
    folder = signed.copy(tmp_path / "b")
    documents = {name: json.loads((folder / name).read_bytes()) for name in (signed.reviewed, signed.approved)}
    one, other = (documents[name]["signatures"] for name in (signed.reviewed, signed.approved))
    documents[signed.reviewed]["signatures"], documents[signed.approved]["signatures"] = other, one
    for name, document in documents.items():
        (folder / name).write_bytes(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
    _list_again(folder)
    report = _checked(signed, folder)
    assert {signed.reviewed, signed.approved} <= set(report.at_fault)


def _list_again(folder: Path) -> None:
    """What a forger does who knows of the list in signatures/."""
    import hashlib

    paths = [path for path in (folder / "signatures").iterdir() if path.name != "SHA256SUMS"]
    digests = {f"signatures/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    (folder / INDEX).write_bytes(sums_text(digests))


def test_a_bundle_signed_again_by_a_stranger_is_valid_and_its_signer_unknown(
    signed: Any, tmp_path: Path, new_person: Callable[[str, Role], Any]
) -> None:
    """Whoever takes a bundle, throws its signatures away and signs as somebody else, under a known name too."""
    folder = signed.copy(tmp_path / "b")
    shutil.rmtree(folder / "signatures")
    stranger = new_person("Ada Reviewer", Role.REVIEWER)
    stranger.sign(folder)
    lenient = signed.trust.model_copy(update={"require": ()})
    report = verify(folder, Asked(trust=lenient, pages=False))
    assert report.signature.state is State.UNKNOWN_SIGNER
    assert report.signature.state.value == "valid, signer unknown"
    assert report.digests.state is State.HOLDS
    assert report.signatures[0].standing is Standing.UNKNOWN
    required = _checked(signed, folder)
    assert required.signature.state is State.FAILS
    assert "role reviewer" in required.signature.faults[0].what


def test_a_stranger_s_signature_beside_trusted_ones_is_said(
    signed: Any, tmp_path: Path, new_person: Callable[[str, Role], Any]
) -> None:
    folder = signed.copy(tmp_path / "b")
    new_person("Eve", Role.REVIEWER).sign(folder)
    report = _checked(signed, folder)
    assert report.signature.state is State.UNKNOWN_SIGNER
    assert "Eve" in report.signature.said


def test_a_valid_signature_that_nobody_listed_is_named(
    signed: Any, tmp_path: Path, new_person: Callable[[str, Role], Any]
) -> None:
    folder, other = signed.copy(tmp_path / "b"), signed.copy(tmp_path / "other")
    file = new_person("Eve", Role.REVIEWER).sign(other)
    shutil.copy(other / file, folder / file)
    assert set(_checked(signed, folder).at_fault) == {file, INDEX}


def test_a_report_written_anew_under_old_signatures_is_found(
    signed: Any, unsigned: Path, tmp_path: Path, files: Callable[[Path], dict[str, bytes]]
) -> None:
    """A forger who makes a whole new bundle and puts the old signatures into it."""
    import hashlib

    folder = signed.copy(tmp_path / "b")
    (folder / "report.md").write_text("All is well.\n")
    content = {name: data for name, data in files(folder).items() if not name.startswith("signatures/")}
    content.pop("SHA256SUMS")
    (folder / "SHA256SUMS").write_bytes(sums_text({n: hashlib.sha256(d).hexdigest() for n, d in content.items()}))
    report = _checked(signed, folder)
    assert report.digests.state is State.HOLDS, "by its own word"
    assert report.signature.state is State.FAILS
    assert {signed.reviewed, signed.approved} == set(report.at_fault)
    assert "report.md" in report.signature.faults[0].what


def test_an_unsigned_bundle_says_so_and_names_both_files_that_disagree(unsigned: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(unsigned, tmp_path / "b"))
    assert verify(folder, Asked(pages=False)).signature.state is State.NOT_SIGNED
    (folder / "report.md").write_text("All is well.\n")
    report = verify(folder, Asked(pages=False))
    assert report.at_fault == ("SHA256SUMS", "report.md")


def test_a_page_that_shows_something_else_is_found_although_every_digest_holds(unsigned: Path, tmp_path: Path) -> None:
    import hashlib

    folder = Path(shutil.copytree(unsigned, tmp_path / "b"))
    assert verify(folder, Asked()).digests.state is State.HOLDS
    for name, words in (("report.md", "All is well.\n"), ("plan.yaml", "runs: {r: {table: other}}\n")):
        before = (folder / name).read_bytes()
        (folder / name).write_text(words)
        _sum_again(folder, hashlib.sha256)
        report = verify(folder, Asked())
        assert (report.digests.state, report.at_fault) == (State.FAILS, (name,))
        (folder / name).write_bytes(before)
        _sum_again(folder, hashlib.sha256)


@pytest.fixture(scope="module")
def whole(tiny: AuditReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with everything that a bundle holds."""
    return write_bundle(tiny, tmp_path_factory.mktemp("whole") / "bundle")


def _grown(content: bytes) -> bytes:
    return content + b" "


def _otherwise(content: bytes) -> bytes:
    """Change a digit in a picture, in a table, in what was said of who computed it."""
    place = next(i for i in range(len(content) // 2, len(content)) if content[i : i + 1].isdigit())
    return content[:place] + (b"1" if content[place : place + 1] != b"1" else b"2") + content[place + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "change"),
    [
        ("tables/findings.csv", _otherwise),
        ("tables/findings.parquet", _grown),
        ("figures/*.svg", _otherwise),
        ("provenance.json", _otherwise),
        ("log.jsonl", _grown),
    ],
)
def test_whatever_is_made_of_the_report_is_made_again_although_every_digest_holds(
    whole: Path, tmp_path: Path, pattern: str, change: Callable[[bytes], bytes]
) -> None:
    import hashlib

    folder = Path(shutil.copytree(whole, tmp_path / "b"))
    assert verify(folder, Asked()).digests.state is State.HOLDS
    file = min(folder.glob(pattern))
    file.write_bytes(change(file.read_bytes()))
    _sum_again(folder, hashlib.sha256)
    report = verify(folder, Asked())
    assert (report.digests.state, report.at_fault) == (State.FAILS, (file.relative_to(folder).as_posix(),))


def test_a_picture_too_many_and_a_picture_too_few_are_found(whole: Path, tmp_path: Path) -> None:
    import hashlib

    folder = Path(shutil.copytree(whole, tmp_path / "b"))
    first = min((folder / "figures").iterdir())
    first.rename(folder / "figures" / "a-better-one.svg")
    _sum_again(folder, hashlib.sha256)
    assert verify(folder, Asked()).at_fault == ("figures/a-better-one.svg", f"figures/{first.name}")


def test_any_flipped_byte_of_a_new_part_is_found_and_named(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "b"))
    rng = np.random.default_rng(10)
    parts = [*folder.glob("tables/*"), *folder.glob("figures/*"), folder / "provenance.json", folder / "log.jsonl"]
    assert len(parts) > 4
    for i in range(200):
        file = parts[i % len(parts)]
        content = file.read_bytes()
        file.write_bytes(_flipped(content, int(rng.integers(len(content))), int(rng.integers(1, 256))))
        at_fault = verify(folder, Asked(pages=False)).at_fault
        file.write_bytes(content)
        assert file.relative_to(folder).as_posix() in at_fault


def _sum_again(folder: Path, digest: Any) -> None:
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    del names["SHA256SUMS"]
    (folder / "SHA256SUMS").write_bytes(sums_text({n: digest(p.read_bytes()).hexdigest() for n, p in names.items()}))


def test_what_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such bundle"):
        verify(tmp_path / "none", Asked())
    (tmp_path / "b.zip").write_bytes(b"not a zip")
    report = verify(tmp_path / "b.zip", Asked())
    assert report.digests.state is State.FAILS
    assert "b.zip" in report.at_fault


def test_a_file_that_changes_while_it_is_verified_is_found(unsigned: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(unsigned, tmp_path / "b"))
    contents = open_contents(folder)
    assert contents.read("report.md") == (folder / "report.md").read_bytes()
    (folder / "report.md").write_text("All is well.\n")
    with pytest.raises(VerificationError, match="report.md was changed while it was being verified"):
        contents.read("report.md")
