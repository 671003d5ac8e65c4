"""What commands print: texts of a supplier are texts on a terminal too, which obeys control characters."""

from __future__ import annotations

from unicodedata import category

import typer

_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, marks that nobody sees or that turn text around, halves of characters, ends of lines and paragraphs."""


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text, and end the line unless told otherwise; what a terminal would obey is written out."""
    typer.echo(inert(text), err=err, nl=nl)


def inert(text: str) -> str:
    r"""Return a text with what a terminal would obey written out.

    >>> inert("safe\u202egnp.exe \x1b[31m")
    'safe\\u202egnp.exe \\x1b[31m'
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(_written_out(c) if c != "\n" and category(c) in _OBEYED else c for c in text)


def one_line(text: str) -> str:
    """Return a name of the supplier's as one line, so that it cannot look like another line of ours."""
    return " ".join(text.split())


def _written_out(character: str) -> str:
    return character.encode("unicode_escape", errors="surrogatepass").decode("ascii")
