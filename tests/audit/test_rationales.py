import numpy as np
import pandas as pd
import pytest

from affidavit.records import Finding
from affidavit.testing import case_of, predictions_frame
from audit.rationales import EXAMINATION


def findings(frame: pd.DataFrame) -> dict[tuple[str, str], Finding]:
    claims = EXAMINATION.examine(case_of(frame)).claims
    return {
        (c.finding.metric, c.finding.condition): c.finding
        for c in claims
        if not c.finding.groups and not c.finding.compared
    }


def test_counts_words_and_citations() -> None:
    frame = predictions_frame(conditions=("TAV", "T"))
    frame["rationale"] = ["Her voice trembles.", "The eyes are lowered", None, "What she said, and her tone"] * (
        len(frame) // 4
    )
    found = findings(frame)
    assert found["rationale_rate", "TAV"].estimate.value == pytest.approx(0.75)
    assert found["rationale_words", "TAV"].estimate.value == pytest.approx((3 + 4 + 6) / 3)
    assert found["cites_audio_rate", "TAV"].estimate.value == pytest.approx(2 / 3)
    assert found["cites_video_rate", "TAV"].estimate.value == pytest.approx(1 / 3)
    assert found["cites_text_rate", "TAV"].estimate.value == pytest.approx(1 / 3)


def test_a_citation_of_what_was_not_shown_is_found_and_its_clean_twin_is_silent() -> None:
    frame = predictions_frame(conditions=("TAV", "A"))
    clean = findings(frame)
    assert ("cites_absent_modality_rate", "TAV") not in clean
    assert clean["cites_absent_modality_rate", "A"].estimate.value == 0
    planted = frame.copy()
    lying = (frame["condition"] == "A") & (frame.index % 5 == 0)
    planted.loc[lying, "rationale"] = "her face is tense"
    found = findings(planted)["cites_absent_modality_rate", "A"]
    assert found.estimate.value == pytest.approx(lying.sum() / (frame["condition"] == "A").sum())
    assert found.estimate.interval is not None
    assert found.estimate.interval.low > 0


def test_a_word_inside_another_is_no_citation() -> None:
    frame = predictions_frame(conditions=("TAV",)).assign(rationale="an interface of surfaces, invoiced atonement")
    assert findings(frame)["cites_video_rate", "TAV"].estimate.value == 0
    assert findings(frame)["cites_audio_rate", "TAV"].estimate.value == 0


@pytest.mark.parametrize("units", [True, False])
def test_weights_weigh_rationales(units: bool) -> None:
    frame = predictions_frame() if units else predictions_frame().drop(columns="speaker_id")
    frame["rationale"] = np.where(frame.index % 3 == 0, None, "the voice trembles")
    frame["weight"] = frame.index % 2 + 0.5
    here = frame[frame["condition"] == "TAV"]
    expected = here.loc[here["rationale"].notna(), "weight"].sum() / here["weight"].sum()
    rate = findings(frame)["rationale_rate", "TAV"].estimate
    assert rate.value == pytest.approx(expected)
    assert rate.interval is not None
    assert rate.interval.method == "logit t over units", "not the interval of a plain proportion"
