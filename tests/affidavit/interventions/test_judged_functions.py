"""Functions on the stand under conditions that exchange media or rewrite transcripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import affidavit as af
from affidavit.corpus import Corpus
from affidavit.errors import MediaError, PlanError
from affidavit.interventions.donors import drawn_donors
from affidavit.utterances import Judgement, MediaSpan, Utterance

LABELS = ("joy", "sadness")
Said = list[tuple[Utterance, tuple[str, ...]]]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))


def turn(i: int, **fields: object) -> Utterance:
    given: dict[str, object] = {
        "text": f"these are words number {i}",
        "label": LABELS[i % 2],
        "speaker_id": f"s{i % 3}",
    }
    return Utterance(utterance_id=f"u{i}", **(given | fields))  # type: ignore[arg-type]


def corpus(*utterances: Utterance) -> Corpus:
    return Corpus(name="small", utterances=utterances, digest="sha256:0", licence="none", label_space=LABELS)


def listening() -> tuple[Said, Callable[..., Judgement]]:
    """A function that remembers what it was handed and quotes its third word."""
    handed: Said = []

    def predict(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        handed.append((utterance, modalities))
        words = (utterance.text or "").split()
        return Judgement(label="joy", rationale=f'The word "{words[2]}".' if len(words) > 2 else "No words.")

    return handed, predict


@pytest.mark.parametrize("operator", ["resampled", "permuted", "permuted-within-label", "permuted-within-speaker"])
def test_the_donors_words_are_handed_over(operator: str) -> None:
    turns = [turn(i) for i in range(8)]
    handed, predict = listening()
    table = af.judge(predict, corpus(*turns), conditions=["T", f"T/{operator}=T"], seed=5)
    donors = drawn_donors(operator, turns, {u.utterance_id for u in turns}, seed=5).donor
    text = {u.utterance_id: u.text for u in turns}
    exchanged = [u.text for u, _ in handed[1::2]]
    assert exchanged == [text[donors[u.utterance_id]] for u in turns]
    assert [u.utterance_id for u, _ in handed[::2]] == [u.utterance_id for u, _ in handed[1::2]]
    assert all(u.label is None for u, _ in handed)
    assert table.conditions == ("T", f"T/{operator}=T")
    assert any("comes from another judged utterance" in said for said in table.assumptions)


def test_the_donors_sound_is_handed_over_and_faults_have_its_name(tmp_path: Path) -> None:
    import soundfile

    for i in range(6):
        soundfile.write(tmp_path / f"{i}.wav", np.full(1600, i / 10, dtype=np.float32), 16_000)
    turns = [turn(i, audio=MediaSpan(path=tmp_path / f"{i}.wav")) for i in range(6)]
    donors = drawn_donors("resampled", turns, {u.utterance_id for u in turns}, seed=0).donor
    heard: dict[str, float] = {}

    def hears(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        assert utterance.audio is not None
        level = float(soundfile.read(utterance.audio.path)[0].mean())
        if level > 0.45:
            raise MediaError("too loud", slug="media-unreadable", where=str(utterance.audio.path))
        heard[(utterance.text or "").split()[-1]] = round(level * 10)
        return Judgement(label="joy")

    table = af.judge(hears, corpus(*turns), conditions=["TA/resampled=A"])
    assert heard == {name[1:]: int(donors[name][1:]) for name in donors if donors[name] != "u5"}
    unjudged = table.side_tables["unjudged"].to_pylist()
    assert [row["detail"].endswith("5.wav: too loud") for row in unjudged] == [True] * len(unjudged)
    assert len(unjudged) == sum(donor == "u5" for donor in donors.values())


def test_what_was_changed_and_what_was_not_are_never_in_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A donor's video must not bring the donor's voice, nor the own video the voice that was exchanged."""
    given: Said = []
    tracks: dict[tuple[str, float], set[str]] = {}

    def handing(span: MediaSpan, *, allowed: frozenset[str], folder: Path) -> MediaSpan:
        tracks[str(len(tracks)), span.start_s] = set(allowed)
        return span

    monkeypatch.setattr("affidavit.judging.handed", handing)

    def predict(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        given.append((utterance, modalities))
        return Judgement(label="joy")

    spans = [(MediaSpan(path=Path(f"{i}.mp4")), MediaSpan(path=Path(f"{i}.mp4"), start_s=1.0)) for i in range(2)]
    turns = [turn(i, audio=spans[i][0], video=spans[i][1]) for i in range(2)]
    every = {"audio", "video", "subtitle"}
    for condition, of_audio, of_video in (
        ("TAV", every, every),
        ("TAV/resampled=V", {"audio", "subtitle"}, {"video"}),
        ("TAV/resampled=A", {"audio"}, {"video", "subtitle"}),
        ("TAV/permuted=AV", {"audio", "video"}, {"audio", "video"}),
        ("TAV/resampled=TAV", every, every),
        ("TAV/hint=joy", {"audio", "video"}, {"audio", "video"}),
        ("AV/permuted=A", {"audio"}, {"video"}),
    ):
        tracks.clear()
        af.judge(predict, corpus(*turns), conditions=[condition])
        assert list(tracks.values()) == [of_audio, of_video] * 2, condition


def test_added_and_erased_words() -> None:
    handed, predict = listening()
    asked = ["T/without-rationale=20%", "T/only-rationale=20%", "T/only-random=0", "T/insert=tired", "T/hint=joy", "T"]
    table = af.judge(predict, corpus(turn(1)), conditions=asked)
    texts = [u.text for u, _ in handed]
    assert texts[0] == "these are words number 1", "the answer comes before what rests on it"
    assert texts[1:4] == ["these are number 1", "words", ""]
    assert "tired" in (texts[4] or "").split()
    assert texts[5] == "(I think the answer is joy.) these are words number 1"
    assert table.side_tables["judgements"]["condition"].to_pylist() == asked
    assert table.n_rows == 6


def test_who_quotes_nothing_or_has_no_partner_is_counted() -> None:
    def silent(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        return Judgement(label="joy", rationale="\u66f4\u9ad8" if modalities else None)

    asked = ["T", "T/without-rationale=50%", "T/permuted-within-label=T"]
    table = af.judge(silent, corpus(turn(0), turn(1)), conditions=asked)
    because = table.side_tables["unjudged"]["because"].to_pylist()
    assert because.count("its rationale quotes no words of the transcript") == 2
    assert because.count("no other utterance of its label to exchange it with") == 2
    assert any("4 of 6 judgements asked for could not be made" in said for said in table.assumptions)


def test_declined_modalities_are_given_to_nobody() -> None:
    turns = [turn(i, consent={"text": i != 2}) for i in range(6)]
    handed, predict = listening()
    af.judge(predict, corpus(*turns), conditions=["T/resampled=T", "T/permuted=T"])
    assert len(handed) == 10
    assert not any("number 2" in (u.text or "") for u, _ in handed)


def test_donors_hang_on_the_seed_and_not_on_the_order() -> None:
    turns = [turn(i) for i in range(9)]
    tables = []
    for some, seed in ((turns, 1), (turns[::-1], 1), (turns, 2)):
        handed, predict = listening()
        af.judge(predict, corpus(*some), conditions=["T/resampled=T"], seed=seed)
        tables.append({u.utterance_id: u.text for u, _ in handed})
    assert tables[0] == tables[1] != tables[2]


@pytest.mark.parametrize(
    "operator",
    ["zeroed=T", "mean=T", "additive", "history=0", "history-shuffled", "instruction-swap", "early=0", "filler"],
)
def test_what_a_function_keeps_to_itself_is_refused_with_the_reason(operator: str) -> None:
    _, predict = listening()
    with pytest.raises(PlanError, match="a function cannot be judged under") as caught:
        af.judge(predict, corpus(turn(0)), conditions=["T", f"T/{operator}"])
    assert caught.value.found
    assert "resampled" in (caught.value.allowed or "")


def test_words_erased_by_a_rationale_need_the_base() -> None:
    _, predict = listening()
    with pytest.raises(PlanError, match="which is not asked for"):
        af.judge(predict, corpus(turn(0)), conditions=["T/without-rationale=20%"])
    with pytest.raises(PlanError, match="is no operator"):
        af.judge(predict, corpus(turn(0)), conditions=["T/wobbled"])


def test_an_intervention_changes_nothing_else_that_is_handed_over() -> None:
    handed, predict = listening()
    af.judge(predict, corpus(turn(0), turn(1), turn(2)), conditions=["T", "T/hint=joy"])
    for (plain, _), (hinted, _) in zip(handed[::2], handed[1::2], strict=True):
        assert replace(hinted, text=plain.text) == plain
