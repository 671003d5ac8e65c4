"""Both sections in a page and in Markdown, whatever people wrote into a dossier; and the command."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from affidavit.bundle import write_bundle
from affidavit.errors import PlanError, TableError, VerificationError
from affidavit.report import AuditReport
from affidavit.testing.tables import small_report
from reports.document import Document, Section
from reports.formats.html import RENDERER as HTML
from reports.formats.markdown import RENDERER as MARKDOWN
from reports.law.commands import dossier
from reports.law.control_map import Material, Status
from reports.law.pack import shipped_packs
from reports.law.scope import observed_in
from reports.law.sections import NOT_ADVICE, law_sections
from reports.law.testimony import Testimony, gate
from reports.pages import document_of
from reports.trust.keys import write_key
from reports.trust.parties import Role

WHO = {"by": "A. Example", "role": "head of clinic", "date": "2026-11-20"}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> [e](http://evil.example) | `a` \u202e\n# h"
Signed = Callable[..., Testimony]


def sections_of(report: AuditReport, testimony: Testimony, today: datetime.date) -> tuple[Section, Section]:
    decision = gate(testimony, today=today, observed=observed_in(report))
    material = Material(report=report, testimony=testimony, decision=decision, today=today)
    return law_sections(shipped_packs(), material)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch, small: AuditReport) -> Callable[..., tuple[str, str]]:
    """Render both sections in a document of their own, in the frame of a report's: HTML and Markdown."""

    def rendered(sections: tuple[Section, ...]) -> tuple[str, str]:
        def framed(report: AuditReport, *gallery: Any, **papers: Any) -> Document:
            return replace(document_of(report), sections=sections)

        monkeypatch.setattr("reports.formats.html.pictures_of", lambda report: None)
        monkeypatch.setattr("reports.formats.html.document_of", framed)
        monkeypatch.setattr("reports.formats.markdown.document_of", framed)
        return HTML.render(small).decode(), MARKDOWN.render(small).decode()

    return rendered


def test_both_sections_say_what_they_are_not(small: AuditReport, signed: Signed, today: datetime.date) -> None:
    scope, control = sections_of(small, signed(), today)
    assert [(one.id, one.title) for one in (scope, control)] == [
        ("legal-scope", "Legal scope"), ("control-map", "Control map")
    ]  # fmt: skip
    for section in (scope, control):
        assert section.blocks[0].text == NOT_ADVICE  # type: ignore[union-attr]


def test_the_page_shows_every_requirement_and_status(
    small: AuditReport, signed: Signed, today: datetime.date, pages: Callable[..., tuple[str, str]], reading: ModuleType
) -> None:
    html, markdown = pages(sections_of(small, signed(), today))
    read = reading.Reader(html)
    for table in (read.tables, reading.markdown_tables(markdown)):
        captions = {one.caption.strip(): one for one in table}
        for pack in shipped_packs():
            rows = captions[f"{pack.title}: requirements, evidence and gaps"].rows[1:]
            assert len(rows) == len(pack.requirements)
            for row, requirement in zip(rows, pack.requirements, strict=True):
                assert requirement.id in row[0]
        counts = captions["Requirements by status"].rows[1:]
        total = sum(int(cell) for row in counts for cell in row[1:])
        assert total == sum(len(pack.requirements) for pack in shipped_packs())
    assert all(status.value in " ".join(captions["Requirements by status"].rows[0]) for status in Status)


def test_who_said_what_stands_in_the_page(
    small: AuditReport, signed: Signed, today: datetime.date, pages: Callable[..., tuple[str, str]]
) -> None:
    html, markdown = pages(sections_of(small, signed(), today))
    for text in (html, markdown):
        assert "A. Example, head of clinic" in text
        assert "2026-11-20" in text
        assert "The scope gate is open" in text


def test_what_nobody_said_stands_in_the_page(
    small: AuditReport, today: datetime.date, pages: Callable[..., tuple[str, str]]
) -> None:
    html, _ = pages(sections_of(small, Testimony(), today))
    assert "there is no dossier" in html
    assert "Not answered by anybody:" in html
    assert "The scope gate is shut" in html


def test_a_prohibited_use_is_said_first(small: AuditReport, signed: Signed, today: datetime.date) -> None:
    scope, _ = sections_of(small, signed(subjects={"subjects": ["clinicians"], **WHO}), today)
    assert "the use as it is described is prohibited" in scope.blocks[1].text  # type: ignore[union-attr]
    assert "Article 5(1)(f)" in scope.blocks[2].items[0]  # type: ignore[union-attr]


def test_stale_packs_warn_in_the_section(
    small: AuditReport, signed: Signed, pages: Callable[..., tuple[str, str]]
) -> None:  # fmt: skip
    html, _ = pages(sections_of(small, signed(), datetime.date(2040, 1, 1)))
    assert "Packs that must be looked at again:" in html
    assert html.count("and today is 2040-01-01") == len(shipped_packs())


