"""Tables of judgements with rationales, and tables of evidence beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.examinations import Testimony
from affidavit.records import Finding
from affidavit.testing import case_of, findings_of
from faithfulness.grounding.examination import EXAMINATION

Judge = Callable[..., Case]


def table_of(rationales: Sequence[str], **columns: Any) -> pd.DataFrame:
    """Return one judgement an utterance, of as many speakers unless said."""
    n = len(rationales)
    frame = pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(n)],
            "speaker_id": [f"s{i}" for i in range(n)],
            "condition": "TAV",
            "y_pred": "sadness",
            "rationale": list(rationales),
        }
    )
    return frame.assign(**columns)


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Make a case of a frame and of evidence: rows of utterance, aspect, cue, and present where it is told."""

    def made(frame: pd.DataFrame, evidence: Sequence[Sequence[Any]], by: Sequence[str] = (), **options: Any) -> Case:
        path = tmp_path / "evidence.csv"
        columns = ["utterance_id", "aspect", "cue", "present"][: len(evidence[0])]
        pd.DataFrame(evidence, columns=columns).to_csv(path, index=False)
        return case_of(frame, by, options={"evidence": str(path), **options})

    return made


@pytest.fixture(scope="session")
def testify() -> Callable[[Case], Testimony]:
    def told(case: Case) -> Testimony:
        assert EXAMINATION.refuses(case) is None
        return EXAMINATION.examine(case)

    return told


@pytest.fixture(scope="session")
def findings() -> Callable[[Case], Mapping[tuple[str, str], Finding]]:
    """Return findings by metric and group."""
    return partial(findings_of, EXAMINATION)


@pytest.fixture(scope="session")
def frame_of() -> Callable[..., pd.DataFrame]:
    return table_of
