"""Recorded judgements reach the predictions table as they are, or it is said why there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, PlanError
from affidavit.plan import Task
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Reasoner, silent
from reasoners.recorded import REASONER

VOTES = {
    "utterance_id": ["u1", "u2"],
    "condition": ["A", "AV"],
    "reasoner": ["crowd", "crowd"],
    "speaker_id": ["s1", "s1"],
    "y_true": ["joy", "anger"],
    "y_pred": ["joy", "joy"],
    "group_accent": ["northern", "northern"],
}
HEARD = {"utterance_id": ["u1"], "word_errors": [1], "words": [3]}


def corpus(columns: dict[str, list[Any]] | None) -> Corpus:
    recorded = None if columns is None else pa.table(columns)
    return Corpus(name="votes", utterances=(), digest="sha256:0", licence="none", recorded=recorded)


def judged(of: Corpus | None, reading: Reading | None = None, **options: Any) -> Predictions:
    reading = reading or Reading(run="run", by=("accent",))
    return REASONER.judge(of, options, reading=reading, rng=np.random.default_rng(0), progress=silent)


def test_reasoner_keeps_the_protocol() -> None:
    assert isinstance(REASONER, Reasoner)


def test_votes() -> None:
    predictions = judged(corpus(VOTES))
    assert (predictions.run, predictions.n_rows, predictions.unit) == ("run", 2, "speaker_id")
    assert predictions.conditions == ("AV", "A")
    assert predictions.levels["reasoner"] == ("crowd",)
    assert predictions.source_name == "votes"


def test_transcripts() -> None:
    assert judged(corpus(HEARD), reading=Reading(run="asr")).task is Task.TRANSCRIPTION


def test_the_rng_is_not_used() -> None:
    rng = np.random.default_rng(0)
    REASONER.judge(corpus(HEARD), {}, reading=Reading(run="asr"), rng=rng, progress=silent)
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize(
    ("of", "options", "match"),
    [
        (None, {}, "no recorded judgements"),
        (corpus(None), {}, "the corpus votes without judgements"),
        (corpus({"utterance_id": []}), {}, "no recorded judgements"),
        (corpus(VOTES), {"temperature": 1}, "temperature: unknown key"),
    ],
)
def test_what_cannot_be(of: Corpus | None, options: dict[str, Any], match: str) -> None:
    with pytest.raises(PlanError, match=match) as caught:
        judged(of, **options)
    assert caught.value.remedy


def test_a_feature_that_was_not_recorded() -> None:
    with pytest.raises(ColumnError, match="no column for the feature 'age'"):
        judged(corpus(VOTES), reading=Reading(run="run", by=("age",)))
