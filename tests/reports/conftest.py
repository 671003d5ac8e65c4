"""The sample reports, made and rendered once for all tests of this room, and a dossier that answers everything."""

from __future__ import annotations

import datetime
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from affidavit.report import AuditReport
from reports.law.dossier import Dossier
from reports.law.testimony import Testimony

TODAY = datetime.date(2026, 11, 22)
WHO = {"by": "A. Example", "role": "head of clinic", "date": "2026-11-20"}


def _load(name: str) -> ModuleType:
    """Import a file beside this one; pytest's importlib mode gives test folders no package."""
    full = f"affidavit_tests_reports_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture(scope="session")
def samples() -> ModuleType:
    return _load("sample_reports")


@pytest.fixture(scope="session")
def reading() -> ModuleType:
    return _load("reading")


@pytest.fixture(scope="session")
def full(samples: ModuleType) -> AuditReport:
    report: AuditReport = samples.sample_report()
    return report


@pytest.fixture(scope="session")
def small(samples: ModuleType) -> AuditReport:
    report: AuditReport = samples.small_report()
    return report


@pytest.fixture(scope="session")
def hostile(samples: ModuleType) -> AuditReport:
    report: AuditReport = samples.hostile_report()
    return report


@pytest.fixture(scope="session")
def page(reading: ModuleType) -> Callable[[AuditReport], str]:
    """Render a report to HTML, once per report."""
    return reading.page_of  # type: ignore[no-any-return]


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
