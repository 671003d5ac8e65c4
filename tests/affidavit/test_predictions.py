from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affidavit.errors import AffidavitError
from affidavit.plan import Feature
from affidavit.predictions import Predictions, Reading, natural, predictions_from, read_predictions
from affidavit.tables import from_frame
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
