"""The benchmark of attributions compares what is equal, and mends the peer that is not."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("captum")

SCRIPT = Path(__file__).resolve().parents[2] / "bench" / "attribution.py"


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("attribution", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["attribution"] = module
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    spec.loader.exec_module(module)
    yield module
    torch.set_num_threads(threads)


def apart(printed: str, line: str) -> float:
    found = re.search(rf"{line}.*?([\d.]+e[-+]\d+) apart", printed)
    assert found is not None, printed
    return float(found[1])


def test_exact_values_are_equal_and_sampled_ones_are_near(
    bench: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "N_TURNS", 2)
    monkeypatch.setattr(bench, "N_FRAMES", 40)
    assert bench.modalities(2) > 0
    printed = capsys.readouterr().out
    assert apart(printed, "Captum ShapleyValues ") < 1e-5
    assert 1e-4 < apart(printed, "Captum ShapleyValueSampling") < 0.5


def test_the_mended_loop_is_equal_and_the_loop_as_it_comes_is_not(
    bench: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.rationale(5, 6) > 0
    printed = capsys.readouterr().out
    assert apart(printed, "mended") < 1e-4
    assert apart(printed, "forward_in_tokens=False") < 1e-4
    assert apart(printed, "as it comes") > 1e-3
