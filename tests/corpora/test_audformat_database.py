"""audformat: a database that says itself what its columns mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import audformat
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, RowError, TableError
from corpora.audformat_database import LOADER

Load = Callable[..., Corpus]
Layout = Callable[[str], Path]


def test_by_hand(layout: Layout, load_with: Load) -> None:
    root = layout("audformat")
    corpus = load_with(LOADER, path="audformat")
    first, second, third = corpus.utterances
    assert [u.utterance_id for u in corpus.utterances] == [
        "audio/a@0.000-1.500",
        "audio/a@1.500-2.000",
        "audio/c@0.000-",
    ]
    assert [u.label for u in corpus.utterances] == ["joy", "rage", "calm"]
    assert corpus.label_space == ("joy", "calm", "rage"), "as the scheme lists them"
    assert second.audio is not None
    assert (second.audio.path, second.audio.start_s, second.audio.end_s) == ((root / "audio/a.wav").resolve(), 1.5, 2.0)
    assert (first.video, third.video) == (None, third.audio)
    assert third.audio is not None
    assert third.audio.end_s is None
    assert [u.speaker_id for u in corpus.utterances] == ["s1", "s1", "s2"]
    assert first.sensitive == {"age": "31", "gender": "female"}
    assert third.sensitive == {"age": "64", "gender": "unknown"}, "the scheme tells no gender of the second speaker"
    assert (corpus.name, corpus.licence) == ("invented", "CC-BY-4.0 (usage: research)")
    said = "\n".join(corpus.assumptions)
    assert "emotion: split test" in said
    assert "speaker is taken from the table files" in said


def test_media_and_labels(layout: Layout, load_with: Load) -> None:
    root = layout("audformat")
    (root / "audio/a.wav").unlink()
    with pytest.raises(RowError, match=r"db.emotion, row 1[\s\S]*and 1 more rows"):
        load_with(LOADER, path="audformat")
    corpus = load_with(LOADER, path="audformat", media="skip", labels={"rage": "anger"})
    assert [u.audio is None for u in corpus.utterances] == [True, True, False]
    assert corpus.utterances[1].label == "anger"
    assert "2 of 3 rows have no media file" in corpus.assumptions


def test_pickles_are_refused(layout: Layout, load_with: Load) -> None:
    (layout("audformat") / "db.emotion.pkl").write_bytes(b"cos\nsystem\n")
    with pytest.raises(TableError, match="pickled tables, which can run code"):
        load_with(LOADER, path="audformat")


def test_faults(layout: Layout, load_with: Load) -> None:
    root = layout("audformat")
    with pytest.raises(ColumnError, match="there is no table with a column 'mood'"):
        load_with(LOADER, path="audformat", label="mood")
    with pytest.raises(ColumnError, match="the table 'files' has no column 'emotion'"):
        load_with(LOADER, path="audformat", tables=["files"])
    table = root / "db.emotion.csv"
    text = table.read_text()
    table.write_text(text.replace("audio/a.wav", "../../a.wav"))
    with pytest.raises(RowError, match="file leads out of the folder"):
        load_with(LOADER, path="audformat")
    table.write_text("file,start,end,emotion\n")
    with pytest.raises(TableError, match=r"the tables of labels \(emotion\) have no rows"):
        load_with(LOADER, path="audformat")
    table.write_text("file,start,end,emotion\na.wav,soon,late,joy\n")
    with pytest.raises(TableError, match="db.emotion.csv: the file does not read as CSV"):
        load_with(LOADER, path="audformat")
    (root / "db.yaml").write_text("name: [")
    with pytest.raises(TableError, match="db.yaml: the file does not read as YAML"):
        load_with(LOADER, path="audformat")


def test_a_table_by_file_with_codes_and_numbers(load_with: Load, tmp_path: Path) -> None:
    db = audformat.Database("coded", source="nowhere", usage="unrestricted", languages=["deu"])
    db.schemes["emotion"] = audformat.Scheme("int", labels={0: "calm", 1: "joy"})
    db["mood"] = audformat.Table(audformat.filewise_index(["x.wav", "y.wav", "z.wav"]))
    db["mood"]["emotion"] = audformat.Column(scheme_id="emotion")
    db["mood"]["emotion"].set([1, 0, None])
    for column, values in {"arousal": [0.25, 0.5, None], "text": ["Ja", " ", None], "sex": ["w", None, "m"]}.items():
        db["mood"][column] = audformat.Column()
        db["mood"][column].set(values)
    db.save(str(tmp_path / "coded"), storage_format="csv")
    options = {"path": "coded", "media": "skip", "intensity": "arousal"}
    with pytest.raises(RowError, match="db.mood, row 3: the label is missing"):
        load_with(LOADER, **options)
    corpus = load_with(LOADER, **options, unknown_labels="drop")
    assert [(u.utterance_id, u.label, u.intensity, u.text) for u in corpus.utterances] == [
        ("x", "joy", 0.25, "Ja"),
        ("y", "calm", 0.5, None),
    ]
    assert [u.sensitive for u in corpus.utterances] == [{"sex": "w"}, {"sex": "unknown"}]
    assert corpus.licence == "not stated (usage: unrestricted)"
    assert any("1 of 3 utterances have a missing or unknown label" in said for said in corpus.assumptions)
    assert any("no speakers" in said for said in corpus.assumptions)
