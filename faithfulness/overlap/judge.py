"""Who scores the overlap of two rationales, from 0 to 10: the protocol, and the judge that is built in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray
from affidavit.lexicons.open_emotions.lexicon import EmotionLexicon, Level, open_emotions
from affidavit.lexicons.open_emotions.tokens import text_array
from faithfulness.conclusions.cleaning import reasoning_of
from faithfulness.open_vocabulary.extraction import WordRows, read_texts
from faithfulness.open_vocabulary.mappings import by_lexicon
from faithfulness.open_vocabulary.sets import membership
from faithfulness.overlap.atoms import VERSION, AtomReader, Atoms, shared

if TYPE_CHECKING:
    import pyarrow as pa

HIGHEST: Final = 10.0
KINDS: Final = ("clue", "label")
_HAN: Final = r"\p{Han}"
_LETTER: Final = r"\p{L}"
_CHINESE_SHARE: Final = 0.3


class Outcome(IntEnum):
    """What came of judging one pair: a score of its clues, or why there is none."""

    SCORED = 0
    EMPTY = 1
    """No rationale, or nothing but markup, an answer and quotations."""
    UNREADABLE = 2
    """One of the two is in a language that the judge does not read."""
    OTHER_LANGUAGE = 3
    """The two are in different languages."""
    NOTHING_TO_FIND = 4
    """The reference states no clue."""
    RUBBISH = 5
    """The judge answered something else than a number from 0 to 10."""
    FAILED = 6
    """The judge did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """The scores of N pairs, from 0 to 10; NaN where the judge abstains."""

    clue: FloatArray
    label: FloatArray
    """NaN too where the reference asserts no emotion."""
    outcome: NDArray[np.int64]
    """[N] the `Outcome` of the clue score."""
    precision: FloatArray
    """The share of the rationale's clues that the reference has, 0 to 1; NaN where the judge counts none."""
    recall: FloatArray

    def at(self, place: NDArray[np.integer]) -> Overlap:
        """Return the scores of these pairs, in this order."""
        return Overlap(
            clue=self.clue[place],
            label=self.label[place],
            outcome=self.outcome[place],
            precision=self.precision[place],
            recall=self.recall[place],
        )


class OverlapJudge(Protocol):
    """Whoever compares rationales."""

    @property
    def name(self) -> str:
        """What reports call the judge, with all that changes its answers."""
        ...

    def score(self, predicted: pa.Array, reference: pa.Array, *, kinds: Sequence[str] = KINDS) -> Overlap:
        """Return the overlap of each pair of texts [N]; never raises over a text.

        What is not among `kinds` need not be judged, and may be NaN.
        """
        ...


class _Read(NamedTuple):
    """One side: its texts read."""

    atoms: list[Atoms]
    chinese: NDArray[np.bool_]
    unreadable: NDArray[np.bool_]
    empty: NDArray[np.bool_]
    emotions: NDArray[np.bool_]
    """[N, K] which clusters each text asserts."""


@dataclass(frozen=True, kw_only=True)
class LexiconOverlapJudge:
    """The built-in judge: F1 of clue atoms per aspect, and F1 of the clusters of asserted emotions, both times 10."""

    lexicon: EmotionLexicon = field(default_factory=open_emotions)

    @property
    def name(self) -> str:
        """The judge with its versions."""
        return f"lexicon overlap judge {VERSION}, open emotions {self.lexicon.version}"

    def score(self, predicted: pa.Array, reference: pa.Array, *, kinds: Sequence[str] = KINDS) -> Overlap:
        """Return the overlap of each pair [N], of both kinds.

        >>> import pyarrow as pa
        >>> said = pa.array(["Her voice trembles and the brows are raised, so she is afraid."])
        >>> known = pa.array(["The voice is trembling; raised brows, a short breath. She feels fear."])
        >>> found = LexiconOverlapJudge().score(said, known)
        >>> found.clue.round(2).tolist(), found.label.tolist()
        ([7.5], [10.0])
        """
        one, other = self._read(predicted), self._read(reference)
        pairs = [shared(a, b) for a, b in zip(one.atoms, other.atoms, strict=True)]
        found = np.array(pairs, dtype=np.float64).reshape(-1, 3)
        reasons = [
            (one.empty | other.empty, Outcome.EMPTY),
            (one.unreadable | other.unreadable, Outcome.UNREADABLE),
            (one.chinese != other.chinese, Outcome.OTHER_LANGUAGE),
            (np.isnan(found[:, 2]), Outcome.NOTHING_TO_FIND),
        ]
        outcome = np.select([where for where, _ in reasons], [int(why) for _, why in reasons], int(Outcome.SCORED))
        scored = outcome == Outcome.SCORED
        readable = scored | (outcome == Outcome.NOTHING_TO_FIND) | (outcome == Outcome.OTHER_LANGUAGE)
        return Overlap(
            clue=np.where(scored, HIGHEST * found[:, 2], np.nan),
            label=np.where(readable, HIGHEST * _shared_emotions(one.emotions, other.emotions), np.nan),
            outcome=outcome.astype(np.int64),
            precision=np.where(scored, found[:, 0], np.nan),
            recall=np.where(scored, found[:, 1], np.nan),
        )

    def _read(self, texts: pa.Array) -> _Read:
        """Read each different text once."""
        import pyarrow.compute as pc

        coded = pc.dictionary_encode(pc.fill_null(text_array(texts), ""))
        place = coded.indices.to_numpy()
        plain = reasoning_of(coded.dictionary)
        words, unreadable = read_texts(coded.dictionary, self.lexicon)
        atoms = [self._reader.atoms(text) for text in plain.to_pylist()]
        spoken = pc.match_substring_regex(plain, r"[\p{L}\p{N}]").to_numpy(zero_copy_only=False)
        return _Read(
            atoms=[atoms[i] for i in place],
            chinese=_is_chinese(plain)[place],
            unreadable=unreadable[place],
            empty=~spoken[place],
            emotions=self._clusters(words)[place],
        )

    def _clusters(self, words: WordRows) -> NDArray[np.bool_]:
        mapping = by_lexicon(self.lexicon, Level.CLUSTER)
        return membership(words, mapping, sorted(set(mapping.clusters.values())))

    @cached_property
    def _reader(self) -> AtomReader:
        return AtomReader(lexicon=self.lexicon)


def _shared_emotions(one: NDArray[np.bool_], reference: NDArray[np.bool_]) -> FloatArray:
    """Return F1 of sets [N, K]; NaN where the reference has none."""
    both, size = (one & reference).sum(axis=1), one.sum(axis=1) + reference.sum(axis=1)
    return np.where(reference.any(axis=1), 2 * both / np.maximum(size, 1), np.nan)


def _is_chinese(texts: pa.Array) -> NDArray[np.bool_]:
    import pyarrow.compute as pc

    han = pc.count_substring_regex(texts, _HAN).to_numpy()
    letters = pc.count_substring_regex(texts, _LETTER).to_numpy()
    return np.asarray((han > 0) & (han >= _CHINESE_SHARE * letters))
