"""The sixteen sections and the summary: their order, where each finding stands, and what each says is missing."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from affidavit.conditions import sorted_conditions
from affidavit.records import Verdict
from affidavit.registry import BUILT_IN, Door
from affidavit.report import AuditReport
from reports.document import Block, Column, Document, Facts, Fold, Listing, Section, Table
from reports.gate.waivers import Waiver
from reports.law.dossier import Question
from reports.law.testimony import Testimony
from reports.pages import document_of
from reports.papers.papers import Papers, without_papers
from reports.sections.areas import OF_EXAMINATION, Area, area_of, part_of
from reports.sections.missing import LEAD
from reports.wording import PER_UNIT, figures, metric_label, scale_of

Signed = Callable[..., Testimony]
SECTIONS = (
    "decision",
    "legal-scope",
    "purpose",
    "data",
    "performance",
    "fairness",
    "explanations",
    "privacy",
    "federated-run",
    "robustness",
    "oversight",
    "risks",
    "control-map",
    "reproduction",
    "manifest",
    "changes",
    "plain-language",
)


@pytest.fixture(scope="module")
def bare(full: AuditReport) -> Document:
    return document_of(full)


def section(document: Document, name: str) -> Section:
    return next(one for one in document.sections if one.id == name)


def blocks_of(block: Block) -> Iterator[Block]:
    yield block
    if isinstance(block, Section | Fold):
        for inner in block.blocks:
            yield from blocks_of(inner)


def table(block: Block, name: str) -> Table:
    return next(one for one in blocks_of(block) if isinstance(one, Table) and one.id == name)


def texts(block: Block) -> list[str]:
    """Return every sentence of listings, facts and cells."""
    found: list[str] = []
    for one in blocks_of(block):
        if isinstance(one, Listing):
            found += one.items
        if isinstance(one, Facts):
            found += [text for pair in one.items for text in pair]
        if isinstance(one, Table):
            found += [cell.text for row in one.rows for cell in row]
    return found


def fact(block: Block, name: str) -> str:
    pairs = [pair for one in blocks_of(block) if isinstance(one, Facts) for pair in one.items]
    return next(value for key, value in pairs if key == name)


def test_the_sections_stand_in_their_order(bare: Document) -> None:
    assert tuple(one.id for one in bare.sections) == SECTIONS


def test_ids_of_tables_and_sections_are_told_apart(bare: Document) -> None:
    ids = [one.id for part in bare.sections for one in blocks_of(part) if isinstance(one, Section)]
    assert [name for name, count in Counter(ids).items() if count > 1] == []


def test_every_examination_has_an_area() -> None:
    assert set(OF_EXAMINATION) == set(BUILT_IN[Door.EXAMINATIONS])


def test_every_finding_stands_in_one_area(full: AuditReport) -> None:
    parts = [part_of(full, (area,)).findings for area in Area]
    assert sum(map(len, parts)) == len(full.findings)
    assert {finding.id for part in parts for finding in part} == {finding.id for finding in full.findings}


def test_every_metric_of_every_area_is_printed(full: AuditReport, bare: Document) -> None:
    for area in Area:
        part = part_of(full, (area,))
        shown = " ".join(
            column.title
            for block in blocks_of(section(bare, area))
            if isinstance(block, Table)
            for column in _headings(block)
        )
        assert [f.metric for f in part.findings if metric_label(f.metric.removesuffix(PER_UNIT)) not in shown] == []


def _headings(one: Table) -> list[Column]:
    return [*one.columns, *(Column(title=row[0].text) for row in one.rows)]


def test_a_plugins_examination_is_placed_by_what_it_measured(full: AuditReport) -> None:
    everybody = next(f for f in full.findings if f.metric == "accuracy" and not f.groups)
    gap = next(f for f in full.findings if f.compared is not None)
    own = {"examination": "of-a-plugin"}
    assert area_of(everybody.model_copy(update=own)) is Area.PERFORMANCE
    assert area_of(gap.model_copy(update=own)) is Area.FAIRNESS
    assert area_of(everybody.model_copy(update={**own, "property": "causal"})) is Area.EXPLANATIONS


def test_the_decision_page_counts_each_area_once(full: AuditReport, bare: Document) -> None:
    rows = table(section(bare, "decision"), "areas").rows
    told = {row[0].text: [int(cell.text.replace(",", "")) for cell in row[2:]] for row in rows}
    for number, verdict in enumerate(Verdict):
        assert sum(counts[number] for counts in told.values()) == full.count(verdict)
    assert sum(counts[-1] for counts in told.values()) == len(full.refusals)
    fairness = next(row for row in rows if row[0].text == "Fairness between groups")
    assert fairness[1].verdict is Verdict.FAIL  # the planted gap between accents
    explanations = next(row for row in rows if row[0].text == "Explanations")
    assert explanations[1].text == "nothing was asked"
    assert fact(section(bare, "decision"), "Filed").startswith("no papers were filed with it")


def test_what_is_missing_stands_in_its_section_and_on_the_first_page(bare: Document) -> None:
    first = section(bare, "decision")
    lacking = {row[0].text: row for row in table(first, "lacking").rows}
    for part in bare.sections[1:]:
        own = [one for one in blocks_of(part) if isinstance(one, Listing) and one.lead == LEAD]
        for item in (item for one in own for item in one.items):
            row = next(row for what, row in lacking.items() if item.startswith(f"{what}. "))
            assert part.title in row[1].text.split("; ")
            assert f"To be supplied by {row[2].text}: {row[3].text}." in item
    assert {row[2].text for row in lacking.values()} <= {
        "the provider", "the deployer", "the auditor", "the owner of the data", "whoever supplied the table"
    }  # fmt: skip


@pytest.mark.parametrize("name", ["explanations", "purpose", "oversight", "changes", "federated-run"])
def test_a_section_without_evidence_says_so(bare: Document, name: str) -> None:
    assert [one for one in blocks_of(section(bare, name)) if isinstance(one, Listing) and one.lead == LEAD]


def test_a_signed_dossier_fills_what_people_must_say(full: AuditReport, signed: Signed, today: datetime.date) -> None:
    told = document_of(full, papers=Papers(filed_on=today, testimony=signed()))
    lacking = [row[0].text for row in table(section(told, "decision"), "lacking").rows]
    assert not [text for text in lacking if "signed" in text or text.startswith("Nobody answered this")]
    assert "What is said of intended_purpose. (A. Example, head of clinic, 2026-11-20)" in texts(
        section(told, "purpose")
    )
    assert "What is said of oversight_person. (A. Example, head of clinic, 2026-11-20)" in texts(
        section(told, "oversight")
    )
    assert fact(section(told, "decision"), "Scope gate") == "open: no prohibited use was found in the answers"


def test_an_unsigned_dossier_fills_nothing(full: AuditReport, signed: Signed, today: datetime.date) -> None:
    unsigned = Testimony(dossier=signed().dossier)
    told = document_of(full, papers=Papers(filed_on=today, testimony=unsigned))
    assert "What is said of intended_purpose" not in " ".join(texts(section(told, "purpose")))
    row = next(
        row
        for row in table(section(told, "decision"), "lacking").rows
        if row[0].text.startswith("Nobody answered this: For which purpose")
    )  # fmt: skip
    assert row[3].text == "have the dossier signed and file it anew"


def test_a_prohibited_use_is_the_first_thing_that_is_read(
    full: AuditReport, signed: Signed, today: datetime.date
) -> None:
    who = {"by": "A. Example", "role": "head of clinic", "date": "2026-11-20"}
    staff = signed(subjects={"subjects": ["employees"], **who}, context={"contexts": ["workplace"], **who})
    told = document_of(full, papers=Papers(filed_on=today, testimony=staff))
    assert told.first_line == "Prohibited use: the scope gate is shut. Decision: fail"
    assert told.tone == "fail"
    assert "The law forbids this use of it. The part Legal scope says which law." in texts(
        section(told, "plain-language")
    )


def test_performance_tells_everybody_under_every_condition(full: AuditReport, bare: Document) -> None:
    shown = table(section(bare, "performance"), "performance-listener")
    conditions = [column.title for column in shown.columns[1:8]]
    assert conditions == list(sorted_conditions(set(full.data[0].conditions)))
    row = next(row for row in shown.rows if row[0].text == "Accuracy" and "mean over units" not in row[0].detail)
    for condition, cell in zip(conditions, row[1:8], strict=True):
        finding = next(f for f in full.findings if f.metric == "accuracy" and not f.groups and f.condition == condition)
        assert cell.text == figures(finding.estimate.value, scale_of("accuracy"))
        assert cell.detail.startswith("[")


def test_coverage_counts_who_is_unknown(full: AuditReport, bare: Document) -> None:
    rows = table(section(bare, "data"), "coverage-listener").rows
    unknown = next(row for row in rows if row[0].text == "unknown")
    finding = next(f for f in full.findings if f.groups == {"accent": "unknown"} and f.metric == "accuracy")
    assert (unknown[1].text, unknown[2].text) == ("accent", f"{finding.estimate.n:,}")
    assert len(rows) == 6 + 4


def test_waivers_are_shown_with_their_days(full: AuditReport, today: datetime.date) -> None:
    failed = next(f for f in full.findings if f.verdict is Verdict.FAIL and f.criterion is not None)
    assert failed.criterion is not None
    told: dict[str, Any] = {
        "criterion": failed.criterion.id, "owner": "Ada", "reason": "new microphones come", "approved_by": "Jo"
    }  # fmt: skip
    live = Waiver(granted=today, expires=today + datetime.timedelta(days=9), finding=failed.id, **told)
    dead = Waiver(granted=datetime.date(2020, 1, 1), expires=datetime.date(2020, 2, 1), **told)
    document = document_of(full, papers=Papers(filed_on=today, waivers=(live, dead)))
    risks = section(document, "risks")
    assert [row[2].text for row in table(risks, "waivers").rows] == ["yes", "no"]
    register = {row[0].text: row for row in table(risks, "risk-register").rows}
    open_ones = int(register[failed.criterion.id][2].text) + int(register[failed.criterion.id][3].text)
    assert register[failed.criterion.id][-1].text == f"1 of {open_ones}"
    assert fact(section(document, "decision"), "Waivers in force") == f"1 of 2; the first ends on {live.expires}"


def test_the_register_holds_every_criterion_that_was_not_kept(full: AuditReport, bare: Document) -> None:
    wanted = {
        f.criterion.id for f in full.findings if f.criterion and f.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)
    }
    assert {row[0].text for row in table(section(bare, "risks"), "risk-register").rows} == wanted


def test_the_last_day_is_named_or_said_to_be_missing(full: AuditReport, bare: Document, today: datetime.date) -> None:
    assert fact(section(bare, "decision"), "Holds until").startswith("nobody named a last day")
    until = Papers(filed_on=today, valid_until=datetime.date(2027, 1, 31))
    assert fact(section(document_of(full, papers=until), "decision"), "Holds until").startswith("2027-01-31, as")


def test_pages_before_signing_say_that_signatures_come_later(bare: Document, full: AuditReport) -> None:
    assert fact(section(bare, "decision"), "Signed by").startswith("signatures are made over this page")
    none = Papers(filed_on=datetime.date(2026, 11, 22), signatures=())
    assert fact(section(document_of(full, papers=none), "decision"), "Signed by") == "nobody"


def test_a_report_without_a_day_still_has_pages(full: AuditReport) -> None:
    timeless = full.model_copy(update={"provenance": full.provenance.model_copy(update={"created_at": "withheld"})})
    assert without_papers(timeless).filed_on == datetime.date(1970, 1, 1)


def test_every_question_of_the_dossier_that_pages_ask_is_one(bare: Document) -> None:
    asked = [text for text in texts(section(bare, "decision")) if text.startswith("answer `")]
    assert {text.split("`")[1] for text in asked} <= {question.value for question in Question}
