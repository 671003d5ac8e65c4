from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affidavit.errors import AffidavitError
from affidavit.levels import natural
from affidavit.plan import Feature
from affidavit.predictions import Predictions, Reading, predictions_from, read_predictions
from affidavit.tables import from_arrow, from_frame, open_table
from affidavit.testing import predictions_frame


def read(frame: pd.DataFrame, **reading: object) -> Predictions:
    return predictions_from(from_frame(frame), Reading(run="run", **reading))  # type: ignore[arg-type]


def rows(**columns: list[object]) -> pd.DataFrame:
    n = max((len(values) for values in columns.values()), default=1)
    return pd.DataFrame({"utterance_id": [f"u{i}" for i in range(n)], "y_pred": ["a"] * n} | columns)


@pytest.mark.parametrize(
    ("frame", "reading", "slug", "said"),
    [
        (rows(utterance_id=["u1", None]), {}, "row-id-missing", "row 2"),
        (rows(utterance_id=["u1", " "]), {}, "row-id-missing", "row 2"),
        (rows(utterance_id=["u1", "u2", "u1"]), {}, "row-duplicate", "rows 1 and 3"),
        (rows(prob_a=[0.5, float("nan")], prob_b=[0.5, 0.5]), {}, "row-probability", "row 2"),
        (rows(prob_a=[0.5, 1.5], prob_b=[0.5, -0.5]), {}, "row-probability", "row 2"),
        (rows(prob_a=[0.5, 0.7], prob_b=[0.5, 0.7]), {}, "row-probability-sum", "row 2"),
        (rows(prob_a=["0.5", "half"], prob_b=["0.5", "0.5"]), {}, "row-value", "'half'"),
        (rows(y_pred=["a", "c"], prob_a=[1.0, 1.0], prob_b=[0.0, 0.0]), {}, "row-label", "'c'"),
        (rows(y_pred=["a", "b"]), {"label_space": ("a",)}, "row-label", "'b'"),
        (rows(y_pred=["a", None]), {}, "row-label", "row 2"),
        (rows(y_true=["a", None]), {}, "row-label", "row 2"),
        (rows(condition=["TAV", "sound"]), {}, "row-condition", "'sound'"),
        (rows(weight=[1.0, -1.0]), {}, "row-value", "row 2"),
        (rows(speaker_id=["s", "s"], accent=["x", "y"]), {"by": ("accent",)}, "unit-in-two-groups", "'s'"),
        (rows(), {"by": ("accent",)}, "column-missing", "accent"),
        (rows(truth=["a", "a"], label=["a", "a"]), {}, "column-ambiguous", "label, truth"),
        (pd.DataFrame({"utterance_id": ["u"]}), {}, "column-missing", "y_pred"),
        (pd.DataFrame({"y_pred": ["a"]}), {}, "column-missing", ":row"),
        (rows(accent=list(range(101))), {"by": ("accent",)}, "feature-levels", "--band accent"),
        (rows(), {"columns": {"y_true": "gold"}}, "column-missing", "gold"),
        (rows(y_pred=[f"l{i}" for i in range(101)]), {}, "label-space", "more than 100 labels"),
        (rows(y_pred=[0.25, 0.75]), {}, "column-type", "0.25"),
        (rows(y_true=["0", "1"], y_pred=["1", "0.5"]), {}, "column-type", "0.5"),
        (rows(), {"label_space": ("a", "b", "a ")}, "label-space", "twice"),
        (rows(), {"label_space": tuple(f"l{i}" for i in range(101))}, "label-space", "101"),
        (rows(repeat=[0, 0.5]), {}, "row-value", "row 2"),
        (rows(y_pred=pd.Categorical(["a", None])), {}, "row-label", "row 2"),
        (rows(y_pred=pd.Categorical(["a", " "])), {}, "row-label", "row 2"),
        (rows(prob_1=[1.0], **{"prob_1.0": [1.0]}), {}, "column-ambiguous", "prob_1.0"),
        (rows(), {"columns": {"y_treu": "y_pred"}}, "column-missing", "did you mean 'y_true'"),
    ],
)
def test_bad_input_is_one_clear_error(frame: pd.DataFrame, reading: dict[str, object], slug: str, said: str) -> None:
    with pytest.raises(AffidavitError) as caught:
        read(frame, **reading)
    assert caught.value.slug == slug
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_utterance_level_feature_may_change_within_a_unit() -> None:
    frame = rows(speaker_id=["s", "s"], noise=["low", "high"])
    predictions = read(frame, by=("noise",), features={"noise": Feature(level="utterance")})
    assert predictions.levels["group_noise"] == ("high", "low")


