"""A rationale with its cues marked where they stand, as Markdown in which nothing that a supplier wrote is markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dashboards.media.marks import LOOKS, Verdict
from dashboards.media.verdicts import JudgedCue
from dashboards.showing.texts import as_markdown

LONGEST: Final = 6_000
"""Characters of a rationale that are shown."""
_WORST_FIRST: Final = (Verdict.CONTRADICTED, Verdict.UNSUPPORTED, Verdict.SUPPORTED, Verdict.NOT_JUDGED)


def as_marked_markdown(rationale: str, cues: Sequence[JudgedCue]) -> str:
    """Return a trimmed rationale; each cue with a place stands in colour behind its sign, with the word after it.

    Of cues that overlap, the one that evidence speaks against most is marked.
    """
    text = rationale.strip()
    parts: list[str] = []
    at = 0
    for start, end, verdict in _apart(cues, min(len(text), LONGEST)):
        look = LOOKS[verdict]
        parts.append(_kept_spaces(text[at:start]))
        parts.append(f":{look.tint}-background[{look.sign} {as_markdown(text[start:end])} ({verdict})]")
        at = end
    rest = text[at:LONGEST]
    more = f" … ({len(text):,} characters)" if len(text) > LONGEST else ""
    return "".join([*parts, _kept_spaces(rest), as_markdown(more) if more else ""])


def _apart(cues: Sequence[JudgedCue], length: int) -> list[tuple[int, int, Verdict]]:
    """Return stretches that do not overlap, in order."""
    placed = [
        (cue.start, cue.end, cue.verdict)
        for cue in cues
        if cue.start is not None and cue.end is not None and 0 <= cue.start < cue.end <= length
    ]
    kept: list[tuple[int, int, Verdict]] = []
    for start, end, verdict in sorted(placed, key=lambda one: (_WORST_FIRST.index(one[2]), one[0] - one[1], one[0])):
        if all(end <= other[0] or start >= other[1] for other in kept):
            kept.append((start, end, verdict))
    return sorted(kept)


def _kept_spaces(text: str) -> str:
    """Return a piece as Markdown, with a space where it began or ended with one."""
    if not text.strip():
        return " " if text else ""
    before = " " if text[0].isspace() else ""
    after = " " if text[-1].isspace() else ""
    return f"{before}{as_markdown(text)}{after}"
