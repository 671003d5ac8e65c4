"""Texts that suppliers wrote, shown as texts: Streamlit reads Markdown, so what would be markup is escaped first."""

from __future__ import annotations

import re
from typing import Final

_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])")
_BREAKS: Final = re.compile(r"\s+")
_ADDRESS: Final = re.compile(r"(?i)(?<=http)(?=://)|(?<=https)(?=://)|(?<=www)(?=\.)|(?<=\S)(?=@\S)")
"""Where an address begins: it would become a link, and no escaping keeps it from that."""
WORD_JOINER: Final = "\u2060"
"""Takes no room, and what it parts is no address."""


def as_markdown(text: str) -> str:
    r"""Return a text of which Markdown makes that text again: on one line, with nothing that is read as markup.

    An address is shown as it is written and is no link: a word joiner stands within it.

    >>> as_markdown("a *b* :red[c] $d$")
    'a \\*b\\* \\:red\\[c\\] \\$d\\$'
    """
    return _MARKUP.sub(r"\\\1", _ADDRESS.sub(WORD_JOINER, _BREAKS.sub(" ", text).strip()))


def lines_as_markdown(text: str) -> str:
    r"""Return a text as `as_markdown` does, but each of its lines on a line.

    An error says what, where and what to do on lines of their own, and replaces what is invisible itself.

    >>> lines_as_markdown("no *b*\n  found: c")
    'no \\*b\\*  \nfound\\: c'
    """
    return "  \n".join(as_markdown(line) for line in text.splitlines())
