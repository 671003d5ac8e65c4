"""Whatever is brought, the run goes on and says how many and which file; judged and unjudged are what was asked for."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.judgements import to_judge
from affidavit.predictions import Predictions
from affidavit.utterances import MediaSpan, Utterance

CONDITIONS = ["TAV", "T", "A", "V"]
pytestmark = pytest.mark.usefixtures("no_shards")


def unjudged(predictions: Predictions) -> list[dict[str, str]]:
    found: list[dict[str, str]] = predictions.side_tables["unjudged"].to_pylist()
    return found


def require_all(predictions: Predictions, corpus: Corpus, conditions: list[str] | None = None) -> None:
    """Nothing is dropped, and nothing is there twice."""
    judged = [(r["utterance_id"], r["condition"]) for r in predictions.side_tables["judgements"].to_pylist()]
    refused = [(r["utterance_id"], r["condition"]) for r in unjudged(predictions)]
    asked = [(u.utterance_id, c) for u in to_judge(corpus.utterances) for c in conditions or CONDITIONS]
    assert sorted(judged + refused) == sorted(asked)


def hours_long(path: Path) -> Path:
    """A wav whose header promises six hours, and that has a tenth of a second."""
    n = 6 * 3600 * 16_000 * 2
    head = b"RIFF" + struct.pack("<I", 36 + n) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    path.write_bytes(head + b"data" + struct.pack("<I", n) + bytes(3200))
    return path


def broken(kind: str, folder: Path, wav: Callable[..., Path]) -> Path:
    path = folder / f"{kind}.wav"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("This is no sound. " * 40, encoding="utf-8")
    elif kind == "no samples":
        wav(path, np.zeros(0))
    elif kind == "NaN":
        wav(path, np.full(8000, np.nan), subtype="FLOAT")
    elif kind == "hours, it says":
        hours_long(path)
    elif kind == "three minutes":
        wav(path, np.zeros(180 * 8000), rate=8000)
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "no samples", "NaN", "three minutes", "folder"])
def test_a_sound_that_cannot_be_used_is_named_and_the_run_goes_on(
    kind: str, bench: object, make_corpus: Callable, with_first: Callable, wav: Callable, tmp_path: Path
) -> None:
    path = broken(kind, tmp_path, wav)
    corpus = with_first(make_corpus(3), audio=MediaSpan(path=path))
    judged = bench.judge(corpus, {"rationales": "none"})
    require_all(judged, corpus)
    refused = unjudged(judged)
    assert [r["condition"] for r in refused] == ["TAV", "A"]
    assert {r["because"] for r in refused} == {"audio that cannot be used"}
    assert all(path.name in r["detail"] for r in refused)
    said = " ".join(judged.assumptions)
    assert f"2 of {judged.n_rows + 2} judgements asked for could not be made" in said
    assert path.name in said


def test_a_sound_that_promises_hours_takes_no_more_room_than_it_has(
    bench: object, make_corpus: Callable, with_first: Callable, wav: Callable, tmp_path: Path
) -> None:
    corpus = with_first(make_corpus(2), audio=MediaSpan(path=broken("hours, it says", tmp_path, wav)))
    judged = bench.judge(corpus, {"rationales": "none"})
    require_all(judged, corpus)


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "sound"])
def test_a_video_that_cannot_be_used_is_named_and_the_run_goes_on(
    kind: str,
    bench: object,
    make_corpus: Callable,
    with_first: Callable,
    wav: Callable,
    clips: dict[str, tuple[Path, Path]],
    tmp_path: Path,
) -> None:
    path = clips["joy"][0] if kind == "sound" else broken(kind, tmp_path, wav)
    corpus = with_first(make_corpus(3), video=MediaSpan(path=path))
    judged = bench.judge(corpus, {"rationales": "none"})
    require_all(judged, corpus)
    assert [r["condition"] for r in unjudged(judged)] == ["TAV", "V"]
    assert any(path.name in said for said in judged.assumptions)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44_100, 2), (48_000, 1)])
def test_other_rates_and_stereo_are_fine(
    rate: int,
    channels: int,
    bench: object,
    make_corpus: Callable,
    with_first: Callable,
    wav: Callable,
    tmp_path: Path,
) -> None:
    tone = 0.2 * np.sin(np.arange(rate) / rate * 2 * np.pi * 200)
    path = wav(tmp_path / "tone.wav", np.stack([tone] * channels, axis=1), rate=rate)
    judged = bench.judge(with_first(make_corpus(2), audio=MediaSpan(path=path)))
    assert unjudged(judged) == []


def test_silence_and_a_click_are_sounds_like_any_other(
    bench: object, make_corpus: Callable, with_first: Callable, wav: Callable, tmp_path: Path, rows_of: Callable
) -> None:
    for samples in (np.zeros(16_000), np.array([0.5])):
        path = wav(tmp_path / f"{len(samples)}.wav", samples)
        judged = bench.judge(with_first(make_corpus(2), audio=MediaSpan(path=path)), {"rationales": "none"})
        assert unjudged(judged) == []
        shares = [row[f"prob_{label}"] for row in rows_of(judged) for label in ("anger", "joy", "sadness")]
        assert np.isfinite(shares).all()


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_an_empty_transcript_is_no_text(
    text: str | None, bench: object, make_corpus: Callable, with_first: Callable
) -> None:
    corpus = with_first(make_corpus(2), text=text)
    judged = bench.judge(corpus, {"rationales": "none"})
    require_all(judged, corpus)
    assert {(r["condition"], r["because"]) for r in unjudged(judged)} == {("TAV", "no text"), ("T", "no text")}


def test_a_transcript_without_a_known_letter_is_read_all_the_same(
    bench: object, make_corpus: Callable, with_first: Callable
) -> None:
    judged = bench.judge(with_first(make_corpus(2), text="\u4f60\u597d \U0001f600 \u0000"), {"conditions": ["T"]})
    assert unjudged(judged) == []


def test_a_corpus_without_video_is_judged_by_what_it_has_and_the_rest_is_counted(
    bench: object, make_corpus: Callable, as_corpus: Callable, rows_of: Callable
) -> None:
    corpus = as_corpus([replace(u, video=None) for u in make_corpus(2).utterances])
    judged = bench.judge(corpus, {"conditions": ["TAV", "TA", "T", "A", "V"]})
    require_all(judged, corpus, ["TAV", "TA", "T", "A", "V"])
    assert judged.levels["condition"] == ("TA", "T", "A")
    assert {r["because"] for r in unjudged(judged)} == {"no video"}
    explained = {row["condition"] for row in rows_of(judged) if row["rationale"] is not None}
    assert explained == {"TA"}, "reasons are given under the first condition that anybody can be judged under"


def test_what_a_model_does_not_take_in_is_counted_and_not_judged(
    make_reasoner: Callable, config_of: Callable, save_bench: Callable, make_corpus: Callable, tmp_path: Path
) -> None:
    deaf = save_bench(make_reasoner(config_of(audio=None)), tmp_path)
    corpus = make_corpus(2)
    judged = deaf.judge(corpus, {"conditions": ["TAV", "TV", "A/noise=10dB"], "rationales": "none"})
    require_all(judged, corpus, ["TAV", "TV", "A/noise=10dB"])
    assert judged.levels["condition"] == ("TV",)
    assert {r["because"] for r in unjudged(judged)} == {"the model takes in no audio"}
    with pytest.raises(PlanError, match="cannot take in"):
        deaf.judge(corpus, {"conditions": ["A", "TA"]})


def test_declined_media_are_never_opened(
    bench: object, make_corpus: Callable, as_corpus: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def opening(span: MediaSpan, **_: object) -> None:
        opened.append(span.path)
        raise AssertionError(f"{span.path} was opened")

    monkeypatch.setattr("reasoners.instructed.inputs.read_sound", opening)
    monkeypatch.setattr("reasoners.instructed.inputs.read_frames", opening)
    corpus = as_corpus(
        [replace(u, consent={"audio": False, "video": False, "text": True}) for u in make_corpus(2).utterances]
    )
    judged = bench.judge(corpus, {"conditions": ["TAV", "T", "A", "A/noise=0dB", "V/blur=2"], "rationales": "none"})
    require_all(judged, corpus, ["TAV", "T", "A", "A/noise=0dB", "V/blur=2"])
    assert opened == []
    assert {r["because"] for r in unjudged(judged)} == {"no consent to audio", "no consent to video"}


def test_declined_words_reach_nothing_not_even_the_errors_of_other_transcripts(
    bench: object, make_corpus: Callable, with_first: Callable, rows_of: Callable
) -> None:
    tables = []
    for text in ("Nobody may read these words.", "Quaint zebras vex jolly pigs and many more beside them."):
        corpus = with_first(make_corpus(3), text=text, consent={"text": False})
        judged = bench.judge(corpus, {"conditions": ["TAV", "T/transcript-errors=0.5", "A"], "rationales": "none"})
        require_all(judged, corpus, ["TAV", "T/transcript-errors=0.5", "A"])
        tables.append(rows_of(judged))
        assert {r["because"] for r in unjudged(judged)} == {"no consent to text"}
    assert tables[0] == tables[1]


def test_a_tokenizer_is_learnt_from_nobodys_words(make_corpus: Callable, as_corpus: Callable) -> None:
    """Held-out patients' words would be in the checkpoint otherwise, and those of who declined."""
    from affidavit.plan import Execution
    from reasoners.instructed.door import REASONER

    secret = "Zyxwvuts " * 30
    told = [replace(u, text=secret, rationales={"evidence": secret}) for u in make_corpus(2).utterances]
    chosen = {"visual": False, "audio": False}
    reasoner = REASONER.untrained(as_corpus(told), chosen, seed=0, execution=Execution(device="cpu"))
    assert not any("yxwv" in token for token in reasoner.tokenizers.own.get_vocab())


