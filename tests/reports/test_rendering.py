"""`affidavit render`: every format by its name, all written or none, and what it refuses."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from affidavit import registry
from affidavit.bundle import write_bundle
from affidavit.errors import MissingPartError, PlanError, RegistryError, VerificationError
from affidavit.registry import Door
from affidavit.report import AuditReport
from reports.formats.rendering import render_bundle, renderers_named, write_renderings

OURS = {
    "pdf": "reports.formats.print.pdf:RENDERER",
    "junit": "reports.formats.junit:RENDERER",
    "model-card": "reports.formats.model_card:RENDERER",
    "oscal": "reports.formats.oscal:RENDERER",
    "tables": "reports.formats.table_files:RENDERER",
}


@pytest.fixture(autouse=True)
def _behind_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    doors = {**registry.BUILT_IN, Door.RENDERERS: {**registry.BUILT_IN[Door.RENDERERS], **OURS}}
    monkeypatch.setattr(registry, "BUILT_IN", MappingProxyType(doors))


@pytest.fixture(scope="module")
def brief(samples: Any) -> AuditReport:
    report: AuditReport = samples.sample_report(conditions=("TAV",), accents=("Welsh", "unknown"))
    return report


@pytest.fixture
def bundle(brief: AuditReport, tmp_path: Path) -> Path:
    return write_bundle(brief, tmp_path / "bundle")


class Broken:
    name = "broken"
    suffix = ".broken"

    def render(self, report: AuditReport) -> bytes:
        raise MissingPartError("no ink", slug="part-missing")


def test_every_format_is_written_with_its_digest(bundle: Path, tmp_path: Path, capsys: Any) -> None:
    before = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    out = tmp_path / "out"
    assert render_bundle(bundle, formats="pdf, junit,model-card,oscal,tables,html,md,json", out=out) == 0
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    sums = dict(line.split("  ")[::-1] for line in found.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}
    suffixes = ("pdf", "junit.xml", "model-card.md", "oscal.json", "html", "md", "json")
    assert {f"report.{suffix}" for suffix in suffixes} <= set(found)
    assert "tables/findings.csv" in found
    assert {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == before
    assert "report.pdf" in capsys.readouterr().out


def test_html_and_json_are_those_of_the_bundle(bundle: Path, tmp_path: Path) -> None:
    render_bundle(bundle, formats="html,json,md", out=tmp_path / "out")
    for name in ("report.html", "report.json", "report.md"):
        assert (tmp_path / "out" / name).read_bytes() == (bundle / name).read_bytes()


@pytest.mark.parametrize("formats", ["", " , ", "junit,junit"])
def test_a_list_that_is_none_is_refused(formats: str) -> None:
    with pytest.raises(PlanError) as caught:
        renderers_named(formats)
    assert caught.value.slug == "plan-invalid"
    assert "model-card" in str(caught.value)


def test_an_unknown_format_is_refused_before_anything_is_written(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="junitt") as caught:
        render_bundle(bundle, formats="oscal,junitt", out=tmp_path / "out")
    assert "junit" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_what_is_no_renderer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._registered, (Door.RENDERERS, "spoon"), object())
    with pytest.raises(RegistryError, match="no renderer"):
        renderers_named("spoon")


def test_nothing_is_left_where_one_format_fails(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._registered, (Door.RENDERERS, "broken"), Broken())
    with pytest.raises(MissingPartError):
        render_bundle(bundle, formats="junit,broken", out=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_folder_that_holds_something_is_refused(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(PlanError) as caught:
        render_bundle(bundle, formats="junit", out=out)
    assert caught.value.slug == "output-exists"
    assert (out / "thesis.txt").read_text() == "mine"


def test_a_changed_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    (bundle / "report.md").write_text("all is well")
    with pytest.raises(VerificationError):
        render_bundle(bundle, formats="junit", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_renderers_of_one_suffix_are_told_apart(brief: AuditReport, tmp_path: Path) -> None:
    class Other:
        name = "other"
        suffix = ".junit.xml"

        def render(self, report: AuditReport) -> bytes:
            return b"<other/>"

    (junit,) = renderers_named("junit")
    written = write_renderings(brief, (junit, Other()), tmp_path / "out")
    assert written == ("report-other.junit.xml", "report.junit.xml", "SHA256SUMS")


def test_missing_fonts_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from reports.formats.print import fonts

    monkeypatch.setattr(fonts, "PACKAGES", ("no_such_fonts",))
    with pytest.raises(MissingPartError, match="no-such-fonts"):
        fonts.font_folders()
