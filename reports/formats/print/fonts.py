"""The fonts that a print carries with it, and the texts that they can show.

Laws: no font of the machine is used, so that a print looks the same everywhere; a character that no font has is
written out as its code, because PDF/A allows no missing glyph, and a reader no invisible one.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from affidavit.errors import MissingPartError
from reports.wording import plain

PACKAGES: Final = ("manimgx_fonts", "manimgx_fonts_cjk")
"""Noto Sans for many scripts, and Noto Sans CJK: SIL Open Font License 1.1, from wheels."""
BODY: Final = "Noto Sans"
CHINESE: Final = "Noto Sans CJK SC"
MONOSPACED: Final = "DejaVu Sans Mono"
"""Comes with typst."""
_IN_MONOSPACED: Final = frozenset(map(ord, "✓✗"))
"""Signs that only this one has, and that verdicts begin with."""
LONGEST_TEXT: Final = 2_000
LONGEST_WORD: Final = 24
_BREAK: Final = "\u200b"
_INVISIBLE: Final = frozenset(range(0xFE00, 0xFE10))
"""Variation selectors: fonts list them, and they show nothing by themselves."""


def font_folders() -> tuple[Path, ...]:
    """Return the folders of the font packages.

    Raises:
        MissingPartError: one of them is not installed.
    """
    return tuple(_folder(package) for package in PACKAGES)


def _folder(package: str) -> Path:
    try:
        return Path(str(files(package)))
    except ModuleNotFoundError:
        raise MissingPartError(
            f"a print needs the fonts of the package {package.replace('_', '-')}",
            slug="part-missing",
            remedy="install affidavit[reports]; `affidavit doctor` says what it brings",
        ) from None


@lru_cache(maxsize=1)
def faces() -> Any:  # noqa: ANN401 - a `typst.Fonts`, which the house imports only here and in `pdf`
    """Return every face that a print may use: those of the packages and those that typst itself brings."""
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=list(font_folders()))


@lru_cache(maxsize=1)
def families() -> tuple[str, ...]:
    """Return the families in the order in which a glyph is looked for: Latin, Chinese, then every other script."""
    ours = {face.family for face in faces().fonts() if face.path}
    return BODY, CHINESE, *sorted(ours - {BODY, CHINESE}), MONOSPACED


@lru_cache(maxsize=1)
def covered() -> frozenset[int]:
    """Return the code points of which some face in the packages has a glyph."""
    found: set[int] = set(_IN_MONOSPACED)
    for path in sorted({Path(face.path) for face in faces().fonts() if face.path}):
        found |= _coverage(path)
    return frozenset(found - _INVISIBLE)


def _coverage(path: Path) -> set[int]:
    """Return what a font file covers; of a collection the first face, whose repertoire the others share."""
    from fontTools.ttLib import TTFont

    with TTFont(path, fontNumber=0, lazy=True) as font:
        return set(font.getBestCmap())


def shown(text: str) -> str:
    r"""Return text that a print can show whole: on one line, every character with a glyph or written out, breakable.

    Texts longer than `LONGEST_TEXT` end with how long they are; words longer than `LONGEST_WORD` may break anywhere
    after that many characters.
    """
    return _breakable(_with_glyphs(plain(_shortened(text))))


def shown_line(line: str) -> str:
    """Return a line of a verbatim block: its spaces stay."""
    return _breakable(_with_glyphs("".join(c if c == " " else plain(c) or " " for c in _shortened(line))))


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]} … (cut here in print: {len(text):,} characters; report.json has them all)"


def _with_glyphs(text: str) -> str:
    if text.isascii():
        return text
    known = covered()
    return "".join(c if ord(c) in known else c.encode("unicode_escape").decode("ascii") for c in text)


def _breakable(text: str) -> str:
    if len(text) <= LONGEST_WORD:
        return text
    return " ".join(_broken(word) if len(word) > LONGEST_WORD else word for word in text.split(" "))


def _broken(word: str) -> str:
    """Return a long word with places to break; Chinese breaks by itself."""
    if not any(ord(c) < 0x2E80 for c in word):
        return word
    return _BREAK.join(word[start : start + LONGEST_WORD] for start in range(0, len(word), LONGEST_WORD))
