"""Media open for who may, of whom agreed, from where the desk may look, and only once it is written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from affidavit.corpus import Corpus
from affidavit.utterances import MediaSpan, Utterance
from dashboards.access.people import Person, Role
from dashboards.media.opening import Opening, open_turn, subject_of
from dashboards.media.run_corpus import RunCorpus
from dashboards.records.book import RecordBook, Wanted
from dashboards.records.entries import Kind
from dashboards.records.opening import open_book


@pytest.fixture
def book(tmp_path: Path) -> RecordBook:
    (tmp_path / "ws").mkdir()
    return open_book(tmp_path / "ws")


@pytest.fixture
def turn(tmp_path: Path) -> Utterance:
    for name in ("a.wav", "a.mkv"):
        (tmp_path / name).write_bytes(b"x")
    return Utterance(
        utterance_id="u1",
        text="words",
        audio=MediaSpan(path=tmp_path / "a.wav"),
        video=MediaSpan(path=tmp_path / "a.mkv"),
        consent={"text": True, "audio": True},
    )


def opening(tmp_path: Path, turn: Utterance, *, role: Role = Role.REVIEWER, place: Path | None = None) -> Opening:
    corpus = Corpus(name="c", utterances=(turn,), digest="sha256:c", licence="made by a test")
    return Opening(
        person=Person(name="Ada", role=role),
        report_digest="sha256:r",
        run="run",
        behind=RunCorpus(corpus=corpus, folder=tmp_path),
        places=(place or tmp_path,),
    )


def acts(book: RecordBook) -> list[str]:
    return sorted(entry.act for entry in book.found(Wanted(kind=Kind.MEDIA)))


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.APPROVER, Role.ADMINISTRATOR])
def test_who_may_gets_it_and_it_is_noted(tmp_path: Path, turn: Utterance, book: RecordBook, role: Role) -> None:
    found = open_turn(opening(tmp_path, turn, role=role), turn, book)
    assert (found.text, found.audio, found.video) == (turn.text, turn.audio, turn.video)
    assert found.unasked == ("video",), "nobody was asked about it, which is told"
    assert acts(book) == ["heard", "read", "saw"]
    entry = book.found(Wanted(kind=Kind.MEDIA))[0]
    assert (entry.person, entry.subject.about, entry.subject.name) == ("Ada", "sha256:c", "u1")
    assert dict(entry.content)["report"] == "sha256:r"


def test_a_viewer_gets_nothing_and_nothing_is_noted(tmp_path: Path, turn: Utterance, book: RecordBook) -> None:
    found = open_turn(opening(tmp_path, turn, role=Role.VIEWER), turn, book)
    assert (found.text, found.audio, found.video) == (None, None, None)
    assert "from reviewer on" in found.closed["audio"]
    assert acts(book) == []


@pytest.mark.parametrize(("modality", "act"), [("text", "read"), ("audio", "heard"), ("video", "saw")])
def test_each_modality_may_be_declined(
    tmp_path: Path, turn: Utterance, book: RecordBook, modality: str, act: str
) -> None:
    from dataclasses import replace

    declined = replace(turn, consent={"text": True, "audio": True, "video": True, modality: False})
    found = open_turn(opening(tmp_path, declined), declined, book)
    assert getattr(found, modality) is None
    assert found.closed == {modality: "the speaker opted out of it"}
    assert acts(book) == sorted({"read", "heard", "saw"} - {act})


def test_a_file_outside_the_places_stays_closed(tmp_path: Path, turn: Utterance, book: RecordBook) -> None:
    place = tmp_path / "place"
    place.mkdir()
    found = open_turn(opening(tmp_path, turn, place=place), turn, book)
    assert found.audio is found.video is None
    assert "outside what this desk may open" in found.closed["audio"]
    assert acts(book) == ["read"]


def test_a_link_out_of_the_places_stays_closed(tmp_path: Path, turn: Utterance, book: RecordBook) -> None:
    from dataclasses import replace

    place = tmp_path / "place"
    place.mkdir()
    (place / "link.wav").symlink_to(tmp_path / "a.wav")
    linked = replace(turn, audio=MediaSpan(path=place / "link.wav"))
    assert open_turn(opening(tmp_path, linked, place=place), linked, book).audio is None


def test_what_the_corpus_has_not_is_not_noted(tmp_path: Path, book: RecordBook) -> None:
    bare = Utterance(utterance_id="u2", text="words")
    found = open_turn(opening(tmp_path, bare), bare, book)
    assert found.closed["video"] == "the corpus has none of this utterance"
    assert acts(book) == ["read"]


def test_long_and_strange_names_can_be_noted(tmp_path: Path, turn: Utterance, book: RecordBook) -> None:
    from dataclasses import replace

    whole = opening(tmp_path, turn)
    long = ["x" * 5_000, "x" * 4_999, "", "\ud800"]
    names = {subject_of(whole, name).name for name in long}
    assert len(names) == len(long)
    for name in long:
        open_turn(whole, replace(turn, utterance_id=name), book)
    assert len(acts(book)) == 3 * len(long)
