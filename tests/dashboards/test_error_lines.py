"""An error at the desk keeps its lines, and holds nothing invisible."""

from __future__ import annotations

from affidavit.errors import PlanError
from dashboards.showing.texts import lines_as_markdown


def test_an_error_keeps_its_lines_and_hides_nothing() -> None:
    error = PlanError("no such *run*", slug="plan-impossible", where="runs", found="a\u202eb", remedy="name another")
    lines = lines_as_markdown(str(error)).split("  \n")
    assert len(lines) == len(str(error).splitlines()) > 1
    told = "\n".join(lines)
    assert "\u202e" not in told
    assert "\\*run\\*" in told
