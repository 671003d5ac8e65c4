"""How does a stage travel with Flower? As a record `secure` of plain values, and its vector as the record `vector`.

Law: what a message lacks, or has in another form, is a `SecureRefusalError` like any other malformed content.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict
from numpy.typing import NDArray

from federated.secure.contents import Content, text
from federated.secure.refusals import Reason, SecureRefusalError
from federated.secure.stages import Stage
from federated.updates.unreadable import UNREADABLE

PLAIN: Final = "secure"
VECTOR: Final = "vector"
REFUSAL: Final = "refusal"
TYPES: Final = {
    Stage.KEYS: "query.keys",
    Stage.SHARES: "query.shares",
    Stage.MASKED: "train.masked",
    Stage.AGREE: "query.agree",
    Stage.UNMASK: "query.unmask",
}
"""Message type of each stage."""


def carried(stage: Stage, content: Content) -> RecordDict:
    """Return the records that carry a content."""
    plain = ConfigRecord({"stage": str(stage)})
    records = RecordDict({PLAIN: plain})
    for key, value in content.items():
        if isinstance(value, np.ndarray):
            records[VECTOR] = ArrayRecord({VECTOR: Array(value)})
        elif isinstance(value, str | int | bytes | list):
            plain[key] = value
    return records


def content_of(records: RecordDict) -> tuple[Stage, Content]:
    """Return the stage and the content that records carry; records of other names are left alone.

    Raises:
        SecureRefusalError: they carry none.
    """
    plain = records.config_records.get(PLAIN)
    if plain is None:
        raise SecureRefusalError(Reason.MALFORMED, f"the message has no record {PLAIN!r}")
    content: dict[str, object] = dict(plain)
    named = text(content, "stage")
    if named not in {*Stage}:
        raise SecureRefusalError(Reason.MALFORMED, f"{named[:60]!r} is no stage")
    del content["stage"]
    if (vector := records.array_records.get(VECTOR)) is not None and Stage(named) is Stage.MASKED:
        content[VECTOR] = _array(vector)
    return Stage(named), content


def refused(refusal: SecureRefusalError) -> RecordDict:
    """Return the records that say why a site does not answer."""
    return RecordDict({REFUSAL: ConfigRecord({"slug": str(refusal.reason), "words": refusal.words})})


def refusal_of(records: RecordDict) -> tuple[str, str] | None:
    """Return slug and words where records are a refusal; both are the site's, cut to a length that can be printed."""
    said = records.config_records.get(REFUSAL)
    if said is None:
        return None
    return str(said.get("slug", Reason.MALFORMED))[:80], str(said.get("words", ""))[:600]


def _array(record: ArrayRecord) -> NDArray[Any]:
    if set(record) != {VECTOR}:
        raise SecureRefusalError(Reason.MALFORMED, f"the record {VECTOR!r} does not hold one array of that name")
    try:
        return np.asarray(record[VECTOR].numpy())
    except UNREADABLE as error:
        raise SecureRefusalError(Reason.MALFORMED, "the message's vector cannot be read as an array") from error
