"""Who shares masks and secrets with whom? Every other site, or k of them on a ring in random order (Bell et al. 2020).

The order is drawn from a digest of all signed keys of the cohort, so that neither the server nor a site picks it: each
key is fresh and signed before anybody's neighbours are known. A server that tries which sites to leave out, or a site
that sees the others' keys before it signs, can still try some orders; where the graph is complete there is no order.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence


def neighbours_of(
    cohort: Sequence[str], *, seed: bytes, n_neighbours: int, of: Sequence[str] | None = None
) -> Mapping[str, frozenset[str]]:
    """Return each site's neighbours: symmetric, and `n_neighbours` (even) of them where the cohort has more sites.

    `of` names whose are wanted, everybody's unless told otherwise.

    Sites stand on a ring in the order of HMAC-SHA256(seed, name), each beside n_neighbours / 2 on either side.
    """
    if n_neighbours >= len(cohort) - 1:
        everyone = frozenset(cohort)
        return {site: everyone - {site} for site in of or cohort}
    ring = sorted(cohort, key=lambda site: hmac.digest(seed, site.encode(), "sha256"))
    steps = [step for far in range(1, n_neighbours // 2 + 1) for step in (-far, far)]
    places = {site: at for at, site in enumerate(ring)}
    return {site: frozenset(ring[(places[site] + step) % len(ring)] for step in steps) for site in of or cohort}


def seed_of(context: bytes, cards: Mapping[str, bytes]) -> bytes:
    """Return the digest of an attempt and everybody's signed keys; the graph's seed and what AGREE signs."""
    found = hashlib.sha256(b"affidavit secure cohort" + context)
    for site in sorted(cards):
        found.update(len(site.encode()).to_bytes(4, "big") + site.encode() + cards[site])
    return found.digest()
