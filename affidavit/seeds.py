"""One seed per thing that is drawn, made from the plan's one seed and the thing's own name."""

from __future__ import annotations

import zlib


def seed_of(*parts: str | int) -> int:
    """Return a 32-bit seed that depends on all parts and on nothing else."""
    return zlib.crc32("/".join(str(part) for part in parts).encode())
