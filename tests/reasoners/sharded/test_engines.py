"""Several processes give the table that one gives, byte by byte, whoever of them is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from affidavit.cache import keeping
from affidavit.engines import Part, PartDoneError, end_of_part, judge_shards, judging_part, own_part
from affidavit.plan import Execution
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import silent
from tests.reasoners.sharded.letters import REASONER, corpus_of

N = 30
SHARDS = 8


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(folder))
    return folder


def judged(log: Path, **options: Any) -> Predictions:
    """Judge as a plan does, in this process and what that starts."""
    engine, address = options.pop("engine", None), options.pop("address", None)
    reading = Reading(run="letters", execution=Execution(engine=engine, actors=2, address=address))
    rng, options = np.random.default_rng(3), {**options, "log": str(log)}
    with keeping():
        judge_shards(REASONER, corpus_of(N), options, reading=reading, rng=rng, progress=silent)
        return REASONER.judge(corpus_of(N), options, reading=reading, rng=rng, progress=silent)


def written(log: Path, **options: Any) -> dict[str, Any]:
    """Judge, and return all of the table: the bytes of its file and of those beside it, and what is said of it."""
    predictions = judged(log, **options)
    predictions.write(log.with_suffix(".parquet"))
    sides = {name: table.to_pylist() for name, table in predictions.side_tables.items()}
    whole = log.with_suffix(".parquet").read_bytes().hex()
    return {"bytes": whole, "sides": sides, "digest": predictions.digest, "said": list(predictions.assumptions)}


DRIVER = """
import json, sys
from pathlib import Path
from affidavit.errors import AffidavitError
from tests.reasoners.sharded.test_engines import written
try:
    print(json.dumps(written(Path(sys.argv[1]), engine="ray", **json.loads(sys.argv[2]))))
except AffidavitError as error:
    print(json.dumps({"error": str(error)}))
"""


def started(log: Path, **options: Any) -> subprocess.Popen[str]:
    """Start a driver: Ray has no place in a process that goes on with other tests."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(p).absolute()) for p in sys.path)}
    command = [sys.executable, "-c", DRIVER, str(log), json.dumps(options)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def shared(log: Path, **options: Any) -> dict[str, Any]:
    """Judge with Ray, and return all of the table."""
    with started(log, **options) as driver:
        said, _ = driver.communicate()
    assert driver.returncode == 0
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def lines(log: Path) -> list[tuple[str, str]]:
    return [tuple(line.split()) for line in log.read_text().splitlines()]  # type: ignore[misc]


@pytest.mark.parametrize(("n", "of"), [(0, 1), (1, 2), (7, 3), (3, 7), (100, 8)])
def test_parts_share_out_everything_once(n: int, of: int) -> None:
    shared = [item for number in range(of) for item in Part(number, of).own(range(n))]
    assert sorted(shared) == list(range(n))


def test_a_part_ends_before_there_is_a_table_and_nothing_else_is_one() -> None:
    assert own_part("abcd") == ["a", "b", "c", "d"]
    end_of_part()
    with judging_part(Part(1, 2)):
        assert own_part("abcd") == ["b", "d"]
        with pytest.raises(PartDoneError):
            end_of_part()
    with pytest.raises(ZeroDivisionError), judging_part(Part(1, 2)):
        raise ZeroDivisionError
    assert own_part("ab") == ["a", "b"]


def test_shards_of_parts_are_parquet_that_others_can_read(tmp_path: Path, own_cache: Path) -> None:
    for number in range(2):
        with judging_part(Part(number, 2)):
            reading, rng = Reading(run="letters"), np.random.default_rng(3)
            options = {"log": str(tmp_path / "log")}
            REASONER.judge(corpus_of(N), options, reading=reading, rng=rng, progress=silent)
    files = list(own_cache.rglob("shards/*/*.parquet"))
    assert len(files) == SHARDS
    rows = [row for file in files for row in parquet.read_table(file).to_pylist()]
    assert Counter(row["utterance_id"] for row in rows) == Counter(f"u{i:03d}" for i in range(N))
    assert {row["condition"] for row in rows} == {"T"}


@pytest.fixture(scope="module")
def ray() -> None:
    pytest.importorskip("ray")


@pytest.mark.slow(minutes=2)  # starts workers that import torch
def test_ray_gives_the_table_of_one_process_byte_by_byte(ray: None, tmp_path: Path, own_cache: Path) -> None:
    assert shared(tmp_path / "shared") == written(tmp_path / "plain")
    who = lines(tmp_path / "shared")
    assert len(who) == SHARDS == len(dict(who))
    assert len({pid for _, pid in who}) <= 2, "an actor that is there first may take the second part too"
    assert not list(own_cache.rglob("shards/*/*.parquet")), "finished shards go when the whole is there"


@pytest.mark.slow  # starts workers that import torch
def test_a_worker_that_is_killed_is_replaced_and_nothing_is_judged_twice(ray: None, tmp_path: Path) -> None:
    assert shared(tmp_path / "shared", dies_at="u016") == written(tmp_path / "plain")
    assert (tmp_path / "shared.died").exists()
    begun = Counter(name for name, _ in lines(tmp_path / "shared"))
    # twice only that at which it was killed
    assert begun == Counter({f"u{at:03d}": 1 + (at == 16) for at in range(0, N, 4)})


@pytest.mark.slow
def test_a_driver_that_is_killed_goes_on_where_it_was_and_leaves_no_process(ray: None, tmp_path: Path) -> None:
    log, told = tmp_path / "log", tmp_path / "log.waits"
    with started(log, waits_at="u016") as driver:
        while not told.exists():
            assert driver.poll() is None
        driver.send_signal(signal.SIGKILL)
    while any(Path(f"/proc/{pid}/cmdline").exists() for _, pid in lines(log)):
        pass  # Ray's processes end with their driver
    begun = {name for name, _ in lines(log)} - {"u016"}
    assert {"u000", "u008"} <= begun, "what comes before it in its part was finished"
    assert shared(tmp_path / "again") == written(tmp_path / "plain")
    anew = [name for name, _ in lines(tmp_path / "again")]
    assert len(anew) == len(set(anew))
    assert not {"u000", "u008"} & set(anew)
    assert len(begun & set(anew)) <= 1, "of the other part one shard may have been begun and not finished"
    assert set(anew) | begun == {f"u{at:03d}" for at in range(0, N, 4)}


def test_an_address_where_no_cluster_is_is_refused(ray: None, tmp_path: Path) -> None:
    assert "cluster cannot be reached" in shared(tmp_path / "log", address="127.0.0.1:1")["error"]


def test_without_a_cache_or_shards_one_process_judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", "off")
    assert judged(tmp_path / "log", engine="ray").n_rows == N
    assert {pid for _, pid in lines(tmp_path / "log")} == {str(os.getpid())}
    monkeypatch.delenv("AFFIDAVIT_CACHE")
    monkeypatch.setattr(REASONER, "judges_in_shards", False, raising=False)
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "other"))
    assert judged(tmp_path / "log", engine="ray").n_rows == N
    assert {pid for _, pid in lines(tmp_path / "log")} == {str(os.getpid())}
