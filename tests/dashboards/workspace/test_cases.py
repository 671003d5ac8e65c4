"""What was counted is kept as it was counted, without anybody's name, and not used when it is not as it was written."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from affidavit import kept_counts
from affidavit.case import Case
from affidavit.kept_counts import PART, KeptCounts, RowsNotHereError, counted
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.tables import from_frame
from affidavit.tally import Tally, tally
from affidavit.testing.tables import predictions_frame
from affidavit.withdrawals import ENVIRONMENT, withdrawals
from dashboards.workspace import cases
from dashboards.workspace.cases import case_of_run, table_of
from dashboards.workspace.rows import predictions_of
from tests.dashboards.workspace.audited import Audited, audited

BY = ("accent", "age")


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return audited(tmp_path_factory.mktemp("vendor") / "audit")


@pytest.fixture(autouse=True)
def _started_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is in memory, and the audit was made on another machine."""
    st.cache_resource.clear()
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path))


def read(frame: pd.DataFrame) -> Predictions:
    return predictions_from(from_frame(frame), Reading(run="run", by=BY))


def transcripts() -> pd.DataFrame:
    table = predictions_frame().drop(columns=["y_true", "y_pred", "rationale"])
    return table.assign(word_errors=np.arange(len(table)) % 3, words=7)