def test_hostile_answers_are_inert(
    small: AuditReport,
    signed: Signed,
    today: datetime.date,
    pages: Callable[..., tuple[str, str]],
    reading: ModuleType,
) -> None:
    plain, _ = pages(sections_of(small, signed(), today))
    hostile = signed(
        system=HOSTILE,
        retention={"says": HOSTILE, "by": HOSTILE, "role": HOSTILE, "date": "2026-11-20"},
        exception={"exception": "medical", "covers": ["patients"], "evidence": HOSTILE, **WHO},
    )
    html, markdown = pages(sections_of(small, hostile, today))
    before, after = reading.Reader(plain), reading.Reader(html)
    assert (after.count("script"), after.count("img"), after.count("a")) == (
        before.count("script"), before.count("img"), before.count("a")
    )  # fmt: skip
    assert "<script>alert" not in html
    assert "\u202e" not in html
    assert "\u202e" not in markdown
    assert "<script>" not in markdown
    assert "](http://evil" not in markdown
    assert len(reading.markdown_tables(markdown)) == len(
        reading.markdown_tables(pages(sections_of(small, signed(), today))[1])
    )


def test_hostile_findings_are_inert(
    hostile: AuditReport, signed: Signed, today: datetime.date, pages: Callable[..., tuple[str, str]]
) -> None:
    html, markdown = pages(sections_of(hostile, signed(), today))
    assert "<script>alert" not in html
    assert "<script>" not in markdown


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    made = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    new = write_key(tmp_path, "Ada Osei", Role.REVIEWER, created=made)
    return new.key, new.card_file


def test_new_check_answer_sign_check(
    tmp_path: Path, whole: dict[str, Any], keys: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "case"
    assert dossier("new", folder, system="Listener 2") == 0
    assert dossier("check", folder / "dossier.yaml") == 3
    answered = {**whole, "oversight_person": {**whole["oversight_person"], "date": "2026-01-01"}}
    (folder / "dossier.yaml").write_text(yaml.safe_dump(answered), encoding="utf-8")
    assert dossier("check", folder) == 3
    assert "not under a verified signature" in capsys.readouterr().out
    assert dossier("sign", folder, key=keys[0]) == 0
    assert dossier("check", folder, key=keys[1]) == 0
    assert "allowed" in capsys.readouterr().out


def test_a_changed_dossier_fails_its_check(written: Path, keys: tuple[Path, Path]) -> None:
    dossier("sign", written, key=keys[0])
    written.write_text(written.read_text(encoding="utf-8").replace("patients", "public"), encoding="utf-8")
    with pytest.raises(VerificationError) as caught:
        dossier("check", written, key=keys[1])
    assert caught.value.slug == "digest-mismatch"


def test_a_prohibited_use_ends_with_one(
    tmp_path: Path, whole: dict[str, Any], keys: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "dossier.yaml"
    path.write_text(yaml.safe_dump(whole | {"subjects": {"subjects": ["students"], **WHO}}), encoding="utf-8")
    dossier("sign", path, key=keys[0])
    assert dossier("check", path, key=keys[1]) == 1
    assert "Article 5(1)(f)" in capsys.readouterr().out


def test_beside_a_bundle_the_map_is_counted(
    tmp_path: Path, written: Path, keys: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_bundle(small_report(), tmp_path / "bundle", renderings=())
    dossier("sign", written, key=keys[0])
    capsys.readouterr()
    assert dossier("check", written, key=keys[1], bundle=bundle) == 0
    out = capsys.readouterr().out
    for pack in shipped_packs():
        assert pack.id in out
    assert NOT_ADVICE in out


def test_signing_says_what_is_unanswered(
    tmp_path: Path, keys: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    dossier("new", tmp_path / "dossier.yaml", system="Listener 2")
    assert dossier("sign", tmp_path / "dossier.yaml", key=keys[0]) == 0
    assert "unanswered, and signed as such: intended_purpose" in capsys.readouterr().out


def test_answers_are_never_overwritten(written: Path) -> None:
    before = written.read_bytes()
    with pytest.raises(PlanError, match="exists already"):
        dossier("new", written)
    assert written.read_bytes() == before


def test_what_the_command_cannot_do(tmp_path: Path, written: Path, keys: tuple[Path, Path]) -> None:
    with pytest.raises(PlanError) as caught:
        dossier("chek", written)
    assert "did you mean 'check'?" in caught.value.what
    with pytest.raises(PlanError, match="needs a private key"):
        dossier("sign", written)
    with pytest.raises(TableError, match="signature of the dossier cannot be read"):
        dossier("check", written, key=keys[1])
    with pytest.raises(TableError, match="there is no key"):
        dossier("sign", written, key=tmp_path / "none")
