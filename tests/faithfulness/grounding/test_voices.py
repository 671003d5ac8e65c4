"""Voices beside the speaker's own others: what is low for a low voice and for a high one alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from affidavit.acoustics.prosody import Prosody
from affidavit.protocols import silent
from affidavit.utterances import MediaSpan, Utterance
from faithfulness.grounding.voices import measured_voices, within_speaker

RATE = 16_000


def clip(pitch_st: float = 30.0, **numbers: float) -> Prosody:
    usual = {"f0_range_st": 5.0, "syllables_per_s": 4.0, "level_mean_db": -20.0, "pause_share": 0.1}
    usual |= {"f0_jitter_st": 0.2, "hnr_db": 12.0}
    return Prosody(duration_s=2.0, f0_median_st=pitch_st, **{**usual, **numbers})


def directions(clips: Mapping[str, Prosody], fewest_clips: int = 5) -> dict[tuple[str, str], int]:
    return {(row.utterance_id, row.cue): row.direction for row in within_speaker(clips, fewest_clips=fewest_clips)}


@pytest.mark.parametrize("usual", [20.0, 30.0, 42.0])
def test_low_means_low_for_this_speaker(usual: float) -> None:
    """Sex and accent move a voice's own pitch; the same fall has to be the same cue."""
    found = directions(
        {**{f"c{i}": clip(usual + 0.1 * i) for i in range(5)}, "low": clip(usual - 4), "high": clip(usual + 4)}
    )
    assert found["low", "pitch"] == -1
    assert found["high", "pitch"] == 1
    assert found["c2", "pitch"] == 0


def test_a_clip_is_held_against_the_others_and_not_against_itself() -> None:
    found = directions({"a": clip(30), "b": clip(30), "c": clip(32), "d": clip(32)}, fewest_clips=4)
    assert [found[who, "pitch"] for who in "abcd"] == [-1, -1, 1, 1], (
        "beside all four each would be within the tolerance"
    )


def test_every_dimension_has_its_side() -> None:
    calm = {f"c{i}": clip() for i in range(6)}
    moved = clip(
        f0_range_st=9.0, syllables_per_s=6.0, level_mean_db=-12.0, pause_share=0.3, f0_jitter_st=0.5, hnr_db=6.0
    )
    found = directions({**calm, "x": moved})
    assert {cue: found["x", cue] for cue in ("range", "rate", "level", "pauses", "tremor", "creak")} == dict.fromkeys(
        ("range", "rate", "level", "pauses", "tremor", "creak"), 1
    )
    assert not any(direction for (who, _), direction in found.items() if who != "x")


def test_of_a_speaker_with_few_clips_nothing_is_known() -> None:
    assert directions({f"c{i}": clip() for i in range(4)}) == {}
    some = {**{f"c{i}": clip() for i in range(5)}, "mute": Prosody(duration_s=1.0)}
    found = directions(some)
    assert ("c0", "pitch") in found
    assert ("mute", "pitch") not in found, "no voiced frame is unknown and not even"


def tone(path: Path, hertz: float, level: float) -> None:
    soundfile = pytest.importorskip("soundfile")
    t = np.arange(int(1.2 * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * hertz * k * t) / k for k in range(1, 8)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))
    soundfile.write(path, (level * wave / np.abs(wave).max()).astype(np.float32), RATE)


def test_sound_is_measured_clip_by_clip_and_what_cannot_be_played_is_counted(tmp_path: Path) -> None:
    utterances = []
    for speaker, usual in (("low", 110.0), ("high", 220.0)):
        for i, (factor, level) in enumerate([(1.0, 0.1), (1.01, 0.1), (0.99, 0.1), (1.0, 0.1), (1.3, 0.4)]):
            path = tmp_path / f"{speaker}{i}.wav"
            tone(path, usual * factor, level)
            utterances.append(Utterance(utterance_id=path.stem, speaker_id=speaker, audio=MediaSpan(path=path)))
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF no sound")
    utterances.append(Utterance(utterance_id="broken", speaker_id="low", audio=MediaSpan(path=broken)))
    utterances.append(Utterance(utterance_id="silent", speaker_id="low"))
    utterances.append(Utterance(utterance_id="alone", speaker_id="other", audio=MediaSpan(path=tmp_path / "low0.wav")))
    voices = measured_voices(utterances, fewest_clips=5, progress=silent)
    found = {(row.utterance_id, row.cue): row.direction for row in voices.rows}
    for speaker in ("low", "high"):
        assert found[f"{speaker}4", "pitch"] == 1
        assert found[f"{speaker}4", "level"] == 1
        assert [found[f"{speaker}{i}", "pitch"] for i in range(4)] == [0] * 4
    assert voices.n_unreadable == 1
    assert voices.n_without_usual == 1
    assert not any(who in {"broken", "silent", "alone"} for who, _ in found)


@pytest.mark.real
def test_acted_anger_is_loud_and_acted_sadness_quiet_beside_the_actors_own_clips(real_data: Path) -> None:
    utterances = [
        Utterance(utterance_id=path.stem, speaker_id=path.stem.split("_")[0], audio=MediaSpan(path=path))
        for path in sorted((real_data / "cremad_clips").glob("*.wav"))
    ]
    voices = measured_voices(utterances, fewest_clips=5, progress=silent)
    level = {row.utterance_id: row.direction for row in voices.rows if row.cue == "level"}
    for actor in {utterance.speaker_id for utterance in utterances}:
        assert level[f"{actor}_DFA_ANG_XX"] == 1
        assert level[f"{actor}_DFA_SAD_XX"] <= 0
