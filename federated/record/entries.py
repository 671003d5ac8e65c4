"""What is written down beside the events of rounds: by a server about a run, by a site about itself.

Law: names of sites, digests, counts and sizes; never anything of a patient. Who acts for a site is named as they name
themselves. Digests of bundles and plans read `sha256:<hex>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from affidavit.records import Record
from federated.record.audit_entries import AuditEntry
from federated.rounds.events import Event

DIGEST: Final = r"^sha256:[0-9a-f]{64}$"
Digest = Annotated[str, Field(pattern=DIGEST)]
SiteName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Words = Annotated[str, Field(min_length=1, max_length=500)]
Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$")]
KeyUse = Literal["node", "signing", "officer"]


class RunOpened(Record):
    """Server: which code is about to do what, with whom."""

    kind: Literal["run-opened"] = "run-opened"
    run: str
    app: Digest | None = None
    """Of the bundle's bytes; absent where it runs without one."""
    plan: Digest
    layout: str
    affidavit: str | None = None
    """Its version."""
    sites: Mapping[SiteName, str] = Field(default_factory=dict)
    """Who may take part, with the fingerprint of the key that each signs with; empty for whoever is connected."""


class SiteBegan(Record):
    """Site: the first line of its log."""

    kind: Literal["site-began"] = "site-began"
    site: SiteName
    keys: Mapping[KeyUse, Hex]
    """Public keys: raw Ed25519 bytes of `signing` and `officer`, the compressed point of `node`."""


class KeyRotated(Record):
    """Site: a key was replaced; the key before says so itself, so that what it signed stays verifiable."""

    kind: Literal["key-rotated"] = "key-rotated"
    use: KeyUse
    key: Hex
    """The public key from here on."""
    because: Words
    signature: Hex
    """By the key before, over use and key."""


class Approved(Record):
    """Site: its officer lets a bundle or a plan of this digest run."""

    kind: Literal["approved"] = "approved"
    digest: Digest
    what: Words
    """What it is, in the officer's words, such as the name of its file."""
    by: Words
    because: Words
    until: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    """The last day on which it holds; absent where it holds until it is taken back."""
    signature: Hex
    """By the officer's key, over all of the above and the site's name."""


class Disapproved(Record):
    """Site: its officer refuses this digest, or takes an approval back."""

    kind: Literal["disapproved"] = "disapproved"
    digest: Digest
    by: Words
    because: Words
    signature: Hex


class NodeStarted(Record):
    """Site: the node connects to a server."""

    kind: Literal["node-started"] = "node-started"
    server: str


class NodeEnded(Record):
    """Site: the node does not run any more."""

    kind: Literal["node-ended"] = "node-ended"
    code: int
    """Its exit code, less than 0 for the signal that ended it."""
    asked: bool
    """Whether somebody at the site stopped it."""


class Admitted(Record):
    """Site: code that the server sent is approved, and may be run."""

    kind: Literal["admitted"] = "admitted"
    app: Digest
    number: str
    """The run's number at the server's Flower."""


class Withheld(Record):
    """Site: code or a plan that the server sent was not run."""

    kind: Literal["withheld"] = "withheld"
    digest: Digest
    because: Words


class Received(Record):
    """Site: what came in."""

    kind: Literal["received"] = "received"
    run: str
    round: int = Field(ge=0)
    attempt: int = Field(ge=1)
    what: str
    """The message's type, such as train.round."""
    bytes: int = Field(ge=0)
    digest: Digest


class Sent(Record):
    """Site: what leaves, written down before it does."""

    kind: Literal["sent"] = "sent"
    run: str
    round: int = Field(ge=0)
    attempt: int = Field(ge=1)
    what: str
    bytes: int = Field(ge=0)
    digest: Digest
    norm: float | None = Field(default=None, ge=0)
    epsilon: float | None = Field(default=None, ge=0)
    """What the site's ledger has spent up to here, at its own delta."""
    facts: tuple[str, ...] = ()
    """Names of the numbers that left beside it."""


class Declined(Record):
    """Site: a part in a round was not taken."""

    kind: Literal["declined"] = "declined"
    run: str
    round: int = Field(ge=0)
    attempt: int = Field(ge=1)
    slug: str
    because: Words


class Farewell(Record):
    """Site: its last word; it countersigns the log as it stands."""

    kind: Literal["farewell"] = "farewell"
    by: Words
    because: Words
    head: Digest
    """Of the line before."""
    rounds: int = Field(ge=0)
    """In how many rounds an update of it was sent."""
    bytes: int = Field(ge=0)
    epsilon: float | None = None
    """The greatest that it said; absent where it said none."""
    signature: Hex
    """By the site's signing key, over all of the above and the site's name."""


Entry = Annotated[
    Event
    | AuditEntry
    | RunOpened
    | SiteBegan
    | KeyRotated
    | Approved
    | Disapproved
    | NodeStarted
    | NodeEnded
    | Admitted
    | Withheld
    | Received
    | Sent
    | Declined
    | Farewell,
    Field(discriminator="kind"),
]
