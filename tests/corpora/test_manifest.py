"""Any table becomes the same corpus; what cannot be is one error that names its row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from affidavit.corpus import Corpus
from affidavit.digests import file_digest
from affidavit.errors import AffidavitError, ColumnError, PlanError, RowError, TableError
from affidavit.protocols import CorpusLoader
from affidavit.utterances import MediaSpan
from corpora.manifest import LOADER

Load = Callable[..., Corpus]
ROWS = [
    {
        "utterance_id": "007",
        "speaker_id": "s1",
        "dialogue_id": "d1",
        "site": "north",
        "speaker_role": "patient",
        "turn": 1,
        "text": "Zoë can't; sleep, at all",
        "label": "sadness",
        "intensity": 0.5,
        "soft_joy": 0.25,
        "soft_sadness": 0.75,
        "group_accent": "northern",
        "sex": "Unknown",
        "consent_audio": "yes",
        "consent_video": "0",
    },
    {
        "utterance_id": "008",
        "speaker_id": "s2",
        "dialogue_id": "d1",
        "site": None,
        "speaker_role": "clinician",
        "turn": 2,
        "text": None,
        "label": "joy",
        "intensity": None,
        "soft_joy": None,
        "soft_sadness": None,
        "group_accent": None,
        "sex": "female",
        "consent_audio": None,
        "consent_video": "TRUE",
    },
]


def frame(rows: list[dict[str, Any]] = ROWS) -> pd.DataFrame:
    return pd.DataFrame(rows).astype({"turn": "Int64"})


def write_decimal_comma(path: Path) -> None:
    frame().to_csv(path, index=False, sep=";", decimal=",")


WRITERS: dict[str, Callable[[Path], Any]] = {
    "comma.csv": lambda path: frame().to_csv(path, index=False),
    "bom.csv": lambda path: frame().to_csv(path, index=False, encoding="utf-8-sig"),
    "semicolon.csv": write_decimal_comma,
    "tab.tsv": lambda path: frame().to_csv(path, index=False, sep="\t"),
    "utf16.csv": lambda path: frame().to_csv(path, index=False, encoding="utf-16"),
    "sheet.xlsx": lambda path: frame().to_excel(path, index=False),
    "table.parquet": lambda path: frame().to_parquet(path, index=False),
    "lines.jsonl": lambda path: frame().to_json(path, orient="records", lines=True),
}


def test_loader_keeps_the_protocol() -> None:
    assert isinstance(LOADER, CorpusLoader)


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_corpus(name: str, tmp_path: Path, load_corpus: Load) -> None:
    WRITERS[name](tmp_path / name)
    corpus = load_corpus("manifest", path=name, features=["sex"])
    first, second = corpus.utterances
    assert (first.utterance_id, first.speaker_id, first.turn, first.text) == (
        "007",
        "s1",
        1,
        "Zoë can't; sleep, at all",
    )
    assert (first.site, first.speaker_role, first.label, first.intensity) == ("north", "patient", "sadness", 0.5)
    assert first.soft_label == {"joy": 0.25, "sadness": 0.75}
    assert first.sensitive == {"accent": "northern", "sex": "unknown"}
    assert first.consent == {"audio": True, "video": False}
    assert (second.text, second.site, second.intensity, second.soft_label) == (None, None, None, {})
    assert second.sensitive == {"accent": "unknown", "sex": "female"}
    assert second.consent == {"video": True}
    assert corpus.label_space == ("joy", "sadness")
    assert corpus.digest == file_digest(tmp_path / name)
    assert corpus.recorded is None
    assert corpus.name == Path(name).stem


def test_decimal_comma_is_said(tmp_path: Path, load_corpus: Load) -> None:
    write_decimal_comma(tmp_path / "m.csv")
    corpus = load_corpus("manifest", path="m.csv")
    assert "semicolon-separated" in corpus.assumptions
    assert "intensity: a comma is the decimal mark" in corpus.assumptions


def write(tmp_path: Path, text: str, name: str = "m.csv") -> str:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return name


def test_aliases_are_taken_and_said(tmp_path: Path, load_corpus: Load) -> None:
    path = write(tmp_path, "Utt ID,Speaker,Role,Transcript,Emotion,note\n1,a,patient,hm,joy,x\n")
    corpus = load_corpus("manifest", path=path, columns={"utterance_id": "Utt ID"})
    (utterance,) = corpus.utterances
    assert (utterance.speaker_id, utterance.speaker_role, utterance.text, utterance.label) == (
        "a",
        "patient",
        "hm",
        "joy",
    )
    assert "column 'Emotion' was read as label" in corpus.assumptions
    assert "columns not read: note" in corpus.assumptions
    assert "no unit_id: the speaker is the unit" in corpus.assumptions


def test_rows_can_be_numbered(tmp_path: Path, load_corpus: Load) -> None:
    corpus = load_corpus(
        "manifest", path=write(tmp_path, "text,label\na,joy\nb,joy\n"), columns={"utterance_id": ":row"}
    )
    assert [utterance.utterance_id for utterance in corpus.utterances] == ["1", "2"]
    assert any("each row is a unit of its own" in said for said in corpus.assumptions)


def test_declared_decimal_comma_and_point(tmp_path: Path, load_corpus: Load) -> None:
    path = write(tmp_path, "id;intensity\n1;0,5\n2;3\n")
    assert [u.intensity for u in load_corpus("manifest", path=path, decimal="comma").utterances] == [0.5, 3.0]
    with pytest.raises(RowError, match="row 1: intensity is not a number"):
        load_corpus("manifest", path=path, decimal="point")
    thousands = write(tmp_path, "id;intensity\n1;0,5\n2;1.234\n", "t.csv")
    with pytest.raises(RowError, match="row 2: intensity is not a number"):
        load_corpus("manifest", path=thousands, decimal="comma")


def test_dialogues_across_units_are_counted(tmp_path: Path, load_corpus: Load) -> None:
    path = write(tmp_path, "id,dialogue,patient\n1,d,p1\n2,d,p2\n3,e,p1\n4,e,p1\n")
    assert "1 dialogues hold turns of more than one unit_id" in load_corpus("manifest", path=path).assumptions


def test_media_are_found_beside_the_manifest(tmp_path: Path, load_corpus: Load) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.wav").touch()
    path = write(tmp_path, "id,audio,start_s,end_s\n1,clips/a.wav,1.5,2.5\n2,clips\\a.wav,,\n3,,,\n")
    one, two, three = load_corpus("manifest", path=path).utterances
    clip = (tmp_path / "clips" / "a.wav").resolve()
    assert one.audio == MediaSpan(path=clip, start_s=1.5, end_s=2.5)
    assert two.audio == MediaSpan(path=clip)
    assert three.audio is None
    assert one.video is None


def test_media_root_and_absolute_paths_under_it(tmp_path: Path, load_corpus: Load) -> None:
    clip = tmp_path / "store" / "a.mp4"
    clip.parent.mkdir()
    clip.touch()
    (tmp_path / "lists").mkdir()
    path = write(tmp_path, f"id,video\n1,a.mp4\n2,{clip}\n", "lists/m.csv")
    one, two = load_corpus("manifest", path=path, media_root="store").utterances
    assert one.video == two.video == MediaSpan(path=clip.resolve())


def test_missing_media_are_one_error(tmp_path: Path, load_corpus: Load) -> None:
    (tmp_path / "a.wav").touch()
    path = write(tmp_path, "id,audio\n1,a.wav\n2,b.wav\n3,c.wav\n")
    with pytest.raises(RowError, match=r"row 2: audio: there is no such file(.|\n)*b\.wav, and 1 more rows") as caught:
        load_corpus("manifest", path=path)
    assert caught.value.slug == "file-not-found"
    corpus = load_corpus("manifest", path=path, media="skip")
    assert "nobody looked whether the media files exist" in corpus.assumptions
    assert len(corpus.utterances) == 3


@pytest.mark.parametrize("media", ["check", "skip"])
@pytest.mark.parametrize("name", ["../secret.wav", "a/../../secret.wav", "..\\secret.wav", "/etc/passwd", "link.wav"])
def test_no_path_leads_out(name: str, media: str, tmp_path: Path, load_corpus: Load) -> None:
    (tmp_path / "secret.wav").touch()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.wav").symlink_to(tmp_path / "secret.wav")
    path = write(tmp_path, f"id,audio\n1,{name}\n", "in/m.csv")
    with pytest.raises(RowError, match="row 1: audio leads out of the folder"):
        load_corpus("manifest", path=path, media=media)


def test_a_folder_with_a_longer_name_is_outside(tmp_path: Path, load_corpus: Load) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "a.wav").touch()
    path = write(tmp_path, f"id,audio\n1,{tmp_path / 'inside' / 'a.wav'}\n", "in/m.csv")
    with pytest.raises(RowError, match="leads out"):
        load_corpus("manifest", path=path)


def test_judgements_that_came_along_are_recorded(tmp_path: Path, load_corpus: Load) -> None:
    path = write(tmp_path, "id,speaker,emotion,y_pred,prob_a,prob_b,condition,group_x\n1,s,a,b,0.2,0.8,TA,\n")
    recorded = load_corpus("manifest", path=path).recorded
    assert recorded is not None
    assert recorded.to_pylist() == [
        {
            "utterance_id": "1",
            "y_true": "a",
            "speaker_id": "s",
            "y_pred": "b",
            "condition": "TA",
            "prob_a": "0.2",
            "prob_b": "0.8",
            "group_x": "unknown",
        }
    ]


def test_a_prediction_column_may_be_named(tmp_path: Path, load_corpus: Load) -> None:
    path = write(tmp_path, "id,said\n1,joy\n")
    assert load_corpus("manifest", path=path).recorded is None
    recorded = load_corpus("manifest", path=path, columns={"y_pred": "said"}).recorded
    assert recorded is not None
    assert recorded["y_pred"].to_pylist() == ["joy"]


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("id,label\n", TableError, "no rows"),
        ("", TableError, "empty"),
        ("label\njoy\n", ColumnError, "no column was recognised as utterance_id"),
        ("id,label\n1,joy\n1,joy\n", RowError, "rows 1 and 2: two rows have the same utterance_id"),
        ("id,label\n1,joy\n,joy\n", RowError, "row 2: utterance_id is missing"),
        ("id,speaker,actor\n1,a,b\n", ColumnError, "several columns could be speaker_id"),
        ("id,intensity\n1,high\n", RowError, "row 1: intensity is not a number"),
        ("id,intensity\n1,inf\n", RowError, "row 1: intensity is not a number"),
        ("id,intensity\n1,1e999\n", RowError, "row 1: intensity is not a number"),
        ("id;intensity\n1;0,5\n2;1.5\n", RowError, "row 1: intensity is not a number"),
        ("id,turn\n1,1.5\n", RowError, "row 1: turn is not a whole number"),
        ("id,start_s,end_s\n1,2,1\n", RowError, "row 1: the seconds of the utterance do not run forwards"),
        ("id,start_s\n1,-1\n", RowError, "row 1: the seconds of the utterance do not run forwards"),
        ("id,soft_a,soft_b\n1,7,3\n", RowError, "row 1: the soft_ columns are not shares"),
        ("id,soft_a,soft_b\n1,1,\n", RowError, "row 1: the soft_ columns are not shares"),
        ("id,consent_audio\n1,maybe\n", RowError, "row 1: consent_audio is neither yes nor no"),
        ("id,consent_smell\n1,yes\n", ColumnError, "no modality that is known here"),
        ("id,id\n1,2\n", ColumnError, "two columns share a name"),
    ],
)
def test_bad_manifests(text: str, error: type[AffidavitError], match: str, tmp_path: Path, load_corpus: Load) -> None:
    with pytest.raises(error, match=match):
        load_corpus("manifest", path=write(tmp_path, text))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({}, PlanError, "path: Field required"),
        ({"path": "m.csv", "colums": {}}, PlanError, "did you mean 'columns'"),
        ({"path": "m.csv", "media": "maybe"}, PlanError, "'check' or 'skip'"),
        ({"path": "m.csv", "columns": {"labell": "label"}}, ColumnError, "did you mean 'label'"),
        ({"path": "m.csv", "columns": {"text": "words"}}, ColumnError, "there is no column 'words' to be text"),
        ({"path": "m.csv", "features": ["acent"]}, ColumnError, "did you mean 'accent'"),
        ({"path": "m.csv", "label_space": ["anger"]}, RowError, "row 1: the label lies outside the label space"),
        ({"path": "no.csv"}, TableError, "no such file"),
    ],
)
def test_bad_options(
    options: dict[str, Any], error: type[AffidavitError], match: str, tmp_path: Path, load_corpus: Load
) -> None:
    write(tmp_path, "id,label,accent\n1,joy,north\n")
    with pytest.raises(error, match=match) as caught:
        load_corpus("manifest", **options)
    assert error is not PlanError or caught.value.slug == "plan-invalid"
    assert caught.value.remedy


def test_declared_label_space_keeps_its_order(tmp_path: Path, load_corpus: Load) -> None:
    path = write(tmp_path, "id,label\n1,joy\n2,\n")
    corpus = load_corpus(
        "manifest", path=path, label_space=["sadness", "joy", "anger"], licence="CC BY 4.0", name="mine"
    )
    assert corpus.label_space == ("sadness", "joy", "anger")
    assert (corpus.licence, corpus.name) == ("CC BY 4.0", "mine")
    assert "1 of 2 utterances have no label" in corpus.assumptions


def test_nested_columns_are_refused(tmp_path: Path, load_corpus: Load) -> None:
    path = write(tmp_path, '{"id": "1", "text": ["a", "b"]}\n', "m.jsonl")
    with pytest.raises(ColumnError, match="lists or objects"):
        load_corpus("manifest", path=path)


@pytest.mark.real
def test_meld_reads_as_a_manifest(real_data: Callable[[str], Path], load_corpus: Load) -> None:
    path = real_data("meld") / "dev_sent_emo.csv"
    corpus = load_corpus("manifest", path=str(path), columns={"utterance_id": ":row", "turn": "Utterance_ID"})
    assert len(corpus.utterances) == 1109
    assert len(corpus.label_space) == 7
    assert all(u.text and u.speaker_id and u.dialogue_id and u.turn is not None for u in corpus.utterances)


@pytest.mark.real
def test_meld_times_are_no_seconds(real_data: Callable[[str], Path], load_corpus: Load) -> None:
    path = real_data("meld") / "dev_sent_emo.csv"
    with pytest.raises(RowError, match="row 1: StartTime is not a number"):
        load_corpus("manifest", path=str(path), columns={"utterance_id": ":row", "start_s": "StartTime"})
