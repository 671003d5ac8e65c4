"""A file that one keeps for oneself: a line with the digest of the rest, then the rest; written as a whole.

The digest tells damage. Whoever may write in the folder could write a digest too: caches and workspaces are their
owner's.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from affidavit.files import replacing

_HEAD: Final = b"affidavit-kept "


def keep(path: Path, content: bytes) -> None:
    """Write a file."""
    with replacing(path) as temporary:
        temporary.write_bytes(_headed(content) + content)


def kept(path: Path) -> bytes | None:
    """Return what was written; None where nothing was, and where the file is not as it was written."""
    try:
        head, end, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if head + end == _headed(content) else None


def _headed(content: bytes) -> bytes:
    return _HEAD + hashlib.sha256(content).hexdigest().encode() + b"\n"
