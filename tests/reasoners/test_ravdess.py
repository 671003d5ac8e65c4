"""On acted speech the reasoner's ear does better, on actors it never heard, than a ridge on simple features."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from affidavit.protocols import silent
from affidavit.sources import load_corpus

ROOT = Path(__file__).resolve().parents[2]


def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_ravdess", ROOT / "bench" / "ravdess.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.real
def test_it_hears_emotions_of_actors_it_never_heard(real_data: Path) -> None:
    module = bench()
    corpus = load_corpus("ravdess", {"path": str(real_data / "ravdess")})
    reached = module.accuracies(corpus, n_folds=5, progress=silent)
    assert len(reached) == 20
    values = np.array(list(reached.values()))
    standard_error = values.std(ddof=1) / np.sqrt(len(values))
    assert values.mean() - 2 * standard_error > module.BASELINE
