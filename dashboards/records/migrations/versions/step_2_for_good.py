"""The database itself refuses to change or delete a row, and finds rows by person and time."""

from __future__ import annotations

from alembic import op

revision = "2"
down_revision = "1"
branch_labels = None
depends_on = None

_SAID = "rows of the records are never changed or deleted"


def upgrade() -> None:
    """Make the triggers and the indices."""
    op.create_index("entries_by_person", "entries", ["person", "at"])
    op.create_index("entries_by_time", "entries", ["at"])
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER no_{act.lower()} BEFORE {act} ON entries BEGIN SELECT RAISE(ABORT, '{_SAID}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION kept_for_good() RETURNS trigger AS "
        f"$$ BEGIN RAISE EXCEPTION '{_SAID}'; END $$ LANGUAGE plpgsql"
    )
    op.execute(
        "CREATE TRIGGER kept_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION kept_for_good()"
    )


def downgrade() -> None:
    """Refuse: records are never taken away."""
    raise NotImplementedError("records are kept for good")
