"""Real voices: what a measured voice is known to tell, the probes tell; what it cannot know, they do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affidavit.testing import case_of
from privacy.probes.examination import EXAMINATION

pytestmark = [pytest.mark.real, pytest.mark.slow]
SPOKEN = ("03-01-05-01-01-01", "03-01-05-01-02-01", "03-01-04-01-01-01", "03-01-04-01-02-01", "03-01-03-01-01-01")
"""Angry, sad and happy, two sentences; the actor's number follows."""


@pytest.fixture(scope="module")
def voices(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table of vectors of 20 actors' clips."""
    soundfile = pytest.importorskip("soundfile")
    from affidavit.acoustics.functionals import functionals

    rows = []
    for actor in range(1, 21):
        for spoken in SPOKEN:
            path = real_data / "ravdess" / f"{spoken}-{actor:02d}.flac"
            if not path.is_file():
                pytest.skip("the public data are not there: RAVDESS")
            samples, rate = soundfile.read(path, dtype="float32")
            vector = functionals(samples, rate)
            rows.append(
                {"utterance_id": f"{spoken}-{actor:02d}"} | {f"audio_{j}": float(x) for j, x in enumerate(vector)}
            )
    folder = tmp_path_factory.mktemp("voices")
    pd.DataFrame(rows).to_parquet(folder / "vectors.parquet")
    return folder


def test_sex_and_actor_are_told_from_measured_voices_and_a_coin_is_not(voices: Path) -> None:
    names = pd.read_parquet(voices / "vectors.parquet")["utterance_id"]
    actor = names.str[-2:].astype(int)
    coin = np.random.default_rng(0).permutation(np.arange(20) % 2)
    frame = pd.DataFrame(
        {
            "utterance_id": names,
            "speaker_id": names.str[-2:],
            "sex": np.where(actor % 2, "male", "female"),
            "coin": np.where(coin[actor - 1], "heads", "tails"),
            "y_pred": names.str[6:8],
        }
    )
    case = case_of(frame, by=("coin", "sex"), options={"embeddings": "vectors.parquet"})
    testimony = EXAMINATION.examine(replace(case, folder=voices))
    told = {(claim.finding.metric, claim.finding.compared): claim.finding for claim in testimony.claims}
    sex, coin_told = (told["audio_leakage_advantage", (name,)] for name in ("sex", "coin"))
    assert sex.test is not None
    assert coin_told.test is not None
    assert sex.test.p_value == 0.005
    assert (sex.estimate.value or 0) > 0.3
    assert coin_told.test.p_value > 0.05
    assert (told["audio_speaker_advantage", None].estimate.value or 0) > 0.4
    assert (told["audio_speaker_equal_error_rate", None].estimate.value or 1) < 0.35
