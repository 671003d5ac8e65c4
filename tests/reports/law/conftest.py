"""Dossiers and reports for the tests of law packs, each made by hand."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from affidavit.records import Finding
from affidavit.report import AuditReport
from reports.law.dossier import Dossier
from reports.law.testimony import Testimony

TODAY = datetime.date(2026, 11, 22)
WHO = {"by": "A. Example", "role": "head of clinic", "date": "2026-11-20"}


def answers() -> dict[str, Any]:
    """Return a whole dossier: patients, judged in a European clinic from text, voice and face."""
    says = (
        *("intended_purpose", "foreseeable_misuse", "oversight_person", "oversight_means", "complaints", "retention"),
        *("label_supplier", "deployer", "provider", "people_informed", "legal_basis", "impact_assessment"),
        *("risk_management", "monitoring"),
    )
    told: dict[str, Any] = {name: {"says": f"What is said of {name}.", **WHO} for name in says}
    told |= {
        "places": {"places": ["eu"], **WHO},
        "context": {"contexts": ["healthcare"], **WHO},
        "subjects": {"subjects": ["patients"], **WHO},
        "modalities": {"modalities": ["text", "voice", "face"], **WHO},
        "biometric": {"biometric": True, **WHO},
        "exception": {"exception": "none", **WHO},
        "circumstances": {"circumstances": {"public-service": False, "automated-decision": False}, **WHO},
    }
    return {"version": 1, "system": "Listener 2", **told}


@pytest.fixture
def whole() -> dict[str, Any]:
    return answers()


@pytest.fixture
def today() -> datetime.date:
    return TODAY


@pytest.fixture
def signed() -> Callable[..., Testimony]:
    """Make testimony under a verified key, with some answers changed; None takes one away."""

    def make(**changes: dict[str, Any] | None) -> Testimony:
        told = {name: value for name, value in (answers() | changes).items() if value is not None}
        return Testimony(dossier=Dossier.model_validate(told), key_id="k" * 64)

    return make


@pytest.fixture
def written(tmp_path: Path, whole: dict[str, Any]) -> Path:
    """Write the whole dossier to a file."""
    path = tmp_path / "dossier.yaml"
    path.write_text(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


@pytest.fixture
def planted(small: AuditReport) -> Callable[..., AuditReport]:
    """Make a report of planted findings, each a copy of one finding with some fields changed."""

    def make(*changes: dict[str, Any], **fields: Any) -> AuditReport:
        model = next(f for f in small.findings if f.metric == "accuracy" and f.estimate.interval and f.criterion)
        findings: list[Finding] = []
        for number, change in enumerate(changes):
            plain = model.model_copy(update={"criterion": None, "id": f"planted/{number}", "exhibits": None})
            held = {"criterion": model.criterion} if change.pop("held", False) else {}
            findings.append(plain.model_copy(update=change | held))
        return small.model_copy(update={"findings": tuple(findings), "refusals": (), "exhibits": ()} | fields)

    return make
