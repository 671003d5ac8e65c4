"""DFEW and MAFW: clips of films by number, with distributions of annotators, and descriptions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, RowError, TableError
from corpora import dfew, mafw

Load = Callable[..., Corpus]
Layout = Callable[[str], Path]


def edit(path: Path, cell: str, value: object) -> None:
    book = openpyxl.load_workbook(path)
    assert book.active is not None
    book.active[cell] = value
    book.save(path)


def test_dfew_by_hand(layout: Layout, load_with: Load) -> None:
    layout("dfew")
    corpus = load_with(dfew.LOADER, path="dfew")
    happy, angry, fear = corpus.utterances
    assert [u.utterance_id for u in corpus.utterances] == ["00001", "00003", "00002"]
    assert [u.label for u in corpus.utterances] == ["happy", "angry", "fear"]
    assert happy.soft_label["happy"] == pytest.approx(0.8)
    assert fear.soft_label["fear"] == pytest.approx(0.75), "eight voted"
    assert angry.soft_label == {}
    assert happy.audio == happy.video
    assert happy.video is not None
    assert happy.video.path.name == "1.mp4"
    assert happy.speaker_id is None
    assert "1 of 3 clips have no votes in the annotation" in corpus.assumptions
    test = load_with(dfew.LOADER, path="dfew", part="test", labels={"7": "dread"})
    assert [(u.utterance_id, u.label) for u in test.utterances] == [("00002", "dread")]
    assert test.digest != corpus.digest


def test_dfew_faults(layout: Layout, load_with: Load) -> None:
    root = layout("dfew")
    with pytest.raises(TableError, match=r"there is no such split[\s\S]*set_2.csv"):
        load_with(dfew.LOADER, path="dfew", fold=2)
    edit(root / "Annotation" / "annotation.xlsx", "A2", "many")
    with pytest.raises(RowError, match="1happy is not a number"):
        load_with(dfew.LOADER, path="dfew")
    edit(root / "Annotation" / "annotation.xlsx", "A2", 8)
    edit(root / "Annotation" / "annotation.xlsx", "A1", "joy")
    with pytest.raises(ColumnError, match="no one column with the votes for happy"):
        load_with(dfew.LOADER, path="dfew")
    (root / "Annotation" / "annotation.xlsx").unlink()
    assert all(not u.soft_label for u in load_with(dfew.LOADER, path="dfew").utterances)
    table = root / "EmoLabel_DataSplit" / "test(single-labeled)" / "set_1.csv"
    table.write_text("video_name,label\n3,7\n")
    with pytest.raises(RowError, match="two rows have the same clip"):
        load_with(dfew.LOADER, path="dfew")
    table.write_text("video_name,label\n../../x,7\n")
    with pytest.raises(RowError, match=r"test\(single-labeled\)/set_1.csv, row 1: the clip is no number"):
        load_with(dfew.LOADER, path="dfew")


def test_mafw_by_hand(layout: Layout, load_with: Load) -> None:
    layout("mafw")
    corpus = load_with(mafw.LOADER, path="mafw")
    happy, angry = corpus.utterances
    assert (happy.utterance_id, happy.label, angry.label) == ("00001", "happiness", "anger")
    assert happy.soft_label["happiness"] == pytest.approx(0.75)
    assert happy.soft_label["neutral"] == pytest.approx(0.25)
    assert happy.rationales == {"explain": "A man smiles, and nods."}
    assert angry.rationales == {}
    assert len(corpus.label_space) == 11
    assert "1 of 2 clips have no description" in corpus.assumptions
    chinese = load_with(mafw.LOADER, path="mafw", language="chinese")
    assert chinese.utterances[0].rationales == {"explain": "\u4ed6\u7b11\u4e86"}


def test_mafw_compounds(layout: Layout, load_with: Load) -> None:
    layout("mafw")
    corpus = load_with(mafw.LOADER, path="mafw", set="multi")
    assert [u.label for u in corpus.utterances] == ["anger+sadness", "helplessness"]
    assert corpus.label_space == ("anger+sadness", "helplessness")


def test_mafw_in_two_columns(layout: Layout, load_with: Load) -> None:
    root = layout("mafw")
    (root / "labels" / "single-set.xlsx").unlink()
    (root / "labels" / "descriptive_text.csv").unlink()
    (root / "labels" / "single-set.csv").write_text("\ufeffclip,single_label\r\n1.mp4,Contempt\r\n3.mp4,3\r\n")
    corpus = load_with(mafw.LOADER, path="mafw")
    assert [(u.utterance_id, u.label, u.soft_label) for u in corpus.utterances] == [
        ("00001", "contempt", {}),
        ("00003", "fear", {}),
    ]
    assert any("no descriptive text" in said for said in corpus.assumptions)


def test_mafw_faults(layout: Layout, load_with: Load) -> None:
    path = layout("mafw") / "labels" / "single-set.xlsx"
    edit(path, "M3", 12)
    with pytest.raises(RowError, match=r"single-set.xlsx, row 3: the label is missing from[\s\S]*'12'"):
        load_with(mafw.LOADER, path="mafw")
    assert len(load_with(mafw.LOADER, path="mafw", unknown_labels="drop").utterances) == 1
    edit(path, "M3", None)
    with pytest.raises(RowError, match=r"row 3: the label is missing\n[\s\S]*found: nothing"):
        load_with(mafw.LOADER, path="mafw")
    edit(path, "M3", 4)
    edit(path, "B3", -1)
    with pytest.raises(RowError, match="the entry for anger is not a number"):
        load_with(mafw.LOADER, path="mafw")
    edit(path, "B3", 0)
    edit(path, "A4", "sum")
    with pytest.raises(RowError, match="row 4: the row names no clip"):
        load_with(mafw.LOADER, path="mafw")
    edit(path, "A4", "1.mp4")
    with pytest.raises(RowError, match="two rows have the same clip"):
        load_with(mafw.LOADER, path="mafw")
    path.write_bytes(b"no workbook")
    with pytest.raises(TableError, match="does not read as XLSX"):
        load_with(mafw.LOADER, path="mafw")
    path.unlink()
    with pytest.raises(TableError, match="there is no such sheet of labels"):
        load_with(mafw.LOADER, path="mafw")
    (path.parent / "single-set.csv").write_text("clip,a,b,c\n1.mp4,1,1,1\n")
    with pytest.raises(ColumnError, match="no column was recognised as the label"):
        load_with(mafw.LOADER, path="mafw")
    (path.parent / "single-set.csv").write_text("clip,label\nfirst,1\n")
    with pytest.raises(TableError, match="no row names a clip"):
        load_with(mafw.LOADER, path="mafw")
