"""What the gaps of class rates say of labels and groups that they leave out."""

import pandas as pd

from affidavit.claims import FOR_WANT
from affidavit.examinations import Claim
from affidavit.testing import case_of, predictions_frame
from audit.rates.demographic_parity import EXAMINATION as PARITY
from audit.rates.equalized_odds import EXAMINATION as ODDS


def claims_of(frame: pd.DataFrame, examination: object = PARITY) -> dict[str, Claim]:
    claims = examination.examine(case_of(frame, ("accent",))).claims  # type: ignore[attr-defined]
    return {claim.finding.metric: claim for claim in claims}


def test_a_label_that_nobody_is_given_makes_no_group_too_small() -> None:
    frame = predictions_frame(conditions=("TAV",))
    claim = claims_of(frame.assign(y_pred=frame["y_pred"].replace("joy", "anger")))["demographic_parity_ratio"]
    assert claim.finding.caveats == ("zero in every group, which makes no ratio: selection rate of joy",)
    assert claim.unassessed == ("no group is ever given joy",), "its ratio is unknown, which is not one"


def test_the_only_group_is_not_called_small() -> None:
    frame = predictions_frame(conditions=("TAV",)).assign(accent="Irish")
    for examination in (PARITY, ODDS):
        for claim in claims_of(frame, examination).values():
            assert claim.finding.caveats == (f"{FOR_WANT}: Irish",)


def test_groups_of_one_unit_are_called_small_by_every_gap() -> None:
    frame = predictions_frame(conditions=("TAV",), n_speakers=3)
    for examination in (PARITY, ODDS):
        for claim in claims_of(frame, examination).values():
            assert claim.finding.because == "fewer than two groups can be compared"
            assert any("too small to be compared: Irish; Scottish; Welsh" in c for c in claim.finding.caveats)
