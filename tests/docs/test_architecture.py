"""The tree in ARCHITECTURE.md is the tree."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "affidavit",
    "corpora",
    "reasoners",
    "audit",
    "privacy",
    "faithfulness",
    "federated",
    "reports",
    "dashboards",
)
BESIDE = ("tests", "docs", "examples", "bench", ".ci")
"""Named in the tree, but not file by file."""
MADE = {".git", ".venv", "out", "build", "dist", "__pycache__"}
LINE = re.compile(r"^(?P<indent> *)(?P<name>[\w.-]+/?)(?: {2,}(?P<clause>\S.*))?$")


def stated_tree(page: str) -> dict[str, str]:
    """Return path to clause from the first code block; a folder ends with a slash, two spaces are one level."""
    block = re.search(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert block is not None, "ARCHITECTURE.md has no tree"
    tree: dict[str, str] = {}
    above: list[str] = []
    for line in block[1].splitlines():
        found = LINE.match(line)
        assert found is not None, f"not a line of the tree: {line!r}"
        level = len(found["indent"]) // 2
        path = "".join([*above[:level], found["name"]])
        above = [*above[:level], found["name"]]
        assert path not in tree, f"{path} stands twice"
        tree[path] = found["clause"] or ""
    return tree


def real_tree(root: Path) -> set[str]:
    """Return top-level files and folders, and every folder and module of the packages."""
    ignored = _ignored(root)
    top = {f"{p.name}/" if p.is_dir() else p.name for p in root.iterdir() if p.name not in MADE | ignored}
    modules = set()
    for package in PACKAGES:
        for path in (root / package).rglob("*.py"):
            modules.add(path.relative_to(root).as_posix())
        for path in (root / package).rglob("*"):
            if path.is_dir() and path.name != "__pycache__":
                modules.add(f"{path.relative_to(root).as_posix()}/")
    return top | modules


def _ignored(root: Path) -> set[str]:
    names = [path.name for path in root.iterdir()]
    done = subprocess.run(
        ["git", "-C", str(root), "check-ignore", "--", *names], capture_output=True, text=True, check=False
    )
    return {name.rstrip("/") for name in done.stdout.split()} if done.returncode in (0, 1) else set()


def test_the_tree_is_the_tree() -> None:
    stated = stated_tree((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    real = real_tree(ROOT)
    assert sorted(real - set(stated)) == [], "missing from ARCHITECTURE.md"
    assert sorted(set(stated) - real) == [], "in ARCHITECTURE.md only"


def test_every_entry_says_what_it_is() -> None:
    stated = stated_tree((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert [path for path, clause in stated.items() if not clause] == []


def test_what_is_not_listed_file_by_file_is_named() -> None:
    stated = stated_tree((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert {f"{name}/" for name in (*PACKAGES, *BESIDE)} <= set(stated)


def test_the_test_can_fail(tmp_path: Path) -> None:
    for package in PACKAGES:
        (tmp_path / package).mkdir()
    (tmp_path / "audit" / "claims.py").touch()
    (tmp_path / "README.md").touch()
    complete = "```\nREADME.md  x\n" + "".join(f"{package}/  x\n" for package in PACKAGES) + "```\n"
    assert real_tree(tmp_path) - set(stated_tree(complete)) == {"audit/claims.py"}
    invented = complete.replace("audit/  x\n", "audit/  x\n  claims.py  x\n  other.py  x\n")
    assert set(stated_tree(invented)) - real_tree(tmp_path) == {"audit/other.py"}
    with pytest.raises(AssertionError, match="stands twice"):
        stated_tree(complete.replace("audit/  x\n", "audit/  x\naudit/  x\n"))


def test_the_laws_name_files_and_tests_that_exist() -> None:
    """A test that the page calls as the keeper of a law is there."""
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page):
        assert (ROOT / path).is_file(), path
        assert not name or f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{name}"
    for path in re.findall(r"`((?:affidavit|audit|reports|corpora|reasoners)/[\w/]+\.py)`", page):
        assert (ROOT / path).is_file(), path
