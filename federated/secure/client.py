"""What does a site answer, and what does it refuse? The state machine of one site, one run, one purpose.

Laws, each of which holds against a server that lies:

- Fresh keys are given under terms with one's own digest only, for a round and attempt after the last one, and for no
  round beyond those that were approved.
- Every peer's keys are signed by that peer for this attempt, by the roster that this site approved; one's own come back
  as they were sent.
- No stage is answered for fewer sites than the terms' minimum and quorum and this site's own minimum.
- Who is there only ever gets fewer: cohort, sharers, active; this site is among them.
- One vector is masked in an attempt, one set signed, and one share given of each peer: of its seed where it is in the
  signed set, of its mask key where it is not, after as many signatures over that set as the quorum asks for.
- A site that gave shares in a round joins no other attempt of that round: two sums over nearly the same sites
  differ by what one of them sent.
- The same request again gets the same reply, but for the vector, which is masked once; anything else that belongs to
  the attempt and is refused ends it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from affidavit.errors import PlanError
from federated.secure.attempts import Attempt, Memory
from federated.secure.contents import Content, blobs, fingerprint, names, paired, shown, text, whole
from federated.secure.envelopes import SEALED_BYTES, mask_key, public_of, seal, self_key, unseal
from federated.secure.graphs import neighbours_of, seed_of
from federated.secure.identities import CARD_BYTES, SIGNATURE_BYTES, Card, commitment, view
from federated.secure.refusals import Reason, SecureRefusalError
from federated.secure.shamir import SHARE_BYTES, split
from federated.secure.stages import ORDER, Stage, before
from federated.secure.streams import add_mask, reduce
from federated.secure.terms import LEAST, Terms

_OUTSIDE: Final = frozenset({Reason.REPLAYED, Reason.TERMS})
"""Reasons that speak of no attempt of this site's."""


