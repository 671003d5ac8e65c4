"""Where do texts name emotions, and what stands around them? One vocabulary for the judge and for open sets.

Codes: first the markers, then the words of the lexicon, then further words that the caller brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.lexicons.open_emotions.layout import plain_form
from affidavit.lexicons.open_emotions.lexicon import EmotionLexicon
from affidavit.lexicons.open_emotions.tokens import STOP, Vocabulary
from faithfulness.conclusions.markers import EVIDENTLY_ENGLISH, MARKERS, PASSED_OVER, Marker

if TYPE_CHECKING:
    import pyarrow as pa

_FIRST_WORD: Final = len(Marker)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    """Emotion words and the markers between them, in the order of reading: arrays [M]; every row begins with a stop."""

    row: NDArray[np.int64]
    position: NDArray[np.int64]
    marker: NDArray[np.int64]
    """The `Marker`, -1 for an emotion word."""
    word: NDArray[np.int64]
    """The place among the lexicon's words, then among the further ones; -1 for a marker."""
    foreign: NDArray[np.bool_]
    """[N] which texts have more small words of other languages than of English."""


@dataclass(frozen=True, kw_only=True)
class MentionFinder:
    """Finds the words of a lexicon, less those that are hidden, and further words."""

    lexicon: EmotionLexicon
    further: Sequence[str] = ()
    hidden: frozenset[str] = frozenset()
    """Forms that are read as if they were not there."""

    def find(self, texts: pa.Array) -> Mentions:
        """Return the mentions in texts [N] as `cleaning.reasoning_of` leaves them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        # every row begins with a stop, so that nothing reaches from one text into the next
        nothing, stop = (pa.scalar(text, texts.type) for text in ("", f"{STOP} "))
        tokens = self._vocabulary.find(pc.binary_join_element_wise(nothing, texts, stop))
        events = (tokens.code < Marker.ENGLISH) | (tokens.code >= _FIRST_WORD)
        code = tokens.code[events]
        is_word = code >= _FIRST_WORD
        return Mentions(
            row=tokens.row[events],
            position=tokens.position[events],
            marker=np.where(is_word, -1, code),
            word=np.where(is_word, code - _FIRST_WORD, -1),
            foreign=_foreign(tokens.row, tokens.code, len(texts)),
        )

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        beyond = _FIRST_WORD + len(self.lexicon.words)
        codes = {word: int(marker) for word, marker in MARKERS.items()}
        codes |= {form: _FIRST_WORD + place for form, place in self.lexicon.index.items()}
        codes |= {plain_form(word.replace("_", " ")): beyond + i for i, word in enumerate(self.further)}
        chinese = {form for form in self.hidden if not form.isascii()}
        return Vocabulary(
            codes={form: code for form, code in codes.items() if form not in self.hidden and form},
            passed_over=PASSED_OVER | chinese,
        )


def _foreign(row: NDArray[np.int64], code: NDArray[np.int64], n_rows: int) -> NDArray[np.bool_]:
    english = np.isin(code, [int(marker) for marker in EVIDENTLY_ENGLISH])
    counts = [np.bincount(row[which], minlength=n_rows) for which in (english, code == Marker.FOREIGN)]
    return np.asarray(counts[1] > counts[0])
