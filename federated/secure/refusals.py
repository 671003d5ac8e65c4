"""Why does a site answer no more, or a sum not come about? Each reason has a slug and words.

A site's refusal is a reply and no crash. Every refusal of a message that belongs to the present attempt ends that
attempt at the site: a server that was caught gets no second question.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why; the value is the slug that a reply carries."""

    MALFORMED = "secure-malformed"
    """A field is missing, of another type or of another length."""
    TERMS = "secure-terms"
    """The server sums under other terms than this site approved."""
    COHORT = "secure-cohort"
    """Fewer sites than the terms, or this site's own policy, ask for."""
    REPLAYED = "secure-replayed"
    """The round or attempt is not after the last one, or is one that this site already unmasked."""
    REPEATED = "secure-repeated"
    """The stage was answered already, and this is another request."""
    ORDER = "secure-order"
    """Another stage comes first, or the attempt is over."""
    UNKNOWN_SITE = "secure-unknown-site"
    """A site is named that the roster does not have."""
    IDENTITY = "secure-identity"
    """A signature does not verify under the roster's key, or one's own keys came back changed."""
    SETS = "secure-sets"
    """Who is there contradicts what was said before: sets overlap, grow, or leave this site out."""
    SEALED = "secure-sealed"
    """Sealed shares do not open: changed on the way, or meant for another attempt."""
    SIGNATURES = "secure-signatures"
    """Too few sites signed the same set: others may have been shown another one."""
    SHARES = "secure-shares"
    """Shares do not give back the secret that was committed to, or are too few."""
    VALUES = "secure-values"
    """This site's own values are not finite, not whole, or beyond what was agreed."""


class SecureRefusalError(Exception):
    """A message that is not answered; `peer` names whom it incriminates, where one can be named."""

    def __init__(self, reason: Reason, words: str, *, peer: str | None = None) -> None:
        """Say why in words for people."""
        super().__init__(words)
        self.reason, self.words, self.peer = reason, words, peer


class SecureAbortError(Exception):
    """No sum came about; nothing was learned but who replied."""

    def __init__(self, reason: Reason, words: str, *, missing: tuple[str, ...] = ()) -> None:
        """Say why, and who was waited for in vain."""
        super().__init__(words)
        self.reason, self.words, self.missing = reason, words, missing
