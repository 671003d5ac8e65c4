"""A reply of an endpoint, read strictly: what the model wrote, what each token might have been, what it cost."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reasoners.served.patience import Fault

RUBBISH: Final = "a reply that is no completion"
_SHOWN: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token of a completion, as bytes, and what might have stood there."""

    content: bytes
    alternatives: tuple[tuple[bytes, float], ...]
    """Bytes and probability, the token's own among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A completion."""

    text: str
    tokens: tuple[Token, ...]
    """Empty where the endpoint tells no log probabilities."""
    prompt_tokens: int | None
    """As the endpoint counts; None where it does not."""
    completion_tokens: int | None
    model: str | None
    finish: str | None


def read_reply(body: bytes) -> Reply:
    """Return the completion in the body of a reply.

    Raises:
        Fault: it is none.
    """
    try:
        document: Any = json.loads(body)
        choice = document["choices"][0]
        message = choice["message"]
        text = _text(message)
    except (ValueError, LookupError, TypeError, RecursionError):
        raise Fault(RUBBISH) from None
    usage = document.get("usage") or {}
    return Reply(
        text=text,
        tokens=_tokens(choice.get("logprobs")),
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        model=_word(document.get("model")),
        finish=_word(choice.get("finish_reason")),
    )


def message_of(body: bytes) -> str:
    """Return what an endpoint says of an error, shortened; it may be any bytes."""
    try:
        said: Any = json.loads(body)
        said = said.get("error", said) if isinstance(said, dict) else said
        said = said.get("message", said) if isinstance(said, dict) else said
    except (ValueError, RecursionError):
        said = body.decode("utf-8", "replace")
    words = " ".join((said if isinstance(said, str) else json.dumps(said)).split())
    return words[:_SHOWN]


def _text(message: Mapping[str, Any]) -> str:
    """Return what was written; what an endpoint took out as reasoning is put back between its tags."""
    content = message["content"]
    if not (content is None or isinstance(content, str)):
        raise TypeError("content")
    written = content or ""
    apart = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(apart, str) and apart.strip() and "<think>" not in written:
        return f"<think>{apart}</think>{written}"
    return written


def _tokens(found: object) -> tuple[Token, ...]:
    """Return the tokens; none where they are not told in full, for a part of them would be read as the whole."""
    listed = found.get("content") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        return ()
    try:
        return tuple(
            Token(content=_bytes(item), alternatives=_alternatives(item, item["top_logprobs"])) for item in listed
        )
    except (LookupError, TypeError, ValueError, OverflowError):
        return ()


def _alternatives(item: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> tuple[tuple[bytes, float], ...]:
    """Return what might have stood there, each once; endpoints leave out the token itself where it is unlikely."""
    shares = {_bytes(other): _share(other["logprob"]) for other in [*others, item]}
    return tuple(shares.items())


def _share(logprob: object) -> float:
    if not isinstance(logprob, int | float) or math.isnan(logprob):
        raise TypeError("logprob")
    return math.exp(min(0.0, logprob))


def _bytes(item: Mapping[str, Any]) -> bytes:
    """Return the bytes of a token: a character of many bytes may be cut between two."""
    listed = item.get("bytes")
    return bytes(listed) if isinstance(listed, list) else item["token"].encode("utf-8", "surrogatepass")


def _count(usage: object, name: str) -> int | None:
    found = usage.get(name) if isinstance(usage, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def _word(found: object) -> str | None:
    return found[:_SHOWN] if isinstance(found, str) else None
