"""A waiver needs two people, a reason and an end; a file of waivers is read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from affidavit.errors import PolicyError, TableError
from reports.gate.waivers import read_waivers

WHOLE = """
version: 1
waivers:
  - criterion: accuracy-gap
    owner: Ada Osei
    reason: until the new microphones arrive
    granted: 2026-01-15
    expires: 2026-04-01
    approved_by: Jo Lindqvist
"""


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    text = WHOLE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "waivers.yaml").write_text(text, encoding="utf-8")
    return folder / "waivers.yaml"


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    (waiver,) = read_waivers(written(tmp_path))
    assert waiver.told() == (
        "Ada Osei answers for it since 2026-01-15 and until 2026-04-01, agreed by Jo Lindqvist: until the new "
        "microphones arrive"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("Jo Lindqvist", "Ada Osei"), "cannot approve a waiver of their own"),
        (("Jo Lindqvist", "  ada   OSEI "), "cannot approve a waiver of their own"),
        (("2026-04-01", "2026-01-15"), "not after 2026-01-15"),
        (("2026-04-01", "when it suits"), "waivers.0.expires"),
        (("    expires: 2026-04-01\n", ""), "waivers.0.expires"),
        (("    approved_by: Jo Lindqvist\n", ""), "waivers.0.approved_by"),
        (("until the new microphones arrive", "because"), "waivers.0.reason"),
        (("Ada Osei", "''"), "waivers.0.owner"),
        (("criterion:", "criteria:"), "waivers.0.criteria: unknown key"),
        (("version: 1", "version: 2"), "version"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_waivers(written(tmp_path, change))
    assert said in str(caught.value)
    assert "waivers.yaml" in str(caught.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such file"):
        read_waivers(tmp_path / "waivers.yaml")
