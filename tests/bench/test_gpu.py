"""The GPU benchmark where there is no GPU: it says so and ends well, and the same code runs on tiny shapes."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

torch = pytest.importorskip("torch")

SCRIPT = Path(__file__).resolve().parents[2] / "bench" / "gpu.py"
PRIVATE = {"private training step, times without", "memory of a private step, times without"}
FIGURE = re.compile(r"^(?P<name>[^:\n]+): (?P<value>[\d.,]+) \(goal (?P<goal>none|[\d.]+)\)$", re.MULTILINE)


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpu"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.slow  # a process of its own, which imports all of it
def test_without_a_gpu_it_says_so_and_ends_well() -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    assert "nothing was measured" in done.stdout
    assert not FIGURE.search(done.stdout)


@pytest.mark.slow  # trains and judges
def test_the_same_code_runs_on_the_processor() -> None:
    pytest.importorskip("peft")
    done = run("--cpu-check")
    assert done.returncode == 0, done.stderr
    figures = {found["name"]: float(found["value"].replace(",", "")) for found in FIGURE.finditer(done.stdout)}
    assert {"judging, tokens/s", "plain generate, tokens/s", "training step, tokens/s"} | PRIVATE <= set(figures)
    assert all(value > 0 for value in figures.values())
    assert done.stdout.splitlines()[-1].startswith("judging, times plain generate: ")
    assert "a check, no measurement" in done.stdout


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_the_full_model_is_of_its_size_and_in_its_dtype(gpu: ModuleType) -> None:
    """On the device `meta` nothing is allocated: shapes and dtypes alone."""
    pytest.importorskip("peft")
    setting = replace(gpu.full_setting(8, 2, 3), device=torch.device("meta"))
    model = gpu.built(setting)
    parameters = dict(model.named_parameters())
    assert {value.device.type for value in parameters.values()} == {"meta"}
    frozen = {n: p for n, p in parameters.items() if n.startswith("explain.model.") and not p.requires_grad}
    assert {value.dtype for value in frozen.values()} == {torch.bfloat16}
    assert 7.0e9 < sum(value.numel() for value in frozen.values()) < 7.7e9
    adapters = {n for n, p in parameters.items() if n.startswith("explain.model.") and p.requires_grad}
    assert adapters
    assert all("lora_" in name for name in adapters)
    positions = {n: b.dtype for n, b in model.named_buffers() if n.endswith("inv_freq")}
    assert set(positions.values()) == {torch.float32}
    reader = sum(value.numel() for name, value in parameters.items() if name.startswith("text.encoder."))
    looker = sum(value.numel() for name, value in parameters.items() if name.startswith("visual.frame."))
    assert 120e6 < reader < 125e6
    assert 23e6 < looker < 24e6
