"""Brings a database to the form that this desk knows, one process at a time, whole or not at all."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from affidavit.errors import PlanError

STEPS: Final = Path(__file__).with_name("migrations")
_LOCK_NUMBER: Final = 0x61666664  # "affd": any number that nobody else takes an advisory lock on
_ONE_AT_A_TIME: Final = threading.Lock()
"""Alembic keeps what it works on in module variables; threads of one process take turns."""


def migrate(writing: sa.Engine, *, to: str = "head") -> None:
    """Take the steps that a database lacks.

    Others wait meanwhile: on PostgreSQL at an advisory lock, on SQLite at the one right to write, with which every
    transaction of this engine begins. A step that fails undoes all of them.

    Raises:
        PlanError: the database was made by a later affidavit.
    """
    with _ONE_AT_A_TIME, writing.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
        reached = MigrationContext.configure(connection).get_current_heads()
        unknown = [step for step in reached if step not in known_steps()]
        if unknown:
            raise _newer(unknown, writing)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)


@cache
def known_steps() -> tuple[str, ...]:
    """Return the steps that this affidavit knows, the latest first."""
    return tuple(step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(STEPS).replace("%", "%%"))
    return config


def _newer(unknown: list[str], engine: sa.Engine) -> PlanError:
    return PlanError(
        "the records were written by a later affidavit",
        slug="records-newer",
        where=engine.url.render_as_string(hide_password=True),
        found=f"step {', '.join(unknown)}",
        allowed=f"steps up to {known_steps()[0]}",
        remedy="start the desk with the affidavit that wrote them, or a later one; nothing was changed",
    )
