"""The public contract suite: a plugin's tests inherit one class per protocol and say what is to be tested.

    from affidavit.testing import ExaminationContract

    class TestHedging(ExaminationContract):
        examination = hedging

Each class runs under pytest as it stands; nothing here imports pytest.
"""

from __future__ import annotations

from affidavit.testing.contracts import (
    CorpusLoaderContract,
    ExaminationContract,
    ReasonerContract,
    RendererContract,
)
from affidavit.testing.live_contracts import AblatableContract, DifferentiableContract, TrainableContract
from affidavit.testing.tables import case_of, findings_of, predictions_frame, small_report, value_of

__all__ = [
    "AblatableContract",
    "CorpusLoaderContract",
    "DifferentiableContract",
    "ExaminationContract",
    "ReasonerContract",
    "RendererContract",
    "TrainableContract",
    "case_of",
    "findings_of",
    "predictions_frame",
    "small_report",
    "value_of",
]
