"""What does a site remember between two messages of one attempt? Secrets, so it stays at the site.

It can be written and read, because Flower's deployment answers every message in a new process. Law for who does: write
it before the reply leaves, where nobody else reads; a site that sent a reply and forgot it could be asked again.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any, Self

from federated.secure.contents import Content, packed, unpacked
from federated.secure.stages import Stage


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt of one round at one site."""

    round: int
    attempt: int
    context: bytes
    stage: Stage | None = None
    """The last one that was answered."""
    over: bool = False
    """Nothing of it is answered any more."""
    sealing: bytes = field(default=b"", repr=False)
    masking: bytes = field(default=b"", repr=False)
    """Private halves of the X25519 keys."""
    seed: bytes = field(default=b"", repr=False)
    cards: dict[str, bytes] = field(default_factory=dict)
    """The signed keys of the cohort, verified."""
    sharers: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    held: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False)
    """Neighbours' shares, one's own among them: of the seed, and of the mask key."""
    replies: dict[Stage, tuple[bytes, bytes]] = field(default_factory=dict, repr=False)
    """Fingerprint of the request and the reply, of each answered stage but MASKED."""

    @classmethod
    def begun(cls, *, round: int, attempt: int, context: bytes) -> Self:  # noqa: A002 - the field's word
        """Return an attempt with fresh secrets from the operating system."""
        sealing, masking, seed = os.urandom(32), os.urandom(32), os.urandom(32)
        return cls(round=round, attempt=attempt, context=context, sealing=sealing, masking=masking, seed=seed)

    def repeated(self, stage: Stage, fingerprint: bytes) -> Content | None:
        """Return the reply that this very request got before."""
        asked, reply = self.replies.get(stage, (b"", b""))
        return unpacked(reply) if reply and asked == fingerprint else None

    def answered(self, stage: Stage, fingerprint: bytes, reply: Content) -> None:
        """Note that a stage is done."""
        self.stage = stage
        if stage is not Stage.MASKED:  # a vector is masked once, so there is nothing to repeat
            self.replies[stage] = (fingerprint, packed(reply))

    def end(self) -> None:
        """Forget every secret."""
        self.over, self.sealing, self.masking, self.seed = True, b"", b"", b""
        self.held.clear()

    def written(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "round": self.round,
            "attempt": self.attempt,
            "context": self.context.hex(),
            "stage": self.stage,
            "over": self.over,
            "secrets": [self.sealing.hex(), self.masking.hex(), self.seed.hex()],
            "cards": {site: card.hex() for site, card in self.cards.items()},
            "sharers": self.sharers,
            "active": self.active,
            "held": {site: [f"{share:x}" for share in shares] for site, shares in self.held.items()},
            "replies": {stage: [part.hex() for part in parts] for stage, parts in self.replies.items()},
        }

    @classmethod
    def read(cls, found: dict[str, Any]) -> Self:
        """Return what `written` gave."""
        sealing, masking, seed = (bytes.fromhex(secret) for secret in found["secrets"])
        return cls(
            round=found["round"],
            attempt=found["attempt"],
            context=bytes.fromhex(found["context"]),
            stage=Stage(found["stage"]) if found["stage"] else None,
            over=found["over"],
            sealing=sealing,
            masking=masking,
            seed=seed,
            cards={site: bytes.fromhex(card) for site, card in found["cards"].items()},
            sharers=tuple(found["sharers"]),
            active=tuple(found["active"]),
            held={site: (int(of[0], 16), int(of[1], 16)) for site, of in found["held"].items()},
            replies={
                Stage(stage): (bytes.fromhex(of[0]), bytes.fromhex(of[1])) for stage, of in found["replies"].items()
            },
        )


@dataclass(slots=True, kw_only=True)
class Memory:
    """What a site remembers: where it stands under the terms it is asked under, and the attempt that is under way.

    Of other terms it keeps where it stood, so that nobody makes it forget by asking under others in between.
    """

    terms: str = ""
    """The digest of the terms."""
    last: tuple[int, int] = (0, 0)
    """Round and attempt that it last gave keys for."""
    unmasked: int = 0
    """The last round in which it gave shares away; it joins no other attempt of that one."""
    current: Attempt | None = None
    others: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Of other terms by their digest: round and attempt of the last keys, and the last round unmasked."""

    def turn_to(self, terms: str) -> None:
        """Go on under these terms; an attempt under others is over."""
        if terms == self.terms:
            return
        if self.terms:
            self.others[self.terms] = (*self.last, self.unmasked)
        number, attempt, self.unmasked = self.others.pop(terms, (0, 0, 0))
        self.terms, self.last, self.current = terms, (number, attempt), None

    def written(self) -> bytes:
        """Return everything, secrets included."""
        current = self.current.written() if self.current else None
        found = {"terms": self.terms, "last": self.last, "unmasked": self.unmasked, "others": self.others}
        return json.dumps({**found, "current": current}).encode()

    @classmethod
    def read(cls, written: bytes) -> Self:
        """Return what `written` gave."""
        found = json.loads(written)
        current = Attempt.read(found["current"]) if found["current"] else None
        return cls(
            terms=found["terms"],
            last=(found["last"][0], found["last"][1]),
            unmasked=found["unmasked"],
            current=current,
            others={terms: (of[0], of[1], of[2]) for terms, of in found["others"].items()},
        )
