"""SEED-VII: people who watch films, without anything that is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from scipy.io import savemat

from affidavit.corpus import Corpus
from affidavit.errors import RowError, TableError
from corpora.seed_vii import LOADER, SHEET

Load = Callable[..., Corpus]
Layout = Callable[[str], Path]


def edit(path: Path, cell: str, value: object) -> None:
    book = openpyxl.load_workbook(path)
    assert book.active is not None
    book.active[cell] = value
    book.save(path)


def test_by_hand(layout: Layout, load_with: Load) -> None:
    layout("seed-vii")
    corpus = load_with(LOADER, path="seed-vii")
    assert len(corpus.utterances) == 3 * 6
    assert [u.speaker_id for u in corpus.utterances[::6]] == ["1", "2", "10"], "in the order of numbers"
    first, second = corpus.utterances[:2]
    assert (first.utterance_id, first.label, first.intensity) == ("1-1", "happy", 0.75)
    assert (second.label, second.intensity) == ("neutral", 0.0)
    last = corpus.utterances[5]
    assert (last.dialogue_id, last.turn, last.label, last.intensity) == ("1-session2", 3, "surprise", None)
    assert all(u.text is None and u.audio is None and u.video is None for u in corpus.utterances)
    said = "\n".join(corpus.assumptions)
    assert "there is no speech, no text and no video of a face" in said
    assert "EYE_features lie beside the labels and are not read" in said
    assert "16 of 18 viewings have no continuous rating" in said


def test_faults(layout: Layout, load_with: Load) -> None:
    root = layout("seed-vii")
    path = root / SHEET
    edit(path, "B2", "Glee")
    with pytest.raises(RowError, match=r"row 2, column 2: the label is missing from the labels"):
        load_with(LOADER, path="seed-vii")
    assert len(load_with(LOADER, path="seed-vii", unknown_labels="drop").utterances) == 3 * 5
    edit(path, "B2", "Happy")
    edit(path, "B1", None)
    with pytest.raises(RowError, match="there is no film number above the emotion"):
        load_with(LOADER, path="seed-vii")
    edit(path, "B1", 5)
    with pytest.raises(RowError, match="two cells have the same film"):
        load_with(LOADER, path="seed-vii")
    edit(path, "B1", 1)
    savemat(root / "continuous_labels" / "1.mat", {"1": np.array([0.5, 7.0])})
    with pytest.raises(RowError, match=r"continuous_labels/1.mat, 1: the continuous rating is out of its range"):
        load_with(LOADER, path="seed-vii")
    (root / "continuous_labels" / "1.mat").write_bytes(b"no matrix")
    with pytest.raises(TableError, match="does not read as MAT"):
        load_with(LOADER, path="seed-vii")


def test_nobody_took_part(layout: Layout, load_with: Load) -> None:
    root = layout("seed-vii")
    for recording in root.rglob("*.mat"):
        recording.unlink()
    with pytest.raises(TableError, match="nobody knows who took part"):
        load_with(LOADER, path="seed-vii")
