"""How do the stages of a secure sum of counts travel with Flower? As those of updates, under names of their own.

A site's app may train under secure sums too; an audit's stages have other message types, so that neither answers for
the other. Beside its masked vector a site may send its own estimates, where its policy says so.
"""

from __future__ import annotations

import json
from typing import Final

from flwr.app import ConfigRecord, RecordDict
from pydantic import TypeAdapter, ValidationError

from affidavit.digests import canonical_json
from federated.pooled.contribution import SiteRow
from federated.secure.stages import Stage
from federated.updates.messages import UnusableReplyError

TYPES: Final = {stage: f"evaluate.counts_{stage}" for stage in Stage}
"""Message type of each stage."""
_ROWS: Final = "rows"
MOST_BYTES: Final = 4 * 2**20
"""Of a site's own estimates."""
_READ: Final = TypeAdapter(tuple[SiteRow, ...])


def with_rows(content: RecordDict, rows: tuple[SiteRow, ...]) -> RecordDict:
    """Return a reply that carries a site's own estimates too."""
    if not rows:
        return content
    written = canonical_json([row.model_dump(mode="json") for row in rows])
    return RecordDict({**content, _ROWS: ConfigRecord({"json": written})})


def rows_of(content: RecordDict) -> tuple[SiteRow, ...]:
    """Return the estimates that a reply carries; none where it has none.

    Raises:
        UnusableReplyError: they do not read as such, or are far too many.
    """
    record = content.config_records.get(_ROWS)
    if record is None:
        return ()
    written = record.get("json")
    if not isinstance(written, bytes) or len(written) > MOST_BYTES:
        raise UnusableReplyError("its own estimates are no JSON, or too much of it")
    try:
        return _READ.validate_python(json.loads(written))
    except (ValidationError, ValueError, RecursionError):
        raise UnusableReplyError("its own estimates do not read") from None