def test_missing_levels_are_a_group_named_unknown_and_come_last() -> None:
    frame = rows(speaker_id=["s", "t", "v"], accent=["Zulu", None, " "])
    assert read(frame, by=("accent",)).levels["group_accent"] == ("Zulu", "unknown")


def test_bands_cut_a_number() -> None:
    frame = rows(age=[18, 30, 49, 50, None])
    predictions = read(frame, by=("age",), features={"age": Feature(bands=(30, 50))})
    assert predictions.levels["group_age"] == ("under 30", "30-49", "50 and over", "unknown")
    codes = next(predictions.coded_batches(["group_age"]))["group_age"]
    assert codes.tolist() == [0, 1, 1, 2, 3]


def test_the_same_label_as_number_and_text_is_one_label() -> None:
    predictions = read(rows(y_true=[0, 1, 1], y_pred=[0.0, 1.0, 0.0]))
    assert predictions.labels == ("0", "1")
    predictions = read(rows(y_true=["0", "1"], y_pred=["0.0", "1.0"]))
    assert predictions.labels == ("0", "1")


def test_the_unit_is_the_patient_then_the_speaker_then_the_row() -> None:
    both = rows(speaker_id=["s1", "s2"], patient_id=["p", "p"])
    assert (read(both).unit, read(both).n_units) == ("unit_id", 1)
    assert (read(rows(speaker_id=["s1", "s2"])).unit, read(rows(y_pred=["a", "b"])).unit) == ("speaker_id", "row")


def test_a_row_without_speaker_stands_for_itself_and_is_counted() -> None:
    predictions = read(rows(speaker_id=["s", None, None]))
    assert predictions.n_units == 3
    assert any("unit of their own" in assumption for assumption in predictions.assumptions)


def test_rows_can_be_numbered_where_there_are_no_ids() -> None:
    predictions = read(pd.DataFrame({"y_pred": ["a", "b"]}), columns={"utterance_id": ":row"})
    assert predictions.to_frame()["utterance_id"].tolist() == ["1", "2"]


def test_streams_what_does_not_fit_and_counts_the_same(tmp_path: Path) -> None:
    frame = predictions_frame()
    frame.to_parquet(tmp_path / "t.parquet")
    held = read_predictions(tmp_path / "t.parquet", Reading(run="run", by=("accent",)))
    reading = Reading(run="run", by=("accent",), in_memory_rows=10, batch_rows=100)
    streamed = read_predictions(tmp_path / "t.parquet", reading)
    assert (held.in_memory, streamed.in_memory) == (True, False)
    assert (held.digest, held.levels) == (streamed.digest, streamed.levels)
    names = ["unit", "y_true", "y_pred", "group_accent", "condition"]
    parts = list(streamed.coded_batches(names))
    assert len(parts) > 1
    whole = next(held.coded_batches(names))
    for name in names:
        assert np.array_equal(np.concatenate([part[name] for part in parts]), whole[name])


def test_writes_a_canonical_table_that_reads_as_itself(tmp_path: Path) -> None:
    predictions = read(predictions_frame(), by=("accent",))
    predictions.write(tmp_path / "t.parquet")
    again = read_predictions(tmp_path / "t.parquet", Reading(run="run", by=("accent",), columns={"speaker_id": "unit"}))
    assert again.digest == predictions.digest
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def recurring(**columns: list[object]) -> pd.DataFrame:
    return rows(utterance_id=["u1", "u1", "u2", "u2"], group_x=["p", "p", "q", "q"], **columns)


@pytest.mark.parametrize(
    "columns",
    [
        {"repeat": [0, 1, 0, 1]},
        {"reasoner": ["m", "n", "m", "n"]},
        {"instruction": ["i", "j", "i", "j"]},
        {"repeat": [0, 1, 0, 0], "condition": ["A", "A", "A", "T"]},
    ],
)
def test_without_speakers_an_utterance_that_recurs_is_one_unit(columns: dict[str, list[object]]) -> None:
    predictions = read(recurring(**columns), by=("x",))
    assert (predictions.unit, predictions.n_units, predictions.levels["unit"]) == ("utterance_id", 2, ("u1", "u2"))
    assert next(predictions.coded_batches(["unit"]))["unit"].tolist() == [0, 0, 1, 1]
    assert "no speaker ids: the utterance is the unit" in predictions.assumptions


