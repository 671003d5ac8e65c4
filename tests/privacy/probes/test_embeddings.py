"""A table of vectors is read by its columns' names, and says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affidavit.errors import ColumnError, RowError, TableError
from privacy.probes.embeddings import table_sources
from privacy.probes.sources import Lost, Source
from tests.privacy.probes.conftest import roster_of

ROSTER = roster_of(np.full(4, 2), np.array([0, 1, 0, 1]))


def table() -> pd.DataFrame:
    n = len(ROSTER)
    return pd.DataFrame(
        {
            "utterance_id": ROSTER.utterance_ids,
            **{f"audio_{j}": np.arange(n) + 100.0 * j for j in range(12)},
            "raw_audio_0": np.arange(n),
            "speaker_id": "x",
        }
    )


def written(folder: Path, frame: pd.DataFrame) -> Path:
    path = folder / "vectors.parquet"
    frame.to_parquet(path)
    return path


def test_columns_are_in_the_order_of_their_numbers_and_rows_in_that_of_the_roster(tmp_path: Path) -> None:
    shuffled = table().sample(frac=1, random_state=1)[["audio_10", *sorted(set(table().columns) - {"audio_10"})]]
    audio, raw = table_sources(written(tmp_path, shuffled), ROSTER)
    assert (audio.name, raw.name) == ("audio", "raw_audio")
    np.testing.assert_array_equal(audio.vectors[3], 3 + 100.0 * np.arange(12))


def test_missing_and_broken_vectors_are_left_out_and_counted(tmp_path: Path) -> None:
    frame = table().iloc[1:].copy()
    frame.loc[2, "audio_3"] = np.inf
    frame.loc[3, "audio_4"] = np.nan
    audio = table_sources(written(tmp_path, frame), ROSTER)[0]
    assert audio.place.tolist() == [1, 4, 5, 6, 7]
    assert audio.caveats == (
        "1 utterances have no vector",
        "2 vectors hold what is not finite and are left out",
    )


def test_two_vectors_of_one_utterance_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(RowError, match="two vectors") as caught:
        table_sources(written(tmp_path, pd.concat([table(), table().iloc[:1]])), ROSTER)
    assert caught.value.found == "u00000"


@pytest.mark.parametrize("frame", [table().drop(columns="utterance_id"), table()[["utterance_id", "speaker_id"]]])
def test_a_table_without_ids_or_vectors_says_what_columns_are_called(tmp_path: Path, frame: pd.DataFrame) -> None:
    with pytest.raises(ColumnError) as caught:
        table_sources(written(tmp_path, frame), ROSTER)
    assert "embedding_0" in str(caught.value.allowed)


def test_words_are_no_vector(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match="no number"):
        table_sources(written(tmp_path, table().assign(audio_0="loud")), ROSTER)


def test_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TableError):
        table_sources(tmp_path / "nothing.csv", ROSTER)


def test_of_other_utterances_there_is_no_source(tmp_path: Path) -> None:
    strangers = written(tmp_path, table().assign(utterance_id=[f"x{i}" for i in range(8)]))
    lost = table_sources(strangers, ROSTER)
    assert len(lost) == 2
    assert all(isinstance(source, Lost) for source in lost)


def test_rows_of_others_between_ours_change_nothing(tmp_path: Path) -> None:
    ours = table()
    others = ours.assign(utterance_id=[f"x{i}" for i in range(len(ours))])
    mixed = pd.concat([others, ours]).sort_values("audio_0", kind="stable")
    plain = table_sources(written(tmp_path, ours), ROSTER)[0]
    among = table_sources(written(tmp_path, mixed), ROSTER)[0]
    assert isinstance(plain, Source)
    assert isinstance(among, Source)
    np.testing.assert_array_equal(plain.vectors, among.vectors)
