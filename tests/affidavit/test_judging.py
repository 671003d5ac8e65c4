import re
from pathlib import Path

import numpy as np
import pytest

import affidavit as af
from affidavit.corpus import Corpus
from affidavit.errors import MediaError, PlanError, RowError
from affidavit.judgements import asked_conditions, available, to_judge
from affidavit.media.frames import read_frames
from affidavit.media.sound import read_sound
from affidavit.utterances import Judgement, MediaSpan, Utterance

LABELS = ("joy", "sadness")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))


def utterance(i: int, *, text: str | None = "so glad", **fields: object) -> Utterance:
    given: dict[str, object] = {
        "speaker_id": f"s{i % 3}",
        "audio": MediaSpan(path=Path(f"{i}.wav")),
        "label": LABELS[i % 2],
        "sensitive": {"accent": "northern" if i % 3 else "southern"},
        **fields,
    }
    return Utterance(utterance_id=f"u{i}", text=text, **given)  # type: ignore[arg-type]


def corpus(*utterances: Utterance) -> Corpus:
    return Corpus(name="small", utterances=utterances, digest="sha256:0", licence="none", label_space=LABELS)


def says_joy(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
    return Judgement(label="joy", probabilities={"joy": 0.75, "sadness": 0.25}, rationale=f"by {modalities}")


def test_every_utterance_under_every_condition_that_it_allows() -> None:
    table = af.judge(says_joy, corpus(*(utterance(i) for i in range(6))), by=["accent"])
    assert table.conditions == ("TA", "T", "A")  # nobody has a face
    assert table.n_rows == 18
    assert table.n_units == 3
    assert table.levels["group_accent"] == ("northern", "southern")


def test_the_function_sees_only_what_it_may() -> None:
    seen: list[Utterance] = []

    def looks(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        seen.append(utterance)
        return Judgement(label="joy")

    truth = utterance(0, rationales={"explain": "Joy."}, evidence=frozenset({"text"}), soft_label={"joy": 1.0})
    af.judge(looks, corpus(truth), conditions=["T", "A"])
    assert [(u.text is not None, u.audio is not None) for u in seen] == [(True, False), (False, True)]
    for shown in seen:
        assert shown.label is None
        assert not shown.rationales
        assert not shown.soft_label
        assert shown.evidence is None


def test_each_call_has_a_seed_of_its_own_that_repeats() -> None:
    seeds: list[int] = []

    def draws(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        seeds.append(seed)
        return Judgement(label="joy")

    for _ in range(2):
        af.judge(draws, corpus(utterance(0), utterance(1)), seed=3)
    first, second = seeds[:6], seeds[6:]
    assert first == second
    assert len(set(first)) == 6


def test_what_was_declined_is_never_shown() -> None:
    declined = utterance(0, consent={"audio": False})
    assert available(declined) == {"T"}
    table = af.judge(says_joy, corpus(declined, utterance(1)))
    assert any("no consent to audio" in said for said in table.assumptions)
    because = table.side_tables["unjudged"]["because"].to_pylist()
    assert because.count("no consent to audio") == 4  # of TAV, TA, AV and A
    assert because.count("no video") == 6


def test_a_file_that_does_not_play_is_counted_and_named_and_the_run_goes_on() -> None:
    def hears(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        if utterance.speaker_id == "s1" and utterance.audio is not None:
            raise MediaError("the file does not play", slug="media-unreadable", where=str(utterance.audio.path))
        return Judgement(label="joy")

    table = af.judge(hears, corpus(*(utterance(i) for i in range(3))), conditions=["A"])
    assert table.n_rows == 2
    assert any("1 of 3 judgements" in said for said in table.assumptions)
    assert any("1.wav: the file does not play" in said for said in table.assumptions)


def test_any_other_error_is_the_callers_own() -> None:
    def breaks(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        af.judge(breaks, corpus(utterance(0)))


def test_a_label_outside_the_space_is_named() -> None:
    def strange(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        return Judgement(label="envy")

    with pytest.raises(RowError, match=re.escape("utterance u0, condition TA: the label lies outside the label space")):
        af.judge(strange, corpus(utterance(0)))


def test_conditions_that_nobody_can_be_judged_under_are_refused() -> None:
    with pytest.raises(PlanError, match="no utterance has"):
        asked_conditions(["V"], [utterance(0)])
    with pytest.raises(PlanError, match="degraded"):
        af.judge(says_joy, corpus(utterance(0)), conditions=["TA/noise=10dB"])


def test_turns_without_a_label_are_context() -> None:
    clinician = utterance(1, label=None)
    assert to_judge([utterance(0), clinician]) == (utterance(0),)
    assert to_judge([clinician]) == (clinician,)


def test_cues_keep_the_key_of_their_judgement() -> None:
    def cites(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        return Judgement(label="joy", cues=(af.Cue(modality="text", quote="glad", start_s=0.1, end_s=0.4),))

    cues = af.judge(cites, corpus(utterance(0)), conditions=["T"]).side_tables["cues"].to_pylist()
    assert cues == [
        {
            "utterance_id": "u0",
            "condition": "T",
            "instruction": None,
            "modality": "text",
            "quote": "glad",
            "start_s": 0.1,
            "end_s": 0.4,
        }
    ]


def test_an_answer_that_is_none_ends_the_run_at_once_and_by_name() -> None:
    asked: list[str] = []
    for answer, said in (
        ("joy", "no judgement"),
        (None, "no judgement"),
        ({"label": "joy"}, "no judgement"),
        (Judgement(label=3), "label lies outside"),  # type: ignore[arg-type]
        (Judgement(label="joy", probabilities={"joy": 0.5, "envy": 0.5}), "no label of the label space"),
        (Judgement(label="joy", probabilities={"joy": 0.5}), "no shares of one"),
        (Judgement(label="joy", probabilities={"joy": float("nan"), "sadness": 1.0}), "no shares of one"),
        (Judgement(label="joy", intensity=float("inf")), "intensity is no number"),
        (Judgement(label="joy", modality_weights={"voice": 1.0}), "modality weights"),
        (Judgement(label="joy", rationale=["so"]), "rationale is no text"),  # type: ignore[arg-type]
        (Judgement(label="joy", cues=("so",)), "cues are none"),  # type: ignore[arg-type]
    ):

        def answers(u: Utterance, m: tuple[str, ...], seed: int, answer: object = answer) -> Judgement:
            asked.append(u.utterance_id)
            return Judgement(label="joy") if len(asked) == 1 else answer  # type: ignore[return-value]

        asked.clear()
        with pytest.raises(RowError, match=said) as caught:
            af.judge(answers, corpus(*(utterance(i) for i in range(9))), conditions=["T"])
        assert caught.value.where == "utterance u1, condition T"
        assert len(asked) == 2, "nobody else was asked"


def test_an_error_of_the_callers_own_says_where_it_happened() -> None:
    def breaks(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        af.judge(breaks, corpus(utterance(0)), conditions=["A"])
    assert caught.value.__notes__ == ["affidavit was asking about utterance u0, condition A"]


def film(path: Path, *, late_s: float = 0.0) -> Path:
    """A container with half-second tones that rise, pictures that grow bright, and a title that tells the label."""
    import av

    with av.open(str(path), "w") as out:
        out.metadata["title"] = "the label is joy"
        pictures = out.add_stream("mpeg4", rate=10)
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p"
        sound = out.add_stream("aac", rate=16_000, layout="mono")
        for i in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 10 * i, dtype=np.uint8), format="rgb24")
            frame.pts = i
            out.mux(pictures.encode(frame))
        out.mux(pictures.encode())
        seconds = np.arange(int((2 - late_s) * 16_000)) / 16_000 + late_s
        tone = (0.3 * np.sin(2 * np.pi * (200 + 200 * np.floor(seconds / 0.5)) * seconds)).astype(np.float32)
        for at in range(0, len(tone), 1024):
            block = av.AudioFrame.from_ndarray(tone[None, at : at + 1024], format="fltp", layout="mono")
            block.sample_rate, block.pts = 16_000, at + round(late_s * 16_000)
            out.mux(sound.encode(block))
        out.mux(sound.encode())
    return path


def tracks(path: Path) -> list[str]:
    import av

    with av.open(str(path)) as container:
        assert "title" not in container.metadata or path.is_symlink()
        return sorted(stream.type for stream in container.streams)


def handed_files(spoken: Utterance, conditions: list[str]) -> dict[str, list[Utterance]]:
    seen: dict[str, list[Utterance]] = {}

    def looks(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        seen.setdefault("".join(name[0] for name in modalities), []).append(utterance)
        return Judgement(label="joy")

    af.judge(looks, corpus(spoken), conditions=conditions)
    return seen


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".avi"])
def test_a_track_that_is_hidden_is_in_no_file_that_is_handed_over(suffix: str, tmp_path: Path) -> None:
    whole = film(tmp_path / f"1001_DFA_JOY{suffix}")
    span = MediaSpan(path=whole)
    seen = handed_files(utterance(0, audio=span, video=span), ["A", "V", "AV", "T"])
    (hears,), (looks,), (both,), (reads,) = seen["a"], seen["v"], seen["av"], seen["t"]
    assert hears.audio is not None
    assert looks.video is not None
    assert both.audio is not None
    assert (tracks(hears.audio.path), tracks(looks.video.path)) == (["audio"], ["video"])
    assert tracks(both.audio.path) == ["audio", "video"]
    assert (hears.video, looks.audio, reads.audio, reads.video) == (None, None, None, None)
    copies = list((tmp_path / "cache" / "single-streams").iterdir())
    assert len(copies) == 3
    again = handed_files(utterance(0, audio=span, video=span), ["A"])
    assert again["a"][0].audio == hears.audio
    assert len(list((tmp_path / "cache" / "single-streams").iterdir())) == 3, "made once"


@pytest.mark.parametrize("late_s", [0.0, 0.4])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_what_is_left_sounds_and_looks_as_before_at_the_same_seconds(
    suffix: str, late_s: float, tmp_path: Path
) -> None:
    whole = MediaSpan(path=film(tmp_path / f"joy{suffix}", late_s=late_s), start_s=0.9, end_s=1.6)
    seen = handed_files(utterance(0, audio=whole, video=whole), ["A", "V"])
    hears, looks = seen["a"][0].audio, seen["v"][0].video
    assert hears is not None
    assert looks is not None
    one, other = read_sound(whole).samples, read_sound(hears).samples
    assert abs(len(one) - len(other)) <= 32
    n = min(len(one), len(other)) - 64
    best = max(float(np.corrcoef(one[32 : n - 32], other[32 + lag : n - 32 + lag])[0, 1]) for lag in range(-32, 33))
    assert best > 0.99, "the same sound to within two thousandths of a second"
    np.testing.assert_array_equal(
        read_frames(whole, n_frames=4, size=32).pixels, read_frames(looks, n_frames=4, size=32).pixels
    )


def test_names_tell_nothing_and_are_the_same_each_time(tmp_path: Path) -> None:
    import soundfile

    sound = tmp_path / "1001_DFA_JOY_XX.wav"
    soundfile.write(sound, np.zeros(800), 8000)
    told = utterance(0, audio=MediaSpan(path=sound), dialogue_id="JOY-7")
    told = af.Utterance(**{**{f: getattr(told, f) for f in told.__slots__}, "utterance_id": "1001_DFA_JOY_XX"})
    seen = handed_files(told, ["TA", "T"])
    (hears,), (reads,) = seen["ta"], seen["t"]
    assert "JOY" not in f"{reads!r}"
    assert "JOY" not in f"{hears!r}".replace(str(tmp_path), "")
    assert hears.utterance_id == reads.utterance_id == handed_files(told, ["T"])["t"][0].utterance_id
    assert hears.audio is not None
    assert hears.audio.path.suffix == ".wav"
    assert hears.audio.path.read_bytes() == sound.read_bytes()
    table = af.judge(says_joy, corpus(told), conditions=["T"])
    assert table.side_tables["judgements"]["utterance_id"].to_pylist() == ["1001_DFA_JOY_XX"], "the table has the ids"


def test_a_container_that_nobody_can_open_is_counted_by_its_own_name(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film " * 50)
    whole = film(tmp_path / "whole.mkv")
    films = [utterance(i, audio=None, video=MediaSpan(path=path)) for i, path in enumerate((broken, whole))]
    table = af.judge(says_joy, corpus(*films), conditions=["V"])
    assert table.n_rows == 1
    assert any("broken.mp4" in said for said in table.assumptions)
