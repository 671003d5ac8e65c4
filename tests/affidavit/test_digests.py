import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affidavit.digests import digest_of, file_digest, table_digest
from affidavit.predictions import Reading, read_predictions
from affidavit.testing import predictions_frame


@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=1, max_size=30), st.integers(1, 7))
def test_does_not_depend_on_how_rows_were_batched(values: list[str | None], size: int) -> None:
    table = pa.table({"a": pa.array(values, pa.string()), "b": np.arange(len(values))})
    encoded = pa.table({"b": table["b"], "a": table["a"].dictionary_encode()})
    whole = table_digest(table.to_batches())
    assert table_digest(table.to_batches(max_chunksize=size)) == whole
    assert table_digest(encoded.to_batches(max_chunksize=size)) == whole


def test_tells_apart_what_differs() -> None:
    tables = [
        {"a": ["x", "yz"]},
        {"a": ["xy", "z"]},
        {"a": ["x", None]},
        {"a": ["x", ""]},
        {"b": ["x", "yz"]},
        {"a": ["yz", "x"]},
    ]
    digests = {table_digest(pa.table(columns).to_batches()) for columns in tables}
    assert len(digests) == len(tables)


def test_a_sliced_table_is_read_from_its_own_start() -> None:
    table = pa.table({"a": ["p", "q", "r", "s"], "b": [1.0, 2.0, 3.0, 4.0]})
    apart = pa.table({"a": ["q", "r"], "b": [2.0, 3.0]})
    assert table_digest(table.slice(1, 2).to_batches()) == table_digest(apart.to_batches())


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl", ".xlsx"])
def test_the_same_predictions_have_one_digest_in_every_format(tmp_path: Path, suffix: str) -> None:
    frame = predictions_frame(n_speakers=6, per_speaker=3)
    reading = Reading(run="run", by=("accent",))
    frame.to_csv(tmp_path / "t.csv", index=False)
    reference = read_predictions(tmp_path / "t.csv", reading).digest
    path = tmp_path / f"u{suffix}"
    _write(frame, path)
    assert read_predictions(path, reading).digest == reference


def _write(frame: pd.DataFrame, path: Path) -> None:
    match path.suffix:
        case ".csv" | ".tsv":
            frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",", encoding="utf-8-sig")
        case ".parquet":
            frame.to_parquet(path)
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        case ".xlsx":
            frame.to_excel(path, index=False)


def test_file_digest_is_what_sha256sum_prints(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"affidavit")
    assert file_digest(path) == "sha256:" + hashlib.sha256(b"affidavit").hexdigest()


def test_canonical_json_sorts_keys() -> None:
    assert digest_of({"b": 1, "a": [1.0, None]}) == digest_of({"a": [1, None], "b": 1})
