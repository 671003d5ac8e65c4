"""By what digest, and of what weight, is a message's content? Server and site write both down of the same content."""

from __future__ import annotations

import hashlib

from flwr.app import RecordDict


def content_digest(content: RecordDict) -> str:
    """Return the digest of everything that a message carries, as Flower itself names its objects."""
    names = "\n".join(f"{name} {content[name].object_id}" for name in sorted(content))
    return f"sha256:{hashlib.sha256(names.encode()).hexdigest()}"


def content_bytes(content: RecordDict) -> int:
    """Return how many bytes a message carries, its envelope aside."""
    plain = [*content.config_records.values(), *content.metric_records.values()]
    arrays = sum(record.count_bytes() for record in content.array_records.values())
    return arrays + sum(len(record.deflate()) for record in plain)
