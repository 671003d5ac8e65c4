"""What a plan may say of a transparent reasoner, and how what it may not say is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, PlanError
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Reasoner, silent
from affidavit.testing import ReasonerContract
from reasoners.transparent.door import REASONER
from reasoners.transparent.option_parts import Identity
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.showing import read_showing

PAGE = Path(__file__).resolve().parents[3] / "docs" / "transparent.md"


def judged(seed: int = 0, corpus: Corpus | None = None, reading: Reading | None = None, **options: Any) -> Predictions:
    reading = reading or Reading(run="run", by=("accent", "age"))
    return REASONER.judge(corpus, options, reading=reading, rng=np.random.default_rng(seed), progress=silent)


class TestContract(ReasonerContract):
    reasoner = REASONER
    options = {"n_speakers": 8, "repeats": 2, "noise": 0.2}  # noqa: RUF012 - as the contract declares it


def test_reasoner_keeps_the_protocol() -> None:
    assert isinstance(REASONER, Reasoner)


def test_judge_returns_predictions() -> None:
    predictions = judged(n_speakers=12, conditions=["TAV", "AT", "TAV/resampled=VA", "TAV/age=75-and-over"])
    assert predictions.unit == "speaker_id"
    assert predictions.labels == TransparentOptions().labels
    assert predictions.levels["reasoner"] == ("transparent",)
    assert set(predictions.conditions) == {"TAV", "TA", "TAV/resampled=AV", "TAV/age=75-and-over"}
    assert predictions.labelled
    assert not any("most probable" in said for said in predictions.assumptions)


def test_the_defaults_are_the_clean_twin() -> None:
    options = TransparentOptions()
    assert options.honesty.shares == (1, 0, 0, 0)
    assert options.concludes.shares == (1, 0, 0)
    assert options.noise == 0
    assert options.identity is None


def test_shares_are_divided_by_their_sum_and_a_number_stands_for_all_modalities() -> None:
    options = TransparentOptions(leading={"text": 3, "video": 1}, silent=0.25, label_shares={"joy": 1, "anger": 3})
    assert options.leading.shares == (0.75, 0, 0.25)
    assert options.silent.by_modality == (0.25, 0.25, 0.25)
    assert options.label_distribution["anger"] == 0.75
    assert options.labels[options.prior_label] == "anger"
    assert TransparentOptions(reliability={"audio": 0.2}).reliability.by_modality == (0.85, 0.2, 0.65)


def test_levels_of_groups_replace_what_everybody_has() -> None:
    options = TransparentOptions(
        leading_by={"accent": {"highland": {"video": 1}}}, honesty_by={"age": {"18-34": {"template": 1}}}
    )
    cell = {"accent": "highland", "age": "35-54", "sex": "female"}
    assert options.leading_in(cell) == (0, 0, 1)
    assert options.honesty_in(cell) == (1, 0, 0, 0)
    other = {"accent": "coastal", "age": "18-34", "sex": "female"}
    assert options.leading_in(other) == options.leading.shares
    assert options.honesty_in(other) == (0, 0, 1, 0)
    assert sum(share for _, share in options.cells()) == pytest.approx(1)


def test_conditions_by_hand() -> None:
    levels = TransparentOptions().levels
    assert read_showing("AT", levels).shown == (True, True, False)
    assert read_showing("V", levels).mask == 4
    assert read_showing("tav/resampled=tv", levels).resampled == (True, False, True)
    assert read_showing("TV/age=75-and-over", levels).rendered == ("age", "75 and over")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_speaker": 10}, "did you mean 'n_speakers'"),
        ({"n_speakers": 1}, "n_speakers"),
        ({"utterances_per_speaker": 5}, "utterances_spread"),
        ({"labels": ["joy"]}, "labels"),
        ({"labels": ["joy", "joy"]}, "a label stands twice"),
        ({"labels": [f"l{i}" for i in range(13)]}, "at most 12"),
        ({"labels": ["joy", "smiling"]}, "could not be read beside 'smiling'"),
        ({"labels": ["joy", 'so-called "fear']}, "could not be read beside"),
        ({"label_shares": {"glee": 1}}, "label_shares: 'glee' is none of"),
        ({"accents": ["unknown", "north"]}, "none called 'unknown'"),
        ({"conditions": ["TX"]}, "the condition 'TX' does not parse"),
        ({"conditions": ["TA", "AT"]}, "each stands once"),
        ({"conditions": ["as-supplied"]}, "name their modalities"),
        ({"conditions": []}, "conditions"),
        ({"conditions": ["TAV/noise=10dB"]}, "'noise' is none of resampled, permuted, .*, additive, accent, age, sex"),
        ({"conditions": ["TA/resampled=V"]}, "resampled names letters of TA"),
        ({"conditions": ["TA/resampled"]}, "resampled names letters of TA"),
        ({"conditions": ["TA/permuted-within-label=V"]}, "permuted-within-label names letters of TA"),
        ({"conditions": ["TAV/additive=V"]}, "additive has no level"),
        ({"conditions": ["TAV/resampled=VV"]}, "each once"),
        ({"conditions": ["TAV/accent=lowland"]}, "accent is one of northern"),
        ({"reliability": {"text": 1.1}}, "reliability.text"),
        ({"reliability": {"words": 0.9}}, "reliability.words"),
        ({"silent": True}, "silent"),
        ({"silent": -0.1}, "silent.text"),
        ({"noise": 2}, "noise"),
        ({"repeats": 0}, "repeats"),
        ({"rule": "loudest"}, "rule"),
        ({"leading": {"text": 0}}, "the shares of text, audio, video sum to zero"),
        ({"leading": {"touch": 1}}, "leading.touch"),
        ({"leading_by": {"race": {}}}, "leading_by: 'race' is none of"),
        ({"leading_by": {"accent": {"x": {"text": 1}}}}, "leading_by.accent: 'x' is none of"),
        ({"leading_by": {"accent": {}, "age": {}}}, "one feature, so that no speaker has two"),
        ({"order": ["text", "text", "audio"]}, "order: names text, audio and video, each once"),
        ({"weights": {"text": -1}}, "weights.text"),
        ({"temperature": 0}, "temperature"),
        ({"rule": "identity"}, "needs a feature, a level and a label"),
        ({"identity": {"feature": "race", "level": "x", "label": "joy"}}, "identity.feature"),
        ({"identity": {"feature": "sex", "level": "x", "label": "joy"}}, "identity.level"),
        ({"identity": {"feature": "sex", "level": "male", "label": "x"}}, "identity.label"),
        ({"identity": {"feature": "sex", "level": "male", "label": "joy", "shift": 0}}, "identity.shift"),
        ({"honesty": {"honest": 1}}, "honesty.honest"),
        ({"honesty": {"faithful": 0}}, "sum to zero"),
        ({"honesty_by": {"sex": {"male": {"faithful": 0}}}}, "sum to zero"),
        ({"concludes": {"mine": 1}}, "concludes.mine"),
        ({"redundant": "all"}, "redundant"),
        ({"icc": 1.0}, "icc"),
    ],
)
def test_bad_options(options: dict[str, Any], match: str) -> None:
    with pytest.raises(PlanError, match=match) as caught:
        judged(**options)
    assert caught.value.slug == "plan-invalid"
    assert caught.value.found
    assert caught.value.allowed
    assert caught.value.remedy


def test_what_cannot_be_judged() -> None:
    with pytest.raises(PlanError, match="a transparent reasoner judges no corpus"):
        judged(corpus=Corpus(name="c", utterances=(), digest="sha256:0", licence="none"))
    with pytest.raises(ColumnError, match="no column for the feature 'race'"):
        judged(reading=Reading(run="r", by=("race",)), n_speakers=4)


def test_every_option_is_on_its_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    keys = [*TransparentOptions.model_fields, *(f"identity.{key}" for key in Identity.model_fields)]
    assert [key for key in keys if f"| `{key}` |" not in page] == []
