"""The summary for affected people: short, without jargon, true to the findings, and silent about nothing."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from types import ModuleType

import pytest

from affidavit.records import Estimate, Finding
from affidavit.report import AuditReport
from affidavit.testing.tables import small_report
from reports.document import Listing, Paragraph, Section
from reports.drawings.gallery import Gallery
from reports.law.testimony import Testimony
from reports.papers.papers import Papers, without_papers
from reports.sections.case_file import CaseFile
from reports.sections.plain_language import plain_language_section

JARGON = ("epsilon", "interval", "metric", "bootstrap", "significan", "p =", "accuracy", "recall", "DP-SGD", "verdict",
          "inference", "algorithm", "modalit", "estimate", "hypothes", "calibrat", "Shapley")  # fmt: skip


def summary_of(report: AuditReport, papers: Papers | None = None) -> Section:
    case = CaseFile(report=report, papers=papers or without_papers(report), gallery=Gallery())
    return plain_language_section(case).section


def said(section: Section) -> list[str]:
    """Return the sentences of the summary, without what it says is missing."""
    found = [block.text for block in section.blocks if isinstance(block, Paragraph)]
    for part in (block for block in section.blocks if isinstance(block, Section)):
        found += [item for block in part.blocks if isinstance(block, Listing) for item in block.items]
    return [one for text in found for one in re.split(r"(?<=[.?!])\s+", text)]


def test_sentences_are_short_and_words_plain(full: AuditReport) -> None:
    sentences = said(summary_of(full))
    assert len(sentences) > 10
    words = [len(sentence.split()) for sentence in sentences]
    assert max(words) <= 30
    assert sum(words) / len(words) <= 16
    assert not [(word, one) for one in sentences for word in JARGON if word.lower() in one.lower()]


def test_rates_are_those_of_the_findings(full: AuditReport) -> None:
    finding = next(f for f in full.findings if f.metric == "accuracy" and not f.groups and f.condition == "TAV")
    value, interval = finding.estimate.value, finding.estimate.interval
    assert value is not None
    assert interval is not None
    wanted = f"Out of 100 answers about {100 * value:.0f} ({100 * interval.low:.0f} to {100 * interval.high:.0f}) were"
    assert any(wanted in sentence for sentence in said(summary_of(full)))


def test_a_gap_that_stands_is_told_with_both_groups(full: AuditReport) -> None:
    gap = next(
        f
        for f in full.findings
        if f.metric == "accuracy_difference" and f.compared == ("accent",) and f.condition == "TAV"
    )
    sentences = said(summary_of(_tested(full, gap, p_adjusted=0.001)))
    told = next(sentence for sentence in sentences if sentence.startswith("By accent: out of 100"))
    assert f"right for {gap.lowest}" in told
    assert f"for {gap.highest}" in told
    assert "Chance alone does not make that." in sentences


def test_a_gap_that_chance_could_make_is_no_good_news(full: AuditReport) -> None:
    gap = next(
        f
        for f in full.findings
        if f.metric == "accuracy_difference" and f.compared == ("accent",) and f.condition == "TAV"
    )
    sentences = said(summary_of(_tested(full, gap, p_adjusted=0.4)))
    assert "By accent: no difference was found that chance could not make." in sentences
    assert any(sentence.startswith("A difference of less than ") for sentence in sentences)


def test_what_was_not_measured_is_said_to_be_unknown() -> None:
    report = small_report()
    bare = report.model_copy(update={"findings": ()})
    sentences = said(summary_of(bare))
    assert "How often it is right was not measured." in sentences
    assert "Whether it is right as often for one group of people as for another was not measured." in sentences
    assert "Whether the reasons that it gives are the real ones was not checked." in sentences
    assert "Nobody has shown how much the program gives away of the people it learned from." in sentences
    assert "Nobody has said where you can complain." in sentences


def test_rights_come_from_the_signed_dossier(
    full: AuditReport, signed: Callable[..., Testimony], today: datetime.date
) -> None:
    text = " ".join(said(summary_of(full, Papers(filed_on=today, testimony=signed()))))
    assert "Where you can complain: What is said of complaints." in text
    assert "Nobody has said" not in text


@pytest.mark.parametrize(("value", "promised"), [(4.0, True), (None, False)])
def test_a_promise_needs_a_ledger_that_gives_a_number(full: AuditReport, value: float | None, promised: bool) -> None:
    model = next(f for f in full.findings if f.metric == "accuracy" and not f.groups)
    estimate = Estimate(value=value, why_no_interval="accounted", n=100, n_clusters=100)
    ledger = model.model_copy(
        update={
            "examination": "privacy-ledger",
            "metric": "epsilon",
            "estimate": estimate,
            "criterion": None,
            "id": "l",
        }
    )
    text = " ".join(said(summary_of(full.model_copy(update={"findings": (*full.findings, ledger)}))))
    assert ("noise was mixed in" in text) is promised
    assert ("Nobody has shown how much the program gives away" in text) is not promised


def _tested(report: AuditReport, gap: Finding, *, p_adjusted: float) -> AuditReport:
    assert gap.test is not None
    changed = gap.model_copy(update={"test": gap.test.model_copy(update={"p_adjusted": p_adjusted})})
    findings = tuple(changed if finding.id == gap.id else finding for finding in report.findings)
    return report.model_copy(update={"findings": findings})


def test_of_several_models_each_sentence_says_of_which_it_speaks(samples: ModuleType) -> None:
    report = samples.sample_report(runs=("old", "new"), conditions=("TAV",), with_exhibits=False)
    section = next(
        part
        for part in summary_of(report).blocks
        if isinstance(part, Section) and part.id in {"plain-right", "plain-fair"}
    )
    told = [item for block in section.blocks if isinstance(block, Listing) for item in block.items]
    assert {text.partition(": ")[0] for text in told} == {"old", "new"}