def same(one: Tally, other: Tally) -> None:
    for name in ("sums", "n_rows", "unit", "cell", "cells"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in ("condition", "features", "levels", "n_units", "alike", "weighted"):
        assert getattr(one, name) == getattr(other, name), name


@pytest.mark.parametrize(
    "frame",
    [
        predictions_frame(),
        predictions_frame().drop(columns=["speaker_id"]),
        predictions_frame().drop(columns=["y_true"]),
        predictions_frame().assign(weight=2.5),
        transcripts(),
    ],
    ids=["speakers", "rows", "unlabelled", "weighted", "transcripts"],
)
def test_what_was_kept_is_what_was_counted(tmp_path: Path, frame: pd.DataFrame) -> None:
    predictions = read(frame)
    shelf = KeptCounts(tmp_path)
    shelf.keep("k", counted(predictions, BY))
    kept = shelf.read("k")
    assert kept is not None
    fresh = tally(predictions, BY)
    assert list(kept.tallies) == list(fresh) == ["TAV", "A"]
    for condition, one in fresh.items():
        same(kept.tallies[condition], one)
    told = kept.predictions
    for name in ("run", "task", "n_rows", "unit", "n_units", "labels", "conditions", "columns", "digest", "labelled"):
        assert getattr(told, name) == getattr(predictions, name), name


def test_no_row_and_no_name_is_kept(tmp_path: Path) -> None:
    frame = predictions_frame()
    frame["speaker_id"] = "person-" + frame["speaker_id"]
    frame["utterance_id"] = "said-" + frame["utterance_id"]
    shelf = KeptCounts(tmp_path)
    shelf.keep("k", counted(read(frame), BY))
    (file,) = tmp_path.iterdir()
    with np.load(io.BytesIO(file.read_bytes().partition(b"\n")[2])) as arrays:
        whole = b"".join(arrays[name].tobytes() for name in arrays.files)
    assert b"accent" in whole
    for secret in (b"person-", b"said-", b"the voice sounds"):
        assert secret not in whole
        assert secret.decode().encode("utf-16-le") not in whole


def test_whoever_asks_for_rows_is_refused() -> None:
    told = counted(read(predictions_frame()), BY).predictions
    with pytest.raises(RowsNotHereError, match="made of rows"):
        list(told.batches(["y_true"]))
    with pytest.raises(RowsNotHereError):
        list(told.coded_batches(["y_true"]))


def damaged(file: Path, how: str) -> None:
    content = file.read_bytes()
    middle = len(content) // 2
    file.write_bytes(
        {
            "changed": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "cut off": content[:middle],
            "empty": b"",
            "another head": b"x" + content,
            "no archive": b"affidavit-kept " + hashlib.sha256(b"x").hexdigest().encode() + b"\nx",
        }[how]
    )


@pytest.mark.parametrize("how", ["changed", "cut off", "empty", "another head", "no archive"])
def test_a_file_that_is_not_as_it_was_written_is_counted_anew(tmp_path: Path, vendor: Audited, how: str) -> None:
    first = case_of_run(vendor.report, "vendor", (vendor.folder,))
    (file,) = (tmp_path / PART).glob("*.counts")
    whole = file.read_bytes()
    damaged(file, how)
    assert KeptCounts(tmp_path / PART).read(file.stem) is None
    st.cache_resource.clear()
    again = case_of_run(vendor.report, "vendor", (vendor.folder,))
    assert isinstance(first, Case)
    assert isinstance(again, Case)
    same(first.book.tally("vendor", "A"), again.book.tally("vendor", "A"))
    assert len(file.read_bytes()) == len(whole), "what was counted anew is kept"
    damaged(file, how)
    st.cache_resource.clear()
    assert case_of_run(vendor.report, "vendor", ()) is None, "no table, no counts: nothing is told"


def test_a_restart_neither_reads_nor_counts(tmp_path: Path, vendor: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    assert case_of_run(vendor.report, "vendor", (vendor.folder,)) is not None
    st.cache_resource.clear()
    monkeypatch.setattr(cases, "read_predictions", lambda *_: pytest.fail("the table was read again"))
    monkeypatch.setattr(kept_counts, "tally", lambda *_, **__: pytest.fail("the table was counted again"))
    assert case_of_run(vendor.report, "vendor", (vendor.folder,)) is not None
    st.cache_resource.clear()
    assert case_of_run(vendor.report, "vendor", ()) is not None, "the table may be gone"


def test_a_table_that_is_brought_later_is_found(tmp_path: Path, vendor: Audited) -> None:
    assert case_of_run(vendor.report, "vendor", (tmp_path,)) is None
    vendor.frame.to_csv(tmp_path / "brought.csv", index=False)
    assert case_of_run(vendor.report, "vendor", (tmp_path,)) is not None
    assert case_of_run(vendor.report, "another", (tmp_path,)) is None


def test_another_table_of_its_name_is_not_counted(tmp_path: Path, vendor: Audited) -> None:
    predictions_frame(seed=3).to_parquet(tmp_path / "vendor.parquet")
    assert case_of_run(vendor.report, "vendor", (tmp_path,)) is None
    assert not list((tmp_path / PART).glob("*.counts"))


def test_another_version_or_reading_has_another_name(vendor: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(vendor.report, "vendor")
    assert table is not None
    fewer = vendor.report.model_copy(update={"plan": vendor.report.plan.model_copy(update={"by": ("accent",)})})
    narrower = table_of(fewer, "vendor")
    assert narrower is not None
    keys = {table.key, narrower.key}
    monkeypatch.setattr(kept_counts, "package_version", lambda _: "9.9.9")
    keys.add(table.key)
    assert len(keys) == 3


def test_a_large_table_is_counted_by_a_process_of_its_own(
    tmp_path: Path, vendor: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "AT_ONCE", 0)
    monkeypatch.setattr(cases, "count_file", lambda *_: pytest.fail("it was counted where the page is drawn"))
    case = case_of_run(vendor.report, "vendor", (vendor.folder,))
    assert case is not None
    fresh = tally(read(vendor.frame), BY)
    same(case.book.tally("vendor", "TAV"), fresh["TAV"])


def test_after_a_withdrawal_nothing_is_told_of_what_was_counted_before(
    tmp_path: Path, vendor: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "list"))
    listed = withdrawals(begun=False)
    listed.add("somebody of another table")
    assert case_of_run(vendor.report, "vendor", (vendor.folder,)) is not None
    assert predictions_of(vendor.report, "vendor", (vendor.folder,)) is not None
    listed.add("somebody of a third table")
    assert case_of_run(vendor.report, "vendor", ()) is None, "what was counted before is not used"
    assert case_of_run(vendor.report, "vendor", (vendor.folder,)) is not None, "it is counted anew"
    listed.add("s7")
    assert case_of_run(vendor.report, "vendor", (vendor.folder,)) is None
    assert predictions_of(vendor.report, "vendor", (vendor.folder,)) is None
