"""Hugging Face data sets on disk: four layouts, one corpus."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import AffidavitError, PlanError, RowError, TableError
from corpora.hugging_face import LOADER
from corpora.hugging_face_shards import Shard, _split

Load = Callable[..., Corpus]
Layout = Callable[[str], Path]


def test_parquet_shards(layout: Layout, load_with: Load, tmp_path: Path) -> None:
    layout("hugging-face")
    corpus = load_with(LOADER, path="hugging-face", features=["sex"], media_folder="store")
    assert [u.utterance_id for u in corpus.utterances] == ["train-1", "train-2", "train-3", "test-1"]
    assert [u.label for u in corpus.utterances] == ["calm", "angry", "calm", "calm"]
    assert corpus.label_space == ("calm", "angry")
    assert [u.speaker_id for u in corpus.utterances] == ["0", "0", "1", "0"]
    assert [u.sensitive["sex"] for u in corpus.utterances] == ["f", "m", "unknown", "f"]
    written = sorted((tmp_path / "store").iterdir())
    assert len(written) == 4
    first = corpus.utterances[0].audio
    assert first is not None
    assert first.path.read_bytes() == b"RIFF\x00\x03"
    assert first.path.suffix == ".wav"
    before = {path: path.stat().st_mtime_ns for path in written}
    again = load_with(LOADER, path="hugging-face", splits=["test"], media_folder="store")
    assert [u.utterance_id for u in again.utterances] == ["test-1"]
    assert {path: path.stat().st_mtime_ns for path in written} == before, "bytes that are there are not written again"
    assert all(u.audio is None for u in load_with(LOADER, path="hugging-face", media="skip").utterances)


def test_bytes_go_to_the_cache(
    layout: Layout, load_with: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    layout("hugging-face")
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    corpus = load_with(LOADER, path="hugging-face")
    paths = {u.audio.path for u in corpus.utterances if u.audio is not None}
    assert len(paths) == 4
    assert all(path.is_relative_to((tmp_path / "cache" / "media").resolve()) for path in paths)


def saved(folder: Path, table: pa.Table, features: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    with (
        pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, table.schema) as out,
    ):
        out.write_table(table, max_chunksize=1)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))


TABLE = pa.table({"id": ["a", "b"], "text": ["One", "Two"], "label": pa.array([1, 0], pa.int64())})
CLASSES = {"label": {"names": ["low", "high"], "_type": "ClassLabel"}}


def test_saved_to_disk(load_with: Load, tmp_path: Path) -> None:
    saved(tmp_path / "one", TABLE, CLASSES)
    corpus = load_with(LOADER, path="one", licence="CC0 1.0", name="Mine")
    assert [(u.utterance_id, u.text, u.label) for u in corpus.utterances] == [("a", "One", "high"), ("b", "Two", "low")]
    assert (corpus.name, corpus.licence) == ("Mine", "CC0 1.0")
    for split in ("train", "test"):
        saved(tmp_path / "two" / split, TABLE.set_column(0, "id", pa.array([f"{split}a", f"{split}b"])), CLASSES)
    (tmp_path / "two" / "dataset_dict.json").write_text('{"splits": ["test", "train"]}')
    two = load_with(LOADER, path="two")
    assert [u.utterance_id for u in two.utterances] == ["traina", "trainb", "testa", "testb"]
    with pytest.raises(PlanError, match=r"there is no split 'tset'[\s\S]*did you mean"):
        load_with(LOADER, path="two", splits=["tset"])
    (tmp_path / "two" / "train" / "state.json").unlink()
    with pytest.raises(TableError, match="a split of the saved data set is not there"):
        load_with(LOADER, path="two")


def test_what_speakers_agreed_to_comes_along(load_with: Load, tmp_path: Path) -> None:
    saved(tmp_path / "one", TABLE.append_column("consent_text", pa.array([False, None])), CLASSES)
    corpus = load_with(LOADER, path="one")
    assert [dict(utterance.consent) for utterance in corpus.utterances] == [{"text": False}, {}]


def test_a_folder_of_media(load_with: Load, tmp_path: Path) -> None:
    root = tmp_path / "folder"
    (root / "train").mkdir(parents=True)
    for name in ("a.wav", "b.mp4"):
        (root / "train" / name).write_bytes(name.encode())
    table = root / "train" / "metadata.csv"
    table.write_bytes(b"\xef\xbb\xbffile_name,transcription,emotion\r\na.wav,Hello,joy\r\nb.mp4,,rage\r\n")
    corpus = load_with(LOADER, path="folder", labels={"rage": "anger"})
    sound, video = corpus.utterances
    assert (sound.utterance_id, sound.text, sound.label) == ("train-1", "Hello", "joy")
    assert sound.video is None
    assert video.video == video.audio
    assert (video.text, video.label) == (None, "anger")
    assert sound.audio is not None
    assert sound.audio.path == (root / "train" / "a.wav").resolve()
    table.write_text("file_name,emotion\n../../x.wav,joy\n")
    with pytest.raises(RowError, match="leads out of the folder"):
        load_with(LOADER, path="folder")
    table.write_text("file_name,emotion\nb.mp4,joy\nc.wav,joy\n")
    with pytest.raises(RowError, match="metadata.csv, row 2"):
        load_with(LOADER, path="folder")
    table.unlink()
    (root / "metadata.jsonl").write_text('{"file_name": "train/a.wav", "emotion": "joy"}\n')
    (line,) = load_with(LOADER, path="folder").utterances
    assert line.audio == sound.audio


def test_classes_that_are_none(load_with: Load, tmp_path: Path) -> None:
    saved(tmp_path / "one", TABLE.set_column(2, "label", pa.array([1, -1], pa.int64())), CLASSES)
    with pytest.raises(RowError, match="one, row 2: the label is missing"):
        load_with(LOADER, path="one")
    assert len(load_with(LOADER, path="one", unknown_labels="drop").utterances) == 1
    saved(tmp_path / "two", TABLE.set_column(2, "label", pa.array([1, 9], pa.int64())), CLASSES)
    with pytest.raises(RowError, match=r"two, row 2: the label is missing from[\s\S]*'9'"):
        load_with(LOADER, path="two")


def test_damage(layout: Layout, load_with: Load, tmp_path: Path) -> None:
    root = layout("hugging-face")
    for shard in root.rglob("*.parquet"):
        shard.write_bytes(b"PAR1 no more")
    with pytest.raises(TableError, match="does not read as PARQUET"):
        load_with(LOADER, path="hugging-face")
    saved(tmp_path / "odd", pa.table({"audio": [b"?"], "label": ["x"]}), {})
    with pytest.raises(RowError, match=r"row 1: the bytes of the media are of no known kind"):
        load_with(LOADER, path="odd")
    (tmp_path / "odd" / "data-00000-of-00001.arrow").write_bytes(b"no arrow")
    with pytest.raises(AffidavitError, match="does not read as ARROW"):
        load_with(LOADER, path="odd")
    state = tmp_path / "odd" / "state.json"
    state.write_text('{"_data_files": [{"filename": "../../secret.arrow"}]}')
    with pytest.raises(TableError, match="odd/secret.arrow: a file of the saved data set is not there"):
        load_with(LOADER, path="odd")
    state.write_text("{")
    with pytest.raises(TableError, match="does not read as JSON"):
        load_with(LOADER, path="odd")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError, match="there is no data set here"):
        load_with(LOADER, path="empty")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("data/train-00000-of-00002.parquet", "train"),
        ("data/validation-00001-of-00002-0a1b2c3d.parquet", "validation"),
        ("my_set-test.arrow", "test"),
        ("test/0000.parquet", "test"),
        ("default/extra-00000-of-00001.parquet", "extra"),
        ("0000.parquet", "all"),
    ],
)
def test_what_a_shard_is_of(name: str, split: str) -> None:
    path = Path("root") / name
    assert _split(path) == split
    assert not Shard(path=path, split=split).described
