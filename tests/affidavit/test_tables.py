from pathlib import Path

import pandas as pd
import pytest

from affidavit.errors import AffidavitError, ColumnError, TableError
from affidavit.predictions import Reading, read_predictions
from affidavit.tables import from_frame, open_table


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(("separator", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar")])
def test_finds_the_separator_and_says_so(tmp_path: Path, separator: str, name: str) -> None:
    raw = open_table(write(tmp_path / "t.csv", f"id{separator}y_pred\n1{separator}a\n"))
    assert raw.columns == ("id", "y_pred")
    assert f"{name}-separated" in raw.assumptions


def test_reads_a_decimal_comma_and_records_it(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "\ufeffid;y_pred;prob_a;prob_b\n1;a;0,75;0,25\n2;b;0,5;0,5\n")
    predictions = read_predictions(path, Reading(run="r"))
    assert [p.column("prob_a").to_pylist() for p in predictions.batches(["prob_a"])] == [[0.75, 0.5]]
    assert "prob_a: a comma is the decimal mark" in predictions.assumptions


def test_keeps_leading_zeros_of_ids(tmp_path: Path) -> None:
    raw = open_table(write(tmp_path / "t.csv", "id,y_pred\n007,a\n"))
    assert next(raw.batches(["id"])).column(0).to_pylist() == ["007"]


def test_names_a_blank_header_and_says_so(tmp_path: Path) -> None:
    raw = open_table(write(tmp_path / "t.csv", ',y_pred\n1,"a,b"\n'))
    assert raw.columns == ("column_1", "y_pred")
    assert any("blank" in assumption for assumption in raw.assumptions)


@pytest.mark.parametrize(
    ("name", "content", "slug"),
    [
        ("t.csv", "", "file-empty"),
        ("t.csv", "id,y_pred\n", "file-empty"),
        ("t.csv", "id,y_pred\n1,a,b\n", "file-unreadable"),
        ("t.csv", "id,y_pred\n1,caf\xe9\n".encode("latin-1"), "file-encoding"),
        ("t.csv", b"PK\x03\x04\x00\x00,\x00\n1,2\n", "file-unreadable"),
        ("t.jsonl", '{"id": 1}\n{"id": \n', "file-unreadable"),
        ("t.jsonl", "", "file-empty"),
        ("t.parquet", b"PAR1 truncated", "file-unreadable"),
        ("t.xlsx", b"not a zip", "file-unreadable"),
        ("t.docx", b"anything", "file-unreadable"),
        ("t.csv", "id,id\n1,2\n", "column-ambiguous"),
    ],
)
def test_a_file_that_does_not_read_is_one_clear_error(
    tmp_path: Path, name: str, content: str | bytes, slug: str
) -> None:
    with pytest.raises(AffidavitError) as caught:
        open_table(write(tmp_path / name, content))
    assert caught.value.slug == slug
    assert name in str(caught.value)


def test_a_truncated_parquet_is_named(tmp_path: Path) -> None:
    pd.DataFrame({"id": range(10_000), "y_pred": "a"}).to_parquet(tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    with pytest.raises(TableError, match="does not read as PARQUET"):
        open_table(write(tmp_path / "t.parquet", whole[: len(whole) // 2]))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such file"):
        open_table(tmp_path / "nowhere.csv")


def test_a_frame_with_twin_columns_is_refused() -> None:
    with pytest.raises(ColumnError, match="share a name"):
        from_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_utf16_with_a_mark_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,y_pred\n1,é\n".encode("utf-16"))
    assert next(open_table(path).batches(["y_pred"])).column(0).to_pylist() == ["é"]
