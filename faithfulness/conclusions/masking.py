"""A rationale without the words that give its label away, for judges that might only find the label's name.

The built-in judge masks by itself (`LexiconJudge(masked=True)`); this is for all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from affidavit.lexicons.open_emotions.labels import label_forms, read_labels
from affidavit.lexicons.open_emotions.lexicon import EmotionLexicon, open_emotions
from affidavit.lexicons.open_emotions.tokens import text_array
from affidavit.lexicons.word_list import pattern_of
from faithfulness.conclusions.judge import Conclusions, Judge

if TYPE_CHECKING:
    import pyarrow as pa

MASK: Final = "[...]"


@dataclass(frozen=True, kw_only=True)
class MaskedJudge:
    """Any judge, given rationales without the labels' own words; a control."""

    judge: Judge
    lexicon: EmotionLexicon = field(default_factory=open_emotions)

    @property
    def name(self) -> str:
        """The judge, and that it is masked."""
        return f"{self.judge.name}, label words masked"

    def conclude(self, rationales: pa.Array | pa.ChunkedArray, labels: Sequence[str]) -> Conclusions:
        """Return what each masked rationale [N] concludes with."""
        return self.judge.conclude(masked(text_array(rationales), labels, self.lexicon), labels)


def masked(rationales: pa.Array, labels: Sequence[str], lexicon: EmotionLexicon) -> pa.Array:
    """Return rationales in which every form of every label's words is `[...]`; null stays null.

    A Chinese word is masked within a longer one too (happy within not happy), since no space tells them apart.

    >>> import pyarrow as pa
    >>> from affidavit.lexicons.open_emotions.lexicon import open_emotions
    >>> masked(pa.array(["Angrily, in a rage; 很愤怒"]), ["anger"], open_emotions()).to_pylist()
    ['[...], in a rage; 很[...]']
    """
    import pyarrow.compute as pc

    forms = label_forms(lexicon, read_labels(lexicon, labels))
    for pattern in _patterns(forms):
        rationales = pc.replace_substring_regex(rationales, f"(?i){pattern}", MASK)
    return rationales


def _patterns(forms: Iterable[str]) -> list[str]:
    """Return one pattern for forms with spaces between words, and one for Chinese ones."""
    spaced = [form for form in forms if form.isascii()]
    unspaced = sorted((form for form in forms if not form.isascii()), key=lambda form: (-len(form), form))
    return [*([pattern_of(spaced)] if spaced else []), *(["|".join(map(re.escape, unspaced))] if unspaced else [])]
