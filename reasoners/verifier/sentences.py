"""An explanation cut into sentences, or into statements, as the rewards count them.

A sentence ends at `.`, `!`, `?`, their Chinese counterparts or a line's end; a point between digits ends nothing. What
has no letter is no sentence. A statement ends at `;` as well, and at its Chinese counterpart.
"""

from __future__ import annotations

import re
from typing import Final

_SENTENCE: Final = re.compile(r"(?:[^.!?\n。！？]|(?<=\d)\.(?=\d))+[.!?。！？]*")
_STATEMENT: Final = re.compile(r"[^;；]+")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, each without the blanks around it.

    >>> sentences("Joy. The pitch is 7.2 semitones up! 她很高兴。 ...")
    ['Joy.', 'The pitch is 7.2 semitones up!', '她很高兴。']
    """
    return [piece for piece in (found.group().strip() for found in _SENTENCE.finditer(text)) if _speaks(piece)]


def statements(text: str) -> list[str]:
    """Return the statements of a text.

    >>> statements("The voice is low; the face is still. So it is.")
    ['The voice is low', 'the face is still.', 'So it is.']
    """
    pieces = [part.group().strip() for sentence in sentences(text) for part in _STATEMENT.finditer(sentence)]
    return [piece for piece in pieces if _speaks(piece)]


def _speaks(piece: str) -> bool:
    return any(letter.isalpha() for letter in piece)
