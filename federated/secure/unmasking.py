"""How does the server take the masks away? From shares of seeds and mask keys, held against what was signed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, islice
from typing import Final

from federated.secure.contents import Words
from federated.secure.envelopes import mask_key, public_of, self_key
from federated.secure.identities import Card, commitment
from federated.secure.refusals import Reason, SecureAbortError
from federated.secure.shamir import recover
from federated.secure.streams import add_mask

_TRIES: Final = 500
"""Sets of shares that are tried where some are false: one is always found, two among as many as 31."""


def seed_from(shares: Mapping[int, int], card: Card, *, threshold: int, context: bytes, site: str) -> bytes:
    """Return the seed of a site's self mask that it committed to."""
    for secret in _secrets(shares, threshold, site):
        if commitment(context, site, secret) == card.commitment:
            return secret
    raise _false(site)


def key_from(shares: Mapping[int, int], card: Card, *, threshold: int, site: str) -> bytes:
    """Return the private mask key of a site that is not in the sum."""
    for secret in _secrets(shares, threshold, site):
        if public_of(secret) == card.masking:
            return secret
    raise _false(site)


def unmask_active(total: Words, site: str, seed: bytes, *, context: bytes) -> None:
    """Take a contributor's own mask out of the sum, in place."""
    add_mask(total, self_key(seed, context=context, own=site), negative=True)


def unmask_dead(total: Words, site: str, private: bytes, *, peers: Mapping[str, Card], context: bytes) -> None:
    """Take out of the sum, in place, what its neighbours in it masked against a site that is not."""
    for peer, card in peers.items():
        key = mask_key(private, card.masking, context=context, own=site, peer=peer)
        add_mask(total, key, negative=peer < site)  # a peer added the mask where its name comes first


def _secrets(shares: Mapping[int, int], threshold: int, site: str) -> Iterator[bytes]:
    """Yield what sets of shares give: the first one is right unless somebody lied."""
    if len(shares) < threshold:
        words = f"{len(shares)} shares of {site} came, and {threshold} are needed"
        raise SecureAbortError(Reason.SHARES, words, missing=(site,))
    for chosen in islice(_sets(tuple(shares), threshold), _TRIES):
        if (secret := recover({point: shares[point] for point in chosen})).bit_length() <= 256:
            yield secret.to_bytes(32, "big")


def _sets(points: tuple[int, ...], threshold: int) -> Iterator[tuple[int, ...]]:
    """Yield sets of so many points, each once: the first ones, then without each of them, then without each two.

    The other way around, from the last point backwards, a false share at the first one would be in more sets than
    anybody tries.
    """
    met: set[tuple[int, ...]] = set()
    for n_left_out in range(len(points) - threshold + 1):
        for left_out in combinations(points, n_left_out):
            chosen = tuple(point for point in points if point not in left_out)[:threshold]
            if chosen not in met:
                met.add(chosen)
                yield chosen


def _false(site: str) -> SecureAbortError:
    return SecureAbortError(
        Reason.SHARES, f"the shares of {site} do not give back what it committed to", missing=(site,)
    )
