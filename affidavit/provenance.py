"""Who computed a report, when and on what: the only place where time, git and the environment are read."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from affidavit.plan import Execution
from affidavit.report import Provenance

_PACKAGES: Final = (
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "pydantic",
    "altair",
    "vl-convert-python",
    "torch",
    "transformers",
)


Now = Callable[[], datetime]
"""What tells the moment; tests bring their own."""


def now() -> datetime:
    """Return this moment in UTC, for people who read it. A clock can be wrong, and no number rests on it."""
    return datetime.now(UTC)  # noqa: TID251 - the one place


def provenance(execution: Execution) -> Provenance:
    """Return the provenance of a report that is being made now."""
    commit = _git("rev-parse", "HEAD")
    return Provenance(
        created_at=now().isoformat(timespec="seconds"),
        affidavit=package_version("affidavit") or "not installed",
        commit=commit,
        uncommitted_changes=None if commit is None else bool(_git("status", "--porcelain", "--untracked-files=no")),
        python=sys.version.split()[0],
        platform=platform.platform(),
        packages={name: found for name in _PACKAGES if (found := package_version(name)) is not None},
        execution=execution,
    )


def package_version(name: str) -> str | None:
    """Return the installed version of a distribution, None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    """Ask git about affidavit's own source, where that is a checkout."""
    home = Path(__file__).resolve().parent.parent
    if not (home / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(home), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
