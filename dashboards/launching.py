"""Starts Streamlit on the app, on loopback unless somebody can be asked who they are; and says no before it listens."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from affidavit.errors import MissingPartError, PlanError
from dashboards.settings import ENVIRONMENT, DeskSettings, handed_over

APP: Final = Path(__file__).with_name("app.py")


def require_safe(settings: DeskSettings) -> None:
    """Refuse to listen where strangers could come without a login, and a login without roles.

    Raises:
        PlanError: says what would make it safe.
    """
    if not settings.local and settings.login is None:
        raise PlanError(
            "the desk will not listen beyond this machine without a login",
            slug="desk-unsafe",
            where="affidavit dashboard",
            found=f"--address {settings.address} and no --login",
            allowed="127.0.0.1, ::1 or localhost; any other address with --login and --people",
            remedy="name the login (OpenID Connect) in a file and give it as --login, or leave out --address",
        )
    if settings.login is not None and settings.people is None:
        raise PlanError(
            "a login tells who somebody is, and nothing tells what they may do",
            slug="desk-unsafe",
            where="affidavit dashboard",
            found="--login without --people",
            remedy="give --people FILE, which names roles for claims or for people (docs/dashboard.md)",
        )


def command_of(settings: DeskSettings, *, browser: bool) -> list[str]:
    """Return the command that serves the desk."""
    options = {
        "server.address": settings.address,
        "server.port": str(settings.port),
        "server.headless": "false" if browser else "true",
        "server.maxUploadSize": str(settings.upload_mb),
        "server.enableXsrfProtection": "true",
        "server.enableCORS": "true",
        "server.fileWatcherType": "none",
        "server.enableStaticServing": "false",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": settings.address,
        "client.showErrorDetails": "none",
        "client.toolbarMode": "viewer",
        "runner.magicEnabled": "false",
        "theme.base": "light",
    }
    options |= {} if settings.login is None else {"secrets.files": settings.login}
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "dashboards.serving", "run", str(APP), *flags]


def serve(settings: DeskSettings, *, browser: bool) -> int:
    """Serve the desk until it is interrupted, and return the exit code.

    Raises:
        PlanError: it would not be safe. MissingPartError: Streamlit is not installed.
    """
    import subprocess
    from importlib.util import find_spec

    require_safe(settings)
    if find_spec("streamlit") is None:
        raise MissingPartError(
            "the package 'streamlit' is not installed",
            slug="part-missing",
            where="affidavit dashboard",
            remedy="install the extra `dashboard`: pip install 'affidavit[dashboard]'",
        )
    told = handed_over(settings)
    served = subprocess.Popen(command_of(settings, browser=browser), env={**os.environ, ENVIRONMENT: str(told)})
    try:
        return served.wait()
    except KeyboardInterrupt:
        served.terminate()
        return served.wait()
    finally:
        told.unlink(missing_ok=True)
