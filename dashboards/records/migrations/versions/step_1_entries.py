"""The table of rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "entries",
        sa.Column("number", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("about", sa.String(500), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("follows", sa.Integer, sa.ForeignKey("entries.number"), unique=True),
        sa.Column("act", sa.String(500), nullable=False),
        sa.Column("person", sa.String(500), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("content", sa.JSON, nullable=False),
        sa.UniqueConstraint("kind", "about", "name", "version", name="one_row_a_version"),
        sa.CheckConstraint("(version = 1) = (follows IS NULL)", name="each_follows_one"),
    )


def downgrade() -> None:
    """Refuse: records are never taken away."""
    raise NotImplementedError("records are kept for good")
