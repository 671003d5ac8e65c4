import numpy as np
import pandas as pd
import pytest

from affidavit.plan import Task
from affidavit.predictions import Reading
from affidavit.testing import case_of
from audit.groups.word_errors import EXAMINATION


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 400
    words = rng.integers(1, 15, n)
    return pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(n)],
            "speaker_id": [f"s{i % 40}" for i in range(n)],
            "accent": [["x", "y"][i % 40 % 2] for i in range(n)],
            "word_errors": rng.poisson(0.3 * words),
            "words": words,
        }
    )


def test_is_a_ratio_of_sums_and_per_unit_a_mean_of_ratios(frame: pd.DataFrame) -> None:
    reading = Reading(run="run", by=("accent",), task=Task.TRANSCRIPTION)
    found = {
        (c.finding.metric, c.finding.groups.get("accent")): c.finding
        for c in EXAMINATION.examine(case_of(frame, by=("accent",), reading=reading)).claims
        if not c.finding.compared
    }
    sums = frame.groupby("accent")[["word_errors", "words"]].sum()
    units = frame.groupby(["accent", "speaker_id"])[["word_errors", "words"]].sum()
    per_unit = (units["word_errors"] / units["words"]).groupby("accent").mean()
    for accent in ("x", "y"):
        rate = found["word_error_rate", accent]
        assert rate.estimate.value == pytest.approx(sums.loc[accent, "word_errors"] / sums.loc[accent, "words"])
        assert (rate.estimate.n, rate.estimate.n_clusters) == (200, 20)
        assert found["word_error_rate_per_unit", accent].estimate.value == pytest.approx(per_unit[accent])
        assert rate.higher_is_better is False


def test_may_exceed_one(frame: pd.DataFrame) -> None:
    worst = frame.assign(word_errors=3 * frame["words"])
    reading = Reading(run="run", by=("accent",), task=Task.TRANSCRIPTION)
    claims = EXAMINATION.examine(case_of(worst, by=("accent",), reading=reading)).claims
    assert claims[0].finding.estimate.value == 3.0
    assert "do not differ" in (claims[0].finding.estimate.why_no_interval or "")
