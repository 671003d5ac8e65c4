"""Every message that a site gets, and every reply that it gives, is in its own log before the reply leaves.

Law: what cannot be written down does not leave. No exception gets past: its text may quote a patient, and Flower would
send it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from flwr.app import ConfigRecord, Context, Message, RecordDict

from federated.deployment.house import House
from federated.entry.places import site_folder
from federated.pooled.contents import content_bytes, content_digest
from federated.record.entries import Declined, Received, Sent
from federated.record.log import read_log, write_line
from federated.secure.messages import REFUSAL, refusal_of
from federated.sites.app import LOG, answered
from federated.updates.arrays import NAME
from federated.updates.layout import Vector, vector_digest
from federated.updates.local import SiteLeavesError
from federated.updates.messages import RefusedReplyError, UnusableReplyError, refusing_reply, reply_content

Answer = Callable[[Message, Context], Message]
UNWRITTEN: Final = "log-unwritten"
"""The slug of a reply in place of one that could not be written down."""
_ABOUT: Final = ("order", "secure")
"""Records that say which round a message is of."""
_MOST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which run, round and attempt a message is of, as far as it says."""

    run: str
    round: int
    attempt: int


def witnessed(message: Message, context: Context, answer: Answer) -> Message:
    """Answer a message, and write down what came and what leaves; a simulated site has no log and writes nothing."""
    folder = site_folder(context)
    if folder is None:
        return _safely(message, context, answer)
    log = House(folder=folder).log
    try:
        place = place_of(message, log)
        write_line(log, received(message, place))
        reply = _safely(message, context, answer)
        write_line(log, told(message, reply, place))
    except Exception:  # whatever it is: Flower would send its text
        LOG.exception("the site's log cannot be written, and nothing leaves")
        words = "the site cannot write its log, and nothing leaves without a line in it"
        return answered(message, lambda: refusing_reply(UNWRITTEN, words))
    return reply


def place_of(message: Message, log: Path) -> Place:
    """Return what a message is of; later stages of a secure sum name no run, and are of the one of the first stage.

    Raises:
        AffidavitError: the log cannot be read.
    """
    about: Mapping[str, Any] = {}
    for name in _ABOUT:
        record = message.content.get(name)
        if isinstance(record, ConfigRecord):
            about = {**dict(record), **about}
    number, attempt = _whole(about.get("round"), least=0), _whole(about.get("attempt"), least=1)
    run = about.get("run")
    if isinstance(run, str):
        return Place(run=run[:_MOST], round=number, attempt=attempt)
    before = [one for one in read_log(log).of(Received) if (one.round, one.attempt) == (number, attempt)]
    return Place(run=before[-1].run if number and before else "", round=number, attempt=attempt)


def received(message: Message, place: Place) -> Received:
    """Return what is written down of a message; its digest is that of the model where it carries one."""
    model = _model(message.content)
    return Received(
        run=place.run,
        round=place.round,
        attempt=place.attempt,
        what=message.metadata.message_type,
        bytes=content_bytes(message.content),
        digest=content_digest(message.content) if model is None else vector_digest(model),
    )


def told(message: Message, reply: Message, place: Place) -> Sent | Declined:
    """Return what is written down of a reply: what leaves, or why nothing does."""
    where = {"run": place.run, "round": place.round, "attempt": place.attempt}
    because = _declined(reply)
    if because is not None:
        slug, words = because
        return Declined.model_validate({**where, "slug": slug, "because": words[:_MOST] or slug})
    content = reply.content
    update, epsilon = _model(content), _numbers(content).get("epsilon")
    said: dict[str, Any] = {
        **where,
        "what": message.metadata.message_type,
        "bytes": content_bytes(content),
        "digest": content_digest(content) if update is None else vector_digest(update),
        "norm": None if update is None else float(np.linalg.norm(update.astype(np.float64))),
        "epsilon": epsilon,
        "facts": tuple(sorted(_numbers(content))),
    }
    return Sent.model_validate(said)


def _safely(message: Message, context: Context, answer: Answer) -> Message:
    try:
        return answer(message, context)
    except Exception as error:
        LOG.exception("the site failed")
        name = type(error).__name__
        return answered(message, lambda: refusing_reply("site-failed", name))


def _declined(reply: Message) -> tuple[str, str] | None:
    try:
        content = reply_content(reply)
    except SiteLeavesError as error:
        return error.slug, error.words
    except RefusedReplyError as error:
        slug, _, words = str(error).partition(": ")
        return slug, words
    except UnusableReplyError as error:
        return "site-failed", str(error)
    return refusal_of(content) if REFUSAL in content else None


def _model(content: RecordDict) -> Vector | None:
    """Return the vector of numbers that a message carries; a masked one is none: it is of whole numbers."""
    record = content.array_records.get(NAME)
    if record is None or set(record) != {NAME}:
        return None
    try:
        vector = record[NAME].numpy()
    except (ValueError, TypeError, EOFError, OSError):
        return None
    return vector if vector.dtype == np.float32 else None


def _numbers(content: RecordDict) -> dict[str, float]:
    """Return the numbers that leave beside a vector, by name; which round it is of is no news."""
    return {
        key: value
        for record in content.config_records.values()
        for key, value in record.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and key not in ("round", "attempt")
    }


def _whole(value: object, *, least: int) -> int:
    """Return a number as a log can hold it: what is none is the least."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 1 << 53:
        return least
    return value
