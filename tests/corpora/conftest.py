"""Where the public data stand, how a loader is called, and small folders in the layout of each corpus, all invented."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from affidavit.corpus import Corpus
from affidavit.protocols import CorpusLoader, silent
from affidavit.registry import Door, load


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    root = Path(os.environ.get("AFFIDAVIT_DATA") or Path(__file__).parents[3] / "shared" / "data")

    def folder(name: str) -> Path:
        if not (root / name).is_dir():
            pytest.skip(f"the public data are not here: {root / name}")
        return root / name

    return folder


@pytest.fixture
def load_corpus(tmp_path: Path) -> Callable[..., Corpus]:
    def loaded(name: str, /, **options: Any) -> Corpus:
        corpus: Corpus = load(Door.CORPORA, name).load(options, folder=tmp_path, progress=silent)
        return corpus

    return loaded


@pytest.fixture
def load_with(tmp_path: Path) -> Callable[..., Corpus]:
    def loaded(loader: CorpusLoader, /, **options: Any) -> Corpus:
        return loader.load(options, folder=tmp_path, progress=silent)

    return loaded


@pytest.fixture
def layout(tmp_path: Path) -> Callable[[str], Path]:
    """Make the small folder of one corpus, and return it."""

    def made(name: str) -> Path:
        root = tmp_path / name
        MAKERS[name](root)
        return root

    return made


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def sheet(path: Path, rows: list[list[Any]]) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


def crema_d(root: Path) -> None:
    clips = ("9001_IEO_ANG_HI", "9001_DFA_NEU_XX", "9002_WSI_SAD_X")
    write(root, {f"AudioWAV/{clip}.wav": clip for clip in clips[:2]})
    write(root, {f"AudioMP3/{clip}.mp3": clip for clip in clips[:1]})
    write(root, {f"VideoFlash/{clip}.flv": clip for clip in clips[1:]})
    write(root, {"AudioWAV/._9001_IEO_ANG_HI.wav": "resource fork"})
    demographics = "\ufeffActorID,Age,Sex,Race,Ethnicity\r\n9001,29,Female,Asian,Hispanic\r\n"
    write(root, {"VideoDemographics.csv": demographics})


def ravdess(root: Path) -> None:
    names = ("03-01-06-01-02-01-12", "01-01-06-01-02-01-12", "02-01-06-01-02-01-12", "03-02-03-02-01-01-11")
    write(root, {f"Actor_{name[-2:]}/{name}.{'wav' if name[1] == '3' else 'mp4'}": name for name in names})
    write(root, {"Actor_11/02-01-01-01-01-02-11.mp4": "video alone"})
    write(root, {"copy/Actor_12/03-01-06-01-02-01-12.wav": "03-01-06-01-02-01-12"})


MELD_HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\r\n"


def meld(root: Path) -> None:
    rows = (
        '1,"It\u00e2\u20ac\u2122s, well, raining",Nora,joy,positive,0,0,1,2,"00:00:01,000","0:00:02,500"\r\n'
        '2,Is it\x92s?,Ben,surprise,negative,0,1,1,2,"00:00:03,000","00:00:02,000"\r\n'
        '3,"Quite \u2013 so",Nora,neutral,neutral,1,0,1,3,"00:00:04,000","00:00:05,000"\r\n'
    )
    test = '1,Hello,Nora,anger,negative,0,0,2,1,"00:00:01,000","00:00:02,000"\r\n'
    write(root, {"train_sent_emo.csv": "\ufeff" + MELD_HEADER + rows, "test_sent_emo.csv": MELD_HEADER + test})
    clips = {f"video/train/train_splits/dia{d}_utt{u}.mp4": f"{d}{u}" for d, u in ((0, 0), (0, 1), (1, 0))}
    write(root, clips | {"video/output_repeated_splits_test/dia0_utt0.mp4": "test"})
    write(root, {"video/output_repeated_splits_test/final_videos_testdia0_utt0.mp4": "another cut"})


def iemocap(root: Path) -> None:
    blocks = (
        "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\r\n\r\n"
        "[8.5000 - 9.7500]\tSes01F_impro01_M000\texc\t[4.0000, 3.5000, 3.0000]\r\n"
        "C-E2:\tExcited; Happiness;\t()\r\nC-E3:\tHappiness;\t(warm)\r\nC-E4:\tNeutral state;\t()\r\n"
        "C-M1:\tAnger;\t()\r\n"
        "A-E3:\tval 4; act 3; dom  3;\t()\r\n\r\n"
        "[6.0000 - 8.2500]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]\r\n"
        "C-E2:\tNeutral;\t()\r\nC-E3:\tNeutral;\t()\r\nC-E4:\tFrustration;\t()\r\nC-F1:\tNeutral state;\t()\r\n\r\n"
        "[10.0000 - 11.0000]\tSes01F_impro01_F001\txxx\t[2.0000, 2.0000, 2.0000]\r\n"
        "C-E2:\tAnger;\t()\r\nC-E3:\tSadness;\t()\r\nC-E4:\tFear;\t()\r\n"
    )
    words = (
        "Ses01F_impro01_F000 [006.0000-008.2500]: Is anybody here?\r\n"
        "Ses01F_impro01_M000 [008.5000-009.7500]: I am, I am!\r\nM: (a line of no turn)\r\n"
    )
    turns = ("Ses01F_impro01_F000", "Ses01F_impro01_F001", "Ses01F_impro01_M000")
    write(
        root,
        {
            "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt": blocks,
            "Session1/dialog/EmoEvaluation/._Ses01F_impro01.txt": b"\x00\x05",
            "Session1/dialog/EmoEvaluation/Categorical/Ses01F_impro01_e2_cat.txt": "another format",
            "Session1/dialog/transcriptions/Ses01F_impro01.txt": words,
            "Session1/dialog/avi/DivX/Ses01F_impro01.avi": "both actors",
            **{f"Session1/sentences/wav/Ses01F_impro01/{turn}.wav": turn for turn in turns},
        },
    )


DFEW_HEADER = ["1happy", "2sad", "3neutral", "4angry", "5surprise", "6disgust", "7fear", "order", "label"]


def dfew(root: Path) -> None:
    split = root / "EmoLabel_DataSplit"
    write(split / "train(single-labeled)", {"set_1.csv": "video_name,label\r\n1,1\r\n3,4\r\n"})
    write(split / "test(single-labeled)", {"set_1.csv": "video_name,label\n00002,7\n"})
    votes = [[8, 1, 1, 0, 0, 0, 0, 1, 1], [0, 0, 2, 0, 0, 0, 6, 2, 7], [2, 2, 2, 1, 1, 1, 1, 4, 0]]
    sheet(root / "Annotation" / "annotation.xlsx", [list(DFEW_HEADER), *votes])
    write(root, {f"Clip/original/part_1/{clip}.mp4": str(clip) for clip in (1, 2, 3)})


def mafw(root: Path) -> None:
    from corpora.mafw import EMOTIONS

    head = [["clip", "distribution"], ["", *EMOTIONS, "label"]]
    sheet(
        root / "labels" / "single-set.xlsx",
        [
            *head,
            ["00001.mp4", 0, 0, 0, 3, 1, 0, 0, 0, 0, 0, 0, 4],
            ["00003.mp4", 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        ],
    )
    sheet(
        root / "labels" / "multi-set.xlsx",
        [*head, ["00003.mp4", 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, "6,1"], ["00001.mp4", *[0] * 9, 1, 0, 10]],
    )
    write(root, {"labels/descriptive_text.csv": '00001.mp4,\u4ed6\u7b11\u4e86,"A man smiles, and nods."\r\n'})
    write(root, {f"data/clips/0000{clip}.mp4": str(clip) for clip in (1, 3)})


def mer2023(root: Path) -> None:
    train = "name,discrete,valence\r\nsample_1,worried,-1.5\r\nsample_2,happy,3\r\n"
    subtitles = "name,chinese,english\nsample_1,\u600e\u4e48\u529e\u3002,What now?\nsample_2,,\n"
    write(root, {"train-label.csv": "\ufeff" + train, "transcription-engchi-polish.csv": subtitles})
    write(root, {"test3-label.csv": "name,discrete\nsamplenew_9,sad\n", "test3/samplenew_9.mp4": "9"})
    write(root, {"train/sample_1.mp4": "1", "train/sample_2.avi": "2", "audio/sample_1.wav": "1"})


REASON = (
    "In the video, a woman frowns. In the audio, her voice is low. In the text, the subtitle reads: \u201cNo.\u201d"
)


def emer(root: Path) -> None:
    chinese = "\u5728\u89c6\u9891\u4e2d\uff0c\u5979\u7b11\u3002"
    rows = f'sample_1,{chinese},"{REASON}"\r\nsample_2,,She sighs.\r\nsample_3,,\r\n'
    write(root, {"final-EMER-reason.csv": "name,chinese,english\r\n" + rows})
    write(root, {"track2_train_ovmerd.csv": 'name,openset\r\nsample_1,"[Sad, hurt, sad]"\r\n'})
    write(root, {"clips/sample_1.mp4": "1", "clips/sample_2.mp4": "2"})


def seed_vii(root: Path) -> None:
    import numpy as np
    from scipy.io import savemat

    sheet(
        root / "emotion_label_and_stimuli_order.xlsx",
        [
            ["Session 1", 1, 2, 3],
            ["Emotion", "Happy", "Neutral", "Disgust"],
            ["Session 2", 4, 5, 6],
            ["Emotion", "Sad", "Fear", "Surprise"],
        ],
    )
    (root / "continuous_labels").mkdir()
    savemat(root / "continuous_labels" / "1.mat", {"1": np.array([0.5, 1.0]), "2": np.array([0.0])})
    write(root, {"EYE_features/1.mat": "features", "EYE_features/10.mat": "features", "EYE_features/2.mat": "more"})


def audformat_database(root: Path) -> None:
    import audformat
    import pandas as pd

    files = ["audio/a.wav", "audio/b.wav", "audio/c.mp4"]
    db = audformat.Database("invented", source="nowhere", usage="research", license="CC-BY-4.0", languages=["eng"])
    db.schemes["emotion"] = audformat.Scheme("str", labels=["joy", "calm", "rage"])
    db.schemes["speaker"] = audformat.Scheme("str", labels={"s1": {"age": 31, "gender": "female"}, "s2": {"age": 64}})
    db.splits["test"] = audformat.Split("test")
    db["files"] = audformat.Table(audformat.filewise_index(files))
    db["files"]["speaker"] = audformat.Column(scheme_id="speaker")
    db["files"]["speaker"].set(["s1", "s2", "s2"])
    starts, ends = pd.to_timedelta([0, 1.5, 0], unit="s"), pd.to_timedelta([1.5, 2, None], unit="s")
    index = audformat.segmented_index([files[0], files[0], files[2]], starts, ends)
    db["emotion"] = audformat.Table(index, split_id="test")
    db["emotion"]["emotion"] = audformat.Column(scheme_id="emotion")
    db["emotion"]["emotion"].set(["joy", "rage", "calm"])
    db.save(str(root), storage_format="csv")
    write(root, {file: file for file in files})


def hugging_face(root: Path) -> None:
    import json

    import pyarrow as pa
    from pyarrow import parquet

    features = {"emotion": {"names": ["calm", "angry"], "_type": "ClassLabel"}, "audio": {"_type": "Audio"}}
    for split, n in (("train", 3), ("test", 1)):
        table = pa.table(
            {
                "audio": [{"bytes": b"RIFF" + bytes([row, n]), "path": f"{row}.wav"} for row in range(n)],
                "emotion": pa.array([row % 2 for row in range(n)], pa.int64()),
                "speaker_id": pa.array([row // 2 for row in range(n)], pa.int64()),
                "sex": ["f", "m", ""][:n],
            }
        )
        kept = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
        (root / "data").mkdir(parents=True, exist_ok=True)
        parquet.write_table(table.replace_schema_metadata(kept), root / "data" / f"{split}-00000-of-00001.parquet")


MAKERS: dict[str, Callable[[Path], None]] = {
    "crema-d": crema_d,
    "ravdess": ravdess,
    "meld": meld,
    "iemocap": iemocap,
    "dfew": dfew,
    "mafw": mafw,
    "mer2023": mer2023,
    "emer": emer,
    "seed-vii": seed_vii,
    "audformat": audformat_database,
    "hugging-face": hugging_face,
}
