"""The flags of `affidavit federated-audit`, as they were typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFlags:
    """Plain paths and texts; what an action does not ask for is None."""

    site: str | None = None
    """This site's name in the plan."""
    out: Path | None = None
    """Where the file or the report goes."""
    ledger: Path | None = None
    """Where the cost of noise is written."""
    policy: str | None = None
    """Criteria, for the report over all sites."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column of each part that is not recognised."""
    tell_own_row: bool = False
    """Whether the site's own estimates may leave."""
    sent: Path | None = None
    """The file that left the site."""
    everywhere: Path | None = None
    """The report over all sites."""
    key: Path | None = None
    """A private key that signs the report."""
