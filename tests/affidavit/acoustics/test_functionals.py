"""The vectors and the record: right where the answer is known, honest where there is none, the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.acoustics.descriptors import regression
from affidavit.acoustics.egemaps import EGEMAPS_NAMES, egemaps
from affidavit.acoustics.functionals import FUNCTIONAL_NAMES, functionals, prosody
from affidavit.acoustics.prosody import Prosody
from affidavit.errors import MediaError

RATE = 16_000


def buzz(f0_hz: NDArray[np.float64] | float, seconds: float = 1.5, *, tilt: float = 1.0) -> NDArray[np.float32]:
    t = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0_hz, t.shape)) / RATE
    sound = sum(np.sin(k * phase) / k**tilt for k in range(1, 25))
    return (0.1 * sound).astype(np.float32)


def column(vector: NDArray[np.float32], name: str) -> float:
    return float(vector[FUNCTIONAL_NAMES.index(name)])


def test_prosody_names_what_was_made() -> None:
    said = prosody(buzz(220.0), RATE)
    assert said.duration_s == 1.5
    assert said.f0_median_st == pytest.approx(36.0, abs=0.05)  # 220 Hz is three octaves above 27.5 Hz
    assert said.f0_range_st == pytest.approx(0.0, abs=0.1)
    assert said.f0_jitter_st == pytest.approx(0.0, abs=0.02)
    assert said.voiced_share is not None
    assert said.voiced_share > 0.95
    assert said.hnr_db is not None
    assert said.hnr_db > 20


def test_a_glide_has_its_slope_and_range() -> None:
    said = prosody(buzz(np.geomspace(110.0, 220.0, round(1.5 * RATE))), RATE)
    assert said.f0_slope_st_per_s == pytest.approx(12 / 1.5, rel=0.03)
    assert said.f0_range_st == pytest.approx(12 * 0.9, rel=0.05)
    assert said.f0_end_st is not None
    assert said.f0_end_st > 4


def test_louder_is_higher_by_as_many_decibels_and_nothing_else() -> None:
    quiet, loud = prosody(buzz(150.0), RATE), prosody(4 * buzz(150.0), RATE)
    assert quiet.level_mean_db is not None
    assert loud.level_mean_db is not None
    assert loud.level_mean_db - quiet.level_mean_db == pytest.approx(12.04, abs=0.01)
    for name in ("f0_median_st", "level_sd_db", "voiced_share", "syllables_per_s", "tilt_db_per_khz"):
        assert getattr(loud, name) == pytest.approx(getattr(quiet, name), abs=0.2), name


def test_effort_shows_in_tilt_and_centroid() -> None:
    soft, pressed = prosody(buzz(150.0, tilt=2.0), RATE), prosody(buzz(150.0, tilt=0.5), RATE)
    for name in ("tilt_db_per_khz", "alpha_ratio_db", "centroid_hz"):
        assert getattr(pressed, name) > getattr(soft, name), name


def test_noise_has_no_pitch_and_silence_has_nothing() -> None:
    noise = (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
    hissed = prosody(noise, RATE)
    if not hissed.voiced_share:
        assert hissed.f0_median_st is None
        assert hissed.hnr_db is None
    assert hissed.level_mean_db == pytest.approx(-20.0, abs=0.2)
    silent = prosody(np.zeros(RATE, dtype=np.float32), RATE)
    assert {name for name in Prosody.model_fields if getattr(silent, name) is not None} == {"duration_s"}


def test_unknown_is_marked_and_not_zero_alone() -> None:
    silent = functionals(np.zeros(RATE, dtype=np.float32), RATE)
    known = [name for name in FUNCTIONAL_NAMES if name.endswith("_known")]
    assert len(known) > 20
    assert {name for name in known if column(silent, name)} == {"prosody_duration_s_known"}
    assert np.count_nonzero(silent) == 2
    spoken = functionals(np.concatenate([buzz(150.0), (0.02 * np.random.default_rng(1).standard_normal(RATE))]), RATE)
    assert all(column(spoken, name) == 1.0 for name in known)


def test_names_fit_the_vector_and_are_unique() -> None:
    vector = functionals(buzz(150.0), RATE)
    assert vector.shape == (len(FUNCTIONAL_NAMES),)
    assert vector.dtype == np.float32
    assert len(set(FUNCTIONAL_NAMES)) == len(FUNCTIONAL_NAMES)
    assert set(Prosody.model_fields) == {
        name.removeprefix("prosody_")
        for name in FUNCTIONAL_NAMES
        if name.startswith("prosody_") and name[-6:] != "_known"
    }


@pytest.mark.parametrize("n_samples", [1, 7, 400, 401, 900, 2_000])
def test_the_shortest_sounds_have_finite_vectors(n_samples: int) -> None:
    rng = np.random.default_rng(n_samples)
    for samples in (rng.uniform(-1, 1, n_samples), buzz(200.0)[:n_samples], np.ones(n_samples)):
        vector = functionals(samples.astype(np.float32), RATE)
        assert np.isfinite(vector).all()
        assert np.abs(vector).max() <= 8


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_other_rates_have_vectors_too(rate: int) -> None:
    rng = np.random.default_rng(0)
    assert np.isfinite(functionals(rng.uniform(-0.1, 0.1, rate).astype(np.float32), rate)).all()


def test_the_same_sound_has_the_same_vector_in_any_company() -> None:
    one = functionals(buzz(150.0), RATE)
    functionals(buzz(300.0), RATE)
    np.testing.assert_array_equal(one, functionals(buzz(150.0), RATE))


def test_the_vector_follows_pitch_at_its_fixed_scale() -> None:
    low, high = (functionals(buzz(f0), RATE) for f0 in (110.0, 220.0))
    assert column(high, "f0_p50_st") - column(low, "f0_p50_st") == pytest.approx(12 / 7, abs=0.02)
    assert column(high, "prosody_f0_median_st") - column(low, "prosody_f0_median_st") == pytest.approx(12 / 7, abs=0.02)


def test_rhythm_peaks_where_syllables_come() -> None:
    swell = 10 ** (-(20 * np.cos(np.pi * 6 * np.arange(2 * RATE) / RATE) ** 2) / 20)
    vector = functionals((buzz(150.0, 2.0) * swell).astype(np.float32), RATE)
    steady = functionals(buzz(150.0, 2.0), RATE)
    rise = [
        column(vector, f"modulation_{band}_hz_bands_2") - column(steady, f"modulation_{band}_hz_bands_2")
        for band in ("0.5_2", "2_4", "4_8", "8_16", "16_32")
    ]
    assert int(np.argmax(rise)) == 2


def test_regression_is_the_slope_of_a_line() -> None:
    line = np.stack([3.0 * np.arange(20) + 1, np.full(20, 5.0)], axis=1)
    np.testing.assert_allclose(regression(line)[2:-2], np.tile([3.0, 0.0], (16, 1)), atol=1e-12)


def test_egemaps_are_opensmiles_and_named_as_there() -> None:
    opensmile = pytest.importorskip("opensmile")
    peer = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    assert tuple(peer.feature_names) == EGEMAPS_NAMES
    vector = egemaps(buzz(220.0), RATE)
    assert vector.shape == (88,)
    assert vector[0] == pytest.approx(36.0, abs=0.2)
    np.testing.assert_array_equal(vector, peer.process_signal(buzz(220.0), RATE).to_numpy()[0])
    with pytest.raises(MediaError, match="too short"):
        egemaps(buzz(220.0)[:300], RATE)


@pytest.mark.slow
@pytest.mark.real
def test_emotions_of_unseen_actors_are_told_far_above_chance(real_data: Path) -> None:
    """Eight emotions, chance 0.16; sixteen actors to learn from, four to judge, five times."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    from affidavit.media.sound import read_sound
    from affidavit.utterances import MediaSpan

    clips = sorted((real_data / "ravdess").glob("*.flac"))
    if not clips:
        pytest.skip("the public data are not there")
    sounds = (read_sound(MediaSpan(path=path)) for path in clips)
    vectors = np.stack([functionals(sound.samples, sound.sample_rate) for sound in sounds])
    emotions = np.array([path.stem.split("-")[2] for path in clips])
    folds = np.array([(int(path.stem.split("-")[-1]) - 1) // 4 for path in clips])
    right = []
    for fold in range(5):
        model = linear_model.RidgeClassifier(alpha=100.0).fit(vectors[folds != fold], emotions[folds != fold])
        right.append(model.score(vectors[folds == fold], emotions[folds == fold]))
    assert np.mean(right) > 0.55
