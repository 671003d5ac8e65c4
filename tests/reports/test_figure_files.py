"""The pictures of the page as files of their own, and the findings as files of a bundle."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from affidavit.protocols import Renderer
from affidavit.report import AuditReport
from reports.drawings.drawn import pictures_of
from reports.formats.figure_files import RENDERER
from reports.formats.rendering import RendererOfFiles
from reports.formats.table_files import FINDINGS_RENDERER
from reports.formats.table_files import RENDERER as TABLES

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def files(small: AuditReport) -> Mapping[str, bytes]:
    return RENDERER.files(small)


def test_they_are_renderers_of_files() -> None:
    for renderer in (RENDERER, FINDINGS_RENDERER):
        assert isinstance(renderer, Renderer)
        assert isinstance(renderer, RendererOfFiles)


def test_every_picture_of_the_page_is_a_file(small: AuditReport, files: Mapping[str, bytes], page: Any) -> None:
    html = page(small)
    assert len(files) == html.count("<svg ") > 3
    for content in files.values():
        title = ET.fromstring(content).findtext(f"{SVG}title")
        assert title is not None
        assert title.replace("&", "&amp;") in html


def test_each_says_what_it_shows_and_stands_alone(files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        text, root = content.decode(), ET.fromstring(content)
        assert root.findtext(f"{SVG}desc"), name
        labelled = set((root.get("aria-labelledby") or "").split())
        assert labelled <= {element.get("id") for element in root.iter()}
        assert [element.tag for element in root][:3] == [f"{SVG}title", f"{SVG}desc", f"{SVG}rect"]
        assert "var(" not in text
        assert "inherit" not in text


def test_the_zip_holds_the_same_and_no_time(small: AuditReport, files: Mapping[str, bytes]) -> None:
    content = RENDERER.render(small)
    assert content == RENDERER.render(small)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_without_exhibits_there_is_no_picture(small: AuditReport) -> None:
    assert RENDERER.files(AuditReport.model_validate_json(small.to_json())) == {}


def test_the_findings_are_those_of_the_tables(small: AuditReport) -> None:
    own, all_of_them = FINDINGS_RENDERER.files(small), TABLES.files(small)
    assert set(own) == {"findings.csv", "findings.parquet"}
    assert all(all_of_them[name] == content for name, content in own.items())


@pytest.mark.slow  # renders every format
def test_pictures_are_drawn_once_of_one_report_and_again_of_another(small: AuditReport, full: AuditReport) -> None:
    drawn = pictures_of(small)
    assert pictures_of(small) is drawn
    twin = small.with_tables({})
    assert pictures_of(twin) is not drawn
    assert pictures_of(twin) == drawn
    assert pictures_of(full) != drawn
