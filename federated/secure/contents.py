"""What does a message say? A mapping of texts, whole numbers, bytes and lists of them, read without trust.

Law: what is missing, of another type, too long or of another length is a `SecureRefusalError`, never a crash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from federated.secure.refusals import Reason, SecureRefusalError

Words = NDArray[np.uint32] | NDArray[np.uint64]
Content = Mapping[str, object]
"""Values are whole numbers, texts, bytes, lists of texts or bytes; of the masked stage's reply one is a vector."""
MAX_SITES: Final = 100_000
_SHOWN: Final = 60


def whole(content: Content, key: str) -> int:
    """Return a whole number of at least 0."""
    value = content.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise _malformed(key, "a whole number")
    return value


def text(content: Content, key: str) -> str:
    """Return a text."""
    value = content.get(key)
    if not isinstance(value, str):
        raise _malformed(key, "a text")
    return value


def blob(content: Content, key: str, *, length: int) -> bytes:
    """Return so many bytes."""
    value = content.get(key)
    if not isinstance(value, bytes) or len(value) != length:
        raise _malformed(key, f"{length} bytes")
    return value


def names(content: Content, key: str) -> tuple[str, ...]:
    """Return names in strictly ascending order, so that one set has one form."""
    value = content.get(key)
    if not isinstance(value, list) or len(value) > MAX_SITES or not all(isinstance(name, str) for name in value):
        raise _malformed(key, "a list of names")
    found = tuple(str(name) for name in value)
    if any(a >= b for a, b in pairwise(found)):
        raise _malformed(key, "a list of names in ascending order, none of them twice")
    return found


def blobs(content: Content, keys: str, values: str, *, length: int) -> dict[str, bytes]:
    """Return bytes by name: two lists of one length."""
    named, found = names(content, keys), content.get(values)
    if not isinstance(found, list) or len(found) != len(named):
        raise _malformed(values, f"as many values as {keys} has names")
    if not all(isinstance(value, bytes) and len(value) == length for value in found):
        raise _malformed(values, f"a list of {length} bytes each")
    return {name: bytes(value) for name, value in zip(named, found, strict=True) if isinstance(value, bytes)}


def paired(found: Mapping[str, bytes], keys: str, values: str) -> dict[str, list[str] | list[bytes]]:
    """Return bytes by name as two lists, in the order that `names` asks for."""
    order = sorted(found)
    return {keys: order, values: [found[name] for name in order]}


def words_of(content: Content, key: str, *, size: int, dtype: np.dtype[Any]) -> Words:
    """Return a vector of so many words."""
    value = content.get(key)
    if not isinstance(value, np.ndarray) or value.shape != (size,) or value.dtype != dtype:
        raise _malformed(key, f"a vector of {size} words of {dtype}")
    return value


def packed(content: Content) -> bytes:
    """Return the one way to write a content without vectors as bytes."""
    return json.dumps({key: _written(content[key]) for key in sorted(content)}, separators=(",", ":")).encode()


def unpacked(written: bytes) -> dict[str, object]:
    """Return the content that `packed` wrote."""
    return {key: _read(value) for key, value in json.loads(written).items()}


def fingerprint(content: Content) -> bytes:
    """Return the digest of a request, to tell a repeated one from another."""
    return hashlib.sha256(packed(content)).digest()


def shown(found: Sequence[str]) -> str:
    """Return names for a message to people; hostile ones are cut."""
    cut = ", ".join(repr(name[:_SHOWN]) for name in found[:5])
    return f"{cut} and {len(found) - 5} more" if len(found) > 5 else cut


def _written(value: object) -> object:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list):
        return [_written(item) for item in value]
    if isinstance(value, int | str):
        return value
    raise SecureRefusalError(Reason.MALFORMED, "a request holds something that is neither text, number nor bytes")


def _read(value: Any) -> Any:  # noqa: ANN401 - what json gave
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return [_read(item) for item in value] if isinstance(value, list) else value


def _malformed(key: str, expected: str) -> SecureRefusalError:
    return SecureRefusalError(Reason.MALFORMED, f"the message's {key} is not {expected}")
