"""MER2023's clips and EMER's reasonings over them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, RowError, TableError
from corpora import emer, mer2023
from corpora.emer_tables import open_words

Load = Callable[..., Corpus]
Layout = Callable[[str], Path]


def test_mer2023_by_hand(layout: Layout, load_with: Load) -> None:
    layout("mer2023")
    corpus = load_with(mer2023.LOADER, path="mer2023")
    worried, happy = corpus.utterances
    assert [(u.utterance_id, u.label) for u in corpus.utterances] == [("sample_1", "worried"), ("sample_2", "happy")]
    assert (worried.text, happy.text) == ("\u600e\u4e48\u529e\u3002", None)
    assert worried.audio is not None
    assert worried.audio.path.name == "sample_1.wav", "sound of its own before the video's track"
    assert happy.audio == happy.video
    assert worried.intensity is None
    said = "\n".join(corpus.assumptions)
    assert "the valences are not read" in said
    assert "1 of 2 clips have no subtitle" in said
    english = load_with(mer2023.LOADER, path="mer2023", language="english", intensity="valence")
    assert [u.text for u in english.utterances] == ["What now?", None]
    assert [u.intensity for u in english.utterances] == [-1.5, 3.0]


def test_mer2023_parts(layout: Layout, load_with: Load) -> None:
    root = layout("mer2023")
    corpus = load_with(mer2023.LOADER, path="mer2023", parts=["test3", "train"])
    assert [u.utterance_id for u in corpus.utterances] == ["sample_1", "sample_2", "samplenew_9"]
    with pytest.raises(TableError, match="there is no such file"):
        load_with(mer2023.LOADER, path="mer2023", parts=["test1"])
    (root / "test3-label.csv").write_text("name,discrete\nsample_1,sad\n")
    with pytest.raises(RowError, match="two rows have the same name"):
        load_with(mer2023.LOADER, path="mer2023", parts=["test3", "train"])


def test_mer2023_faults(layout: Layout, load_with: Load) -> None:
    root = layout("mer2023")
    table = root / "train-label.csv"
    table.write_text("name,discrete,valence\nsample_1,worried,-1.5\nsample_2,happy,30\n")
    with pytest.raises(RowError, match=r"train-label.csv, row 2: the valence is out of its range[\s\S]*-5 to 5"):
        load_with(mer2023.LOADER, path="mer2023")
    table.write_text("name,valence\nsample_1,1\n")
    with pytest.raises(ColumnError, match="there is no column 'discrete'"):
        load_with(mer2023.LOADER, path="mer2023")
    table.write_text("name,discrete,valence\nsample_1,worried,-1.5\n")
    with pytest.raises(TableError, match="no such table of subtitles"):
        load_with(mer2023.LOADER, path="mer2023", subtitles="nowhere.csv")


def test_emer_by_hand(layout: Layout, load_with: Load) -> None:
    layout("emer")
    corpus = load_with(emer.LOADER, path="emer", media_root="emer/clips")
    told, sighs = corpus.utterances
    assert [cue.modality for cue in told.cues] == ["video", "audio", "text"]
    assert told.cues[1].quote == "In the audio, her voice is low."
    assert "".join(cue.quote for cue in told.cues).replace(" ", "") == told.rationales["explain"].replace(" ", "")
    assert sighs.cues == ()
    assert sighs.rationales == {"explain": "She sighs."}
    assert told.soft_label == {"sad": 0.5, "hurt": 0.5}
    assert (told.label, corpus.label_space) == (None, ())
    assert told.video is not None
    assert told.video.path.name == "sample_1.mp4"
    said = "\n".join(corpus.assumptions)
    assert "1 of 3 rows have no reasoning and are left out" in said
    assert "1 of 2 clips have no cue" in said
    (chinese,) = load_with(emer.LOADER, path="emer", language="chinese").utterances
    assert [cue.modality for cue in chinese.cues] == ["video"]


def test_emer_of_the_first_version(layout: Layout, load_with: Load) -> None:
    root = layout("emer")
    (root / "gt-eng.csv").write_text("names,emotions,subtitles,reasons\nsample_9,sad,No.,She weeps.\n")
    corpus = load_with(emer.LOADER, path="emer", reasons="emer/gt-eng.csv")
    (weeps,) = corpus.utterances
    assert (weeps.label, weeps.text, weeps.rationales) == ("sad", "No.", {"explain": "She weeps."})
    assert corpus.label_space == mer2023.EMOTIONS
    (root / "gt-eng.csv").write_text("names,emotions,subtitles,reasons\nsample_9,glum,No.,She weeps.\n")
    with pytest.raises(RowError, match="gt-eng.csv, row 1: the label is missing from the labels"):
        load_with(emer.LOADER, path="emer", reasons="emer/gt-eng.csv")


@pytest.mark.parametrize("listed", [True, False])
def test_emer_in_json(listed: bool, layout: Layout, load_with: Load) -> None:
    root = layout("emer")
    entry = {"reasoning": "She laughs.", "openset": ["Glad", "proud"], "clues": {"visual": "a smile", "smell": "none"}}
    content = [{"name": "sample_7", **entry}] if listed else {"sample_7": entry | {"audio_clue": "a laugh"}}
    (root / "emer.json").write_text(json.dumps(content), encoding="utf-8-sig")
    (laughs,) = load_with(emer.LOADER, path="emer", reasons="emer/emer.json").utterances
    assert laughs.utterance_id == "sample_7"
    assert laughs.soft_label == {"glad": 0.5, "proud": 0.5}
    assert (laughs.cues[0].modality, laughs.cues[0].quote) == ("video", "a smile")
    assert len(laughs.cues) == (1 if listed else 2), "a clue of no known modality is none"


def test_emer_faults(layout: Layout, load_with: Load) -> None:
    root = layout("emer")
    for content, error, match in (
        ("[]", TableError, "neither a list"),
        ("{", TableError, "does not read as JSON"),
        ("[1]", RowError, "emer.json, entry 1: the entry is no object"),
        ('[{"reason": "x"}]', RowError, "emer.json, row 1: name is missing"),
        ('[{"name": "a", "reason": ["x"]}]', RowError, "entry 1: a text was expected"),
        ('[{"name": "a"}]', ColumnError, "there is no reasoning in English"),
    ):
        (root / "emer.json").write_text(content)
        with pytest.raises(error, match=match):
            load_with(emer.LOADER, path="emer", reasons="emer/emer.json")
    with pytest.raises(TableError, match="there is no table of open labels"):
        load_with(emer.LOADER, path="emer", open_labels="emer/nowhere.csv")
    (root / "clips" / "sample_2.mp4").unlink()
    with pytest.raises(RowError, match="there is no media file of that name"):
        load_with(emer.LOADER, path="emer", media_root="emer/clips")


def test_lists_that_were_written_as_text() -> None:
    assert open_words("") == open_words("[]") == ()
    assert open_words("\u9ad8\u5174\u3001\u6fc0\u52a8") == ("\u9ad8\u5174", "\u6fc0\u52a8")
