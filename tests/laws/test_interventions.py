"""How well a model does where it is interfered with is not its performance: audits are silent about that."""

from __future__ import annotations

import pandas as pd
import pytest

from affidavit.conditions import INTERVENTIONS, Condition
from affidavit.registry import BUILT_IN, Door, load
from affidavit.testing import case_of, predictions_frame
from affidavit.testing.tables import LABELS

OF_USE = ("TAV", "A")
OF_OTHER_TABLES = frozenset(
    {
        *("regression", "ordinal", "multilabel", "word-errors", "model-comparison", "annotators"),
        *("modality-disparity", "robustness"),
    }
)
AUDITS = tuple(name for name, target in BUILT_IN[Door.EXAMINATIONS].items() if target.startswith("audit."))


def judged(*conditions: str) -> pd.DataFrame:
    frame = predictions_frame(n_speakers=24, per_speaker=8, conditions=conditions)
    wrong = frame["condition"].map(lambda name: Condition.parse(name).intervenes)
    frame.loc[wrong, "y_pred"] = LABELS[0]
    frame.loc[wrong, "rationale"] = "nothing at all"
    shares = {f"prob_{label}": (frame["y_pred"] == label) * 0.7 + 0.1 for label in LABELS}
    votes = {f"soft_{label}": (frame["y_true"] == label) * 0.7 + 0.1 for label in LABELS}
    return frame.assign(**shares, **votes)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in AUDITS if name not in OF_OTHER_TABLES])
def test_an_audit_is_silent_about_interventions(name: str) -> None:
    examination = load(Door.EXAMINATIONS, name)
    whole = case_of(judged(*OF_USE, "TAV/hint=joy", "TAV/resampled=V"))
    told = {claim.finding.id: claim.finding for claim in examination.examine(whole).claims}
    assert not [name for name, finding in told.items() if Condition.parse(finding.condition or "T").intervenes]
    plain = {claim.finding.id for claim in examination.examine(case_of(judged(*OF_USE))).claims}
    assert set(told) == plain


def test_the_others_do_not_speak_of_such_a_table() -> None:
    case = case_of(judged(*OF_USE, "TAV/hint=joy", "TAV/resampled=V"))
    assert all(load(Door.EXAMINATIONS, name).refuses(case) is not None for name in OF_OTHER_TABLES)


def test_interventions_are_operators() -> None:
    assert all(Condition.parse(f"TAV/{operator}").intervenes for operator in INTERVENTIONS)
