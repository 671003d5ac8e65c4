"""Merkle trees as in Certificate Transparency: a root over leaves, and proofs that one leaf is among them.

Source: RFC 6962 (Laurie, Langley, Kasper 2013), section 2.1: leaf = SHA-256(0x00 || data), node = SHA-256(0x01 || left
|| right), a tree of n leaves splits at the largest power of two below n. Checking a proof: RFC 9162, section 2.1.3.2.

A tree of this kind shows how many leaves it has, by its proofs. `padded` makes one that does not: every such tree has
`2 ** DEPTH` leaves, and wherever nothing stands beside a node, a hash that nobody can guess stands for all that is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

DIGEST_BYTES: Final = 32
EMPTY: Final = hashlib.sha256(b"").digest()
"""The root of no leaves."""
DEPTH: Final = 32
"""Levels of a padded tree above its leaves."""
N_PLACES: Final = 2**DEPTH
"""Leaves of a padded tree, those among them that are none."""
Padding = Callable[[int], bytes]
"""From a level (0: leaves) to the hash that stands there for all that is not; nobody else can guess it."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over two."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over hashes of leaves, in their order.

    >>> root_of([leaf_hash(b"")]).hex()[:16]
    '6e340b9cffb37a98'
    """
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else EMPTY


def path_to(leaves: Sequence[bytes], position: int) -> tuple[bytes, ...]:
    """Return the hashes beside the way from a leaf up to the root.

    Raises:
        IndexError: there is no leaf at this position (from 0).
    """
    if not 0 <= position < len(leaves):
        raise IndexError(position)
    path: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        beside = position ^ 1
        if beside < len(level):
            path.append(level[beside])
        level, position = _above(level), position // 2
    return tuple(path)


def root_by_path(leaf: bytes, *, position: int, n_leaves: int, path: Iterable[bytes]) -> bytes | None:
    """Return the root that a leaf and a path lead to; None where the path cannot belong to this place."""
    if not 0 <= position < n_leaves:
        return None
    here, last, found = position, n_leaves - 1, leaf
    for beside in path:
        if last == 0:
            return None
        if here % 2 or here == last:
            found = node_hash(beside, found)
            while here % 2 == 0 and here:
                here, last = here // 2, last // 2
        else:
            found = node_hash(found, beside)
        here, last = here // 2, last // 2
    return found if last == 0 else None


def padded(leaves: Sequence[bytes], padding: Padding) -> tuple[tuple[bytes, ...], ...]:
    """Return every level of a padded tree that has a leaf below it, from the leaves to the root.

    Raises:
        ValueError: there are more leaves than places.
    """
    if len(leaves) > N_PLACES:
        raise ValueError(f"{len(leaves)} leaves, and {N_PLACES} places")
    level = list(leaves) or [padding(0)]
    levels: list[tuple[bytes, ...]] = []
    for height in range(DEPTH):
        whole = [*level, padding(height)] if len(level) % 2 else level
        levels.append(tuple(whole))
        level = _above(whole)
    return (*levels, tuple(level))


def padded_path(levels: Sequence[Sequence[bytes]], position: int) -> tuple[bytes, ...]:
    """Return the hashes beside the way from a leaf up to the root of a padded tree: `DEPTH` of them, for every leaf.

    Raises:
        IndexError: there is no leaf at this position (from 0).
    """
    if position < 0:
        raise IndexError(position)
    return tuple(level[(position >> height) ^ 1] for height, level in enumerate(levels[:-1]))


def _above(level: Sequence[bytes]) -> list[bytes]:
    """Return the level above; a hash without a neighbour goes up as it is."""
    pairs = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs
