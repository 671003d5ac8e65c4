"""A rationale keeps every letter it has; cues stand out by sign, colour and word; nothing in it is markup."""

from __future__ import annotations

import re

import pytest

from dashboards.media.marked_text import LONGEST, as_marked_markdown
from dashboards.media.marks import LOOKS, Verdict, marked, read_verdict
from dashboards.media.verdicts import JudgedCue

TEXT = "He frowns [AU4] and *smiles*: $5 :red[x] <b>no</b>"


def cue(start: int, end: int, verdict: Verdict = Verdict.SUPPORTED) -> JudgedCue:
    return JudgedCue(aspect="face", cue="c", denied=False, verdict=verdict, start=start, end=end)


def plain(markdown: str) -> str:
    """Take markup off again."""
    bare = re.sub(
        r":[a-z]+-background\[. (.*?) \((?:supported|unsupported|contradicted|not judged)\)\]", r"\1", markdown
    )
    return bare.replace("\\", "")


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_cue_is_marked_by_sign_colour_and_word(verdict: Verdict) -> None:
    told = as_marked_markdown(TEXT, [cue(3, 9, verdict)])
    look = LOOKS[verdict]
    assert f"He :{look.tint}-background[{look.sign} frowns ({verdict})]" in told
    assert plain(told) == TEXT
    assert marked(verdict) == f"{look.sign} {verdict}"


def test_signs_and_colours_tell_verdicts_apart() -> None:
    looks = list(LOOKS.values())
    for part in ("sign", "tint", "ink", "meaning"):
        assert len({getattr(look, part) for look in looks}) == len(looks) == len(Verdict)


def test_nothing_in_it_is_markup() -> None:
    told = as_marked_markdown(TEXT, [cue(10, 15)])
    for mark in (" *smiles*", " :red[", " <b>", " $5", " [AU4]"):
        assert mark not in told
    assert plain(told) == TEXT


def test_of_cues_that_overlap_the_worst_is_marked() -> None:
    told = as_marked_markdown("raised brows", [cue(0, 12), cue(7, 12, Verdict.CONTRADICTED)])
    assert told == "raised :red-background[✗ brows (contradicted)]"


@pytest.mark.parametrize("place", [(-1, 3), (5, 5), (8, 2), (0, 10_000)])
def test_places_that_cannot_be_are_left_out(place: tuple[int, int]) -> None:
    assert plain(as_marked_markdown(TEXT, [cue(*place)])) == TEXT


def test_a_long_one_ends_and_says_how_long_it_is() -> None:
    told = as_marked_markdown("x" * (LONGEST + 1), [])
    assert plain(told).endswith(f"x… ({LONGEST + 1:,} characters)")
    assert plain(told).count("x") == LONGEST
    assert as_marked_markdown("  \n ", []) == ""


def test_words_that_are_no_verdict_were_not_judged() -> None:
    assert read_verdict("unknown") is Verdict.NOT_JUDGED
    assert read_verdict("<b>") is Verdict.NOT_JUDGED
    assert read_verdict("contradicted") is Verdict.CONTRADICTED
