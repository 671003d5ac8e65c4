"""The list of who withdrew: holds no name, loses nobody, and stops whoever asks it when it cannot be read."""

from __future__ import annotations

import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from affidavit.errors import TableError
from affidavit.withdrawals import ENVIRONMENT, Withdrawals, withdrawals


def files(folder: Path) -> list[Path]:
    return [place for place in folder.rglob("*") if place.is_file()]


def test_an_empty_list_holds_nobody_and_writes_nothing(tmp_path: Path) -> None:
    listed = Withdrawals(tmp_path / "list")
    assert not listed
    assert len(listed) == 0
    assert "patient-7" not in listed
    assert listed.among(["patient-7"]) == frozenset()
    assert not (tmp_path / "list").exists()


def test_who_withdrew_is_on_it_however_the_name_is_written(tmp_path: Path) -> None:
    listed = Withdrawals(tmp_path)
    listed.add("7.0")
    listed.add("Zoe\u0308 ")
    assert "7" in listed
    assert "Zo\u00eb" in listed
    assert "8" not in listed
    assert listed.among(["7", "8", "Zo\u00eb"]) == {"7", "Zo\u00eb"}
    assert len(listed) == 2


def test_no_name_stands_in_it_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    listed = Withdrawals(tmp_path / "list")
    listed.add("patient-7")
    listed.mark("patient-7", "noted in harbour")
    for place in files(tmp_path):
        assert b"patient" not in place.read_bytes()
        assert b"harbour" not in place.read_bytes()
        assert "patient" not in place.name
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
    other = Withdrawals(tmp_path / "other")
    other.add("patient-7")
    digests = [place.name for place in files(tmp_path) if place.parent.name == "units"]
    assert len(set(digests)) == 2, "each house has its own key"


def test_once_more_changes_nothing(tmp_path: Path) -> None:
    listed = Withdrawals(tmp_path)
    listed.add("a")
    listed.mark("a", "x")
    before = {place: place.read_bytes() for place in files(tmp_path)}
    listed.add("a")
    assert {place: place.read_bytes() for place in files(tmp_path)} == before
    assert listed.marked("a", "x")
    assert not listed.marked("a", "y")
    assert not listed.marked("b", "x")


def test_two_at_once_lose_nobody(tmp_path: Path) -> None:
    names = [f"p{i}" for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: Withdrawals(tmp_path).add(name), names))
    assert Withdrawals(tmp_path).among(names) == set(names)


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_without_its_key_nobody_is_taken_in(tmp_path: Path, damage: str) -> None:
    listed = Withdrawals(tmp_path)
    listed.add("a")
    key = tmp_path / "key"
    if damage == "gone":
        key.unlink()
    else:
        key.write_bytes(b"short")
    with pytest.raises(TableError, match="without it nobody is taken in"):
        _ = "b" in listed
    with pytest.raises(TableError):
        listed.among(["b"])
    with pytest.raises(TableError):
        listed.add("b")


def test_a_list_without_its_units_takes_nobody_in(tmp_path: Path) -> None:
    listed = Withdrawals(tmp_path)
    listed.add("a")
    shutil.rmtree(tmp_path / "units")
    with pytest.raises(TableError, match="without it nobody is taken in"):
        bool(listed)


def test_a_folder_that_was_named_and_is_not_there_takes_nobody_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "withdrawls"))
    with pytest.raises(TableError, match="make an empty one"):
        bool(withdrawals())
    assert not withdrawals(begun=False), "about to be begun"
    (tmp_path / "withdrawls").mkdir()
    assert not withdrawals()


def test_a_file_in_its_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "units").write_text("x")
    with pytest.raises(TableError):
        bool(Withdrawals(tmp_path))


def test_the_environment_names_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "mine"))
    assert withdrawals().folder == tmp_path / "mine"
    monkeypatch.delenv(ENVIRONMENT)
    assert withdrawals().folder.name == "withdrawals"
    assert "cache" not in withdrawals().folder.parts[-2:]
