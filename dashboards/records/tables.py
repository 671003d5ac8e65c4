"""The one table, as SQLAlchemy sees it; the migrations make it, and make it refuse whoever would change a row."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa


class InUtc(sa.TypeDecorator[datetime]):
    """A moment in UTC, also where the database knows no zones (SQLite)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return what is stored."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return what was stored."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA = sa.MetaData()
ENTRIES = sa.Table(
    "entries",
    METADATA,
    sa.Column("number", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("about", sa.String(500), nullable=False),
    sa.Column("name", sa.String(500), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("follows", sa.Integer, sa.ForeignKey("entries.number"), unique=True),
    sa.Column("act", sa.String(500), nullable=False),
    sa.Column("person", sa.String(500), nullable=False),
    sa.Column("at", InUtc, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("content", sa.JSON, nullable=False),
    sa.UniqueConstraint("kind", "about", "name", "version", name="one_row_a_version"),
    sa.CheckConstraint("(version = 1) = (follows IS NULL)", name="each_follows_one"),
)
"""Two people who write the same version of a subject meet in `one_row_a_version`: one of them is told."""
