"""Whoever withdrew is in no corpus and no table, and what was opted out of is in no utterance."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
import pytest

import affidavit as af
from affidavit.admission import WITHHELD, admitted, consented
from affidavit.admitted_rows import admitted_rows
from affidavit.cache import when_kept
from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.errors import TableError
from affidavit.measured_cues import MeasuredCue, measurement_table
from affidavit.media.single_streams import handed
from affidavit.plan import AuditPlan
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import silent
from affidavit.registry import Door, register
from affidavit.schema import ROW_NUMBER
from affidavit.sources import load_corpus, load_run
from affidavit.tables import from_frame
from affidavit.testing import predictions_frame
from affidavit.training import train_plan
from affidavit.utterances import Cue, Judgement, MediaSpan, Utterance
from affidavit.withdrawals import ENVIRONMENT, LEFT_OUT, Withdrawals, withdrawals


@pytest.fixture(autouse=True)
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Withdrawals:
    (tmp_path / "withdrawals").mkdir()
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "withdrawals"))
    return withdrawals()


def turn(i: int, **changes: Any) -> Utterance:
    plain = Utterance(
        utterance_id=f"u{i}",
        speaker_id=f"s{i % 4}",
        text="well",
        audio=MediaSpan(path=Path(f"{i}.wav")),
        video=MediaSpan(path=Path(f"{i}.mkv")),
        label="joy",
        cues=(Cue(modality="video", quote="smile"), Cue(modality="text", quote="well")),
        rationales={"explain": "The words are bright."},
    )
    return replace(plain, **changes)


def corpus_of(*turns: Utterance, **changes: Any) -> Corpus:
    return Corpus(name="c", utterances=turns, digest="sha256:0", licence="none", label_space=("joy", "fear"), **changes)


def test_what_was_declined_is_taken_away_and_that_it_was_is_kept() -> None:
    one = consented(turn(0, consent={"video": False, "audio": True}))
    assert one.video is None
    assert one.audio is not None
    assert [cue.modality for cue in one.cues] == ["text"]
    assert one.consent == {"video": False, "audio": True}
    assert consented(turn(0, consent={"text": False})).text is None


def test_who_agreed_or_was_not_asked_keeps_all() -> None:
    for one in (turn(0), turn(0, consent={"video": True}), turn(0, video=None, cues=(), consent={"video": False})):
        assert consented(one) is one


def test_a_corpus_without_anything_to_take_out_is_the_same_object() -> None:
    corpus = corpus_of(*(turn(i) for i in range(4)))
    assert admitted(corpus) is corpus


def test_who_withdrew_is_gone_as_unit_and_as_speaker_and_nobody_is_counted(listed: Withdrawals) -> None:
    turns = [turn(i, unit_id="p1" if i < 2 else None) for i in range(8)]
    listed.add("p1")
    listed.add("s3")
    left = admitted(corpus_of(*turns))
    assert [one.utterance_id for one in left.utterances] == ["u2", "u4", "u5", "u6"]
    assert left.assumptions == (LEFT_OUT,)
    assert not any(character.isdigit() for said in left.assumptions for character in said)
    assert corpus_key(left) != corpus_key(corpus_of(*turns)), "what was judged or trained with them is not found again"


def test_measurements_go_with_their_utterance_and_their_modality(listed: Withdrawals) -> None:
    cues = [
        MeasuredCue(utterance_id=f"u{i}", aspect=aspect, cue="AU12", value=1.0, unit="present")
        for i in range(3)
        for aspect in ("face", "tone")
    ]
    turns = [turn(0, consent={"video": False}), turn(1), turn(2)]
    listed.add("s2")
    left = admitted(corpus_of(*turns, measurements=measurement_table(cues)))
    assert left.measurements is not None
    told = list(
        zip(left.measurements["utterance_id"].to_pylist(), left.measurements["aspect"].to_pylist(), strict=True)
    )
    assert told == [("u0", "tone"), ("u1", "face"), ("u1", "tone")]
    assert set(left.assumptions) == {LEFT_OUT, WITHHELD}


def test_what_was_measured_of_a_face_that_is_not_there_goes_too() -> None:
    cues = [
        MeasuredCue(utterance_id="u0", aspect=aspect, cue="AU12", value=1.0, unit="present")
        for aspect in ("face", "scene", "tone")
    ]
    corpus = corpus_of(turn(0, video=None, cues=(), consent={"video": False}), measurements=measurement_table(cues))
    left = admitted(corpus)
    assert left.measurements is not None
    assert left.measurements["aspect"].to_pylist() == ["tone"]
    assert left.assumptions == (WITHHELD,)
    assert admitted(left) is left


def quoting(of: str) -> Utterance:
    """Return the turn of somebody who agreed, whose evidence stands in another turn."""
    said = Cue(modality="text", quote="my wife died", utterance_id=of)
    return turn(9, cues=(said, Cue(modality="text", quote="oh")), rationales={"explain": 'Before: "my wife died".'})


def test_nobody_else_quotes_words_that_were_declined() -> None:
    corpus = corpus_of(turn(0, consent={"text": False}), quoting("u0"))
    one, other = admitted(corpus).utterances
    assert [cue.quote for cue in other.cues] == ["oh"]
    assert (one.rationales, other.rationales) == ({}, {})
    agreed = corpus_of(turn(0, consent={"video": False}), quoting("u0"))
    assert admitted(agreed).utterances[1] is agreed.utterances[1], "the words were not declined"


def test_nobody_else_quotes_who_withdrew_and_no_judgement_of_them_came_with_the_corpus(listed: Withdrawals) -> None:
    recorded = pa.table({"utterance_id": ["u1", "u9"], "y_pred": ["joy", "joy"]})
    listed.add("s1")
    left = admitted(corpus_of(turn(1), replace(quoting("u1"), speaker_id="s0"), recorded=recorded))
    (one,) = left.utterances
    assert [cue.quote for cue in one.cues] == ["oh"]
    assert one.rationales == {}
    assert left.recorded is not None
    assert left.recorded["utterance_id"].to_pylist() == ["u9"]


@pytest.mark.parametrize(
    ("rationale", "stays"),
    [
        ("The words are bright.", True),
        ("Her brows are raised.", False),
        ("The voice breaks. The face stays neutral.", True),
        ("Die Stimme zittert und das Gesicht ist starr.", False),
    ],
)
def test_a_reference_rationale_that_rests_on_what_was_declined_goes(rationale: str, stays: bool) -> None:
    one = consented(turn(0, cues=(), consent={"video": False}, rationales={"explain": rationale}))
    assert bool(one.rationales) is stays
    assert not consented(turn(0, cues=(), consent={"text": False}, rationales={"explain": rationale})).rationales


def test_copies_go_though_the_file_changed_or_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    from tests.affidavit.test_judging import film

    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    kept = tmp_path / "cache" / "single-streams"
    span = MediaSpan(path=film(tmp_path / "talk.mkv"))
    for state in range(2):
        os.utime(span.path, ns=(state, state))
        handed(span, allowed=frozenset({"video"}), folder=kept)
    pictures = handed(span, allowed=frozenset({"audio"}), folder=kept)
    (kept / f".{pictures.path.name.replace('-a-', '-v-')}.x1").write_bytes(b"half of a copy")
    assert len(list(kept.iterdir())) == 4
    span.path.unlink()
    admitted(corpus_of(turn(0, audio=span, video=span, consent={"video": False})))
    assert list(kept.iterdir()) == [pictures.path]


def test_what_a_loader_writes_again_of_who_withdrew_or_declined_is_removed_again(
    listed: Withdrawals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    written, links = tmp_path / "cache" / "media", tmp_path / "cache" / "single-streams"
    written.mkdir(parents=True)
    files = [written / f"{i}.wav" for i in range(3)]
    own = tmp_path / "own.wav"
    turns = []
    for i, file in enumerate((*files, own)):
        file.write_bytes(b"RIFF")
        turns.append(turn(i, audio=MediaSpan(path=file), video=None, cues=()))
        handed(MediaSpan(path=file), allowed=frozenset({"audio"}), folder=links)
    listed.add("s0")
    listed.add("s3")
    admitted(corpus_of(turns[0], replace(turns[1], consent={"audio": False}), turns[2], turns[3]))
    assert [file.exists() for file in files] == [False, False, True]
    assert own.exists(), "what is the user's own is not ours to remove"
    assert [link.resolve() for link in links.iterdir()] == [files[2].resolve()]


def test_everybody_gone_is_one_clear_error(listed: Withdrawals) -> None:
    listed.add("s0")
    with pytest.raises(TableError, match="everybody in it withdrew"):
        admitted(corpus_of(turn(0), turn(4)))


def test_copies_of_a_track_that_was_declined_since_go_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("av")
    from tests.affidavit.test_judging import film

    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    span = MediaSpan(path=film(tmp_path / "talk.mkv"))
    corpus = corpus_of(turn(0, audio=span, video=span), turn(1, audio=None, video=None))
    af.judge(lambda utterance, modalities, seed: Judgement(label="joy"), corpus, conditions=["AV", "A", "V"])
    kept = tmp_path / "cache" / "single-streams"
    before = {place.name for place in kept.iterdir()}
    assert len(before) == 3, "a link to both tracks, and a copy of each"
    declined = [replace(one, consent={"audio": False}) for one in corpus.utterances]
    left = admitted(replace(corpus, utterances=tuple(declined)))
    (stays,) = kept.iterdir()
    again = handed(span, allowed=frozenset({"video"}), folder=kept)
    assert stays == again.path, "the pictures alone"
    assert left.utterances[0].audio is None
    assert left.utterances[0].video == span


class Loader:
    name = "given"

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def load(self, options: Any, *, folder: Path, progress: Any) -> Corpus:
        return self.corpus


class Met:
    """A learner and trainer that keep whom they met."""

    name = "met"
    seen: tuple[Utterance, ...] = ()

    def untrained(self, corpus: Corpus, options: Any, **_: Any) -> Any:
        return self

    def train(self, reasoner: Any, corpus: Corpus, options: Any, *, folder: Path, **_: Any) -> Any:
        Met.seen = tuple(corpus.utterances)
        folder.mkdir(parents=True)
        (folder / "card.json").write_text("{}")
        return self


def test_every_way_in_admits(listed: Withdrawals, tmp_path: Path) -> None:
    register(Door.CORPORA, "given", Loader(corpus_of(*(turn(i, consent={"video": i == 0}) for i in range(8)))))
    register(Door.REASONERS, "met", Met())
    register(Door.TRAINERS, "met", Met())
    listed.add("s1")
    loaded = load_corpus("given")
    assert {one.speaker_id for one in loaded.utterances} == {"s0", "s2", "s3"}
    assert [one.utterance_id for one in loaded.utterances if one.video is not None] == ["u0"]
    document = {"training": {"m": {"corpus": "given", "reasoner": "met", "trainer": "met", "out": "m"}}}
    plan = AuditPlan.model_validate({**document, "runs": {"r": {"table": "t.csv"}}})
    train_plan(plan, folder=tmp_path, progress=silent)
    assert Met.seen == loaded.utterances

    shown: list[Utterance] = []

    def predict(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        shown.append(utterance)
        return Judgement(label="joy")

    texts = corpus_of(*(turn(i, audio=None, video=None) for i in range(8)))
    table = af.judge(predict, texts, conditions=["T"])
    assert {one.speaker_id for one in shown} == {"s0", "s2", "s3"}
    assert LEFT_OUT in table.assumptions


class Slow:
    """A reasoner during whose judging somebody withdraws."""

    name = "slow"
    cache_version = "1"

    def judge(self, corpus: Corpus, options: Any, *, reading: Reading, **_: Any) -> Predictions:
        Withdrawals(withdrawals().folder).add("s1")
        turns = corpus.utterances
        when_kept(lambda: Slow.given_up.append(len(turns)))
        rows = {
            "utterance_id": [one.utterance_id for one in turns],
            "speaker_id": [one.speaker_id for one in turns],
            "condition": ["T"] * len(turns),
            "y_true": ["joy"] * len(turns),
            "y_pred": ["joy"] * len(turns),
        }
        return predictions_from(from_frame(pd.DataFrame(rows)), reading)

    given_up: ClassVar[list[int]] = []


def test_who_withdraws_while_it_is_judged_or_trained_is_kept_nowhere(
    listed: Withdrawals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    corpus = corpus_of(*(turn(i, audio=None, video=None) for i in range(8)))
    register(Door.CORPORA, "given", Loader(corpus))
    register(Door.REASONERS, "slow", Slow())
    plan = AuditPlan.model_validate({"runs": {"r": {"corpus": "given", "reasoner": "slow"}}})
    with pytest.raises(TableError, match="withdrew while this was being made"):
        load_run("r", plan.runs["r"], plan, tmp_path, silent)
    assert not list((tmp_path / "cache").rglob("*.parquet"))
    assert Slow.given_up == [8], "what the reasoner wrote down meanwhile is given up"
    (again,) = load_run("r", plan.runs["r"], plan, tmp_path, silent)
    assert again.predictions.n_rows == 6

    def predict(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
        listed.add("s2")
        return Judgement(label="joy")

    with pytest.raises(TableError, match="withdrew while"):
        af.judge(predict, corpus, conditions=["T"])

    class Trainer(Met):
        def train(self, reasoner: Any, corpus: Corpus, options: Any, *, folder: Path, **_: Any) -> Any:
            listed.add("s3")
            return super().train(reasoner, corpus, options, folder=folder)

    register(Door.REASONERS, "met", Met())
    register(Door.TRAINERS, "met", Trainer())
    document = {"training": {"m": {"corpus": "given", "reasoner": "met", "trainer": "met", "out": "m"}}}
    plan = AuditPlan.model_validate({**document, "runs": {"r": {"table": "t.csv"}}})
    with pytest.raises(TableError, match="withdrew while"):
        train_plan(plan, folder=tmp_path, progress=silent)
    assert not list((tmp_path / "m").rglob("card.json"))


def read(frame: pd.DataFrame, **options: Any) -> Predictions:
    return predictions_from(from_frame(frame), Reading(run="run", by=("accent", "age"), **options))


def test_a_table_is_read_without_them(listed: Withdrawals) -> None:
    frame = predictions_frame(n_speakers=12, per_speaker=3)
    whole = read(frame)
    listed.add("s5")
    left = read(frame)
    without = read(frame[frame["speaker_id"] != "s5"])
    assert left.digest == without.digest != whole.digest
    assert left.n_rows == without.n_rows
    assert "s5" not in left.levels["unit"]
    assert LEFT_OUT in left.assumptions
    assert LEFT_OUT not in whole.assumptions
    streamed = read(frame, in_memory_rows=1, batch_rows=7)
    assert streamed.digest == left.digest


def test_numbers_are_names_as_tables_read_them(listed: Withdrawals) -> None:
    frame = predictions_frame(n_speakers=12, per_speaker=3)
    frame["speaker_id"] = frame["speaker_id"].str.removeprefix("s").astype(float)
    listed.add("5")
    assert "5" not in read(frame).levels["unit"]


def test_a_row_without_a_person_stands_for_itself(listed: Withdrawals) -> None:
    frame = predictions_frame(n_speakers=12, per_speaker=3)
    listed.add("u4")
    assert read(frame).n_rows == len(frame), "an utterance of that name is not the patient of that name"
    alone = frame.copy()
    alone.loc[alone["utterance_id"] == "u4", "speaker_id"] = None
    assert read(alone).n_rows == len(frame) - 2
    assert read(frame.drop(columns=["speaker_id"])).n_rows == len(frame) - 2


def test_rows_that_are_only_numbered_have_nobody_to_withdraw(listed: Withdrawals) -> None:
    frame = predictions_frame(n_speakers=4, per_speaker=3, conditions=("TAV",))
    listed.add("1")
    numbered = frame.drop(columns=["utterance_id", "speaker_id"])
    assert read(numbered, columns={"utterance_id": ROW_NUMBER}).n_rows == len(frame)


def test_a_table_of_them_alone_is_refused(listed: Withdrawals) -> None:
    frame = predictions_frame(n_speakers=1, per_speaker=3)
    listed.add("s0")
    with pytest.raises(TableError, match="everybody in it withdrew"):
        read(frame)


def test_any_table_of_people_can_be_admitted(listed: Withdrawals) -> None:
    listed.add("s1")
    frame = pd.DataFrame({"unit": ["s0", "s1", "s1"], "loss": [0.1, 0.2, 0.3]})
    raw = admitted_rows(from_frame(frame))
    assert raw.n_rows == 1
    assert [row["loss"] for batch in raw.batches(["loss"]) for row in batch.to_pylist()] == [0.1]
    nobody = from_frame(frame[["loss"]])
    assert admitted_rows(nobody) is nobody
