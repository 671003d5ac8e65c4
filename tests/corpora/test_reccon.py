"""RECCON: dialogues with marked causes, in the turn itself, before it, after it, or in no words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affidavit.corpus import Corpus
from affidavit.errors import PlanError, RowError, TableError
from affidavit.testing import CorpusLoaderContract
from affidavit.utterances import Cue
from corpora.reccon import LOADER
from corpora.reccon_rationales import quoting_rationale

Load = Callable[..., Corpus]


def turn(number: int, speaker: str, text: str, emotion: str, *causes: tuple[Any, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"turn": number, "speaker": speaker, "utterance": text, "emotion": emotion}
    if causes:
        row["expanded emotion cause evidence"] = [source for source, _ in causes]
        row["expanded emotion cause span"] = [span for _, span in causes]
        row["type"] = ["no-context"]
    return row


TALK = [
    turn(1, "A", "The bridge is open again .", "neutral"),
    turn(2, "B", 'Oh , "open" at last !', "happy", (1, "bridge is open again ."), (2, "at last !"), (2, "at last !")),
    turn(3, "A", "I had given up .", "sadness", ("b", "b"), (1, "no such words")),
    turn(4, "B", "Wait , it is shut .", "surprise", (5, "shut since noon")),
    turn(5, "A", "Yes , shut since noon .", "neutral"),
]
SHORT = [turn(1, "A", "Hello .", "neutral"), turn(2, "B", "Go away !", "anger", (1, "Hello"))]


def write(folder: Path, name: str = "dailydialog_train.json", **dialogues: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({key: [turns] for key, turns in dialogues.items()}), encoding="utf-8")
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    write(tmp_path / "reccon", tr_1=TALK, tr_2=SHORT)
    return write(tmp_path / "reccon", "dailydialog_test.json", te_7=SHORT)


def test_by_hand(small: Path, load_with: Load) -> None:
    corpus = load_with(LOADER, path="reccon")
    first, second, third, fourth, fifth, *_ = corpus.utterances
    assert (first.utterance_id, first.dialogue_id, first.turn) == ("train-tr_1-1", "train-tr_1", 0)
    assert (first.speaker_id, second.speaker_id) == ("train-tr_1-A", "train-tr_1-B")
    assert [u.label for u in (first, second, third)] == ["neutral", "happiness", "sadness"]
    assert second.cues == (
        Cue(modality="text", quote="bridge is open again .", utterance_id="train-tr_1-1"),
        Cue(modality="text", quote="at last !"),
    )
    assert third.cues == ()
    assert fourth.cues == (Cue(modality="text", quote="shut since noon", utterance_id=fifth.utterance_id),)
    assert {u.evidence for u in corpus.utterances} == {None}
    assert all(not u.rationales for u in corpus.utterances)
    said = "\n".join(corpus.assumptions)
    assert "4 of 9 turns have marked causes: 2 spans in the turn itself, 3 in earlier turns, 1 in later ones" in said
    assert "1 causes lie in no words" in said
    assert "1 spans are not in the turn" in said
    assert "'happy' is read as 'happiness' (1 turns)" in said


def test_the_same_words_are_one_unit_in_whichever_split_they_stand(small: Path, load_with: Load) -> None:
    corpus = load_with(LOADER, path="reccon")
    units = {u.dialogue_id: u.unit for u in corpus.utterances}
    assert units["train-tr_2"] == units["test-te_7"] != units["train-tr_1"]
    assert "1 dialogues repeat the words of another one" in "\n".join(corpus.assumptions)
    (alone,) = {u.unit for u in load_with(LOADER, path="reccon", splits=["test"]).utterances}
    assert alone == units["test-te_7"], "also where the other split is not read"


def test_splits_and_sizes(small: Path, load_with: Load) -> None:
    assert {u.dialogue_id for u in load_with(LOADER, path="reccon", splits=["test"]).utterances} == {"test-te_7"}
    few = load_with(LOADER, path="reccon", dialogues=1)
    assert {u.dialogue_id for u in few.utterances} == {"train-tr_1", "test-te_7"}
    assert "the first 1 dialogues of each split were read" in few.assumptions


def test_reference_rationales_quote_what_was_marked(small: Path, load_with: Load) -> None:
    corpus = load_with(LOADER, path="reccon", rationales="spans", splits=["train"])
    told = [u.rationales.get("explain") for u in corpus.utterances]
    assert told[0] is None, "nothing is marked"
    assert told[1] == (
        'Happiness. The words of the turn before say "bridge is open again" and the words of this turn say "at last".'
    )
    assert told[3] is None, "what comes later is not known yet"
    assert "reference rationales were made by the loader" in "\n".join(corpus.assumptions)


def test_a_long_quotation_is_cut_and_its_marks_are_not_ours() -> None:
    cue = Cue(modality="text", quote='he said "go" and I went a very long way home .', utterance_id="d-1")
    told = quoting_rationale("anger", [cue], ["d-1", "d-2", "d-3"])
    assert told == "Anger. The words of an earlier turn say \"he said 'go' and I went a very\"."


def test_labels_are_renamed_or_become_context(small: Path, load_with: Load) -> None:
    renamed = load_with(LOADER, path="reccon", labels={"happiness": "joy", "neutral": "calm"})
    assert renamed.label_space[:2] == ("calm", "joy")
    assert renamed.utterances[1].label == "joy"
    write(small, tr_1=[turn(1, "A", "Hm .", "bored"), *TALK[1:3]])
    with pytest.raises(RowError, match="dialogue tr_1, turn 1: the label is missing from the labels of the corpus"):
        load_with(LOADER, path="reccon")
    kept = load_with(LOADER, path="reccon", unknown_labels="drop")
    assert kept.utterances[0].label is None
    assert "1 of 5 turns have an unknown label; they are context and not judged" in kept.assumptions


@pytest.mark.parametrize(
    ("turns", "match"),
    [
        ([], "no turns"),
        ([{"turn": 1}], r"dialogue tr_1, turn 1.*\n.*speaker: Field required"),
        ([TALK[0], TALK[2]], "turns numbered 1, 3"),
        ([turn(1, "A", "Hm .", "anger", (7, "Hm"))], "evidence 7 in a dialogue of 1 turns"),
        ([turn(1, "A", "Hm .", "anger", ("x", "Hm"))], "evidence 'x'"),
        ([{**TALK[1], "turn": 1, "expanded emotion cause span": []}], "3 pieces of evidence and 0 spans"),
        (["Hm ."], "turn 1: this is no annotated dialogue"),
    ],
)
def test_dialogues_that_are_none_are_one_clear_error(small: Path, load_with: Load, turns: Any, match: str) -> None:
    write(small, tr_1=turns)
    with pytest.raises(RowError, match=match):
        load_with(LOADER, path="reccon")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"words"', "[" * 100_000])
def test_files_that_are_none_are_one_clear_error(small: Path, load_with: Load, text: str) -> None:
    (small / "dailydialog_train.json").write_text(text)
    with pytest.raises(TableError, match="this is no file of RECCON"):
        load_with(LOADER, path="reccon")


def test_missing_files_and_odd_options(small: Path, tmp_path: Path, load_with: Load) -> None:
    with pytest.raises(TableError, match=r"no iemocap_test.json"):
        load_with(LOADER, path="reccon", splits=["iemocap"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError, match="there is no file of RECCON"):
        load_with(LOADER, path="empty")
    with pytest.raises(PlanError, match="splits"):
        load_with(LOADER, path="reccon", splits=["dev"])
    with pytest.raises(PlanError, match="dialogues"):
        load_with(LOADER, path="reccon", dialogues=0)


class TestContract(CorpusLoaderContract):
    """The public suite."""

    loader = LOADER

    @pytest.fixture(autouse=True)
    def _written(self, small: Path) -> None:
        self.folder, self.options = small.parent, {"path": "reccon"}  # type: ignore[misc]


@pytest.mark.real
def test_the_real_dialogues(real_data: Callable[[str], Path], load_with: Load) -> None:
    folder = real_data("reccon")
    corpus = load_with(LOADER, path=str(folder))
    files = {
        split: json.loads((folder / f"dailydialog_{split}.json").read_text()) for split in ("train", "valid", "test")
    }
    assert {split: len(found) for split, found in files.items()} == {"train": 834, "valid": 47, "test": 225}
    rows = [row for found in files.values() for (turns,) in found.values() for row in turns]
    assert [u.text for u in corpus.utterances] == [row["utterance"] for row in rows]
    unusual = Counter(row["emotion"] for row in rows if row["emotion"] not in corpus.label_space)
    assert sum(unusual.values()) == 15
    assert {u.label for u in corpus.utterances} == set(corpus.label_space)
    latent = sum(row.get("expanded emotion cause evidence", []).count("b") for row in rows)
    assert f"{latent} causes lie in no words and are no cues" in corpus.assumptions
    assert not any("are left out" in said for said in corpus.assumptions), "every span stands in its turn"
    texts = {u.utterance_id: u.text or "" for u in corpus.utterances}
    assert all(cue.quote in texts[cue.utterance_id or u.utterance_id] for u in corpus.utterances for cue in u.cues)
    assert len({u.unit for u in corpus.utterances}) == len(
        {tuple(r["utterance"] for r in t) for f in files.values() for (t,) in f.values()}
    )
