"""Which audit a question is part of, and where it is written down what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from flwr.app import ConfigRecord, Message, RecordDict

from federated.pooled.contents import content_bytes, content_digest
from federated.record.audit_entries import AuditAnswered, AuditAsked, AuditEntry, AuditRefused, NoteAudit, What
from federated.updates.messages import UnusableReplyError, reply_content

ORDER = "order"
"""The record that says what a message is part of, in the words in which orders of training do."""


def unnoted(entry: AuditEntry) -> None:
    """Write nothing down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """One question of one audit."""

    run: str = ""
    """The audit's digest; the empty text where nobody keeps a record."""
    attempt: int = 1
    note: NoteAudit = unnoted

    def placed(self, content: RecordDict) -> RecordDict:
        """Return content that says which audit and attempt it is part of."""
        return RecordDict({**content, ORDER: ConfigRecord({"run": self.run, "round": 1, "attempt": self.attempt})})

    def asked(self, what: What, plan: str, sites: tuple[str, ...]) -> None:
        """Write down that sites are about to be asked."""
        self.note(AuditAsked(what=what, attempt=self.attempt, plan=plan, sites=sites))

    def answered(self, what: What, site: str, reply: Message) -> None:
        """Write down that a site's answer is taken."""
        content = reply_content(reply)
        self.note(
            AuditAnswered(
                what=what,
                attempt=self.attempt,
                site=site,
                node=str(reply.metadata.src_node_id),
                bytes=content_bytes(content),
                digest=content_digest(content),
            )
        )

    def refused(self, what: What, site: str, because: str) -> None:
        """Write down that a site's answer is not taken."""
        self.note(AuditRefused(what=what, attempt=self.attempt, site=site, because=because))


ALONE = About()
"""A question that nobody keeps a record of."""


def content_only(reply: Message, name: str) -> RecordDict:
    """Return what a reply carries.

    Raises:
        UnusableReplyError: it is an error, or carries more than this record: nobody approved that the rest leaves.
        SiteLeavesError: the site takes no part.
    """
    content = reply_content(reply)
    beyond = len(set(content) - {name})
    if beyond:
        raise UnusableReplyError(f"it carries {beyond} records that nobody asked for")
    return content


def node_named(node: int) -> str:
    """Return how a node is named of which nobody said who it is."""
    return f"node {node}"
