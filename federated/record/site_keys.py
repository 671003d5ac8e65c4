"""Which public keys a site's log says hold at each of its lines: the history that old signatures are verified with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from affidavit.records import Record
from federated.record.entries import KeyRotated, KeyUse, SiteBegan


@dataclass(slots=True, kw_only=True)
class SiteKeys:
    """The keys that hold after the entries that were taken so far."""

    site: str = ""
    keys: dict[KeyUse, str] = field(default_factory=dict)

    def take(self, entry: Record) -> None:
        """Follow one entry; all but those about keys change nothing."""
        if isinstance(entry, SiteBegan):
            self.site, self.keys = entry.site, dict(entry.keys)
        elif isinstance(entry, KeyRotated):
            self.keys[entry.use] = entry.key


def keys_of(entries: Iterable[Record]) -> SiteKeys:
    """Return the keys that hold after these entries."""
    keys = SiteKeys()
    for entry in entries:
        keys.take(entry)
    return keys
