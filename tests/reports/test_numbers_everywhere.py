"""The same numbers in every format: what a small report estimates is looked up in each, as each is read."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from pypdf import PdfReader

from affidavit.report import AuditReport
from reports.formats import junit, markdown, model_card, oscal, table_files
from reports.formats.print import pdf

Page = Callable[[AuditReport], str]


@pytest.fixture(scope="module")
def report(samples: Any) -> AuditReport:
    """Everybody and gaps are decided here, so that every format tells of them."""
    made: AuditReport = samples.sample_report(conditions=("TAV",), accents=("Scottish", "Welsh", "unknown"))
    return made


@pytest.fixture(scope="module")
def told(report: AuditReport) -> list[dict[str, Any]]:
    """Return the JSON's own findings that a criterion bound, and that are of everybody or a gap."""
    findings = json.loads(report.to_json())["findings"]
    bound = [f for f in findings if "criterion" in f and (f.get("compared") or not f["groups"])]
    assert len(bound) == 4
    return bound


def _words(finding: dict[str, Any], unit: str) -> str:
    """Print an estimate here, independently of the room's wording."""
    estimate = finding["estimate"]
    interval = estimate["interval"]
    low, value, high = (100 * number for number in (interval["low"], estimate["value"], interval["high"]))
    return f"{value:.1f} {unit} [{low:.1f}, {high:.1f}]".replace("-", "−")


def _unit(finding: dict[str, Any]) -> str:
    return "points" if finding.get("compared") else "%"


def _text_of_pdf(report: AuditReport) -> str:
    pages = PdfReader(io.BytesIO(pdf.RENDERER.render(report))).pages
    return " ".join(" ".join(page.extract_text().replace("\u200b", "").split()) for page in pages)


def _text_of_junit(report: AuditReport) -> str:
    root = ET.fromstring(junit.RENDERER.render(report))
    return " ".join(element.text or "" for case in root.iter("testcase") for element in case)


def _text_of_oscal(report: AuditReport) -> str:
    (result,) = json.loads(oscal.RENDERER.render(report))["assessment-results"]["results"]
    return " ".join(observation["description"] for observation in result["observations"])


def _text_of_html(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_words_are_the_same(report: AuditReport, told: list[dict[str, Any]], page: Page) -> None:
    texts = {
        "pdf": _text_of_pdf(report),
        "html": _text_of_html(page(report)),
        "md": markdown.RENDERER.render(report).decode(),
        "junit": _text_of_junit(report),
        "oscal": _text_of_oscal(report),
        "model-card": model_card.RENDERER.render(report).decode(),
    }
    for finding in told:
        for name, text in texts.items():
            assert _words(finding, _unit(finding)) in text, (name, finding["id"])


def test_numbers_in_full_are_the_same(report: AuditReport, told: list[dict[str, Any]]) -> None:
    rows = csv.DictReader(io.StringIO(table_files.RENDERER.files(report)["findings.csv"].decode(), newline=""))
    of_csv = {row["id"]: (float(row["value"]), float(row["low"]), float(row["high"])) for row in rows if row["low"]}
    matter = yaml.safe_load(model_card.RENDERER.render(report).decode()[4:].partition("\n---\n")[0])
    metrics = [metric for result in matter["model-index"][0]["results"] for metric in result["metrics"]]
    of_card = {(m["type"], m["value"], m["args"].get("low"), m["args"].get("high")) for m in metrics}
    for finding in told:
        estimate = finding["estimate"]
        numbers = (estimate["value"], estimate["interval"]["low"], estimate["interval"]["high"])
        assert of_csv[finding["id"]] == numbers
        assert (finding["metric"], *numbers) in of_card


def test_every_group_of_the_json_stands_in_junit_and_oscal(report: AuditReport) -> None:
    """Groups have no place in the card; criteria bind them, so these two tell of each."""
    findings = [f for f in json.loads(report.to_json())["findings"] if "criterion" in f and f["groups"]]
    assert len(findings) > 10
    for text in (_text_of_junit(report), _text_of_oscal(report)):
        for finding in findings:
            if finding["estimate"].get("interval"):
                assert f"{', '.join(finding['groups'].values())} (run" in text
                assert _words(finding, "%") in text, finding["id"]
