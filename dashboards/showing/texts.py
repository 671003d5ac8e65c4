"""Texts that suppliers wrote, shown as texts: Streamlit reads Markdown, so what would be markup is escaped first."""

from __future__ import annotations

import re
from typing import Final

_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])")
_BREAKS: Final = re.compile(r"\s+")


def as_markdown(text: str) -> str:
    r"""Return a text of which Markdown makes that text again: on one line, with nothing that is read as markup.

    >>> as_markdown("a *b* :red[c] $d$")
    'a \\*b\\* \\:red\\[c\\] \\$d\\$'
    """
    return _MARKUP.sub(r"\\\1", _BREAKS.sub(" ", text).strip())
