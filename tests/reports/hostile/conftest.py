"""Reports that carry hostile texts, each made once."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from affidavit.report import AuditReport


@pytest.fixture(scope="session")
def hostile_texts() -> ModuleType:
    full = "affidavit_tests_reports_hostile_texts"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name("texts.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture(scope="session")
def hostile_reports(hostile_texts: ModuleType, samples: ModuleType) -> Mapping[str, AuditReport]:
    """By the kind of text."""
    return {kind: hostile_texts.report_of(samples, text) for kind, text in hostile_texts.TEXTS.items()}


@pytest.fixture(scope="session")
def plain_report(hostile_texts: ModuleType, samples: ModuleType) -> AuditReport:
    report: AuditReport = hostile_texts.report_of(samples, "plain")
    return report
