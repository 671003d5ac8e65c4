import gzip
import io
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from affidavit.errors import AffidavitError, ColumnError, TableError
from affidavit.predictions import Reading, predictions_from, read_predictions
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


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("\nid,y_pred\n1,a\n", ("id", "y_pred")),
        ("\r\n  \r\n,,\r\nid;y_pred\r\n1;a\r\n", ("id", "y_pred")),
        ('\n\n"the\nid",y_pred\n1,a\n', ("the\nid", "y_pred")),
    ],
)
def test_blank_lines_before_the_header_and_breaks_inside_it_are_no_data(
    tmp_path: Path, mark: str, text: str, columns: tuple[str, ...]
) -> None:
    for encoding in ("utf-8", "utf-16") if not mark else ("utf-8",):
        raw = open_table(write(tmp_path / "t.csv", (mark + text).encode(encoding)))
        assert (raw.columns, raw.n_rows) == (columns, 1)
        assert next(raw.batches(None)).to_pylist() == [dict(zip(columns, ("1", "a"), strict=True))]


def test_a_quote_that_is_never_closed_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(AffidavitError):
        open_table(write(tmp_path / "t.csv", '"id,y_pred\n' + "1,a\n" * 50_000))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_cell_larger_than_a_block_is_read(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame({"id": range(3), "y_pred": "a", "rationale": ["x", "y" * 3_000_000, "z"]})
    path = tmp_path / f"t{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_json(path, orient="records", lines=True)
    sizes = [len(text) for batch in open_table(path).batches(["rationale"]) for text in batch.column(0).to_pylist()]
    assert sizes == [1, 3_000_000, 1]


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet", "t.xlsx"])
def test_a_gzip_stream_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(TableError, match="gzip"):
        open_table(write(tmp_path / name, gzip.compress(b"id,y_pred\n1,a\n")))


def test_utf16_cut_in_the_middle_of_a_letter_is_one_error(tmp_path: Path) -> None:
    for content in ("id,y_pred\n1,a\n".encode("utf-16")[:-1], "i".encode("utf-16")[:-1]):
        with pytest.raises(TableError, match="does not read as CSV"):
            open_table(write(tmp_path / "t.csv", content))


def workbook(rows: list[list[object]]) -> bytes:
    import openpyxl

    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(out)
    return out.getvalue()


def test_ragged_rows_of_a_sheet_are_padded_or_refused_with_their_number(tmp_path: Path) -> None:
    raw = open_table(write(tmp_path / "t.xlsx", workbook([["id", "y_pred", None], [1], [2, "a"]])))
    assert next(raw.batches(None)).to_pylist() == [{"id": "1", "y_pred": None}, {"id": "2", "y_pred": "a"}]
    with pytest.raises(TableError, match=r"row 3 .* 'beyond'"):
        open_table(write(tmp_path / "t.xlsx", workbook([["id", "y_pred"], [1, "a"], [2, "a", "beyond"]])))


@pytest.mark.parametrize("xml", [b"<worksheet><sheetData><row>", b"\xff\xfe", b""])
def test_damaged_xml_in_a_workbook_is_one_error(tmp_path: Path, xml: bytes) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook([["id", "y_pred"], [1, "a"]]))) as old, zipfile.ZipFile(out, "w") as new:
        for item in old.namelist():
            new.writestr(item, xml if "sheet1" in item else old.read(item))
    with pytest.raises(TableError):
        open_table(write(tmp_path / "t.xlsx", out.getvalue()))


def test_a_sheet_that_states_the_wrong_dimensions_keeps_its_columns(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook([["id", "y_pred"], [1, "a"]]))) as old, zipfile.ZipFile(out, "w") as new:
        for item in old.namelist():
            new.writestr(item, old.read(item).replace(b'ref="A1:B2"', b'ref="A1"'))
    assert open_table(write(tmp_path / "t.xlsx", out.getvalue())).columns == ("id", "y_pred")


def test_damage_in_a_later_row_group_is_the_same_error(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    ids = [f"u{i:04}" for i in range(400)]
    table = pa.table({"id": ids, "y_pred": ["a"] * 400})
    parquet.write_table(table, path, row_group_size=100, use_dictionary=False, compression="none")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"u0350", b"\xff\xfe\xfd\xfc\xfb", 1))
    with pytest.raises(TableError, match="does not read as PARQUET"):
        read_predictions(path, Reading(run="r", in_memory_rows=10, batch_rows=64))
    with pytest.raises(TableError, match="does not read as PARQUET"):
        read_predictions(path, Reading(run="r"))


