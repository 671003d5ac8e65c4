"""The benchmarks of judging at scale: what they compare is equal, and their last lines are figures with goals."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("torch")

BENCH = Path(__file__).resolve().parents[2] / "bench"
FIGURE = re.compile(r"^[^:\n]+: [\d.]+ \(goal (?:none|[\d.e+-]+)\)$")


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def last_line(name: str, *arguments: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, str(BENCH / f"{name}.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.slow(minutes=2)  # loads what it times
@pytest.mark.parametrize(
    ("name", "needs", "told", "goal"),
    [
        ("judging", "transformers", "candidate scoring, times one generation per label", 3),
        ("serving", "uvicorn", "served judging, share of the endpoint's saturated throughput", 0.9),
        ("sharded", "ray", "two actors of one thread each, times as fast as one", 1.6),
    ],
)
def test_the_quick_form_runs_and_its_last_line_is_a_figure(name: str, needs: str, told: str, goal: float) -> None:
    if find_spec(needs) is None:
        pytest.skip(f"needs the package {needs}")
    line = last_line(name, "--quick")
    assert FIGURE.match(line), line
    assert line.startswith(f"{told}: ")
    assert line.endswith(f"(goal {goal:g})")


def test_what_is_not_equal_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    judging = loaded("judging")
    genuine = judging.one_generation_per_label
    monkeypatch.setattr(judging, "one_generation_per_label", lambda *given: genuine(*given) + 0.1 * genuine(*given))
    with pytest.raises(SystemExit, match="the probabilities differ"):
        judging.scoring(judging.Setting(n_prompts=1, repeats=1, threads=1, layers=1))


def test_rates_are_of_the_time_in_which_everybody_judges() -> None:
    """A worker that comes later or is done earlier shortens what is timed; it does not slow it down."""
    sharded = loaded("sharded")
    early = [float(at) for at in range(1, 11)]
    late = [float(at) for at in range(5, 16)]
    spent = {"1": [5 + 0.5 * at for at in early], "2": [8 + 0.5 * at for at in late]}
    assert sharded.Course(kept={"1": early}, spent={"1": spent["1"]}, whole_s=0).rate == pytest.approx(1.0)
    both = sharded.Course(kept={"1": early, "2": late}, spent=spent, whole_s=0)
    assert both.shard_s == pytest.approx(0.5), "what a worker spent before its first shard is not counted"
    assert both.rate == pytest.approx(2.0)
    assert both.n == 21
    assert both.judging_s == 14.0


def test_all_runs_the_others_first_and_fails_with_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    judging = loaded("judging")
    for name in judging.OTHERS:
        (tmp_path / name).write_text("import sys; print(sys.argv[1:])")
    monkeypatch.setattr(judging, "__file__", str(tmp_path / "judging.py"))
    judging.others(quick=True)
    assert capfd.readouterr().out.count("['--quick']") == len(judging.OTHERS)
    (tmp_path / judging.OTHERS[-1]).write_text("raise SystemExit(3)")
    with pytest.raises(SystemExit, match="ended with 3"):
        judging.others(quick=False)


def test_every_benchmark_of_judging_is_there() -> None:
    judging = loaded("judging")
    assert all((BENCH / name).is_file() for name in judging.OTHERS)
