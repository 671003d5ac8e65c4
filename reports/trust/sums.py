"""Lists of checksums as `sha256sum` writes and checks them: one canonical form, so that no byte of a list is free.

A bundle has two: SHA256SUMS over everything that is signed, and signatures/SHA256SUMS over the signatures themselves,
which come later and are in nobody's statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S(?:.*\S)?)")


def ordered(names: Iterable[str]) -> list[str]:
    """Return names in the order in which a bundle lists them: folder by folder."""
    return sorted(names, key=lambda name: name.split("/"))


def sums_text(digests: Mapping[str, str]) -> bytes:
    """Return the list for names and their SHA-256 in hex."""
    return "".join(f"{digests[name]}  {name}\n" for name in ordered(digests)).encode()


def parse_sums(content: bytes) -> dict[str, str] | None:
    """Return name to SHA-256 in hex; None where the bytes are not the one form of such a list."""
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return None
    matches = [_LINE.fullmatch(line) for line in lines[:-1]]
    digests = {match[2]: match[1] for match in matches if match is not None}
    return digests if sums_text(digests) == content else None