@pytest.mark.parametrize("limit", [100, 3])
def test_a_parquet_that_gives_fewer_rows_than_it_promises_is_refused(
    tmp_path: Path, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "t.parquet", WHOLE[".parquet"])
    none = pa.table({name: pa.array([], pa.string()) for name in ("utterance_id", "y_pred")})
    monkeypatch.setattr(parquet.ParquetFile, "read", lambda *_, **__: none)
    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", lambda *_, **__: iter(none.to_batches()))
    with pytest.raises(TableError, match="promises 8 rows and gives 0"):
        read_predictions(path, Reading(run="r", in_memory_rows=limit))


def test_padded_column_names_are_found_held_and_streamed(tmp_path: Path) -> None:
    pd.DataFrame({" id ": ["u1", "u2"], "y_pred": ["a", "b"]}).to_parquet(tmp_path / "t.parquet")
    for limit in (10, 1):
        predictions = read_predictions(tmp_path / "t.parquet", Reading(run="r", in_memory_rows=limit))
        assert predictions.to_frame()["utterance_id"].tolist() == ["u1", "u2"]


def _whole() -> dict[str, bytes]:
    frame = pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(8)],
            "speaker_id": ["é", "b"] * 4,
            "y_true": ["joy", "fear"] * 4,
            "y_pred": "joy",
            "prob_joy": 0.75,
            "prob_fear": 0.25,
        }
    )
    columnar = io.BytesIO()
    frame.to_parquet(columnar)
    return {
        ".csv": frame.to_csv(index=False).encode(),
        ".jsonl": frame.to_json(orient="records", lines=True).encode(),
        ".parquet": columnar.getvalue(),
        ".xlsx": workbook([list(frame.columns), *frame.to_numpy().tolist()]),
    }


WHOLE = _whole()


@pytest.mark.slow
@pytest.mark.parametrize("suffix", sorted(WHOLE))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_fuzz_a_damaged_file_is_read_or_one_plain_error(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    content = bytearray(WHOLE[suffix])
    places = st.integers(0, len(content) - 1)
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        content[place] = byte
    end = data.draw(st.one_of(st.just(len(content)), places))
    path = write(tmp_path / f"t{suffix}", bytes(content[:end]))
    for limit in (100, 3):
        try:
            predictions = read_predictions(path, Reading(run="r", in_memory_rows=limit))
            list(predictions.coded_batches(["unit", "y_pred"]))
        except AffidavitError as error:
            assert f"t{suffix}" in str(error)


def test_what_is_not_read_of_a_frame_cannot_be_at_fault() -> None:
    frame = pd.DataFrame({"id": ["u1", "u2"], "y_pred": ["a", "b"]})
    frame["odd"] = [{"a": 1}, object()]
    assert from_frame(frame).n_rows == 2
    assert predictions_from(from_frame(frame), Reading(run="r")).labels == ("a", "b")


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (pd.cut(pd.Series([20, 40, 40]), [0, 30, 60]), ("(0, 30]", "(30, 60]")),
        (pd.Series(["x", None, "y"], dtype="category"), ("x", "y", "unknown")),
        (pd.Series([1, 2, None], dtype="category"), ("1", "2", "unknown")),
        (pd.Series([1, None, 3], dtype="Int64"), ("1", "3", "unknown")),
        (pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-03"])), ("2024-01-01", "2024-01-03", "unknown")),
        (pd.Series([b"x", b"y", None]), ("x", "y", "unknown")),
        (pd.Series([1, "x", 2.0], dtype=object), ("1", "2", "x")),
        (pd.Series(pd.period_range("2024-01", periods=3, freq="M")), ("2024-01", "2024-02", "2024-03")),
        (pd.Series([1, 2, 2], dtype="float16"), ("1", "2")),
        (pd.Series(pd.arrays.SparseArray([1.0, 0.0, 0.0])), ("0", "1")),
    ],
)
def test_whatever_a_frame_holds_is_read_as_people_print_it(values: pd.Series, levels: tuple[str, ...]) -> None:
    frame = pd.DataFrame({"id": ["u1", "u2", "u3"], "y_pred": "a", "g": values})
    predictions = predictions_from(from_frame(frame), Reading(run="r", by=("g",)))
    assert predictions.levels["group_g"] == levels


@pytest.mark.parametrize("values", [[b"\xff", b"x"], [["a"], ["b"]], [{"a": 1}, {"a": 2}]])
def test_a_part_that_does_not_read_as_text_is_named(values: list[object]) -> None:
    with pytest.raises(ColumnError, match="y_pred does not read as text"):
        predictions_from(from_frame(pd.DataFrame({"id": ["u1", "u2"], "y_pred": values})), Reading(run="r"))


def test_column_names_of_several_levels_are_refused_plainly() -> None:
    frame = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    with pytest.raises(ColumnError, match="2 levels"):
        from_frame(frame)
