"""The helper that runs the commands of the pages, and the folder of the public data."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> ModuleType:
    """Import a file beside this one; pytest's importlib mode gives test folders no package."""
    full = f"affidavit_tests_docs_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture(scope="session")
def console() -> ModuleType:
    return load("console")


@pytest.fixture
def data_beside() -> None:
    """Skip where the public data do not lie beside the checkout, which is where the plans look for them."""
    if not (ROOT.parent / "shared" / "data").is_dir():
        pytest.skip("the public data are not beside the checkout; docs/walkthrough.md says what they are")


@pytest.fixture(scope="session")
def measured() -> ModuleType:
    return load("measured")
