"""The section of a federated run: what the record says, what it does not, hostile words as text, and its picture."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from affidavit import registry
from affidavit.case import Case
from affidavit.disclosure.release import RELEASE
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.plan import AuditPlan, Task
from affidavit.records import Estimate, Finding, Record, Verdict
from affidavit.registry import Door, register
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing import predictions_frame
from federated.record.entries import RunOpened
from federated.record.examination import EXAMINATION
from federated.rounds.events import (
    Asked,
    ReplyRefused,
    ReplyTaken,
    RoundClosed,
    RoundLost,
    RunBegan,
    RunEnded,
    SiteJoined,
    SiteLeft,
    Summed,
)
from reports.document import Block, Figure, Fold, Listing, Paragraph, Section, Table
from reports.drawings.federated_chart import IN, SHAPES, parts
from reports.drawings.gallery import Gallery, pictures_of
from reports.formats.html import HtmlRenderer
from reports.formats.markdown import MarkdownRenderer
from reports.pages import document_of
from reports.sections.federated_section import NOT_WRITTEN, WITHHELD, federated_sections
from reports.sections.federated_tables import MISSING, ROUNDS, SITES, rows_of
from tests.federated.record.logs import digest, round_of, server_log, site_log, written

FRAME = predictions_frame(n_speakers=40, per_speaker=3)
PLAN = {"title": "A federated listener", "runs": {"predictions": {"table": "x.csv"}}, "by": ["accent"]}


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    """Register an examination for these tests alone: audits that name none would ask it too."""
    register(Door.EXAMINATIONS, "asked-beside", BESIDE)
    yield
    del registry._registered[Door.EXAMINATIONS, "asked-beside"]


def _beside(case: Case) -> Testimony:
    (run,) = case.runs
    estimate = Estimate(value=0.5, why_no_interval="made by a test", n=120, n_clusters=40)
    finding = Finding(
        id=f"{run}/asked-beside",
        examination="asked-beside",
        method_version="1",
        metric="beside_rate",
        higher_is_better=None,
        run=run,
        condition="TAV",
        groups={},
        estimate=estimate,
        verdict=Verdict.INFORMATIVE,
        source="a test",
    )
    return Testimony(claims=(Claim(finding=finding),))


BESIDE = FunctionExamination(
    name="asked-beside",
    title="Something else that was asked",
    method_version="1",
    access=("table",),
    metrics=frozenset({"beside_rate"}),
    tasks=frozenset(Task),
    function=_beside,
)


def report(record: Path, *, sites: Sequence[Path] = ()) -> AuditReport:
    options: dict[str, Any] = {"record": str(record), "sites": [str(path) for path in sites]}
    chosen = ["asked-beside", {"name": EXAMINATION.name, "options": options}]
    return audit(FRAME, ("accent",), plan=AuditPlan.model_validate({**PLAN, "examinations": chosen}))


def sections(told: AuditReport) -> tuple[Section, ...]:
    return federated_sections(told, Gallery())


def flat(blocks: Sequence[Block]) -> list[Block]:
    found: list[Block] = []
    for block in blocks:
        found.append(block)
        found += flat(block.blocks) if isinstance(block, Fold | Section) else []
    return found


def said(told: AuditReport) -> str:
    blocks = flat(sections(told))
    texts = [block.text for block in blocks if isinstance(block, Paragraph)]
    texts += [item for block in blocks if isinstance(block, Listing) for item in (block.lead, *block.items)]
    return " ".join(texts)


def tables(told: AuditReport) -> dict[str, Table]:
    return {block.caption: block for block in flat(sections(told)) if isinstance(block, Table)}


def secure_log() -> list[Record]:
    """Sums alone are seen, a round is lost, a site leaves, and the server wrote nothing down of its code."""
    sites = ("harbour", "north", "valley")
    summed = Summed(
        round=1, attempt=1, terms="t", contributors=sites, dropped={}, saturated=4, scaled=2, bytes=1_234_567
    )
    return [
        RunBegan(run="sha256:run", layout="sha256:layout", size=30_169, rounds=4, rounds_done=0),
        *(SiteJoined(site=site, node=str(n)) for n, site in enumerate(sites)),
        Asked(round=1, attempt=1, sites=sites),
        summed,
        RoundClosed(round=1, attempts=1, contributors=sites, missing=(), moved=0.5, model=digest(("model", 1))),
        Asked(round=2, attempt=1, sites=sites),
        RoundLost(round=2, attempts=1, because="it did not open"),
        Asked(round=3, attempt=1, sites=sites),
        SiteLeft(site="north", round=3, slug="budget-spent", because="it is spent"),
        summed.model_copy(update={"round": 3, "contributors": ("harbour", "valley")}),
        RoundClosed(
            round=3, attempts=1, contributors=("harbour", "valley"), missing=("north",), moved=0.25, model=digest("m3")
        ),
        RunEnded(rounds_done=2, rounds_lost=(2,), because="too few sites left", model=digest("m3")),
    ]


def test_a_report_without_a_federated_run_says_that_none_was_examined() -> None:
    told = audit(FRAME, ("accent",), plan=AuditPlan.model_validate({**PLAN, "examinations": ["asked-beside"]}))
    assert sections(told) == ()
    page = MarkdownRenderer().render(told).decode()
    said = page.partition("## Federated run")[2].partition("\n## ")[0]
    assert "No record of a federated run was examined" in said
    assert "|" not in said, "there is no table"


def test_a_run_that_was_asked_for_and_refused_says_why(tmp_path: Path) -> None:
    broken = written(tmp_path, server_log())
    broken.write_bytes(broken.read_bytes().replace(b"north", b"nordh", 1))
    assert "does not hold" in said(report(broken))
    assert "untouched copy" in said(report(broken))


def test_rounds_and_sites_stand_as_the_record_has_them(tmp_path: Path) -> None:
    told = report(written(tmp_path, server_log(3)))
    rounds = tables(told)["Rounds, one after another"]
    assert [row[0].text for row in rounds.rows] == ["1", "2", "3"]
    assert "Missing" not in [column.title for column in rounds.columns], "nobody was"
    norms = [column.title for column in rounds.columns].index("Norms of updates")
    assert rounds.rows[2][norms].text == "1.500 · 1.500 · 1.500"
    sites = tables(told)["What came of each site"]
    assert [row[0].text for row in sites.rows] == ["north", "south"]
    assert "3 of 3 rounds happened. 2 sites took part; each is in all of them." in said(told)
    assert "No site's own log was held against it." in said(told)
    assert "Who was asked and is not in what came of it" not in tables(told)


def test_what_sites_say_is_held_against_it_in_words(tmp_path: Path) -> None:
    logs = [written(tmp_path / site, site_log(site)) for site in ("north", "south")]
    sound = report(written(tmp_path / "sound", server_log()), sites=logs)
    assert "Sites' own logs, held against it, contradict it nowhere." in said(sound)

    entries = server_log()
    at = next(i for i, entry in enumerate(entries) if isinstance(entry, ReplyTaken))
    entries[at] = entries[at].model_copy(update={"digest": digest("forged")})
    forged = report(written(tmp_path / "forged", entries), sites=logs)
    (row,) = tables(forged)["What does not fit together in the record"].rows
    assert row[0].text == "contradiction"
    assert "The record holds, and says nothing" not in said(forged)


def test_an_update_that_came_late_is_no_fault(tmp_path: Path) -> None:
    late = report(written(tmp_path / "server", server_log()), sites=[written(tmp_path / "n", site_log("north", 3))])
    assert "What does not fit together in the record" not in tables(late)
    assert "they came late, or were refused." in said(late)


def test_what_a_record_of_secure_sums_leaves_open_is_named(tmp_path: Path) -> None:
    told = report(written(tmp_path, secure_log()))
    words = said(told)
    for open_ in (
        "Which code ran, by digest",
        "Which plan it was",
        "How long single updates were",
        "no site told the server an epsilon",
        "no site told its number",
        "not each one's own log is at hand",
    ):
        assert open_ in words
    assert "2 of 4 rounds happened; 1 round could not be asked for again." in words
    text = MarkdownRenderer().render(told).decode()
    assert f"**Code:** {NOT_WRITTEN}" in text
    assert "too few sites left" in text
    rounds = tables(told)["Rounds, one after another"]
    assert "Norms of updates" not in [column.title for column in rounds.columns]
    assert [row[[c.title for c in rounds.columns].index("Cut")].text for row in rounds.rows] == ["4", "", "4"]

    opened = RunOpened(run="sha256:run", app=digest("a"), plan=digest("p"), layout="l", affidavit="9.9")
    known = said(report(written(tmp_path / "known", [opened, *secure_log()])))
    assert "Which code ran" not in known
    assert "Which plan" not in known


def test_the_picture_says_the_same_as_the_tables(tmp_path: Path) -> None:
    told = report(written(tmp_path, secure_log()))
    rows = [rows_of(told, exhibit, "predictions") for exhibit in (ROUNDS, SITES, MISSING)]
    marks = {(mark["site"], mark["round"]): mark["part"] for mark in parts(*rows)}
    assert marks == {
        **{(site, number): IN for site in ("harbour", "valley") for number in (1, 3)},
        ("north", 1): IN,
        ("north", 3): "left",
        **{(site, 2): "no reply" for site in ("harbour", "north", "valley")},
    }
    (figure,) = pictures_of(told).of_federations
    svg = ET.fromstring(figure.svg)
    ns = "{http://www.w3.org/2000/svg}"
    description = "".join(svg.find(f"{ns}desc").itertext())  # type: ignore[union-attr]
    assert "2 rounds: harbour in 2, north in 1, valley in 2. Rounds that did not happen: 2." in description
    written_in = {text for element in svg.iter(f"{ns}text") for text in element.itertext()}
    assert {"harbour", "north", "valley", "lost", "no reply", "left"} <= written_in
    blocks = flat(federated_sections(told, Gallery(of_federations=(figure,))))
    assert [block.id for block in blocks if isinstance(block, Figure)] == ["attendance-0"]


def test_every_word_of_the_exhibit_has_a_shape_of_its_own() -> None:
    assert {IN, "no reply", "refused", "left", "aborted", "not seen"} == set(SHAPES)
    assert len(set(SHAPES.values())) == len(SHAPES)


def test_many_sites_have_tables_behind_a_line_and_no_picture(tmp_path: Path) -> None:
    told = report(written(tmp_path, server_log(2, tuple(f"site-{n:03}" for n in range(61)))))
    assert pictures_of(told).of_federations == ()
    assert any(isinstance(block, Fold) and "61 rows" in block.summary for block in flat(sections(told)))
    assert "61 sites took part" in said(told)


def test_words_of_sites_are_text_in_every_rendering(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> | [x](javascript:y) \x1b[2J"
    entries = [*server_log(1)[:3], ReplyRefused(round=1, attempt=1, site="north", because=hostile), *round_of(1)]
    told = report(written(tmp_path, entries))
    html, markdown = HtmlRenderer().render(told).decode(), MarkdownRenderer().render(told).decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in markdown
    assert "\x1b" not in html + markdown
    assert re.search(r"\[x\]\(javascript", markdown) is None


def test_renderings_agree_and_are_the_same_each_time(tmp_path: Path) -> None:
    told = report(written(tmp_path, secure_log()))
    assert HtmlRenderer().render(told) == HtmlRenderer().render(told)
    ids = [section.id for section in document_of(told).sections]
    assert ids.index("federated-run") == ids.index("privacy") + 1
    html = HtmlRenderer().render(told).decode()
    assert html.count('id="federated-run"') == 1
    assert html.count("1,234,567") == 1, "of the site that is in one round"
    assert html.count("2,469,134") == 2


def test_a_release_tells_no_number_of_patients_and_says_what_is_withheld(tmp_path: Path) -> None:
    entries = server_log()
    entries[2:2] = [SiteJoined(site="north", node="1", n_units=7), SiteJoined(site="south", node="2", n_units=8_763)]
    told = report(written(tmp_path, entries))
    assert "8,763" in HtmlRenderer().render(told).decode()
    assert [row["patients"] for row in rows_of(told, SITES)] == [7, 8_763]

    released = RELEASE.release(told)
    assert not [exhibit.id for exhibit in released.exhibits if exhibit.id.startswith("federated-")]
    assert not rows_of(released, SITES)
    gone = [row["value"] for row in released.exhibit("disclosure-rule").to_pylist()]
    assert SITES in gone
    for rendered in (HtmlRenderer(), MarkdownRenderer()):
        text = rendered.render(released).decode()
        assert "8,763" not in text
        assert "8763" not in text
        assert "Patients" not in text
    assert "8763" not in released.model_dump_json()
    assert '"patients"' not in released.model_dump_json()
    assert WITHHELD in said(released)
    assert not Gallery().of_federations
    assert pictures_of(released).of_federations == ()
