"""Opens the records of a desk: a file in its workspace, or a PostgreSQL that was named by URL."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from affidavit.errors import MissingPartError, PlanError
from dashboards.records.book import RecordBook
from dashboards.records.migrating import migrate

FILE: Final = "records.sqlite"
PATIENCE_MS: Final = 30_000
"""How long a writer waits for another on SQLite."""
_WRITES: Final = "writes"


def open_book(workspace: Path, database: str | None = None) -> RecordBook:
    """Return the records, with every migration taken.

    Args:
        workspace: the folder of the desk.
        database: a URL as SQLAlchemy writes it; `records.sqlite` in the workspace where it is null.

    Raises:
        PlanError: the URL names no database that can keep records, it does not answer, or a later affidavit wrote it.
        MissingPartError: the driver is not installed.
    """
    url = _url(workspace, database)
    engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
    book = RecordBook(reading=engine, writing=engine.execution_options(**{_WRITES: True}))
    try:
        migrate(book.writing)
    except BaseException as error:
        engine.dispose()
        if isinstance(error, DBAPIError):
            raise _unusable(url, str(error.orig)) from None
        raise
    return book


def _url(workspace: Path, database: str | None) -> sa.URL:
    if database is None:
        return sa.URL.create("sqlite", database=str(workspace / FILE))
    try:
        url = sa.make_url(database)
    except ArgumentError:
        raise _wrong("no URL of a database") from None
    if url.get_backend_name() in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        raise _wrong(url.render_as_string(hide_password=True))
    return url


def _sqlite(url: sa.URL) -> sa.Engine:
    """Return an engine on a file that its owner alone reads."""
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise _unusable(url, error.strerror or type(error).__name__) from None
    engine = sa.create_engine(url, connect_args={"timeout": PATIENCE_MS / 1000})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401 - a connection of the driver
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin_sqlite` does
    for pragma in (f"busy_timeout={PATIENCE_MS}", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: sa.URL) -> sa.Engine:
    if find_spec("psycopg") is None:
        raise MissingPartError(
            "the package 'psycopg' is not installed",
            slug="part-missing",
            where="--database",
            remedy="install the extra `dashboard`: pip install 'affidavit[dashboard]'",
        )
    return sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})


def _wrong(found: str) -> PlanError:
    return PlanError(
        "records cannot be kept there",
        slug="records-unusable",
        where="--database",
        found=found,
        allowed="sqlite:////FOLDER/FILE, postgresql://USER:PASSWORD@HOST/NAME",
        remedy="leave --database out: the records then lie in the workspace",
    )


def _unusable(url: sa.URL, found: str) -> PlanError:
    return PlanError(
        "the records cannot be opened",
        slug="records-unusable",
        where=url.render_as_string(hide_password=True),
        found=" ".join(found.split())[:300],
        remedy="see that the place is there, can be written by who runs the desk, and has room; then start it again",
    )
