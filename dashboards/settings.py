"""What the desk was started with: handed from the command to the app in a file that its owner alone can read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from pydantic import Field

from affidavit.errors import PlanError
from affidavit.records import Record
from dashboards.access.people import Person

ENVIRONMENT: Final = "AFFIDAVIT_DESK"
"""The variable that names the file."""
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class DeskSettings(Record):
    """Everything that the command line says of the desk."""

    places: tuple[str, ...] = ()
    """Bundles and folders of bundles that were named, absolute."""
    workspace: str
    """The folder in which runs, uploads and, by default, the records of this desk lie; absolute."""
    database: str | None = None
    """Where records are kept, as SQLAlchemy writes it; a file in the workspace where absent."""
    address: str = "127.0.0.1"
    port: int = Field(default=8501, ge=0, le=65535)
    person: Person | None = None
    """Who sits there, where nobody logs in."""
    login: str | None = None
    """The file that tells Streamlit's own login whom to ask (OpenID Connect); absolute."""
    people: str | None = None
    """The file that says who has which role; absolute."""
    trust: str | None = None
    """The file of those whose signatures are believed; absolute."""
    session_minutes: int = Field(default=480, ge=1, le=7 * 24 * 60)
    """After how long somebody has to log in again."""
    upload_mb: int = Field(default=200, ge=1, le=4096)

    @property
    def local(self) -> bool:
        """Whether nobody but this machine reaches the desk."""
        return self.address in LOOPBACK


def handed_over(settings: DeskSettings) -> Path:
    """Write the settings where only their owner can read them, and return where."""
    handle, name = tempfile.mkstemp(prefix="affidavit-desk-", suffix=".json")  # mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(settings.model_dump_json())
    return Path(name)


def current_settings() -> DeskSettings:
    """Return what this process was started with.

    Raises:
        PlanError: it was not started by `affidavit dashboard`.
    """
    place = os.environ.get(ENVIRONMENT)
    if place is None:
        raise PlanError(
            "the desk was not started by its command",
            slug="desk-not-started",
            where=ENVIRONMENT,
            found="no such variable",
            remedy="start it with `affidavit dashboard`",
        )
    return DeskSettings.model_validate_json(Path(place).read_bytes())
