"""Every built-in examination passes the public contract suite, on a table that it can answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case, EvidenceBook
from affidavit.plan import Task
from affidavit.predictions import Reading, predictions_from
from affidavit.protocols import Examination
from affidavit.registry import Door, load, names
from affidavit.tables import from_frame
from affidavit.testing import ExaminationContract, case_of, predictions_frame

LABELS: Final = ("anger", "joy", "sadness")
BY: Final = ("accent", "age")
MODALITIES: Final = ("T", "A", "V", "TA", "TV", "AV", "TAV")
CONDITIONS: Final = {
    "modality-disparity": MODALITIES,
    "citation": MODALITIES,
    "robustness": ("TAV", "TAV/noise=10dB"),
    "rationale-corruption": ("TAV", "TAV/early=0", "TAV/early=0.5", "TAV/filler", "TAV/paraphrase"),
    "evidence-erasure": ("TAV", "TAV/without-rationale=20%", "TAV/without-random=20%", "TAV/only-rationale=20%"),
    "insertions": ("TAV", "TAV/insert=tired", "TAV/insert=calm"),
    "hints": ("TAV", "TAV/hint=joy", "TAV/hint=anger"),
    "stability": ("TAV", "TAV/history=0", "TAV/instruction-paraphrase"),
    "modality-reliance": (*MODALITIES, "TAV/resampled=V", "TAV/permuted=A", "TAV/additive"),
}


def small(conditions: tuple[str, ...] = ("TAV", "A")) -> pd.DataFrame:
    return predictions_frame(n_speakers=24, per_speaker=8, conditions=conditions)


def judged(conditions: tuple[str, ...]) -> pd.DataFrame:
    """Return judgements with probabilities that favour the prediction, and the shares of six annotators."""
    frame = small(conditions)
    rng = np.random.default_rng(1)
    likely = np.array([frame["y_pred"] == label for label in LABELS]).T
    weights = rng.random(likely.shape) + 2.0 * likely
    shares = weights / weights.sum(axis=1, keepdims=True)
    votes = np.array([rng.multinomial(6, row) for row in shares]) / 6
    return frame.assign(
        **{f"prob_{label}": shares[:, k] for k, label in enumerate(LABELS)},
        **{f"soft_{label}": votes[:, k] for k, label in enumerate(LABELS)},
    )


def unlabelled(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(frame.drop(columns=["y_true", "y_pred", "rationale"]))


def heard() -> Case:
    """Return a case of transcripts: words and word errors."""
    frame = small(("A",))
    wrong = (frame["y_true"] != frame["y_pred"]).astype(int)
    return case_of(
        unlabelled(frame.assign(words=10, word_errors=wrong)),
        reading=Reading(run="run", by=BY, task=Task.TRANSCRIPTION),
    )


def felt() -> Case:
    """Return a case of one dimension between 0 and 1."""
    frame = small()
    rng = np.random.default_rng(2)
    truth = rng.random(len(frame))
    told = truth + rng.normal(0.0, 0.1, len(frame))
    # One truth per utterance, whatever the condition.
    truth = pd.Series(truth).groupby(frame["utterance_id"]).transform("first")
    return case_of(
        unlabelled(frame.assign(true_valence=truth, pred_valence=told)),
        reading=Reading(run="run", by=BY, task=Task.REGRESSION),
    )


def several_at_once() -> Case:
    """Return a case of sets of labels."""
    frame = small()
    columns = {
        f"{kind}_{label}": (frame[f"y_{kind}"] == label).astype(int) for label in LABELS for kind in ("true", "pred")
    }
    return case_of(unlabelled(frame.assign(**columns)), reading=Reading(run="run", by=BY, task=Task.MULTILABEL))


def in_order() -> Case:
    """Return a case of labels in an order."""
    return case_of(small(), reading=Reading(run="run", by=BY, task=Task.ORDINAL, label_space=LABELS))


def two_runs() -> Case:
    """Return a case of two runs on the same utterances, of which the second is right more often."""
    before = small()
    better = np.random.default_rng(3).random(len(before)) < 0.3
    after = before.assign(y_pred=before["y_pred"].where(~better, before["y_true"]))
    runs = {
        name: predictions_from(from_frame(frame), Reading(run=name, by=BY))
        for name, frame in (("before", before), ("after", after))
    }
    case = case_of(before)
    book = EvidenceBook(runs=runs, by=BY, statistics=case.statistics, seed=0)
    return replace(case, runs=runs, book=book)


def voted() -> Case:
    """Return a case of soft labels of six annotators."""
    return case_of(judged(("TAV", "A")), options={"annotators": 6})


CASES: Final[Mapping[str, Any]] = {
    "annotators": voted,
    "word-errors": heard,
    "regression": felt,
    "multilabel": several_at_once,
    "ordinal": in_order,
    "model-comparison": two_runs,
}


def contract_of(name: str) -> type[ExaminationContract]:
    """Return the contract suite for one examination."""

    class Contract(ExaminationContract):
        examination = load(Door.EXAMINATIONS, name)

        def make_case(self) -> Case:
            make = CASES.get(name)
            return make() if make else case_of(judged(CONDITIONS.get(name, ("TAV", "A"))))

    return Contract


CHECKS: Final = tuple(sorted(check for check in dir(ExaminationContract) if check.startswith("test_")))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", names(Door.EXAMINATIONS))
def test_it_keeps_the_contract(name: str, check: str) -> None:
    examination = load(Door.EXAMINATIONS, name)
    assert isinstance(examination, Examination)
    getattr(contract_of(name)(), check)()