def test_a_dialogue_of_500_turns_is_judged(bench: object, as_corpus: Callable, clips: dict) -> None:
    turns = [
        Utterance(
            utterance_id=f"turn {i}",
            unit_id="one patient",
            dialogue_id="one dialogue",
            turn=i,
            text=f"This is number {i} of what there is to say.",
            audio=MediaSpan(path=clips["joy"][0]) if i % 50 == 0 else None,
            label="joy",
        )
        for i in range(500)
    ]
    judged = bench.judge(as_corpus(turns), {"conditions": ["T", "A"], "rationales": "none"})
    assert judged.n_rows == 510


def test_labels_that_the_model_does_not_know_are_refused_by_name(
    bench: object, make_corpus: Callable, with_first: Callable
) -> None:
    with pytest.raises(PlanError, match="does not know") as caught:
        bench.judge(with_first(make_corpus(2), label="envy"))
    assert caught.value.found == "envy (1 utterances)"
    assert "anger, joy, sadness" in str(caught.value)


def test_a_corpus_without_labels_is_judged_all_of_it(bench: object, make_corpus: Callable, as_corpus: Callable) -> None:
    corpus = as_corpus([replace(u, label=None) for u in make_corpus(2).utterances], label_space=())
    judged = bench.judge(corpus, {"conditions": ["T"]})
    assert judged.n_rows == len(corpus.utterances)
    assert "y_true" not in judged.side_tables["judgements"].column_names


