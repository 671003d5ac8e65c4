import ast
from functools import cache
from pathlib import Path

import pytest

from affidavit import errors
from affidavit.errors import SLUGS, AffidavitError, RowError

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("affidavit", "corpora", "reasoners", "audit", "privacy", "faithfulness", "federated", "reports", "dashboards")
SOURCES = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]


def test_prints_what_where_found_allowed_remedy_and_page() -> None:
    error = RowError("what", slug="row-label", where="t.csv, row 3", found="x", allowed="a, b", remedy="map it")
    assert str(error).splitlines() == [
        "t.csv, row 3: what",
        "  found: x",
        "  allowed: a, b",
        "  remedy: map it",
        "  more: docs/errors/row-label.md",
    ]


def test_what_was_found_moves_no_cursor() -> None:
    error = RowError("what", slug="row-label", found="a\x1b[2Jb\rc\u202e", remedy="none")
    assert str(error).splitlines()[1] == "  found: a\ufffd[2Jb\ufffdc\ufffd"


def test_an_unknown_slug_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="not in"):
        AffidavitError("x", slug="no-such-slug")


def test_every_slug_has_a_page_and_every_page_a_slug() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "errors").glob("*.md")} - {"README"}
    assert pages == set(SLUGS)


@cache
def calls() -> tuple[tuple[Path, ast.Call], ...]:
    """Return every call in the files that name a slug."""
    texts = ((path, path.read_text(encoding="utf-8")) for path in SOURCES)
    return tuple(
        (path, node)
        for path, text in texts
        if "slug" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
    )


def test_every_slug_is_used_somewhere() -> None:
    used = {
        keyword.value.value
        for _, call in calls()
        for keyword in call.keywords
        if keyword.arg == "slug" and isinstance(keyword.value, ast.Constant)
    }
    assert set(SLUGS) <= used, set(SLUGS) - used


def test_every_error_says_what_to_do() -> None:
    """A raised error of ours carries a remedy or says what is allowed."""
    names = {name for name, value in vars(errors).items() if isinstance(value, type)} - {"AffidavitError"}
    silent = []
    for path, call in calls():
        if isinstance(call.func, ast.Name) and call.func.id in names:
            given = {keyword.arg for keyword in call.keywords}
            if "slug" in given and not given & {"remedy", "allowed", "found"}:
                silent.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert not silent


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    lines = (errors.__doc__ or "").splitlines()
    drawn = {line.split("── ")[1].split()[0] for line in lines if "── " in line}
    real = {name for name, v in vars(errors).items() if isinstance(v, type) and issubclass(v, AffidavitError)}
    assert drawn == real - {"AffidavitError"}
