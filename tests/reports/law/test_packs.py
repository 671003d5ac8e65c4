"""Packs: each loads, names only evidence that exists, says what was read, and warns when it is old."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
import yaml

from affidavit.errors import InputError, TableError
from affidavit.metric_names import COUNTS, DIFFERENCES, ENDINGS, NAMES, RATES
from affidavit.registry import Door, load, names
from affidavit.report import AuditReport
from reports.document import Section
from reports.law.listing import packs_table
from reports.law.pack import NOT_ADVICE, PACKS, Basis, LawPack, Requirement, read_pack, shipped_packs
from reports.law.parts import PARTS
from reports.law.scope import ARTICLES
from reports.law.staleness import stale_warnings
from reports.pages import document_of

ROOT = Path(__file__).resolve().parents[3]
REQUIREMENTS = [requirement for pack in shipped_packs() for requirement in pack.requirements]
NO_SECTION = {"release", "frozen-criteria"}
ASKED_FOR = {
    "eu-ai-act": [
        *("5.1-f", "annex-iii.1-c", "art-9", "art-10", "art-11", "annex-iv", "art-12", "art-13", "art-14"),
        *("art-15", "art-26", "art-27", "art-50.3"),
    ],
    "gdpr": ["art-9", "art-22", "art-35"],
    "hipaa": ["164-514", "cms"],
    "nist-ai-rmf": [f"measure.2-{number}" for number in range(1, 14)],
    "iso-iec": ["42001.title", "24027.title"],
    "nyc-ll144": ["5-301", "20-871"],
    "model-cards": ["4.2", "4.7"],
}


def by_id(requirement: Requirement) -> str:
    return requirement.id


@pytest.mark.parametrize("path", sorted(PACKS.glob("*.yaml")), ids=lambda path: path.stem)
def test_loads_under_its_own_name(path: Path) -> None:
    assert read_pack(path).id == path.stem


def test_every_text_that_is_promised_is_there() -> None:
    ids = {pack.id: " ".join(one.id for one in pack.requirements) for pack in shipped_packs()}
    missing = [(pack, part) for pack, parts in ASKED_FOR.items() for part in parts if part not in ids[pack]]
    assert (missing, set(ids)) == ([], set(ASKED_FOR))


@pytest.fixture(scope="module")
def metrics() -> set[str]:
    return {m for name in names(Door.EXAMINATIONS) for m in load(Door.EXAMINATIONS, name).metrics}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=by_id)
def test_names_only_evidence_that_exists(requirement: Requirement, metrics: set[str]) -> None:
    evidence = requirement.evidence
    assert set(evidence.examinations) <= set(names(Door.EXAMINATIONS))
    assert set(evidence.metrics) <= metrics
    assert all(known(metric) for metric in evidence.metrics)
    assert set(evidence.sections) <= set(PARTS)


def known(metric: str) -> bool:
    """Say whether metric_names can read a name without falling back on the name itself."""
    if metric in {*NAMES, *RATES, *COUNTS, *DIFFERENCES} or metric.endswith(("_rate", "_share")):
        return True
    return any(metric.endswith(ending) and known(metric.removesuffix(ending)) for ending in ENDINGS if ending != metric)


def test_parts_are_sections_of_the_pages(full: AuditReport) -> None:
    sections = document_of(full).sections
    inner = {block.id for section in sections for block in section.blocks if isinstance(block, Section)}
    assert set(PARTS) - NO_SECTION <= inner | {section.id for section in sections}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=by_id)
def test_says_in_few_words_what_is_asked_and_whether_it_was_read(requirement: Requirement) -> None:
    assert 5 <= len(requirement.demands.split()) <= 60
    assert (requirement.date_read is None) is requirement.unverified
    if requirement.date_read is not None:
        assert requirement.read_at is not None
        assert requirement.date_read == datetime.date(2026, 11, 22)


def test_nobody_read_what_is_told_by_title() -> None:
    pack = next(pack for pack in shipped_packs() if pack.id == "iso-iec")
    assert pack.n_read == 0
    assert pack.unverified


def test_the_gate_cites_as_the_pack_does() -> None:
    cited = {requirement.id: requirement.article for requirement in REQUIREMENTS if requirement.id in ARTICLES}
    assert cited == dict(ARTICLES)


def test_what_nothing_answers_says_why() -> None:
    assert all(one.note for one in REQUIREMENTS if one.basis is Basis.NOWHERE)


def test_each_says_that_it_is_no_advice() -> None:
    assert all(NOT_ADVICE in pack.notice for pack in shipped_packs())


def test_high_risk_duties_start_when_the_amended_act_says() -> None:
    starts = {one.id: one.applies_from for one in REQUIREMENTS if one.id.startswith("eu-ai-act.art-1")}
    assert set(starts.values()) == {datetime.date(2027, 12, 2)}
    ban = next(one for one in REQUIREMENTS if one.id == "eu-ai-act.art-5.1-f")
    assert ban.applies_from == datetime.date(2025, 2, 2)


SMALL = {
    "version": 1,
    "id": "small",
    "title": "A small law",
    "jurisdiction": "somewhere",
    "source": {"citation": "Law 1", "url": "https://example.org/law"},
    "text_version": "first",
    "text_date": "2026-01-01",
    "unverified": True,
    "stale_after": "2026-12-31",
    "notice": "This is not legal advice.",
    "requirements": [
        {
            "id": "small.1",
            "article": "Section 1",
            "demands": "That somebody says what it is for.",
            "unverified": True,
            "applies_when": {},
            "basis": "present",
            "evidence": {"statements": ["intended_purpose"]},
            "supplied_by": "the provider",
        }
    ],
}


def with_requirement(**changes: object) -> dict[str, object]:
    requirement = {**SMALL["requirements"][0], **changes}  # type: ignore[index]
    return SMALL | {"requirements": [{k: v for k, v in requirement.items() if v is not None}]}


def read_document(folder: Path, document: object) -> LawPack:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return read_pack(path)


def test_a_small_pack_loads(tmp_path: Path) -> None:
    assert read_document(tmp_path, SMALL).requirements[0].applies_from is None


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (SMALL | {"stale_afer": "2026-01-01"}, "did you mean 'stale_after'?"),
        (SMALL | {"stale_after": "2026-02-30"}, "stale_after"),
        (SMALL | {"text_date": "last spring"}, "text_date"),
        (SMALL | {"notice": "Do as it says."}, "not legal advice"),
        (SMALL | {"unverified": False}, "date_read"),
        (SMALL | {"requirements": []}, "requirements"),
        ([1, 2], "the document"),
        (with_requirement(id="other.1"), "begin with small."),
        (with_requirement(date_read="2026-01-02"), "date_read"),
        (with_requirement(unverified=False, date_read="2026-01-02"), "at which address"),
        (with_requirement(evidence=None), "names what answers it"),
        (with_requirement(basis="nowhere"), "names what answers it"),
        (with_requirement(basis="decided"), "only measurements"),
        (with_requirement(basis="perhaps"), "basis"),
        (with_requirement(evidence={"statements": ["purpose"]}), "statements"),
        (with_requirement(evidence={"sections": ["appendix"]}), "sections"),
        (with_requirement(applies_when={"places": ["mars"]}), "places"),
        (with_requirement(demands="x" * 401), "demands"),
    ],
)
def test_what_is_wrong_with_a_pack_is_said(tmp_path: Path, document: object, found: str) -> None:
    with pytest.raises(InputError) as caught:
        read_document(tmp_path, document)
    assert found in (caught.value.found or "")
    assert caught.value.remedy


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL) + "title: Another\n", encoding="utf-8")
    with pytest.raises(InputError, match="does not validate") as caught:
        read_pack(path)
    assert caught.value.found == "stands twice: title"


def test_no_file_and_no_yaml(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such file"):
        read_pack(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(TableError, match="not readable YAML"):
        read_pack(tmp_path / "bad.yaml")


def stale(document: dict[str, object], tmp_path: Path, today: str) -> tuple[str, ...]:
    return stale_warnings((read_document(tmp_path, document),), today=datetime.date.fromisoformat(today))


def test_warns_from_the_day_after_its_review(tmp_path: Path) -> None:
    assert stale(SMALL, tmp_path, "2026-12-31") == ()
    (warning,) = stale(SMALL, tmp_path, "2027-01-01")
    assert "held until 2026-12-31" in warning


def test_warns_of_an_amendment_after_the_text_and_after_the_reading(tmp_path: Path) -> None:
    reading = with_requirement(unverified=None, date_read="2026-02-01", read_at="https://example.org/copy")
    amended = reading | {"last_amended": {"date": "2026-03-01", "by": "Law 2"}}
    text, read = stale(amended, tmp_path, "2026-06-01")
    assert "told of as of 2026-01-01, amended on 2026-03-01 by Law 2" in text
    assert "read before the amendment of 2026-03-01 by Law 2: Section 1" in read
    assert stale(amended | {"text_date": "2026-03-01"}, tmp_path, "2026-06-01") == (read,)
    same_day = reading | {"last_amended": {"date": "2026-02-01", "by": "Law 2"}, "text_date": "2026-02-01"}
    assert stale(same_day, tmp_path, "2026-06-01") == ()


def test_what_ships_is_not_stale_on_the_day_of_its_review(today: datetime.date) -> None:
    assert stale_warnings(shipped_packs(), today=today) == ()
    late = datetime.date(2100, 1, 1)
    assert len(stale_warnings(shipped_packs(), today=late)) == len(shipped_packs())


def test_the_page_prints_the_table() -> None:
    page = (ROOT / "docs" / "law.md").read_text(encoding="utf-8")
    assert packs_table(shipped_packs()) in page


def test_the_page_shows_a_requirement_that_loads() -> None:
    page = (ROOT / "docs" / "law.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    shown = yaml.safe_load(block)
    assert Requirement.model_validate(shown[0]).basis is Basis.DECIDED
