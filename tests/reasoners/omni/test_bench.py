"""The benchmark of omni-modal models runs on tiny shapes without a GPU, and its Shapley values are efficient."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from reasoners.language.items import Item

BENCH = Path(__file__).resolve().parents[3] / "bench"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_omni_benchmark_runs_small(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("opacus")
    loaded("gpu").omni_report(small=True, n=2, trained=2, repeats=1)
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1].startswith("private training step, times without: ")
    assert any(line.startswith("exact Shapley values of one turn, s: ") for line in printed)


def test_the_shapley_values_of_a_turn_add_up_to_what_all_of_it_changes() -> None:
    pytest.importorskip("opacus")
    gpu = loaded("gpu")
    reasoner = gpu.omni_reasoner(small=True, n=1)
    turn = reasoner.turns["0"]
    values = gpu.modality_shapley(reasoner, turn)
    whole, empty = (
        reasoner.answers([Item(utterance_id="one", condition="TAV", given=given, thought="")])[0].said
        for given in (turn, type(turn)())
    )
    changed = whole.probabilities[whole.label] - empty.probabilities[whole.label]
    assert sum(values.values()) == pytest.approx(changed, abs=1e-5)


def test_both_ways_of_scoring_give_the_same_probabilities_before_they_are_timed() -> None:
    judging = loaded("judging")
    setting = judging.Setting(n_prompts=1, repeats=1, threads=1, layers=1)
    assert judging.scoring(setting) > 0
