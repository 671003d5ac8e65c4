"""The core stays light: proven in a fresh process, with a proof that the proof can fail."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "streamlit", "flwr", "opacus", "captum", "shap", "sklearn", "fairlearn")
ROOMS = ("corpora", "reasoners", "audit", "privacy", "faithfulness", "federated", "reports", "dashboards")


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


CORE = (
    "import affidavit, affidavit.run, affidavit.cli.main, affidavit.bundle, affidavit.testing, affidavit.verification"
)


def test_the_core_imports_no_room_and_nothing_heavy() -> None:
    loaded = modules_after(CORE)
    assert not loaded & {*HEAVY, *ROOMS}


def test_the_proof_can_fail() -> None:
    assert "reports" in modules_after(f"{CORE}\nimport reports")


def test_help_and_import_load_neither_arrays_nor_records() -> None:
    heavy = {"numpy", "pandas", "pyarrow", "scipy", "pydantic", "altair"}
    assert not modules_after("import affidavit") & heavy
    assert not modules_after("import affidavit.cli.main") & heavy


@pytest.mark.parametrize("plan", ["performance", "word-errors"])
def test_an_examination_loads_only_its_room(plan: str) -> None:
    loaded = modules_after(f"from affidavit.registry import load, Door; load(Door.EXAMINATIONS, {plan!r})")
    assert "audit" in loaded
    assert not loaded & ({*HEAVY, *ROOMS} - {"audit"})
