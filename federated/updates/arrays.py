"""A vector as Flower carries it, and back: one array, checked before anybody adds it to anything."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from flwr.app import Array, ArrayRecord
from numpy.typing import NDArray

from federated.updates.layout import Layout, Vector
from federated.updates.unreadable import UNREADABLE

NAME: Final = "vector"
MOST_HEADER: Final = 1024
"""Bytes that an array has beside its numbers, at most: NumPy writes 128."""


class UnusableVectorError(ValueError):
    """What was received is no vector of the federation; the words say what is wrong, and quote no number of it."""


def packed(vector: Vector) -> ArrayRecord:
    """Return the record that carries a vector."""
    return ArrayRecord({NAME: Array(np.ascontiguousarray(vector, dtype=np.float32))})


def unpacked(record: ArrayRecord, layout: Layout) -> Vector:
    """Return the vector that a record carries.

    Raises:
        UnusableVectorError: it carries none, or another kind, another length, or numbers that are not finite.
    """
    if set(record) != {NAME}:
        raise UnusableVectorError(f"it carries {len(record)} arrays, and none or not only one named {NAME!r}")
    vector = _read(record[NAME], most=layout.size * 4 + MOST_HEADER)
    if vector.dtype != np.float32 or vector.shape != (layout.size,):
        found = f"{vector.dtype.name[:20]} of shape {vector.shape}"
        raise UnusableVectorError(f"it carries {found}, and float32 of shape ({layout.size},) belongs there")
    if not np.isfinite(vector).all():
        raise UnusableVectorError(
            f"{int((~np.isfinite(vector)).sum()):,} of its {vector.size:,} numbers are not finite"
        )
    return vector


def _read(array: Array, *, most: int) -> NDArray[Any]:
    """Return an array; what its bytes say of themselves may be anything."""
    if len(array.data) > most:
        raise UnusableVectorError(f"it carries {len(array.data):,} bytes, and no vector has more than {most:,}")
    try:
        found = array.numpy()
    except UNREADABLE as error:
        raise UnusableVectorError("it carries an array that cannot be read") from error
    if not isinstance(found, np.ndarray):  # NumPy opens an archive as one, whatever Flower says that it returns
        raise UnusableVectorError("it carries an archive in place of an array")
    return found


def narrowed(values: NDArray[np.float64]) -> Vector:
    """Return a model in single precision.

    Raises:
        OverflowError: single precision cannot hold it.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if not largest <= float(np.finfo(np.float32).max):
        raise OverflowError("numbers beyond single precision, or none at all")
    return np.asarray(values, dtype=np.float32)


def bounded(vector: Vector, bound: float | None) -> Vector:
    """Return the vector if its Euclidean norm is within the bound.

    Raises:
        UnusableVectorError: it is longer.
    """
    if bound is not None:
        norm = float(np.linalg.norm(vector.astype(np.float64)))
        if norm > bound * (1 + 1e-6):
            raise UnusableVectorError(f"its norm is above the bound of {bound:g}")
    return vector
