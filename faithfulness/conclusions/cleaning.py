"""What of a rationale is its author's reasoning: no answer block, no markup, no quotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from affidavit.citations import QUOTATION
from affidavit.lexicons.open_emotions.tokens import plain

if TYPE_CHECKING:
    import pyarrow as pa

VERSION: Final = "1"
_ANSWER: Final = r"(?s)<answer>.*?(?:</answer>|$)"
"""The label that the answer states would give the judge what it has to find."""
_TAG: Final = r"</?[a-z!][^<>]*>|&[a-z]{2,8};"
_NAMED: Final = (
    r"(\b(?:is|as|be|emotion|feeling|label|feels|felt)\s*:?|[是为:])\s*"
    r"[\"'“‘「『]([a-z]+(?:[ -][a-z]+){0,2}|\p{Han}{1,6})[\"'”’」』]"
)
"""The emotion is "sad": a short word in quotation marks, which the author names and nobody said."""
_CHINESE_QUOTATION: Final = r"「[^」]*(?:」|$)|『[^』]*(?:』|$)"


def without_answers(texts: pa.Array) -> pa.Array:
    """Return texts without their answer blocks, else as they were written; null stays null.

    >>> import pyarrow as pa
    >>> without_answers(pa.array(["Tears. <ANSWER>sad</ANSWER>"])).to_pylist()
    ['Tears.  ']
    """
    import pyarrow.compute as pc

    return pc.replace_substring_regex(texts, f"(?i){_ANSWER}", " ")


def reasoning_of(texts: pa.Array) -> pa.Array:
    r"""Return texts in lower case without answers, markup and quotations; null becomes empty.

    An answer or a quotation that is never closed reaches to the end, as in a text that was cut.

    >>> import pyarrow as pa
    >>> texts = ['<think>He says "I am happy", but is <b>sad</b></think><answer>joy</answer>', 'It is "fear".']
    >>> [" ".join(text.split()) for text in reasoning_of(pa.array(texts)).to_pylist()]
    ['he says , but is sad', 'it is fear .']
    """
    import pyarrow.compute as pc

    texts = plain(texts)
    for pattern, by in ((_ANSWER, " "), (_TAG, " "), (_NAMED, r"\1 \2 "), (QUOTATION, " "), (_CHINESE_QUOTATION, " ")):
        texts = pc.replace_substring_regex(texts, pattern, by)
    return texts
