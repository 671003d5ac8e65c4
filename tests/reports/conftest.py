"""The sample reports, made and rendered once for all tests of this room."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from affidavit.report import AuditReport


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
