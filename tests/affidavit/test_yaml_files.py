"""A file that people write becomes a record, or an error that says what is wrong with it and with which slug."""

from __future__ import annotations

from pathlib import Path

import pytest

from affidavit.errors import AffidavitError, PlanError, TableError
from affidavit.records import Record
from affidavit.yaml_files import read_record


class Wanted(Record):
    seed: int
    title: str = "none"


def read(path: Path, text: str) -> Wanted:
    path.write_text(text, encoding="utf-8")
    return read_record(path, Wanted, invalid=invalid)


def invalid(found: str) -> AffidavitError:
    return PlanError("it does not validate", slug="plan-invalid", found=found, remedy="correct it")


def test_a_file_becomes_a_record(tmp_path: Path) -> None:
    assert read(tmp_path / "f.yaml", "seed: 3\n") == Wanted(seed=3)
    assert read(tmp_path / "f.yaml", "\ufeffseed: 3\ntitle: é\n") == Wanted(seed=3, title="é")


def test_each_fault_is_a_clause_and_an_unknown_key_has_a_hint(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        read(tmp_path / "f.yaml", "seed: x\ntitel: t\n")
    found = str(caught.value.found)
    assert "seed: " in found
    assert "titel: unknown key" in found
    assert found.endswith(" (did you mean 'title'?)")
    assert caught.value.slug == "plan-invalid"


@pytest.mark.parametrize("text", ["", "- 1\n", "7"])
def test_what_is_no_record_at_all_is_as_wrong(tmp_path: Path, text: str) -> None:
    with pytest.raises(PlanError, match="does not validate"):
        read(tmp_path / "f.yaml", text)


def test_what_is_no_yaml_or_no_file_is_another_error(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        read(tmp_path / "f.yaml", "seed: [3\n")
    assert caught.value.slug == "file-unreadable"
    with pytest.raises(TableError) as caught:
        read_record(tmp_path / "none.yaml", Wanted, invalid=invalid)
    assert caught.value.slug == "file-not-found"
