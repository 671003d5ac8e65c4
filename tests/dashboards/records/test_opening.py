"""A new database is made, an older one is brought up to date, a newer one is refused, and no password is told."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from affidavit.errors import PlanError
from dashboards.records.migrating import known_steps, migrate
from dashboards.records.opening import FILE, open_book
from dashboards.records.tables import METADATA
from tests.dashboards.records.conftest import WAIVER, change


def _columns(engine: sa.Engine) -> dict[str, tuple[str, bool]]:
    return {
        column["name"]: (str(column["type"]), bool(column["nullable"]))
        for column in sa.inspect(engine).get_columns("entries")
    }


def test_a_new_file_is_its_owners_alone_and_takes_many_readers(tmp_path: Path) -> None:
    book = open_book(tmp_path / "desk")
    file = tmp_path / "desk" / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with book.reading.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
    book.reading.dispose()


def test_the_steps_lead_to_the_table_that_the_book_reads(database: str, tmp_path: Path) -> None:
    book = open_book(tmp_path, database)
    fresh = sa.create_engine(f"sqlite:///{tmp_path / 'fresh.sqlite'}")
    METADATA.create_all(fresh)
    made, wanted = _columns(book.reading), _columns(fresh)
    assert list(made) == list(wanted)
    assert {name: null for name, (_, null) in made.items()} == {name: null for name, (_, null) in wanted.items()}
    unique = {tuple(one["column_names"]) for one in sa.inspect(book.reading).get_unique_constraints("entries")}
    assert ("kind", "about", "name", "version") in unique
    book.reading.dispose()


def test_an_older_database_is_brought_up_to_date_with_what_is_in_it(database: str, tmp_path: Path) -> None:
    made = open_book(tmp_path, f"sqlite:///{tmp_path / 'other.sqlite'}")  # an engine as the desk makes it
    made.reading.dispose()
    older = _older(database, tmp_path)
    book = open_book(tmp_path, database)
    assert [entry.reason for entry in book.history(WAIVER)] == ["from before"]
    with pytest.raises(sa.exc.DBAPIError, match="never changed"), book.writing.begin() as connection:
        connection.execute(sa.text("DELETE FROM entries"))
    with book.reading.connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars().all() == ["2"]
    older.dispose()
    book.reading.dispose()


def _older(database: str, tmp_path: Path) -> sa.Engine:
    """Make a database as it was after the first step, with a row."""
    from dashboards.records import opening
    from dashboards.records.book import RecordBook

    url = opening._url(tmp_path, database)
    engine = opening._sqlite(url) if url.get_backend_name() == "sqlite" else opening._postgresql(url)
    writing = engine.execution_options(writes=True)
    migrate(writing, to="1")
    RecordBook(reading=engine, writing=writing).append(change("from before"), seen=0)
    return engine


def test_opening_again_changes_nothing(database: str, tmp_path: Path) -> None:
    first = open_book(tmp_path, database)
    first.append(change("kept"), seen=0)
    first.reading.dispose()
    again = open_book(tmp_path, database)
    assert [entry.reason for entry in again.history(WAIVER)] == ["kept"]
    again.reading.dispose()


def test_one_that_a_later_affidavit_wrote_is_refused_and_left_as_it_is(database: str, tmp_path: Path) -> None:
    book = open_book(tmp_path, database)
    with book.writing.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '999'"))
    with pytest.raises(PlanError) as raised:
        open_book(tmp_path, database)
    assert raised.value.slug == "records-newer"
    assert f"steps up to {known_steps()[0]}" in str(raised.value)
    with book.reading.connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "999"
    book.reading.dispose()


@pytest.mark.parametrize("url", ["not a url", "mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:"])
def test_what_keeps_nothing_for_good_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError) as raised:
        open_book(tmp_path, url)
    assert raised.value.slug == "records-unusable"
    assert "secret" not in str(raised.value)


def test_a_server_that_does_not_answer_is_told_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as raised:
        open_book(tmp_path, "postgresql://desk:secret@127.0.0.1:1/records")
    assert raised.value.slug == "records-unusable"
    assert "secret" not in str(raised.value)
    assert "desk:***@127.0.0.1" in str(raised.value)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("this is no database, and long enough to be read as one" * 40)
    with pytest.raises(PlanError, match="cannot be opened"):
        open_book(tmp_path)
