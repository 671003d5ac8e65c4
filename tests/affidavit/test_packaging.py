"""What is installed from a wheel is what works from a checkout."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from affidavit.rooms import ROOMS

ROOT = Path(__file__).resolve().parents[2]
OURS = ("affidavit", *ROOMS)


def test_the_wheel_holds_every_file_of_every_package(tmp_path: Path) -> None:
    for name in OURS:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(tmp_path), str(tmp_path)], check=True, capture_output=True, timeout=120)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    there = {
        path.relative_to(ROOT).as_posix()
        for name in OURS
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == there
