"""Which code and which plan is a run of? By digest, as officers approve them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from flwr.serverapp import Grid

from affidavit.digests import file_digest
from affidavit.provenance import package_version

_HASH: Final = re.compile("[0-9a-f]{64}")


def versions_of(grid: Grid, path: Path) -> dict[str, str | None]:
    """Return which code and which plan this is, by digest; the bundle's is none where there is no bundle."""
    bundle = grid.run.fab_hash
    return {
        "app": f"sha256:{bundle}" if _HASH.fullmatch(bundle) else None,
        "plan": file_digest(path),
        "affidavit": package_version("affidavit"),
    }
