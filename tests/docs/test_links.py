"""Every relative link leads somewhere, every anchor is a heading, and the Python of the README runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from affidavit.testing import predictions_frame

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s\"[^\"]*\")?\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def links_of(page: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
    return [link for link in LINK.findall(text) if not re.match(r"[a-z]+:", link)]


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def broken(page: Path, link: str) -> str | None:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return f"{page.relative_to(ROOT)}: {link} leads nowhere"
    if not target.is_relative_to(ROOT):
        return f"{page.relative_to(ROOT)}: {link} leads out of the checkout"
    if anchor and target.suffix == ".md" and anchor not in anchors_of(target):
        return f"{page.relative_to(ROOT)}: {link} has no such heading"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert [fault for link in links_of(page) if (fault := broken(page, link))] == []


def test_a_broken_link_is_found() -> None:
    readme = ROOT / "README.md"
    assert broken(readme, "docs/nowhere.md")
    assert broken(readme, "README.md#no-such-heading")
    assert broken(readme, "../elsewhere")
    assert broken(readme, "docs/walkthrough.md") is None


def test_every_page_of_docs_is_in_the_index() -> None:
    linked = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in links_of(ROOT / "docs" / "README.md")}
    pages = {path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "errors"}
    assert pages - linked == {ROOT / "docs" / "README.md"}


def test_every_picture_is_shown_and_small() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in links_of(page) if link.endswith(".png")}
    pictures = set((ROOT / "docs" / "pictures").glob("*.png"))
    assert shown == pictures
    assert all(path.stat().st_size < 250_000 for path in pictures)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, id=f"{page.name}-{i}")
        for page in PAGES
        for i, code in enumerate(PYTHON.findall(page.read_text(encoding="utf-8")))
        # test_readme_model.py runs the one on a model of its own, test_walkthrough.py what needs data
        if "transformers" not in code and "../shared/data" not in code
    ],
)
def test_the_python_of_the_pages_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame = predictions_frame()
    frame.to_parquet("predictions.parquet")
    names: dict[str, Any] = {"frame": frame}
    exec(compile(code, "page", "exec"), names)
