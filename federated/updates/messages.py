"""Orders, facts and updates as the records of Flower's messages, and back; what does not read as one is refused.

What a site says in words is cut and stripped of control characters: it ends up in the server's record and on screens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from flwr.app import ConfigRecord, Error, Message, RecordDict
from flwr.common.constant import ErrorCode
from pydantic import ValidationError

from affidavit.records import Record
from federated.updates.arrays import UnusableVectorError, packed, unpacked
from federated.updates.layout import Layout, Vector
from federated.updates.local import LocalUpdate, RoundOrder, SiteFacts, SiteLeavesError, UpdateFacts

HELLO: Final = "query.hello"
ROUND: Final = "train.round"
MOST_WORDS: Final = 300
"""Characters of a site's words that are kept."""
_ORDER, _FACTS, _VECTOR, _LEAVES, _REFUSES = "order", "facts", "vector", "leaves", "refuses"
_R = TypeVar("_R", bound=Record)


class UnusableReplyError(ValueError):
    """A reply cannot be added; the words say why and quote nothing of it."""


class RefusedReplyError(UnusableReplyError):
    """A site says that it could not do what was asked of it."""


def hello() -> RecordDict:
    """Return the content that asks a site who it is."""
    return RecordDict({_ORDER: ConfigRecord()})


def facts_reply(facts: SiteFacts) -> RecordDict:
    """Return the content that tells who a site is."""
    return RecordDict({_FACTS: _config(facts)})


def order_content(order: RoundOrder, model: Vector) -> RecordDict:
    """Return the content that asks for a site's part in a round; the same object may go to all sites."""
    return RecordDict({_ORDER: _config(order), _VECTOR: packed(model)})


def update_reply(local: LocalUpdate) -> RecordDict:
    """Return the content that carries a site's update."""
    return RecordDict({_FACTS: _config(local.facts), _VECTOR: packed(local.update)})


def leaving_reply(error: SiteLeavesError) -> RecordDict:
    """Return the content in which a site takes its leave."""
    return RecordDict({_LEAVES: ConfigRecord({"slug": error.slug, "words": plain_words(error.words)})})


def refusing_reply(slug: str, words: str) -> RecordDict:
    """Return the content in which a site says that it could not do what was asked."""
    return RecordDict({_REFUSES: ConfigRecord({"slug": slug, "words": plain_words(words)})})


def read_order(message: Message, layout: Layout) -> tuple[RoundOrder, Vector]:
    """Return what a site is asked to do, and the parameters to begin with.

    Raises:
        UnusableReplyError: it does not read as an order, or is about another model.
    """
    order = _read(RoundOrder, message.content, _ORDER)
    if order.layout != layout.digest:
        raise UnusableReplyError("the order is about other parameters than this site's model has")
    return order, _vector(message.content, layout)


def read_facts(reply: Message) -> SiteFacts:
    """Return who a site says it is.

    Raises:
        UnusableReplyError: the reply is an error, or does not read as facts and nothing else.
        SiteLeavesError: the site takes its leave.
    """
    content = reply_content(reply)
    _require_only(content, {_FACTS})
    return _read(SiteFacts, content, _FACTS)


def read_update(reply: Message, layout: Layout) -> LocalUpdate:
    """Return a site's update.

    Raises:
        UnusableReplyError: the reply is an error, or does not read as an update of this layout and nothing else.
        SiteLeavesError: the site takes its leave.
    """
    content = reply_content(reply)
    _require_only(content, {_FACTS, _VECTOR})
    return LocalUpdate(facts=_read(UpdateFacts, content, _FACTS), update=_vector(content, layout))


def reply_content(reply: Message) -> RecordDict:
    """Return what a reply carries.

    Raises:
        UnusableReplyError: it is an error, or the site says that it could not.
        SiteLeavesError: the site takes its leave.
    """
    if reply.has_error():
        raise RefusedReplyError(_failure(reply.error))
    content = reply.content
    for name in (_LEAVES, _REFUSES):
        if name in content:
            said = dict(content[name]) if isinstance(content[name], ConfigRecord) else {}
            slug, words = plain_words(str(said.get("slug", "unnamed"))), plain_words(str(said.get("words", "")))
            raise SiteLeavesError(slug, words) if name == _LEAVES else RefusedReplyError(f"{slug}: {words}")
    return content


def _require_only(content: RecordDict, names: set[str]) -> None:
    """Refuse a reply with more in it than was asked for: nobody approved that it leaves the site."""
    beyond = len(set(content) - names)
    if beyond:
        raise UnusableReplyError(f"it carries {beyond} records that nobody asked for")


def _failure(error: Error) -> str:
    """Return what an error reply means; its reason is not repeated, for Flower puts the exception's text into it."""
    known = {value: name for name, value in vars(ErrorCode).items() if isinstance(value, int)}
    return f"the node sent an error: {known.get(error.code, 'unknown').lower().replace('_', ' ')}"


def _read(kind: type[_R], content: RecordDict, name: str) -> _R:
    record = content.get(name)
    if not isinstance(record, ConfigRecord):
        raise UnusableReplyError(f"it has no record {name!r}")
    try:
        return kind.model_validate(dict(record))
    except ValidationError as error:
        fields = sorted({".".join(map(str, fault["loc"])) for fault in error.errors()})
        raise UnusableReplyError(plain_words(f"its {name} do not read: {', '.join(fields)}")) from None


def _vector(content: RecordDict, layout: Layout) -> Vector:
    record = content.array_records.get(_VECTOR)
    if record is None:
        raise UnusableReplyError(f"it has no record {_VECTOR!r}")
    try:
        return unpacked(record, layout)
    except UnusableVectorError as error:
        raise UnusableReplyError(plain_words(str(error))) from None


def _config(record: Record) -> ConfigRecord:
    fields: Mapping[str, Any] = record.model_dump(mode="json", exclude_none=True)
    return ConfigRecord(dict(fields))


def plain_words(words: str) -> str:
    """Return a site's words as they are kept: printable, and no longer than `MOST_WORDS`."""
    printable = "".join(letter if letter.isprintable() else " " for letter in words)
    return printable if len(printable) <= MOST_WORDS else printable[: MOST_WORDS - 1] + "\N{HORIZONTAL ELLIPSIS}"
