"""A plan's paths stay where the desk may look, wherever they start; a run's model is asked only where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from affidavit.errors import TableError
from affidavit.plan import AuditPlan
from dashboards.media.finding import RunAtDesk
from dashboards.media.origins import folders_of, has_model, leads_outside, names_files
from dashboards.media.run_corpus import Missing, corpus_of


def test_folders_lie_inside_the_places_likeliest_first(tmp_path: Path) -> None:
    (tmp_path / "place" / "job" / "bundle").mkdir(parents=True)
    place = tmp_path / "place"
    found = folders_of(place / "job" / "bundle", (place,))
    assert found[:2] == (place / "job", place)
    assert folders_of(tmp_path / "elsewhere" / "bundle", (place,))[0] == place
    assert folders_of(place / "job" / "bundle", (place,), named=place / "job" / "bundle")[0] == place / "job" / "bundle"
    with pytest.raises(TableError):
        folders_of(place / "job" / "bundle", (place,), named=tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"path": "/etc/passwd"},
        {"path": "../secret"},
        {"nested": {"files": ["data", "~/x"]}},
        {"path": "link"},
        {"path": "data/../../secret"},
    ],
)
def test_what_leads_outside_is_named(tmp_path: Path, options: dict[str, Any]) -> None:
    place = tmp_path / "place"
    (place / "data").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (place / "link").symlink_to(tmp_path / "secret")
    assert leads_outside(options, place, (place,)) is not None


def test_what_is_no_path_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    told = {"seed": 3, "media": "patients", "path": "data", "long": "x" * 5_000, "nul": "a\0b"}
    assert leads_outside(told, tmp_path, (tmp_path,)) is None
    assert names_files({"path": "data"}, (tmp_path,))
    assert not names_files({"media": "patients"}, (tmp_path,))


def plan(**source: Any) -> AuditPlan:
    training = {
        "tiny": {"corpus": "clinic", "reasoner": "instructed", "trainer": "supervised", "out": "model"},
        "out": {"corpus": "clinic", "reasoner": "instructed", "trainer": "supervised", "out": "../model"},
    }
    return AuditPlan.model_validate({"runs": {"run": source}, "training": training})


def test_a_model_is_here_where_its_checkpoint_is(tmp_path: Path) -> None:
    place = tmp_path / "place"
    trained = plan(corpus="clinic", reasoner="instructed", trained="tiny")
    assert not has_model(trained, trained.runs["run"], place, (place,))
    (place / "model" / "seed-0").mkdir(parents=True)
    assert has_model(trained, trained.runs["run"], place, (place,))
    outside = plan(corpus="clinic", reasoner="instructed", trained="out")
    (tmp_path / "model" / "seed-0").mkdir(parents=True)
    assert not has_model(outside, outside.runs["run"], place, (place,))
    table = plan(table="x.csv")
    assert not has_model(table, table.runs["run"], place, (place,))
    named = plan(corpus="clinic", reasoner={"name": "instructed", "options": {"checkpoint": "/etc"}})
    assert not has_model(named, named.runs["run"], place, (place,))


def test_the_folder_of_the_model_is_likeliest_wherever_it_lies_below_a_place(tmp_path: Path) -> None:
    """As `affidavit demo` leaves it: a bundle, and beside it a folder of trainings by plan and version."""
    from types import SimpleNamespace

    trained = tmp_path / "demo-models" / "2b5e1d62ae1f"
    (trained / "model" / "seed-0").mkdir(parents=True)
    (tmp_path / "demo").mkdir()
    told = plan(corpus="clinic", reasoner="instructed", trained="tiny")
    settings = SimpleNamespace(workspace=str(tmp_path / "desk"))
    seat: Any = SimpleNamespace(places=lambda: (tmp_path,), settings=settings)
    book: Any = SimpleNamespace(path=tmp_path / "demo", report=SimpleNamespace(plan=told))
    at = RunAtDesk(seat=seat, book=book, run="run")
    assert trained in at.folders
    assert at.folders[0] == tmp_path
    assert at._with_model_first()[:2] == (trained, tmp_path)


def test_a_corpus_outside_the_places_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from dashboards.media import run_corpus

    def loaded(name: str, options: str, folder: str) -> None:
        raise AssertionError("nothing may be read")

    monkeypatch.setattr(run_corpus, "_loaded", loaded)
    told = plan(corpus={"name": "manifest", "options": {"path": "/etc/passwd"}}, reasoner="instructed")
    report: Any = SimpleNamespace(plan=told, data=(SimpleNamespace(run="run", file_digest="sha256:x"),))
    found = corpus_of(report, "run", (tmp_path,), (tmp_path,))
    assert isinstance(found, Missing)
    assert "leads out of what this desk may open" in found.because
