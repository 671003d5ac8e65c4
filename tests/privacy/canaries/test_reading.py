"""A table of canaries is read as it is handed over, and what does not read is one clear error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affidavit.errors import ColumnError, RowError, TableError
from privacy.canaries.inputs import canary_table, coin_design, pair_design
from privacy.canaries.reading import read_canaries


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "canaries.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_answers_are_read_however_they_are_written_and_rows_are_sorted_by_name(tmp_path: Path) -> None:
    rows = ["canary,included,score,group_accent,score_baseline", "b,yes,1.5,Welsh,", "a,0,,NA,2", "c,In,-inf,,3"]
    canaries = read_canaries(written(tmp_path, "\n".join(rows)))
    assert canaries.names == ("a", "b", "c")
    assert canaries.included.tolist() == [False, True, True]
    assert np.isnan(canaries.score[0])
    assert canaries.score[1:].tolist() == [1.5, -np.inf]
    assert canaries.groups == {"accent": ("unknown", "Welsh", "unknown")}
    assert canaries.baseline is not None
    assert np.isnan(canaries.baseline[1])
    assert not canaries.guessed


def test_guesses_may_be_empty(tmp_path: Path) -> None:
    canaries = read_canaries(written(tmp_path, "canary,included,guess\na,1,1\nb,0,\nc,0,no\n"))
    assert canaries.guessed
    assert canaries.score[[0, 2]].tolist() == [1.0, 0.0]
    assert np.isnan(canaries.score[1])


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("canary,score\na,1\n", ColumnError, "included"),
        ("canary,included\na,1\n", ColumnError, "score (or guess)"),
        ("canary,included,guess,pair\na,1,1,p\n", ColumnError, "a pair is told by its scores"),
        ("canary,included,score,guess\na,1,0.5,0\n", ColumnError, "score and guess both stand"),
        ("canary,included,score\n,1,0.5\n", RowError, "no name"),
        ("canary,included,score\na,perhaps,0.5\n", RowError, "planted is not said"),
        ("canary,included,score\na,,0.5\n", RowError, "planted is not said"),
        ("canary,included,score\na,1,high\n", RowError, "no number"),
        ("canary,included,guess\na,1,maybe\n", RowError, "guess does not read"),
        ("canary,included,score\na,1,1\na,0,2\n", RowError, "stands twice"),
        ("canary,included,score,pair\na,1,1,p\nb,1,2,p\n", RowError, "exactly one planted"),
        ("canary,included,score,pair\na,1,1,p\nb,0,2,\n", RowError, "no pair"),
        ("canary,included,score,pair\na,1,1,p\nb,0,2,p\nc,0,1,p\n", RowError, "exactly one planted"),
    ],
)
def test_what_does_not_read_is_one_clear_error(tmp_path: Path, text: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as raised:
        read_canaries(written(tmp_path, text))
    assert said in str(raised.value)
    assert "remedy" in str(raised.value)


def test_a_cell_is_not_repeated_at_length(tmp_path: Path) -> None:
    hostile = "<script>" * 2000
    with pytest.raises(RowError) as raised:
        read_canaries(written(tmp_path, f"canary,included,score\na,1,{hostile}\n"))
    assert len(str(raised.value)) < 500
    with pytest.raises(TableError):
        read_canaries(tmp_path / "nothing.csv")


def test_names_in_any_writing_are_names(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"canary": ["<b>x</b>", "声", "y" * 5000, "../../etc"], "included": [1, 0, 1, 0], "score": [1.0, 2, 3, 4]}
    )
    frame.to_csv(path := tmp_path / "c.csv", index=False)
    assert len(read_canaries(path).names) == 4


def test_a_table_that_the_house_writes_is_read_again(tmp_path: Path) -> None:
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    planted = pair_design(50, rng=rng)
    assert (planted.sum(axis=1) == 1).all()
    names, pair = [f"c{i}" for i in range(100)], [f"p{i // 2}" for i in range(100)]
    scores = rng.normal(0, 1, 100)
    table = canary_table(
        names, included=planted.ravel(), score=scores, baseline=-scores, pair=pair, groups={"age": ["40+"] * 100}
    )
    parquet.write_table(table, path := tmp_path / "canaries.parquet")
    canaries = read_canaries(path)
    by_name = dict(zip(names, scores, strict=True))
    assert canaries.score.tolist() == [by_name[name] for name in canaries.names]
    assert canaries.pair is not None
    with pytest.raises(ValueError, match="columns"):
        canary_table(names, included=planted.ravel()[:-1], score=scores)
    assert canary_table(["a", "b"], included=[1.0, 0.0], score=[1, 2])["included"].to_pylist() == [True, False]
    for unknown in ([1.0, np.nan], ["0", "1"], [None, True], [2, 0]):
        with pytest.raises(ValueError, match="who was planted has to be known"):
            canary_table(["a", "b"], included=np.array(unknown), score=[1, 2])


def test_coins_are_fair_and_their_number_is_not_fixed() -> None:
    rng = np.random.default_rng(1)
    counts = [int(coin_design(100, rng=rng).sum()) for _ in range(200)]
    assert abs(np.mean(counts) - 50) < 4 * 5 / 200**0.5
    assert 3.5 < np.std(counts) < 6.5
