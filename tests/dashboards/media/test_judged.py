"""What a table says of one utterance, found by its name, is what its rows say."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from affidavit.testing import case_of
from affidavit.testing.tables import predictions_frame
from dashboards.media.judged import FOUND_AT_MOST, judged_utterance, utterances_like
from dashboards.media.shares_chart import NOT_JUDGED, shares_chart


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rows = predictions_frame(n_speakers=40, per_speaker=4)
    return rows.assign(prob_joy=0.25, prob_anger=0.75, y_true="joy", y_pred="anger", rationale="He smiles.")


def test_its_rows_are_those_of_the_table_fullest_first(frame: pd.DataFrame) -> None:
    (run,) = case_of(frame, ("accent", "age")).runs.values()
    name = frame["utterance_id"].iloc[7]
    whom = judged_utterance(run, name, ("age",))
    assert whom is not None
    own = frame[frame["utterance_id"] == name]
    assert [row.condition for row in whom.rows] == [c for c in run.conditions if c in set(own["condition"])]
    assert {(row.truth, row.answer, row.right) for row in whom.rows} == {("joy", "anger", False)}
    assert dict(whom.rows[0].probabilities) == {"anger": 0.75, "joy": 0.25}
    assert whom.rows[0].rationale == "He smiles."
    assert dict(whom.groups) == {"age": own["age"].iloc[0]}, "accent was not asked for"
    assert set(whom.lacking) == {"TAV", "TA", "TV", "AV", "T", "A", "V"} - set(own["condition"])


def test_one_that_is_not_there_is_none(frame: pd.DataFrame) -> None:
    (run,) = case_of(frame, ()).runs.values()
    assert judged_utterance(run, "nobody", ()) is None
    unnamed = replace(run, columns=tuple(name for name in run.columns if name != "utterance_id"))
    assert judged_utterance(unnamed, "u", ()) is None
    assert utterances_like(unnamed, "") == ()


def test_names_of_a_cohort_are_those_of_its_people(frame: pd.DataFrame) -> None:
    (run,) = case_of(frame, ("accent", "age")).runs.values()
    levels = {"accent": (frame["accent"].iloc[0],), "age": (frame["age"].iloc[0],)}
    own = frame[(frame["accent"] == levels["accent"][0]) & (frame["age"] == levels["age"][0])]
    assert utterances_like(run, "", levels) == tuple(dict.fromkeys(own["utterance_id"]))[:FOUND_AT_MOST]
    assert utterances_like(run, "", {"shoe": ("42",)}) == utterances_like(run, "")


def test_names_are_found_whatever_their_case_and_not_too_many(frame: pd.DataFrame) -> None:
    (run,) = case_of(frame, ()).runs.values()
    names = list(dict.fromkeys(frame["utterance_id"]))
    assert utterances_like(run, names[3].upper()) == tuple(n for n in names if names[3] in n)[:FOUND_AT_MOST]
    assert len(names) > FOUND_AT_MOST
    assert utterances_like(run, "") == tuple(names[:FOUND_AT_MOST])
    assert utterances_like(run, ".*") == (), "a name is searched for as it is written"


def test_shares_are_drawn_with_what_was_not_judged(frame: pd.DataFrame) -> None:
    (run,) = case_of(frame, ()).runs.values()
    whom = judged_utterance(run, frame["utterance_id"].iloc[0], ())
    assert whom is not None
    chart = shares_chart(whom)
    assert chart is not None
    drawn = chart.to_json(ensure_ascii=False)
    assert "● 75.0" in drawn
    assert drawn.count(f'"{NOT_JUDGED}"') == len(whom.lacking)
    bare = case_of(frame.drop(columns=["prob_joy", "prob_anger"]), ())
    (without,) = bare.runs.values()
    none = judged_utterance(without, whom.utterance_id, ())
    assert none is not None
    assert shares_chart(none) is None
