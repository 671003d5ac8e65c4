from pathlib import Path

import pytest

from affidavit.columns import map_columns
from affidavit.errors import ColumnError, PlanError
from affidavit.predictions import Reading, read_predictions
from affidavit.schema import RESERVED

BASE = ("utterance_id", "y_pred")
COMPAS = Path(__file__).resolve().parents[3] / "shared" / "data" / "compas" / "compas_for_aequitas.csv"


def test_a_score_is_the_prediction_only_beside_a_label_value() -> None:
    aequitas = map_columns(["entity_id", "score", "label_value"], where="t", named={}, by=())
    assert (aequitas.parts["y_pred"], aequitas.parts["y_true"]) == ("score", "label_value")
    with pytest.raises(ColumnError, match="no column was recognised as y_pred") as caught:
        map_columns(["entity_id", "score", "label"], where="t", named={}, by=())
    assert "score (beside label_value)" in str(caught.value)
    named = map_columns(["entity_id", "score", "label"], where="t", named={"y_pred": "score"}, by=())
    assert named.parts["y_pred"] == "score"


@pytest.mark.real
@pytest.mark.skipif(not COMPAS.is_file(), reason="the public data is not beside the project")
def test_compas_is_read_without_flags() -> None:
    predictions = read_predictions(COMPAS, Reading(run="r", by=("race", "sex", "age_cat")))
    assert (predictions.labels, predictions.unit, predictions.labelled) == (("0", "1"), "row", True)


@pytest.mark.parametrize("feature", [*RESERVED, "Condition", "speaker-id"])
def test_a_part_of_the_key_is_no_feature(feature: str) -> None:
    columns = list(dict.fromkeys((*BASE, feature)))
    with pytest.raises(PlanError, match="cannot be a feature") as caught:
        map_columns(columns, where="t", named={}, by=(feature,))
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("column", "part"), [("speaker", "speaker_id"), ("label", "y_true"), ("modality", "condition")]
)
def test_a_feature_does_not_take_a_part_away_unseen(column: str, part: str) -> None:
    with pytest.raises(PlanError, match=f"reads as {part}"):
        map_columns([*BASE, column], where="t", named={}, by=(column,))
    both = map_columns([*BASE, column], where="t", named={part: column}, by=(column,))
    assert (both.parts[part], both.features[column]) == (column, column)


def test_a_column_for_a_feature_that_is_not_asked_for_is_refused() -> None:
    with pytest.raises(PlanError, match="not asked for") as caught:
        map_columns([*BASE, "x"], where="t", named={"group_foo": "x"}, by=("bar",))
    assert "group_foo=x" in str(caught.value)
    assert map_columns([*BASE, "x"], where="t", named={"group_foo": "x"}, by=("foo",)).features == {"foo": "x"}


def test_truth_values_and_floats_in_prob_columns_name_plain_labels() -> None:
    mapped = map_columns([*BASE, "prob_True", "prob_1.0", "prob_"], where="t", named={}, by=())
    assert mapped.probabilities == {"true": "prob_True", "1": "prob_1.0"}
