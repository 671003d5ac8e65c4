from __future__ import annotations

import re
from types import ModuleType

import pytest

from affidavit.plan import Choice
from affidavit.records import Estimate, Finding, Interval, Refusal, Verdict
from affidavit.registry import Door, names
from affidavit.report import AuditReport
from reports.document import Listing, Paragraph, Section, Table
from reports.formats.markdown import MarkdownRenderer
from reports.pages import document_of
from reports.sections.privacy_section import (
    EXAMINATIONS,
    NO_LEDGER,
    NOT_COVERED,
    NOT_EXAMINED,
    OF_THE_NOISE,
    _by_group,
    privacy_section,
)

_WITHOUT_INTERVAL = Estimate(value=0.1, why_no_interval="two units", n=2, n_clusters=2)


def _finding(examination: str, metric: str, value: float | None, **changes: object) -> Finding:
    interval = None if value is None else Interval(low=value / 2, high=value, level=0.95, method="m")
    reason = "nobody was there" if value is None else None
    estimate = Estimate(value=value, interval=interval, why_no_interval=reason, n=40, n_clusters=40)
    first = Finding(
        id=f"{examination}/{metric}/{changes}",
        examination=examination,
        method_version="1",
        metric=metric,
        higher_is_better=False,
        run="listener",
        condition="TAV",
        groups={},
        estimate=estimate,
        verdict=Verdict.INFORMATIVE,
        source="s",
    )
    return first.model_copy(update=changes)


def _with(report: AuditReport, *findings: Finding, refusals: tuple[Refusal, ...] = ()) -> AuditReport:
    return report.model_copy(update={"findings": (*report.findings, *findings), "refusals": refusals})


def _paragraphs(section: Section) -> list[str]:
    return [block.text for block in section.blocks if isinstance(block, Paragraph)]


def _items(section: Section) -> str:
    return " ".join(item for block in section.blocks if isinstance(block, Listing) for item in block.items)


def _rows(section: Section) -> list[list[str]]:
    return [[cell.text for cell in row] for block in section.blocks if isinstance(block, Table) for row in block.rows]


def test_every_examination_of_the_section_is_there() -> None:
    assert set(EXAMINATIONS) <= set(names(Door.EXAMINATIONS))


def test_a_report_that_asked_nothing_says_so(small: AuditReport) -> None:
    assert _paragraphs(privacy_section(small)) == [NOT_EXAMINED]
    assert not _rows(privacy_section(small))


def test_attacks_without_a_ledger_are_no_differential_privacy(small: AuditReport) -> None:
    section = privacy_section(_with(small, _finding("membership", "membership_epsilon_lower_bound", 0.4)))
    assert _paragraphs(section) == [NO_LEDGER]
    assert OF_THE_NOISE not in _items(section)
    assert all(said in _items(section) for said in NOT_COVERED)


def test_a_promise_stands_with_what_it_is_true_of(small: AuditReport) -> None:
    promised = _finding("privacy-ledger", "accounted_epsilon", 3.0, caveats=("delta 1e-05; unit: patient",))
    section = privacy_section(_with(small, promised))
    assert NO_LEDGER not in _paragraphs(section)
    assert "delta 1e-05; unit: patient" in _items(section)
    assert OF_THE_NOISE in _items(section)


def test_a_bound_and_its_ceiling_stand_together(small: AuditReport) -> None:
    names = ("membership_epsilon_lower_bound", "membership_epsilon_lower_bound_ceiling")
    found = (_finding("membership", names[0], 0.4), _finding("membership", names[1], 4.9))
    rows = _rows(privacy_section(_with(small, *found)))
    assert [re.sub(r" .*", "", row[3]) for row in rows] == ["0.400", "4.900"]


def test_groups_and_their_gap_stand_beside_everybody(small: AuditReport) -> None:
    metric = "attack_auroc"
    groups = [_finding("membership", metric, v, groups={"accent": a}) for a, v in (("A", 0.6), ("B", 0.9), ("C", 0.7))]
    silent = _finding("membership", metric, None, groups={"accent": "unknown"})
    gap = _finding("membership", f"{metric}_difference", 0.3, compared=("accent",))
    rows = _rows(privacy_section(_with(small, _finding("membership", metric, 0.7), *groups, silent, gap)))
    assert rows[0][4] == "accent: 0.600 [0.300, 0.600] (A) to 0.900 [0.450, 0.900] (B)"
    assert rows[1][3] == ""
    assert rows[1][4].startswith("accent:")


def test_groups_that_are_alike_are_told_in_one() -> None:
    metric = "membership_epsilon_lower_bound"
    groups = [_finding("membership", metric, 0.0, groups={"accent": accent}) for accent in "ABC"]
    assert list(_by_group(groups)) == ["accent: 0.000 [0.000, 0.000] in each of 3"]


def test_a_group_of_whom_little_is_known_is_no_end_of_the_range() -> None:
    known = [_finding("membership", "attack_auroc", v, groups={"accent": a}) for a, v in (("A", 0.6), ("B", 0.7))]
    few = known[0].model_copy(update={"groups": {"accent": "unknown"}, "estimate": _WITHOUT_INTERVAL})
    assert list(_by_group([*known, few])) == ["accent: 0.600 [0.300, 0.600] (A) to 0.700 [0.350, 0.700] (B)"]


def test_an_undefined_number_says_why(small: AuditReport) -> None:
    section = privacy_section(_with(small, _finding("leakage", "leakage_advantage", None)))
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert _rows(section)[0][3] == "undefined"
    assert (*table.notes, *table.remarks) == ("nobody was there",)


def test_what_was_refused_and_what_nobody_asked_are_told_apart(small: AuditReport) -> None:
    refused = Refusal(examination="leakage", because="there are no embeddings", remedy="hand them over")
    unasked = Refusal(examination="membership", because="it is done where a plan names it", remedy="name it")
    named = small.plan.model_copy(update={"examinations": (Choice(name="leakage"),)})
    report = _with(small, refusals=(refused, unasked)).model_copy(update={"plan": named})
    said = _items(privacy_section(report))
    assert "there are no embeddings. Hand them over." in said
    assert "nobody asked; name the examination membership in the plan." in said


def test_what_is_refused_because_nobody_named_it_was_not_asked(small: AuditReport) -> None:
    unasked = Refusal(examination="membership", because="it is done where a plan names it", remedy="name it")
    assert _paragraphs(privacy_section(_with(small, refusals=(unasked,)))) == [NOT_EXAMINED]


@pytest.mark.parametrize("rendering", ["html", "md"])
def test_it_is_in_every_rendering(small: AuditReport, rendering: str, reading: ModuleType) -> None:
    assert any(section.id == "privacy" for section in document_of(small).sections)
    text = reading.page_of(small) if rendering == "html" else MarkdownRenderer().render(small).decode()
    assert "nothing in this report may be called differential privacy" in text
