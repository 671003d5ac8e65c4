import pytest

from affidavit.testing import case_of, predictions_frame
from audit.agreement import EXAMINATION


def test_equals_a_join_by_hand_and_counts_what_has_no_partner() -> None:
    frame = predictions_frame(conditions=("TAV", "A", "T"))
    frame = frame.drop(index=frame.index[frame["condition"] == "A"][:7])
    claims = EXAMINATION.examine(case_of(frame)).claims
    for condition in ("A", "T"):
        both = frame[frame["condition"] == "TAV"].merge(
            frame[frame["condition"] == condition], on="utterance_id", suffixes=("", "_less")
        )
        same = both["y_pred"] == both["y_pred_less"]
        for accent, expected in same.groupby(both["accent"]).mean().items():
            found = next(
                c.finding for c in claims if c.finding.condition == condition and c.finding.groups == {"accent": accent}
            )
            assert found.estimate.value == pytest.approx(expected)
            assert "compared with TAV" in found.caveats
    unpaired = next(c.finding for c in claims if c.finding.condition == "A")
    assert "7 judgements exist under one of the two conditions only" in unpaired.caveats
