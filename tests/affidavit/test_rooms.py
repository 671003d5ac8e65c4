import subprocess
import sys
from pathlib import Path

import pytest

from affidavit.rooms import ROOMS, check_rooms

ROOT = Path(__file__).resolve().parents[2]
OURS = ("affidavit", *ROOMS)


def test_every_room_is_ours() -> None:
    check_rooms()


@pytest.mark.parametrize("room", ["audit", "reports"])
def test_a_file_that_shadows_a_room_is_named(tmp_path: Path, room: str) -> None:
    (tmp_path / f"{room}.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "affidavit", "doctor"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert str(tmp_path / f"{room}.py") in done.stderr
    assert "room-shadowed" in done.stderr


def test_no_top_level_name_has_two_owners() -> None:
    """No other installed distribution brings a top-level package of one of our names."""
    from importlib.metadata import packages_distributions

    for name in OURS:
        owners = set(packages_distributions().get(name, ["affidavit"]))
        assert owners == {"affidavit"}, f"{name} belongs to {owners}"


def test_no_module_is_named_like_a_room() -> None:
    """`dashboards/audit.py` would take the place of `import audit` under streamlit."""
    named = [
        path.relative_to(ROOT)
        for name in OURS
        for path in (ROOT / name).rglob("*.py")
        if path.stem in ROOMS and path.parent != ROOT
    ]
    assert not named


def test_every_room_is_packaged_and_linted() -> None:
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = settings["tool"]["setuptools"]["packages"]["find"]["include"]
    assert found == [f"{name}*" for name in OURS]
    assert settings["tool"]["importlinter"]["root_packages"] == list(OURS)
    assert settings["tool"]["mypy"]["packages"] == list(OURS)
