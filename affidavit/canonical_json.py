"""The canonical form of a JSON value (RFC 8785), as `rfc8785` writes it, several times as fast.

Laws: what is plain is written here, where digits are as Python prints them; every other value (a number with an
exponent or beyond 2^53, an unusual type, a text that is no Unicode) is handed to `rfc8785`, which writes or refuses it.
"""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Any, Final

_MOST: Final = 2**53 - 1


def canonical_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the RFC 8785 bytes of a JSON value: sorted keys, no spaces, shortest numbers.

    Raises:
        ValueError: the value has no canonical form, such as an infinite number.
    """
    pieces: list[str] = []
    _write(value, pieces, {})
    try:
        return "".join(pieces).encode()
    except UnicodeEncodeError:
        return _elsewhere(value)


def _elsewhere(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    import rfc8785

    return rfc8785.dumps(value)


def _write(value: Any, pieces: list[str], names: dict[tuple[str, ...], list[tuple[str, str]]]) -> None:  # noqa: ANN401
    """Append the pieces of a value; objects of the same keys share the order of these."""
    kind = type(value)
    if kind is str:
        pieces.append(encode_basestring(value))
    elif kind is dict:
        _write_object(value, pieces, names)
    elif kind is list or kind is tuple:
        _write_array(value, pieces, names)
    else:
        pieces.append(_scalar(value))


def _write_object(
    value: dict[str, Any], pieces: list[str], names: dict[tuple[str, ...], list[tuple[str, str]]]
) -> None:
    keys = tuple(value)
    order = names.get(keys)
    if order is None:
        if not all(type(key) is str for key in keys):
            pieces.append(_elsewhere(value).decode())
            return
        names[keys] = order = _in_order(keys)
    for start, key in order:
        pieces.append(start)
        _write(value[key], pieces, names)
    pieces.append("}" if order else "{}")


def _in_order(keys: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return what stands before each member, and its key, in the order of UTF-16 units (RFC 8785, section 3.2.3)."""
    ordered = sorted(keys, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return [(f"{',' if place else '{'}{encode_basestring(key)}:", key) for place, key in enumerate(ordered)]


def _write_array(
    value: list[Any] | tuple[Any, ...], pieces: list[str], names: dict[tuple[str, ...], list[tuple[str, str]]]
) -> None:
    start = "["
    for element in value:
        pieces.append(start)
        _write(element, pieces, names)
        start = ","
    pieces.append("]" if value else "[]")


def _scalar(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    kind = type(value)
    if kind is int and -_MOST <= value <= _MOST:
        return str(value)
    if kind is float:
        digits = repr(value)
        if "e" not in digits and "n" not in digits and value != 0:  # no exponent, not infinite, not undefined, no -0
            return digits.removesuffix(".0")
    return _elsewhere(value).decode()
