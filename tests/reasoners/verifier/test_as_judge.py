"""A verifier judges rationales for `coherence`, and never those that it rewarded itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from affidavit.errors import AffidavitError
from affidavit.model_origins import Basis, ModelOrigin
from affidavit.protocols import ReadsRationales
from affidavit.testing import case_of
from faithfulness.conclusions.examination import EXAMINATION
from reasoners.grpo.rewarded import reward_origins
from reasoners.verifier.checkpoints import load_verifier
from reasoners.verifier.config import FittingOptions
from reasoners.verifier.examples import read_sentences
from reasoners.verifier.training import trained_verifier
from tests.reasoners.verifier.conftest import CUES, write_table

LABELS = ("anger", "joy", "sadness")
EPC = "explanation_prediction_consistency"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("judge")
    options = FittingOptions(epochs=10, least_steps=150, folds=2)
    trained_verifier(read_sentences(write_table(place / "t.csv")), options, folder=place / "v")
    return place


def case(folder: Path, *, models: tuple[ModelOrigin, ...] = (), **options: Any) -> Any:
    rows = []
    for i in range(60):
        truth = LABELS[i % 3]
        told = truth if i % 4 else LABELS[(i + 1) % 3]  # every fourth explanation speaks of another emotion
        cue = CUES[told][i % 4]
        rows.append(
            {
                "utterance_id": f"u{i}",
                "speaker_id": f"s{i // 3}",
                "condition": "TAV",
                "y_true": truth,
                "y_pred": truth,
                "rationale": f"{cue}." if i % 10 else "",
            }
        )
    made = case_of(pd.DataFrame(rows), ())
    runs = {name: replace(predictions, models=models) for name, predictions in made.runs.items()}
    return replace(made, runs=runs, options={"reader": "v", **options}, folder=folder)


def test_the_verifier_concludes_what_no_word_of_a_lexicon_says(folder: Path) -> None:
    testimony = EXAMINATION.examine(case(folder))
    told = {claim.finding.metric: claim.finding for claim in testimony.claims}
    assert told[EPC].estimate.value == pytest.approx(0.75, abs=0.03)
    assert any("judged by verifier " in caveat for caveat in told[EPC].caveats)
    blind = EXAMINATION.examine(replace(case(folder), options={}))
    assert {c.finding.metric: c.finding for c in blind.claims}[EPC].estimate.value is None, "the lexicon finds no word"


def test_a_run_that_the_same_verifier_rewarded_is_refused(folder: Path) -> None:
    verifier = load_verifier(folder / "v")
    assert isinstance(verifier, ReadsRationales)
    own = reward_origins({"reward": {"verifier": verifier.digest, "card": {}}})
    testimony = EXAMINATION.examine(case(folder, models=own))
    assert testimony.claims == ()
    [refusal] = testimony.refusals
    assert "agreement was trained for" in refusal.because
    other = ModelOrigin(name="v", part="reward", source="x", licence=None, digest="sha256:1", basis=Basis.CARD)
    assert EXAMINATION.examine(case(folder, models=(other,))).claims


def test_two_judges_are_one_too_many(folder: Path) -> None:
    with pytest.raises(AffidavitError, match="judge and reader"):
        EXAMINATION.examine(case(folder, judge={"url": "http://127.0.0.1:1/v1", "model": "m"}))
    with pytest.raises(AffidavitError, match="nowhere"):
        EXAMINATION.examine(case(folder, reader="nowhere"))
