"""docs/corpora.md has a section a loader, and its table of options is the loader's."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

from affidavit.protocols import CorpusLoader
from affidavit.records import Record
from affidavit.registry import Door, load, names

PAGE = Path(__file__).resolve().parents[2] / "docs" / "corpora.md"
LOADERS = sorted(
    path.stem for path in (PAGE.parent.parent / "corpora").glob("*.py") if "LOADER: Final" in path.read_text()
)
ELSEWHERE = {"clinic"}
"""Loaders that have a page of their own."""


def sections() -> dict[str, str]:
    parts = re.split(r"^## (\S+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("module", LOADERS)
def test_a_section_says_what_a_loader_reads(module: str) -> None:
    found = import_module(f"corpora.{module}")
    assert isinstance(found.LOADER, CorpusLoader)
    section = sections()[found.LOADER.name]
    assert "```" in section, "a tree"
    assert "Licence:" in section
    assert "Assumed:" in section
    options = [kind for name, kind in vars(found).items() if name.endswith("Options") and inspect.isclass(kind)]
    (own,) = (kind for kind in options if issubclass(kind, Record) and kind.__module__ == found.__name__)
    stated = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    assert stated == list(own.model_fields), "every option, in the order of the record"


def test_every_registered_loader_has_a_section() -> None:
    missing = set(names(Door.CORPORA)) - set(sections()) - ELSEWHERE
    assert not missing, f"no section in docs/corpora.md: {sorted(missing)}"
    known = {import_module(f"corpora.{module}").LOADER.name for module in LOADERS}
    assert set(sections()) == known
    for name in set(names(Door.CORPORA)) - ELSEWHERE:
        assert load(Door.CORPORA, name).name == name
