"""Every examination of the room passes the public contract suite."""

from typing import Any

import pandas as pd

from affidavit.plan import Task
from affidavit.predictions import Reading
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from audit.conditions import agreement
from audit.groups import performance, word_errors
from audit.rates import demographic_parity, equalized_odds
from audit.rationales import described


class TestPerformance(ExaminationContract):
    examination = performance.EXAMINATION


class TestDemographicParity(ExaminationContract):
    examination = demographic_parity.EXAMINATION


class TestEqualizedOdds(ExaminationContract):
    examination = equalized_odds.EXAMINATION


class TestAgreement(ExaminationContract):
    examination = agreement.EXAMINATION


class TestRationales(ExaminationContract):
    examination = described.EXAMINATION


class TestWordErrors(ExaminationContract):
    examination = word_errors.EXAMINATION

    def make_case(self) -> Any:
        frame = predictions_frame(conditions=("A",))
        frame = frame.assign(words=10, word_errors=(frame["y_true"] != frame["y_pred"]).astype(int))
        frame = pd.DataFrame(frame.drop(columns=["y_true", "y_pred", "rationale"]))
        return case_of(frame, reading=Reading(run="run", by=("accent", "age"), task=Task.TRANSCRIPTION))
