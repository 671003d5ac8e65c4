"""The packages of the extra `privacy`, asked for where they are needed and not before."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from affidavit.errors import MissingPartError

PACKAGES: Final = ("opacus", "dp_accounting")


def require_extra() -> None:
    """Refuse to go on without the packages that train privately and account for it.

    Raises:
        MissingPartError: one is not installed.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingPartError(
            f"{' and '.join(missing)}: not installed",
            slug="part-missing",
            where="private training and its accounting",
            remedy="install the extra `privacy`: pip install 'affidavit[privacy]'",
        )
