"""Which emotion words does each row give: as a list, or within a text?

A list gives all its items, known or not, so that what is out of vocabulary can be counted. A text gives the words of
the lexicon that it asserts: "not angry but sad" gives sad, and "looks happy but is anxious" gives anxious, as EMER asks
for. What the lexicon does not know cannot be seen in a text, so its rate out of vocabulary is always 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.lexicons.open_emotions.lexicon import EmotionLexicon
from affidavit.lexicons.open_emotions.tokens import plain, text_array
from faithfulness.conclusions.cleaning import reasoning_of
from faithfulness.conclusions.mentions import MentionFinder
from faithfulness.conclusions.scope import taken_back
from faithfulness.conclusions.scripts import unreadable_script

if TYPE_CHECKING:
    import pyarrow as pa

NO_WORDS: Final = ("none", "nan", "null", "n/a", "na", "无", "無")
"""Items that say that there is no emotion word."""
_BETWEEN: Final = r"[,;|/、，；\n\r\t]+| and | & "
_SPACES: Final = r"[\s_\p{Pd}]+"
"""What stands between the words of one item: the list has spaces in place of hyphens."""
_UNSEEN: Final = r"[\p{Cc}\p{Cf}]+"
_AROUND: Final = " \t\r\n\"'`“”‘’「」『』()[]{}<>*.。!！?？:：-–—•·0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class WordRows:
    """Words by row, as given: M words of N rows."""

    n_rows: int
    row: NDArray[np.int64]
    """[M] ascending."""
    word: pa.Array
    """[M] in lower case."""


def words_of_lists(fields: pa.Array | pa.ChunkedArray) -> WordRows:
    """Return the items of fields [N]: Arrow lists of texts, or texts such as `happy, excited` or `["happy"]`.

    Null, empty, and items such as `none` give nothing.

    >>> import pyarrow as pa
    >>> rows = words_of_lists(pa.array(['["Happy", "very  sad"]', None, "高兴、激动", "none"]))
    >>> rows.row.tolist(), rows.word.to_pylist()
    ([0, 0, 2, 2], ['happy', 'very sad', '高兴', '激动'])
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(fields, pa.ChunkedArray):
        fields = fields.combine_chunks()
    if not pa.types.is_nested(fields.type):
        texts = pc.utf8_trim_whitespace(plain(text_array(fields)))
        nothing = pc.is_in(texts, value_set=pa.array(NO_WORDS, texts.type))  # before `n/a` is cut in two
        fields = pc.split_pattern_regex(pc.if_else(nothing, pa.scalar("", texts.type), texts), _BETWEEN)
    row = pc.list_parent_indices(fields).to_numpy()
    words = plain(pc.cast(pc.list_flatten(fields), pa.large_string()))
    words = pc.replace_substring_regex(pc.replace_substring_regex(words, _SPACES, " "), _UNSEEN, "")
    words = pc.utf8_trim(words, _AROUND)
    none = pc.or_(pc.equal(words, ""), pc.is_in(words, value_set=pa.array(NO_WORDS, words.type)))
    kept = pc.invert(none)
    return WordRows(
        n_rows=len(fields), row=row[kept.to_numpy(zero_copy_only=False)].astype(np.int64), word=words.filter(kept)
    )


def words_of_texts(texts: pa.Array | pa.ChunkedArray, lexicon: EmotionLexicon) -> WordRows:
    """Return the base words that texts [N] assert; quotations, answers and markup are not read.

    >>> import pyarrow as pa
    >>> from affidavit.lexicons.open_emotions.lexicon import open_emotions
    >>> words_of_texts(pa.array(["Not angry; sadly, he fears it."]), open_emotions()).word.to_pylist()
    ['sad', 'afraid']
    """
    return read_texts(texts, lexicon)[0]


def read_texts(texts: pa.Array | pa.ChunkedArray, lexicon: EmotionLexicon) -> tuple[WordRows, NDArray[np.bool_]]:
    """Return the words that texts [N] assert, and which texts are in a language or script that is not read, [N]."""
    import pyarrow as pa
    import pyarrow.compute as pc

    plain_texts = reasoning_of(text_array(texts))
    mentions = MentionFinder(lexicon=lexicon).find(plain_texts)
    asserted = (mentions.marker < 0) & ~taken_back(mentions.position, mentions.marker)
    bases = pa.array([word.base for word in lexicon.words], pa.large_string())
    words = WordRows(
        n_rows=len(texts), row=mentions.row[asserted], word=pc.take(bases, pa.array(mentions.word[asserted]))
    )
    return words, np.asarray(unreadable_script(plain_texts) | mentions.foreign)
