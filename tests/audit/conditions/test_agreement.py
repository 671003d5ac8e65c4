from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from affidavit.errors import PlanError
from affidavit.records import Verdict
from affidavit.testing import case_of, predictions_frame
from audit.conditions.agreement import EXAMINATION


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


@pytest.mark.parametrize("units", [True, False])
def test_a_pair_weighs_what_its_fuller_judgement_weighs(units: bool) -> None:
    frame = predictions_frame()
    frame["weight"] = np.arange(len(frame)) % 480 % 5 + 0.25
    both = frame[frame["condition"] == "TAV"].merge(
        frame[frame["condition"] == "A"], on="utterance_id", suffixes=("", "_less")
    )
    same = both["y_pred"] == both["y_pred_less"]
    expected = (same * both["weight"]).sum() / both["weight"].sum()
    case = case_of(frame if units else frame.drop(columns="speaker_id"))
    found = next(c.finding for c in EXAMINATION.examine(case).claims if not c.finding.groups)
    assert found.estimate.value == pytest.approx(expected)
    assert found.estimate.value != pytest.approx(same.mean())
    assert found.estimate.interval is not None
    assert found.estimate.interval.method == "logit t over units", "not the interval of a plain proportion"


def test_repetitions_say_how_often_the_same_input_is_answered_alike() -> None:
    frame = predictions_frame()
    again = frame.assign(repeat=1)
    changed = (again["condition"] == "TAV") & (np.arange(len(again)) % 4 == 0)
    again.loc[changed, "y_pred"] = again.loc[changed, "y_pred"].map(
        {"anger": "joy", "joy": "sadness", "sadness": "anger"}
    )
    third = frame[(frame["condition"] == "TAV") & (frame["accent"] == "Irish")].assign(repeat=2)
    whole = pd.concat([frame.assign(repeat=0), again, third], ignore_index=True)
    findings = {c.finding.id: c.finding for c in EXAMINATION.examine(case_of(whole)).claims}
    by_utterance = {
        name: np.mean([a == b for a, b in combinations(rows["y_pred"], 2)])
        for name, rows in whole[whole["condition"] == "TAV"].groupby("utterance_id")
    }
    accents = frame.drop_duplicates("utterance_id").set_index("utterance_id")["accent"]
    for accent, expected in pd.Series(by_utterance).groupby(accents).mean().items():
        found = findings[f"run/TAV/agreement/agreement_between_repeats/accent={accent}"]
        assert found.estimate.value == pytest.approx(expected)
        assert found.estimate.n == 160
    less = findings["run/A/agreement/agreement_with_fullest"]
    assert any("agreement_between_repeats" in caveat for caveat in less.caveats)
    once = EXAMINATION.examine(case_of(frame)).claims
    assert not any("repeats" in c.finding.metric or "repeats" in str(c.finding.caveats) for c in once)


@pytest.mark.parametrize("units", [True, False])
def test_conditions_that_share_no_utterance_agree_on_nothing_that_is_known(units: bool) -> None:
    frame = predictions_frame() if units else predictions_frame().drop(columns="speaker_id")
    frame.loc[frame["condition"] == "A", "utterance_id"] += "-again"
    findings = [claim.finding for claim in EXAMINATION.examine(case_of(frame)).claims]
    assert {finding.groups.get("accent") for finding in findings} == {None, "Irish", "Scottish", "Welsh"}
    for finding in findings:
        assert (finding.verdict, finding.estimate.value, finding.estimate.n) == (Verdict.INCONCLUSIVE, None, 0)
        assert "960 judgements exist under one of the two conditions only" in finding.caveats


def test_what_is_too_large_to_pair_is_refused_by_its_size_alone() -> None:
    frame = predictions_frame()
    assert EXAMINATION.refuses(case_of(frame, options={"most_rows": 960})) is None
    refusal = EXAMINATION.refuses(case_of(frame, options={"most_rows": 959}))
    assert refusal is not None
    assert "960 rows" in refusal.because
    with pytest.raises(PlanError, match="do not validate"):
        EXAMINATION.refuses(case_of(frame, options={"rows": 959}))
