"""What Alembic runs to take steps: on the connection that `migrating` holds the lock with, and on no other."""

from __future__ import annotations

from alembic import context

from dashboards.records.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