@dataclass(slots=True, kw_only=True)
class SecureClient:
    """One site's part; `memory` goes from message to message, and tells these terms from others."""

    site: str
    key: Ed25519PrivateKey = field(repr=False)
    terms: Terms
    minimum: int = LEAST
    """This site's own policy."""
    memory: Memory = field(default_factory=Memory, repr=False)
    noise: Callable[[int], NDArray[np.int64]] | None = field(default=None, repr=False)
    """Noise in steps of the grid, for so many coordinates, added after rounding; where sites add their share of it."""

    def __post_init__(self) -> None:
        """Refuse terms in which this site cannot take part.

        Raises:
            PlanError: the roster has not this site, or another key for it.
        """
        if self.terms.roster.keys.get(self.site) != self.key.public_key().public_bytes_raw():
            raise PlanError(
                "the roster does not have this site with this key",
                slug="plan-invalid",
                where=self.site,
                found=", ".join(self.terms.roster.sites),
                remedy="give the coordinator the public key of this site, and approve the plan that holds it",
            )
        self.memory.turn_to(self.terms.digest)

    def handle(self, stage: Stage, content: Content, values: NDArray[Any] | None = None) -> Content:
        """Answer one request; `values` is this site's vector, at the stage MASKED only.

        Raises:
            SecureRefusalError: the request is not answered; `reason`, `words` and `peer` say why.
        """
        try:
            return self._answer(stage, content, values)
        except SecureRefusalError as refusal:
            if refusal.reason not in _OUTSIDE and self.memory.current is not None:
                self.memory.current.end()
            raise

    def _answer(self, stage: Stage, content: Content, values: NDArray[Any] | None) -> Content:
        asked = fingerprint(content)
        numbers = whole(content, "round"), whole(content, "attempt")
        current = self._current(stage, numbers, text(content, "terms"))
        if (reply := current.repeated(stage, asked)) is not None:
            return reply
        if current.over:
            raise SecureRefusalError(Reason.ORDER, f"{self.site}: this attempt is over")
        if current.stage is not before(stage):
            raise _out_of_turn(stage, current.stage, self.site)
        reply = self._stage(stage, current, content, values)
        current.answered(stage, asked, reply)
        if stage is Stage.UNMASK:
            self.memory.unmasked = current.round
            current.end()
        return reply

    def _current(self, stage: Stage, numbers: tuple[int, int], digest: str) -> Attempt:
        """Return the attempt that a message belongs to; KEYS may begin one."""
        if digest != self.terms.digest:
            words = f"{self.site} approved other terms: {self.terms.digest}, not {digest[:80]!r}"
            raise SecureRefusalError(Reason.TERMS, words)
        current = self.memory.current
        if current is not None and (current.round, current.attempt) == numbers:
            return current
        if stage is not Stage.KEYS or numbers <= self.memory.last or min(numbers) < 1:
            words = f"{self.site} is at round {self.memory.last[0]}, attempt {self.memory.last[1]}, not at {numbers}"
            raise SecureRefusalError(Reason.REPLAYED, words)
        if numbers[0] > self.terms.n_rounds:
            words = f"{self.site} approved {self.terms.n_rounds} rounds, and this would be round {numbers[0]}"
            raise SecureRefusalError(Reason.TERMS, words)
        if numbers[0] <= self.memory.unmasked:
            words = f"{self.site} gave shares in round {numbers[0]}: two sums of one round could differ by one site"
            raise SecureRefusalError(Reason.REPLAYED, words)
        if self._least > len(self.terms.roster.sites):
            raise self._too_few(len(self.terms.roster.sites), "the roster")
        context = self.terms.context(round=numbers[0], attempt=numbers[1])
        self.memory.last = numbers
        self.memory.current = Attempt.begun(round=numbers[0], attempt=numbers[1], context=context)
        return self.memory.current

    def _stage(self, stage: Stage, current: Attempt, content: Content, values: NDArray[Any] | None) -> Content:
        numbers: dict[str, Any] = {"round": current.round, "attempt": current.attempt}
        match stage:
            case Stage.KEYS:
                return numbers | {"card": self._card(current).written()}
            case Stage.SHARES:
                return numbers | self._shares(current, content)
            case Stage.MASKED:
                return numbers | {"vector": self._masked(current, content, values)}
            case Stage.AGREE:
                return numbers | {"signature": self._agree(current, content)}
            case Stage.UNMASK:
                return numbers | self._unmask(current, content)

    def _card(self, current: Attempt) -> Card:
        bound = commitment(current.context, self.site, current.seed)
        content = (public_of(current.sealing), public_of(current.masking), bound)
        return Card.signed(self.key, self.site, current.context, content)

    def _shares(self, current: Attempt, content: Content) -> dict[str, list[str] | list[bytes]]:
        cards = blobs(content, "sites", "cards", length=CARD_BYTES)
        self._enough(tuple(cards), "the cohort")
        roster, context = self.terms.roster, current.context
        read = {site: Card.read(site, card, context=context, roster=roster) for site, card in cards.items()}
        if self.site not in cards or cards[self.site] != self._card(current).written():
            raise SecureRefusalError(Reason.IDENTITY, f"the keys of {self.site} did not come back as they were sent")
        for part in ("sealing", "masking"):
            if len({getattr(card, part) for card in read.values()}) < len(read):
                raise SecureRefusalError(Reason.IDENTITY, "two sites give the same key")
        current.cards = cards
        near = self._neighbours(current)
        holders = sorted({*near, self.site})
        if len(holders) < self.terms.topology.threshold:
            raise self._too_few(len(holders), "those who would hold shares")
        shares = self._split(current, holders)
        current.held[self.site] = shares.pop(self.site)
        sealed = {
            site: seal(
                current.sealing,
                read[site].sealing,
                context=current.context,
                way=(self.site, site),
                shares=shares[site],
            )
            for site in shares
        }
        return paired(sealed, "sites", "sealed")

    def _split(self, current: Attempt, holders: list[str]) -> dict[str, tuple[int, int]]:
        points = {site: self.terms.roster.points[site] for site in holders}
        threshold = self.terms.topology.threshold
        secrets = (int.from_bytes(secret, "big") for secret in (current.seed, current.masking))
        seeds, keys = (split(secret, tuple(points.values()), threshold=threshold) for secret in secrets)
        return {site: (seeds[point], keys[point]) for site, point in points.items()}

    def _masked(self, current: Attempt, content: Content, values: NDArray[Any] | None) -> NDArray[Any]:
        sharers, sealed = names(content, "sharers"), blobs(content, "sites", "sealed", length=SEALED_BYTES)
        self._subset(sharers, tuple(current.cards), "sites that shared secrets")
        self._enough(sharers, "the sites that shared secrets")
        near = sorted(self._neighbours(current).intersection(sharers))
        if list(sealed) != near:
            raise SecureRefusalError(Reason.SETS, f"sealed shares came from {shown(list(sealed))}, not {shown(near)}")
        if values is None:
            raise SecureRefusalError(Reason.VALUES, f"{self.site} has no vector for this round")
        for site, shares in sealed.items():
            way = (site, self.site)
            theirs = Card.parsed(current.cards[site]).sealing
            current.held[site] = unseal(current.sealing, theirs, context=current.context, way=way, sealed=shares)
        current.sharers = sharers
        vector = self.terms.encoding.encode(values, size=self.terms.size)
        if self.noise is not None:
            self.terms.encoding.add_noise(vector, self.noise(self.terms.size))
        add_mask(vector, self_key(current.seed, context=current.context, own=self.site))
        for site in near:
            theirs = Card.parsed(current.cards[site]).masking
            key = mask_key(current.masking, theirs, context=current.context, own=self.site, peer=site)
            add_mask(vector, key, negative=self.site > site)
        reduce(vector, bits=self.terms.encoding.bits)
        return vector

    def _agree(self, current: Attempt, content: Content) -> bytes:
        active = names(content, "active")
        self._subset(active, current.sharers, "sites in the sum")
        self._enough(active, "the sites in the sum")
        current.active = active
        return self.key.sign(self._view(current))

    def _unmask(self, current: Attempt, content: Content) -> dict[str, list[str] | list[bytes]]:
        active, dead = names(content, "active"), names(content, "dead")
        if both := sorted({*active} & {*dead}):
            raise SecureRefusalError(
                Reason.SETS, f"{shown(both)} would be both in the sum and dropped: both kinds of shares"
            )
        if active != current.active or set(dead) != {*current.sharers} - {*active}:
            raise SecureRefusalError(Reason.SETS, f"{self.site} signed another set of sites than this one")
        signed = blobs(content, "signers", "signatures", length=SIGNATURE_BYTES)
        said = self._view(current)
        for site, signature in signed.items():
            if site not in active or not self.terms.roster.verify(site, signature, said):
                words = f"{site[:60]!r} did not sign the set of sites that {self.site} signed: two sets are about"
                raise SecureRefusalError(Reason.SIGNATURES, words, peer=site)
        if len(signed) < self.terms.topology.quorum:
            words = f"{len(signed)} sites signed the set; {self.terms.topology.quorum} have to"
            raise SecureRefusalError(Reason.SIGNATURES, words)
        told = {
            site: shares[0 if site in active else 1].to_bytes(SHARE_BYTES, "big")
            for site, shares in current.held.items()
        }
        return paired(told, "sites", "shares")

    def _neighbours(self, current: Attempt) -> frozenset[str]:
        seed = seed_of(current.context, current.cards)
        k = self.terms.topology.n_neighbours
        return neighbours_of(tuple(current.cards), seed=seed, n_neighbours=k, of=(self.site,))[self.site]

    def _view(self, current: Attempt) -> bytes:
        return view(seed_of(current.context, current.cards), current.sharers, current.active)

    def _subset(self, found: tuple[str, ...], of: tuple[str, ...], what: str) -> None:
        if strange := sorted({*found} - {*of}):
            raise SecureRefusalError(Reason.SETS, f"{what}: {shown(strange)} was not there before")
        if self.site not in found:
            raise SecureRefusalError(Reason.SETS, f"{what}: {self.site} is left out, and still asked")

    @property
    def _least(self) -> int:
        return max(self.terms.least, self.minimum)

    def _enough(self, found: tuple[str, ...], what: str) -> None:
        if len(found) < self._least:
            raise self._too_few(len(found), what)

    def _too_few(self, n_found: int, what: str) -> SecureRefusalError:
        words = f"{what}: {n_found}, and {self.site} asks for {max(self._least, self.terms.topology.threshold)}"
        return SecureRefusalError(Reason.COHORT, words)


def _out_of_turn(stage: Stage, last: Stage | None, site: str) -> SecureRefusalError:
    if last is not None and ORDER.index(last) >= ORDER.index(stage):
        return SecureRefusalError(Reason.REPEATED, f"{site} answered {stage} already, to another request")
    return SecureRefusalError(Reason.ORDER, f"{site} answers {stage} after {before(stage)}, not after {last}")
