"""Bundles are found where they were named, described from what they say, and never written to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from affidavit.bundle import REPORT
from dashboards.workspace import bundles
from dashboards.workspace.bundles import BundleShelf, same_line

OLDER = Path(__file__).parents[2] / "reports" / "older" / "bundle-1.0"


def test_a_folder_of_bundles_shows_each(tmp_path: Path, small_bundle: Path) -> None:
    shutil.copytree(small_bundle, tmp_path / "a" / "b" / "small")
    shutil.copytree(OLDER, tmp_path / "older")
    (tmp_path / "notes.txt").write_text("no bundle")
    found = BundleShelf(places=(tmp_path,)).bundles()
    assert [bundle.path.name for bundle in found] == ["small", "older"]  # the latest first
    assert all(bundle.unreadable is None for bundle in found)


def test_what_is_said_is_what_the_report_says(small_bundle: Path) -> None:
    told = json.loads((OLDER / REPORT).read_text())
    (bundle,) = BundleShelf(places=(OLDER,)).bundles()
    assert (bundle.title, bundle.decision) == (told["title"], told["decision"])
    assert bundle.digest == told["report_digest"]
    assert bundle.runs == tuple(data["run"] for data in told["data"])
    decided = [f for f in told["findings"] if f.get("criterion")]
    assert bundle.open_questions == sum(f["verdict"] == "inconclusive" for f in decided)
    assert {v.value for v in bundle.verdicts.values()} <= {f["verdict"] for f in decided}


def test_who_signed_and_who_has_not(small_bundle: Path) -> None:
    (unsigned,) = BundleShelf(places=(small_bundle,)).bundles()
    (signed,) = BundleShelf(places=(OLDER,)).bundles()
    assert unsigned.signed_by == ()
    assert "approver" in unsigned.waits_for
    assert set(signed.signed_by).isdisjoint(signed.waits_for)


def test_one_that_does_not_read_is_named_with_the_reason(tmp_path: Path, small_bundle: Path) -> None:
    shutil.copytree(small_bundle, tmp_path / "broken")
    (tmp_path / "broken" / REPORT).write_text("{}")
    shutil.copytree(small_bundle, tmp_path / "whole")
    found = {bundle.path.name: bundle.unreadable for bundle in BundleShelf(places=(tmp_path,)).bundles()}
    assert found["whole"] is None
    assert found["broken"]


def test_a_report_that_changed_is_read_again(tmp_path: Path, small_bundle: Path) -> None:
    shutil.copytree(small_bundle, tmp_path / "small")
    shelf = BundleShelf(places=(tmp_path,))
    (before,) = shelf.bundles()
    shutil.rmtree(tmp_path / "small")
    shutil.copytree(OLDER, tmp_path / "small")
    (after,) = shelf.bundles()
    assert before.title != after.title
    assert same_line([before, after], after) == (after,)


def test_no_link_is_followed_and_no_depth_is_endless(tmp_path: Path, small_bundle: Path) -> None:
    (tmp_path / "link").symlink_to(small_bundle.parent, target_is_directory=True)
    deep = tmp_path.joinpath(*"abcdefgh")
    shutil.copytree(small_bundle, deep / "small")
    assert BundleShelf(places=(tmp_path,)).bundles() == ()


def test_a_zip_is_a_bundle_too(tmp_path: Path, small_bundle: Path) -> None:
    shutil.make_archive(str(tmp_path / "packed"), "zip", small_bundle.parent, small_bundle.name)
    (folder,), (packed,) = (BundleShelf(places=(place,)).bundles() for place in (small_bundle, tmp_path))
    assert (packed.title, packed.digest) == (folder.title, folder.digest)


def test_what_was_read_is_kept_and_damage_is_read_anew(
    tmp_path: Path, small_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "desk" / "listed"
    fresh = BundleShelf(places=(small_bundle, OLDER), kept_in=kept).bundles()
    assert fresh == BundleShelf(places=(small_bundle, OLDER)).bundles()
    assert len(list(kept.iterdir())) == 2
    for file in kept.iterdir():
        file.write_bytes(file.read_bytes().replace(b"no decision", b"pass       "))
    assert BundleShelf(places=(small_bundle, OLDER), kept_in=kept).bundles() == fresh
    monkeypatch.setattr(bundles, "parse_report", lambda *_, **__: pytest.fail("a report was read again"))
    assert BundleShelf(places=(small_bundle, OLDER), kept_in=kept).bundles() == fresh


def test_a_report_that_changed_is_not_told_from_what_was_kept(tmp_path: Path, small_bundle: Path) -> None:
    kept, place = tmp_path / "listed", tmp_path / "bundle"
    shutil.copytree(small_bundle, place)
    (whole,) = BundleShelf(places=(place,), kept_in=kept).bundles()
    told = (place / REPORT).read_bytes()
    (place / REPORT).write_bytes(told.replace(b'"no decision"', b'"pass"', 1))
    (changed,) = BundleShelf(places=(place,), kept_in=kept).bundles()
    assert whole.unreadable is None
    assert "changed after it was written" in (changed.unreadable or "")
    assert len(list(kept.iterdir())) == 1


@pytest.mark.parametrize("name", ["", "."])
def test_an_empty_place_has_none(tmp_path: Path, name: str) -> None:
    assert BundleShelf(places=(tmp_path / name,)).bundles() == ()
    assert BundleShelf(places=(tmp_path / "not there",)).bundles() == ()
