"""The command `affidavit dashboard`: settles where reports and records lie and who sits there, then serves the desk."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path

from affidavit.cli.desk import DeskFlags
from affidavit.cli.saying import say
from affidavit.errors import PlanError, TableError
from dashboards.access.people import Person, Role
from dashboards.launching import require_safe, serve
from dashboards.settings import DeskSettings


def dashboard(places: Sequence[Path], flags: DeskFlags) -> int:
    """Serve the desk until it is interrupted, and return the exit code.

    Args:
        places: bundles, and folders in which bundles are looked for.
        flags: the rest of the command line.

    Raises:
        TableError: a place or a file is not there. PlanError: it would not be safe, or there is no such role.
    """
    login, people, trust = (
        None if file is None else str(_there(file)) for file in (flags.login, flags.people, flags.trust)
    )
    alone = Person(name=flags.person or getpass.getuser(), role=_role(flags.role))
    settings = DeskSettings(
        places=tuple(str(_there(place)) for place in places),
        workspace=str(_workspace(flags.workspace)),
        database=flags.database,
        address=flags.address,
        port=flags.port,
        person=alone if login is None else None,
        login=login,
        people=people,
        trust=trust,
        session_minutes=flags.session_minutes,
        upload_mb=flags.upload_mb,
    )
    require_safe(settings)
    say(f"the desk  http://{_in_a_link(flags.address)}:{flags.port}")
    say(f"records   {settings.workspace if flags.database is None else 'in the database that was named'}")
    if settings.person is not None:
        say(f"there     {alone.name}, {alone.role}: whoever uses this machine is taken for them")
    return serve(settings, browser=flags.browser)


def _role(named: str | None) -> Role:
    if named is None:
        return Role.ADMINISTRATOR
    try:
        return Role(named)
    except ValueError:
        raise PlanError(
            "there is no such role",
            slug="plan-invalid",
            where="--role",
            found=named,
            allowed=", ".join(Role),
            remedy="choose one of them",
        ) from None


def _workspace(named: Path | None) -> Path:
    if named is None:
        from platformdirs import user_data_path

        named = user_data_path("affidavit") / "desk"
    named.mkdir(parents=True, exist_ok=True, mode=0o700)
    return named.resolve()


def _there(place: Path) -> Path:
    if not place.exists():
        raise TableError(
            "there is no such file or folder", slug="file-not-found", where=str(place), remedy="check the path"
        )
    return place.resolve()


def _in_a_link(address: str) -> str:
    return f"[{address}]" if ":" in address else address
