"""How does the server collect five stages into one sum? What it keeps of vectors is their running sum.

Laws: a reply is verified before it counts, the first reply of a site stands, and who missed a stage is out of the next;
with fewer sites than the terms ask for, no stage goes on. It knows neither models nor Flower, waits for nobody, and
reads no clock: whoever drives it calls `close` when all have replied or the deadline is past.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from federated.secure.contents import Content, blob, blobs, paired, shown, whole, words_of
from federated.secure.envelopes import SEALED_BYTES, keeps_secrets
from federated.secure.graphs import neighbours_of, seed_of
from federated.secure.identities import CARD_BYTES, SIGNATURE_BYTES, Card, view
from federated.secure.refusals import Reason, SecureAbortError, SecureRefusalError
from federated.secure.shamir import SHARE_BYTES
from federated.secure.stages import ORDER, Stage
from federated.secure.streams import reduce, word_type
from federated.secure.terms import Terms
from federated.secure.totals import SecureTotal
from federated.secure.unmasking import key_from, seed_from, unmask_active, unmask_dead


class SecureSum:
    """One attempt at one sum: `request`, `receive`, `close` for each stage, then `result`."""

    def __init__(self, terms: Terms, *, round: int, attempt: int, invited: Sequence[str] | None = None) -> None:  # noqa: A002 - the field's word
        """Begin with the roster, or the part of it that is invited; with nobody where that is empty.

        Raises:
            SecureAbortError: too few are invited, or one who is not in the roster.
        """
        self.terms, self.stage = terms, Stage.KEYS
        self.invited = tuple(sorted(set(terms.roster.sites if invited is None else invited)))
        self._numbers = {"round": round, "attempt": attempt}
        self._context = terms.context(round=round, attempt=attempt)
        self._cards: dict[str, bytes] = {}
        self._keys: set[tuple[str, bytes]] = set()
        self._cohort = b""
        self._near: Mapping[str, frozenset[str]] = {}
        self._sealed: dict[str, dict[str, bytes]] = {}
        self._masked: set[str] = set()
        self._total = np.zeros(terms.encoding.width(terms.size), dtype=word_type(terms.encoding.bits))
        self._signatures: dict[str, bytes] = {}
        self._shares: dict[str, dict[str, bytes]] = {}
        self._dropped: dict[str, Stage] = {}
        self._done = False
        self._enough(self.invited, "were invited")
        if strange := sorted({*self.invited} - {*terms.roster.sites}):
            raise SecureAbortError(Reason.UNKNOWN_SITE, f"{shown(strange)}: not in the roster")

    @property
    def waiting(self) -> tuple[str, ...]:
        """Who is asked in this stage and has not replied."""
        return tuple(site for site in self._asked if site not in self._replied)

    def request(self, site: str) -> Content:
        """Return what this stage asks of a site.

        Raises:
            ValueError: the site is not asked in this stage.
        """
        if site not in self._asked:
            raise ValueError(f"{site} is not asked for {self.stage}")
        numbers: dict[str, Any] = {**self._numbers, "terms": self.terms.digest}
        match self.stage:
            case Stage.KEYS:
                return numbers
            case Stage.SHARES:
                return numbers | paired(self._cards, "sites", "cards")
            case Stage.MASKED:
                to = {peer: self._sealed[peer][site] for peer in self._near[site] if peer in self._sealed}
                return numbers | {"sharers": sorted(self._sealed)} | paired(to, "sites", "sealed")
            case Stage.AGREE:
                return numbers | {"active": sorted(self._masked)}
            case Stage.UNMASK:
                signed = paired(self._signatures, "signers", "signatures")
                return numbers | {"active": sorted(self._masked), "dead": self._dead} | signed

    def receive(self, site: str, content: Content) -> None:
        """Count a reply.

        Raises:
            SecureRefusalError: the reply answers another request, is not this site's, or is its second; it counts not.
        """
        if site not in self._asked:
            raise SecureRefusalError(Reason.ORDER, f"{site[:60]!r} was not asked for {self.stage}", peer=site)
        if site in self._replied:
            raise SecureRefusalError(
                Reason.REPEATED, f"{site} replied to {self.stage} before; that reply stands", peer=site
            )
        if {key: whole(content, key) for key in self._numbers} != self._numbers:
            raise SecureRefusalError(Reason.REPLAYED, f"{site} replied to another round or attempt", peer=site)
        match self.stage:
            case Stage.KEYS:
                card = blob(content, "card", length=CARD_BYTES)
                self._require_useful(site, Card.read(site, card, context=self._context, roster=self.terms.roster))
                self._cards[site] = card
            case Stage.SHARES:
                sealed = blobs(content, "sites", "sealed", length=SEALED_BYTES)
                self._exactly(site, tuple(sealed), self._near[site])
                self._sealed[site] = sealed
            case Stage.MASKED:
                self._add(site, content)
            case Stage.AGREE:
                self._sign(site, blob(content, "signature", length=SIGNATURE_BYTES))
            case Stage.UNMASK:
                shares = blobs(content, "sites", "shares", length=SHARE_BYTES)
                self._exactly(site, tuple(shares), {*self._near[site].intersection(self._sealed), site})
                self._shares[site] = shares

    def close(self) -> Stage | None:
        """End this stage with who has replied, and return the next one; None where the sum can be taken.

        Raises:
            SecureAbortError: too few have replied.
        """
        for site in self.waiting:
            self._dropped.setdefault(site, self.stage)
        self._enough(self._replied, f"answered {self.stage}")
        if self.stage is Stage.KEYS:
            self._cohort = seed_of(self._context, self._cards)
            k = self.terms.topology.n_neighbours
            self._near = neighbours_of(tuple(sorted(self._cards)), seed=self._cohort, n_neighbours=k)
        if self.stage is Stage.UNMASK:
            self._done = True
            return None
        self.stage = ORDER[ORDER.index(self.stage) + 1]
        return self.stage

    def result(self) -> SecureTotal:
        """Take the masks away, and return the sum.

        Raises:
            SecureAbortError: shares of a site are too few, or false.
            ValueError: a stage is still open, or the sum was taken.
        """
        if not self._done:
            raise ValueError("the sum can be taken once, after the last stage was closed")
        self._done = False
        threshold, cards = self.terms.topology.threshold, {site: Card.parsed(of) for site, of in self._cards.items()}
        for site in sorted(self._masked):
            seed = seed_from(self._of(site), cards[site], threshold=threshold, context=self._context, site=site)
            unmask_active(self._total, site, seed, context=self._context)
        for site in self._dead:
            peers = {peer: cards[peer] for peer in self._near[site] if peer in self._masked}
            private = key_from(self._of(site), cards[site], threshold=threshold, site=site) if peers else b""
            unmask_dead(self._total, site, private, peers=peers, context=self._context)
        reduce(self._total, bits=self.terms.encoding.bits)
        size, encoding = self.terms.size, self.terms.encoding
        integers = encoding.integers(self._total[:size])
        told = [int(word) for word in self._total[size:]] or [0, 0]
        return SecureTotal(
            total=encoding.decode(integers),
            integers=integers,
            contributors=tuple(sorted(self._masked)),
            dropped=dict(sorted(self._dropped.items())),
            saturated=told[0],
            scaled=told[1],
        )

    @property
    def _asked(self) -> tuple[str, ...]:
        """Who answered the stage before."""
        match self.stage:
            case Stage.KEYS:
                return self.invited
            case Stage.SHARES:
                return tuple(sorted(self._cards))
            case Stage.MASKED:
                return tuple(sorted(self._sealed))
            case Stage.AGREE:
                return tuple(sorted(self._masked))
            case Stage.UNMASK:
                return tuple(sorted(self._signatures))

    @property
    def _replied(self) -> set[str]:
        match self.stage:
            case Stage.KEYS:
                return set(self._cards)
            case Stage.SHARES:
                return set(self._sealed)
            case Stage.MASKED:
                return self._masked
            case Stage.AGREE:
                return set(self._signatures)
            case Stage.UNMASK:
                return set(self._shares)

    @property
    def _dead(self) -> list[str]:
        """Who shared secrets and is not in the sum."""
        return sorted({*self._sealed} - self._masked)

    def _require_useful(self, site: str, card: Card) -> None:
        """Take note of keys, or refuse what every neighbour would refuse: they would drop out, and who sent it stay."""
        keys = {("sealing", card.sealing), ("masking", card.masking)}
        if not all(keeps_secrets(key) for _, key in keys):
            raise SecureRefusalError(Reason.IDENTITY, f"a key of {site} is none that keeps a secret", peer=site)
        if keys & self._keys:
            raise SecureRefusalError(Reason.IDENTITY, f"{site} gives a key that another site gave", peer=site)
        self._keys |= keys

    def _add(self, site: str, content: Content) -> None:
        vector = words_of(content, "vector", size=len(self._total), dtype=self._total.dtype)
        np.add(self._total, vector, out=self._total)
        self._masked.add(site)

    def _sign(self, site: str, signature: bytes) -> None:
        said = view(self._cohort, tuple(sorted(self._sealed)), tuple(sorted(self._masked)))
        if not self.terms.roster.verify(site, signature, said):
            raise SecureRefusalError(Reason.SIGNATURES, f"{site} signed another set of sites", peer=site)
        self._signatures[site] = signature

    def _of(self, site: str) -> dict[int, int]:
        """Return the shares of a site's secret, by where they lie."""
        return {
            self.terms.roster.points[holder]: int.from_bytes(shares[site], "big")
            for holder, shares in self._shares.items()
            if site in shares
        }

    def _exactly(self, site: str, found: tuple[str, ...], expected: frozenset[str] | set[str]) -> None:
        if set(found) != expected:
            raise SecureRefusalError(
                Reason.SETS, f"{site} answered for {shown(found)}, not for its neighbours", peer=site
            )

    def _enough(self, found: set[str] | tuple[str, ...], what: str) -> None:
        if len(found) < self.terms.least:
            missing = tuple(site for site in self.invited if site not in found)
            words = f"{len(found)} sites {what}, and a sum needs {self.terms.least}; missing: {shown(missing)}"
            raise SecureAbortError(Reason.COHORT, words, missing=missing)