@pytest.mark.parametrize(
    "columns",
    [{"condition": ["A", "T", "A", "T"]}, {"condition": ["A", "T", "A", "T"], "repeat": [0, 0, 0, 0]}],
)
def test_without_speakers_rows_are_units_while_no_utterance_recurs_in_a_condition(columns: dict[str, Any]) -> None:
    predictions = read(recurring(**columns), by=("x",))
    assert (predictions.unit, predictions.n_units) == ("row", 4)
    assert "unit" not in predictions.columns


def test_recurring_utterances_are_found_in_a_stream_too(tmp_path: Path) -> None:
    n = 3000
    frame = pd.DataFrame({"utterance_id": [f"u{i % n}" for i in range(2 * n)], "y_pred": "a"})
    frame["repeat"] = [i // n for i in range(2 * n)]
    frame.to_parquet(tmp_path / "t.parquet")
    held = read_predictions(tmp_path / "t.parquet", Reading(run="run"))
    streamed = read_predictions(tmp_path / "t.parquet", Reading(run="run", in_memory_rows=10, batch_rows=1024))
    assert (streamed.in_memory, streamed.unit, streamed.n_units) == (False, "utterance_id", n)
    assert (held.digest, held.levels) == (streamed.digest, streamed.levels)
    units = [np.concatenate([b["unit"] for b in p.coded_batches(["unit"])]) for p in (held, streamed)]
    assert np.array_equal(*units)


def test_a_part_of_a_table_does_not_inherit_its_units() -> None:
    raw = replace(from_frame(rows()), assumptions=("no speaker ids: the utterance is the unit", "comma-separated"))
    assert predictions_from(raw, Reading(run="run")).assumptions == ("comma-separated",)


def test_a_row_without_speaker_is_named_by_its_utterance_whatever_the_order(tmp_path: Path) -> None:
    frame = rows(
        utterance_id=["u17", "u18", "u17", "u19"], condition=["A", "A", "T", "A"], speaker_id=[None, "s", " ", ""]
    )
    names = ("?utterance u17", "?utterance u19", "s")
    for order in ([0, 1, 2, 3], [3, 2, 0, 1]):
        assert read(frame.iloc[order]).levels["unit"] == names
    frame.to_parquet(tmp_path / "t.parquet")
    streamed = read_predictions(tmp_path / "t.parquet", Reading(run="run", in_memory_rows=1, batch_rows=1024))
    assert next(streamed.coded_batches(["unit"]))["unit"].tolist() == [0, 2, 0, 1]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl", "frame"])
def test_padding_blanks_and_unicode_forms_make_no_second_name(tmp_path: Path, suffix: str) -> None:
    frame = rows(
        utterance_id=["u1 ", "u2", "u3"],
        speaker_id=["s", " s", "Zoe\u0308"],
        y_true=["joie\u0301", "joi\u00e9 ", "joie\u0301"],
        y_pred=["joi\u00e9", "joie\u0301", " joi\u00e9"],
        accent=["Qu\u00e9bec", "Que\u0301bec ", ""],
        rationale=["", "why", None],
    )
    frame["y_true"] = ["joie\u0301"] * 3
    reading = Reading(run="run", by=("accent",), features={"accent": Feature(level="utterance")})
    path = tmp_path / f"t{suffix}"
    match suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".parquet":
            frame.to_parquet(path)
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
    raw = from_frame(frame) if suffix == "frame" else open_table(path)
    predictions = predictions_from(raw, reading)
    assert predictions.levels["unit"] == ("Zo\u00eb", "s")
    assert predictions.labels == ("joi\u00e9",)
    assert predictions.levels["group_accent"] == ("Qu\u00e9bec", "unknown")
    kept = predictions.to_frame()
    assert kept["utterance_id"].tolist() == ["u1", "u2", "u3"]
    assert kept["rationale"].isna().tolist() == [True, False, True]
    assert "y_true: text was brought to Unicode form NFC, so that one name is one name" in predictions.assumptions
    assert "utterance_id: spaces at the ends were dropped" in predictions.assumptions


def test_a_label_missing_in_the_dictionary_itself_is_found() -> None:
    labels = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["a", None]))
    raw = from_arrow(pa.table({"utterance_id": ["u1", "u2"], "y_pred": labels}), name="t", format_name="t")
    with pytest.raises(AffidavitError, match="row 2: y_pred is missing"):
        predictions_from(raw, Reading(run="run"))


