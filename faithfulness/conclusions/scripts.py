"""Is a text written in letters that the built-in judge reads: Latin ones, and Chinese characters?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

MOST_OTHER: Final = 1 / 3
"""The largest share of letters of other scripts; Japanese has more kana than that beside its characters."""
_OTHER: Final = r"[\p{Latin}\p{Han}\PL]+"
_NO_LETTERS: Final = r"\PL+"


def unreadable_script(texts: pa.Array) -> NDArray[np.bool_]:
    """Return which texts [N] have more than a third of their letters in other scripts; never a text without letters.

    >>> import pyarrow as pa
    >>> unreadable_script(pa.array(["sad", "他很伤心", "Он зол", "怒っているように見えます", "..."])).tolist()
    [False, False, True, True, False]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    other_than_ascii = np.flatnonzero(~pc.string_is_ascii(texts).to_numpy(zero_copy_only=False))
    found = np.zeros(len(texts), dtype=bool)
    some = pc.take(texts, pa.array(other_than_ascii))
    letters = pc.utf8_length(pc.replace_substring_regex(some, _NO_LETTERS, "")).to_numpy()
    other = pc.utf8_length(pc.replace_substring_regex(some, _OTHER, "")).to_numpy()
    found[other_than_ascii] = other > letters * MOST_OTHER
    return found
