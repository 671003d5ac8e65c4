"""The quick writer gives the bytes of `rfc8785`, and refuses what it refuses."""

from __future__ import annotations

import json
import struct
from enum import StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from affidavit.canonical_json import canonical_json
from affidavit.digests import digest_of
from affidavit.testing import small_report

ANY_DOUBLE = st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), ANY_DOUBLE, st.text(), st.text(st.characters(codec=None))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=6), inner, max_size=5), st.tuples(inner, inner)
    ),
    max_leaves=30,
)


class Word(StrEnum):
    FAIL = "fail"


def _outcome(write: Any, value: Any) -> bytes | str:
    try:
        return bytes(write(value))
    except ValueError as error:  # what has no canonical form
        return f"{type(error).__name__}: {error}"


@given(VALUES)
@example([1e-7, 1e-6, 3.2e-05, 1e16, 1e20, 1e21, 1.5e300, 5e-324, -0.0, 0.0, 1.0, 2.0**53, 123456789012345680000.0])
@example({"\ue000": 1, "\U00010000": 2, "é": 3, 'a\u0000\x7f\u2028"\\\n': "\x1f\b\f\r\t"})
@example({"a": {}, "b": [], "c": [{}], "d": ()})
@example([float("nan")])
@example([2**53, -(2**53)])
@example(["\ud800"])
@example({"\ud800": 1})
def test_bytes_and_refusals_are_those_of_the_reference(value: Any) -> None:
    assert _outcome(canonical_json, value) == _outcome(rfc8785.dumps, value)


def test_what_is_no_plain_type_is_written_by_the_reference() -> None:
    value: dict[str, Any] = {"word": Word.FAIL, "again": [Word.FAIL, True]}
    assert canonical_json(value) == rfc8785.dumps(value) == b'{"again":["fail",true],"word":"fail"}'
    with pytest.raises(ValueError, match="object keys must be strings|unsupported"):
        canonical_json({1: "one"})


def test_a_report_is_written_as_the_reference_writes_it() -> None:
    value = json.loads(small_report(("performance",)).to_json())
    assert canonical_json(value) == rfc8785.dumps(value)
    assert digest_of(value).startswith("sha256:")