def test_truth_values_and_their_names_are_one_label() -> None:
    predictions = read(rows(y_true=[True, False], y_pred=["True", "false"]))
    assert predictions.labels == ("false", "true")
    frame = rows(y_pred=[True, False], prob_True=[0.9, 0.1], prob_False=[0.1, 0.9])
    assert read(frame).labels == ("true", "false")
    assert read(rows(y_pred=[True]), label_space=("False", "True")).labels == ("false", "true")


def test_fractions_that_are_declared_are_labels() -> None:
    assert read(rows(y_pred=[0.5, 1.0]), label_space=("0.5", "1")).labels == ("0.5", "1")


def test_labels_and_levels_are_counted_over_batches(tmp_path: Path) -> None:
    frame = pd.DataFrame({"utterance_id": [f"u{i}" for i in range(4096)], "y_pred": "a"})
    frame["many"] = [f"l{i // 40}" for i in range(4096)]
    frame.to_parquet(tmp_path / "t.parquet")
    for reading in ({"by": ("many",)}, {"columns": {"y_pred": "many"}}):
        streamed = Reading(run="run", in_memory_rows=10, batch_rows=1024, **reading)  # type: ignore[arg-type]
        with pytest.raises(AffidavitError, match="more than 100"):
            read_predictions(tmp_path / "t.parquet", streamed)


@pytest.mark.parametrize(("n_wrong", "told"), [(0, False), (1, False), (2, True)])
def test_probabilities_that_speak_against_the_prediction_are_told(n_wrong: int, told: bool) -> None:
    frame = rows(y_pred=["a"] * 100, prob_a=[0.2] * n_wrong + [0.5] * (100 - n_wrong))
    frame["prob_b"] = 1 - frame["prob_a"]
    said = [said for said in read(frame).assumptions if "most probable" in said]
    assert said == ([f"in {n_wrong} of 100 rows y_pred is not the most probable label; y_pred was taken"] * told)


cell = st.one_of(st.none(), st.text(max_size=4), st.integers(-3, 3), st.floats(allow_nan=True), st.booleans())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            ["utterance_id", "y_pred", "y_true", "speaker_id", "prob_a", "prob_b", "condition", "accent", "x"]
        ),
        min_size=1,
        max_size=7,
        unique=True,
    ),
    st.data(),
)
def test_fuzz_any_table_is_read_or_refused_in_plain_words(
    tmp_path: Path, names: list[str], data: st.DataObject
) -> None:
    n = data.draw(st.integers(0, 5))
    frame = pd.DataFrame({name: [data.draw(cell) for _ in range(n)] for name in names}, dtype=object)
    by = ("accent",) if "accent" in names else ()
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    try:
        predictions = read_predictions(path, Reading(run="run", by=by))
    except AffidavitError as error:
        assert str(error)
    else:
        assert predictions.n_rows == n
        assert len(next(predictions.coded_batches(["y_pred"]))["y_pred"]) == n


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from([".csv", ".jsonl", ".parquet", ".xlsx"]))
def test_fuzz_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    path.write_bytes(content)
    try:
        read_predictions(path, Reading(run="run"))
    except AffidavitError as error:
        assert f"t{suffix}" in str(error)


def test_natural_order_counts() -> None:
    assert sorted(["10", "9", "a10", "a9"], key=natural) == ["9", "10", "a9", "a10"]


@pytest.mark.parametrize("odd", ["\u2461", "10\u00b2", "\u0663", "1" * 400, ""])
def test_natural_order_takes_any_text(odd: str) -> None:
    assert sorted([odd, "a1", "a", "2"], key=natural) == sorted(["2", "a", odd, "a1"], key=natural)
    assert sorted(["01", "1"], key=natural) == sorted(["1", "01"], key=natural)
    if odd:
        assert set(read(rows(y_pred=[odd, "b"])).labels) == {odd, "b"}
