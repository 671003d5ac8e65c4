"""Texts as vectors: words, their neighbours, runs of three letters, and words for who somebody is.

Counts are hashed, damped and weighed by rarity (Sparck Jones 1972), and reduced by a truncated singular value
decomposition that sees no label (Deerwester et al. 1990; Halko, Martinsson, Tropp 2011). Any text will do: an empty one
is the zero vector, and of a long one the beginning is read.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from affidavit.lexicons.identities import IDENTITIES

FloatArray = NDArray[np.float64]
READ: Final = 2000
"""Characters of one text."""
_CELLS: Final = 1 << 13
_SPARE: Final = 8
_TURNS: Final = 4
_WORD: Final = re.compile(r"\w+")
_IDENTITY: Final = re.compile(IDENTITIES.pattern, re.IGNORECASE)


def counted(text: str) -> Counter[str]:
    """Return what a text is made of.

    >>> sorted(counted("her accent"))
    ['i:accent', 't: ac', 't: he', 't:acc', 't:cce', 't:cen', 't:ent', 't:er ', 't:her', 't:nt ', 'w:accent', 'w:her', \
'w:her accent']
    """
    words = _WORD.findall(text[:READ].lower())
    found = Counter(f"w:{word}" for word in words)
    found.update(f"w:{first} {second}" for first, second in pairwise(words))
    for word in words:
        padded = f" {word} "
        found.update(f"t:{padded[i : i + 3]}" for i in range(len(padded) - 2))
    found.update(f"i:{said.group().lower()}" for said in _IDENTITY.finditer(text[:READ]))
    return found


def text_vectors(texts: Sequence[str], *, components: int) -> FloatArray:
    """Return vectors [N, R] of texts; R is 0 where no text says anything that another does not."""
    values: list[float] = []
    places: list[int] = []
    ends = [0]
    for text in texts:
        cells: dict[int, float] = {}
        for name, n in counted(text).items():
            cell = zlib.crc32(name.encode()) % _CELLS
            cells[cell] = cells.get(cell, 0.0) + n
        values += cells.values()
        places += cells.keys()
        ends.append(len(values))
    counts = csr_array((np.log1p(np.array(values)), np.array(places, dtype=np.int64), ends), shape=(len(texts), _CELLS))
    counts.sort_indices()
    return _reduced(_weighed(counts), components)


def _weighed(counts: csr_array) -> csr_array:
    """Weigh by rarity, and each text to length one."""
    n = counts.shape[0]
    frequency = np.bincount(counts.indices, minlength=_CELLS)
    weighed = csr_array(counts @ diags_array(np.log((1 + n) / (1 + frequency))))
    length = np.sqrt((weighed**2).sum(axis=1))
    return csr_array(diags_array(1 / np.where(length > 0, length, 1.0)) @ weighed)


def _reduced(weighed: csr_array, components: int) -> FloatArray:
    """Return the leading singular vectors, times their values, by a random range from a fixed seed.

    Krylov methods restart at random where texts are few and alike, and would not give the same numbers twice.
    """
    n = weighed.shape[0]
    rank = min(components, n - 1)
    if rank < 1 or not (weighed.data > 0).any():
        return np.zeros((n, 0))
    directions = np.random.default_rng(0).normal(size=(weighed.shape[1], min(rank + _SPARE, n)))
    basis = np.linalg.qr(weighed @ directions)[0]
    for _ in range(_TURNS):
        basis = np.linalg.qr(weighed @ (weighed.T @ basis))[0]
    left, values, _ = np.linalg.svd((weighed.T @ basis).T, full_matrices=False)
    kept = values[:rank] > 1e-6 * values[0]
    return np.asarray((basis @ left)[:, :rank][:, kept] * values[:rank][kept])
