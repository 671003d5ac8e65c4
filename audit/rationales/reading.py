"""What one rationale says, row by row: words, hedges, citations, emotions, identity, stereotypes.

What stands between quotation marks is what somebody said, and no list reads it. Markup is taken away first, and what
cannot be read is not read as nothing (`audit.rationales.plain`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.citations import citations
from affidavit.confusion import FloatArray
from affidavit.lexicons.emotions import EMOTIONS, words_for
from affidavit.lexicons.hedges import HEDGES
from affidavit.lexicons.identities import IDENTITIES, own_group
from affidavit.lexicons.stereotypes import COMPETENCE, EMOTION_STEREOTYPES, WARMTH
from audit.rationales.plain import array, plain, present, readable, unquoted, words

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number of a rationale."""

    name: str
    rate: bool
    """Whether it is a share of rationales, from 0 to 1; else a mean number, from 0."""
    source: str


def _listed(*lists: Any) -> str:  # noqa: ANN401 - word lists
    return "; ".join(f"word list {words.name} {words.version} ({words.idea})" for words in lists)


MEASURES: Final = (
    Measure(name="rationale_words", rate=False, source="mean number of words of a rationale"),
    Measure(name="hedging_rate", rate=True, source=_listed(HEDGES)),
    Measure(name="cites_text_rate", rate=True, source="citations: affidavit/citations.py"),
    Measure(name="cites_audio_rate", rate=True, source="citations: affidavit/citations.py"),
    Measure(name="cites_video_rate", rate=True, source="citations: affidavit/citations.py"),
    Measure(name="emotion_words", rate=False, source=_listed(EMOTIONS)),
    Measure(name="names_predicted_rate", rate=True, source=_listed(EMOTIONS)),
    Measure(name="names_true_rate", rate=True, source=_listed(EMOTIONS)),
    Measure(name="identity_rate", rate=True, source=_listed(IDENTITIES)),
    Measure(name="own_identity_rate", rate=True, source=f"{_listed(IDENTITIES)}, and the names of the groups"),
    Measure(name="stereotype_rate", rate=True, source=_listed(EMOTION_STEREOTYPES)),
    Measure(name="character_rate", rate=True, source=_listed(WARMTH, COMPETENCE)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of one batch that the readings need beside the text; codes into `labels` and `levels`."""

    predicted: NDArray[Any]
    truth: NDArray[Any]
    groups: Mapping[str, NDArray[Any]]
    """Feature to the level code of each row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A batch of rationales, read."""

    present: BoolArray
    """[N] there is a rationale."""
    english: BoolArray
    """[N] there is one, and word lists can read it."""
    values: FloatArray
    """[N, M] measures, zero where nothing can be read."""


def read(texts: pa.Array, rows: Rows, *, labels: Sequence[str], levels: Mapping[str, Sequence[str]]) -> Read:
    """Read a batch of rationales; `levels` by feature."""
    text = plain(texts)
    english, own, cites = readable(text), unquoted(text), citations(text)
    named = np.stack([_holds(own, words_for(label)) for label in labels])
    at = np.arange(len(text))
    values = [
        words(text),
        array(HEDGES.counts(own)) > 0,
        *(array(cites[letter]) for letter in "TAV"),
        array(EMOTIONS.counts(own)),
        named[rows.predicted, at],
        named[rows.truth, at],
        array(IDENTITIES.counts(own)) > 0,
        _own_identity(own, rows.groups, levels),
        array(EMOTION_STEREOTYPES.counts(own)) > 0,
        (array(WARMTH.counts(own)) > 0) | (array(COMPETENCE.counts(own)) > 0),
    ]
    stacked = np.stack([np.asarray(value, dtype=np.float64) for value in values], axis=1)
    return Read(present=present(text), english=english, values=np.where(english[:, None], stacked, 0.0))


def _own_identity(
    texts: pa.Array, groups: Mapping[str, NDArray[Any]], levels: Mapping[str, Sequence[str]]
) -> BoolArray:
    """Say of each text whether it names one of the groups that its speaker belongs to."""
    named = np.zeros(len(texts), dtype=bool)
    for feature, codes in groups.items():
        for code, level in enumerate(levels[feature]):
            here = codes == code
            pattern = own_group(level)
            if pattern is not None and here.any():
                named[here] |= _holds(texts.filter(pa.array(here)), pattern)
    return named


def _holds(texts: pa.Array, pattern: str) -> BoolArray:
    return array(pc.match_substring_regex(texts, pattern, ignore_case=True))