def test_two_utterances_with_one_id_are_refused(bench: object, make_corpus: Callable, as_corpus: Callable) -> None:
    utterances = list(make_corpus(2).utterances)
    with pytest.raises(PlanError, match="same id"):
        bench.judge(as_corpus([*utterances, utterances[1]]))


def test_when_nothing_can_be_judged_the_files_are_named(
    bench: object, make_corpus: Callable, as_corpus: Callable, tmp_path: Path
) -> None:
    lost = [replace(u, audio=MediaSpan(path=tmp_path / f"{u.utterance_id}.wav")) for u in make_corpus(2).utterances]
    with pytest.raises(PlanError, match="nothing could be judged") as caught:
        bench.judge(as_corpus(lost), {"conditions": ["A"]})
    assert "d0-0-1.wav" in str(caught.value)
    with pytest.raises(PlanError, match="no utterance has"):
        bench.judge(as_corpus([replace(u, audio=None) for u in lost]), {"conditions": ["A"]})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"conditions": ["TAV/nois=10dB"]}, "did you mean 'noise'"),
        ({"conditions": ["T/noise=10dB"]}, "degrades audio"),
        ({"conditions": []}, "conditions"),
        ({"instruction": "evidense"}, "did you mean 'evidence'"),
        ({"rationale": "all"}, "did you mean 'rationales'"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_is_heard(
    options: dict, said: str, bench: object, make_corpus: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reasoners.instructed.judging.perceive_again", lambda *_, **__: pytest.fail("it listened"))
    with pytest.raises(PlanError, match=said):
        bench.judge(make_corpus(2), options)


def test_a_run_without_a_corpus_is_refused(bench: object) -> None:
    with pytest.raises(PlanError, match="nothing to judge"):
        bench.judge(None)
