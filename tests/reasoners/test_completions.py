"""Malformed completions are read as a judgement or a refusal, never dropped and never guessed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affidavit.judgements import Unjudged
from affidavit.utterances import Judgement
from reasoners.completions import (
    BY_A_WORD,
    CONCLUDED,
    CUT,
    DIFFER,
    EMPTY,
    IN_A_SENTENCE,
    LONGEST,
    NO_ANSWER,
    REFUSALS,
    REPEATED,
    SEVERAL,
    UNCLOSED,
    UNKNOWN,
    UNTAGGED,
    parse_completion,
    told_completions,
    well_formed,
)

LABELS = ("anger", "fear", "joy", "neutral", "sadness")


@pytest.mark.parametrize(
    ("text", "label", "mended"),
    [
        ("<think>He laughs.</think><answer>joy</answer>", "joy", ()),
        ("<think>He laughs.</think>\n<answer> **JOY**. </answer>", "joy", ()),
        ("<THINK>He laughs.</THINK><Answer>Joy</ANSWER>", "joy", ()),
        ("joy", "joy", (UNTAGGED,)),
        ("The speaker shows fear, clearly.", "fear", (UNTAGGED, IN_A_SENTENCE)),
        ("<think>why<answer>anger", "anger", (UNCLOSED,)),
        ("<think>x</think><answer>The emotion is sadness</answer>", "sadness", (IN_A_SENTENCE,)),
        ("<think>x</think><answer>joy</answer><answer>Joy</answer>", "joy", (REPEATED,)),
        ("<think>x</think><answer>...</answer><answer>Joy</answer>", "joy", (REPEATED,)),
        ("<think>x</think><answer>happy</answer>", "joy", (BY_A_WORD,)),
        ("<think>x</think><answer>unhappiness</answer>", "sadness", (BY_A_WORD,)),
        ("<think>x</think><answer>not joy but fear</answer>", "fear", (IN_A_SENTENCE,)),
        ("Could be joy or fear. The final answer is fear.", "fear", (UNTAGGED, CONCLUDED)),
        ("<think>x</think> sadness", "sadness", ()),
    ],
)
def test_a_label_is_found_and_what_was_mended_is_said(text: str, label: str, mended: tuple[str, ...]) -> None:
    parsed = parse_completion(text, LABELS)
    assert (parsed.label, parsed.because, parsed.mended) == (label, None, mended)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("", EMPTY),
        (" \n\x00 ", EMPTY),
        ("<think>He laughs.</think>", NO_ANSWER),
        ("<think>He laughs with joy and", NO_ANSWER),
        ("<think>He laughs.</think><answer></answer>", NO_ANSWER),
        ("<think>x</think><answer>boredom</answer>", UNKNOWN),
        ("<think>彼女は笑っている</think><answer>喜び</answer>", UNKNOWN),
        ("Она смеётся, это радость.", UNKNOWN),
        ("<think>x</think><answer>joy or fear</answer>", SEVERAL),
        ("<think>x</think><answer>anger, fear, joy, neutral, sadness</answer>", SEVERAL),
        ("<think>x</think><answer>joy</answer><answer>fear</answer>", DIFFER),
        ("It is joy. Then again it may be fear.", SEVERAL),
    ],
)
def test_where_there_is_no_label_the_reason_is_one_of_a_few(text: str, because: str) -> None:
    parsed = parse_completion(text, LABELS)
    assert (parsed.label, parsed.because) == (None, because)
    assert because in REFUSALS


def test_labels_of_another_script_are_found_in_a_sentence() -> None:
    assert parse_completion("<think>.</think><answer>他很高兴。</answer>", ["高兴", "悲伤"]).label == "高兴"


def test_the_thinking_is_the_rationale_and_a_bare_label_is_none() -> None:
    assert parse_completion("<think> He laughs. </think><answer>joy</answer>", LABELS).rationale == "He laughs."
    assert parse_completion("joy", LABELS).rationale is None
    assert parse_completion("She cries: sadness", LABELS).rationale == "She cries: sadness"


def test_a_longer_label_is_not_mistaken_for_the_shorter_one_in_it() -> None:
    assert (
        parse_completion("it was a negative surprise", ["surprise", "negative surprise"]).label == "negative surprise"
    )


def test_100_kb_of_text_are_read_and_the_reasons_cut() -> None:
    long = "He laughs and laughs. " * 5_000
    parsed = parse_completion(f"<think>{long}</think><answer>joy</answer>", LABELS)
    assert parsed.label == "joy"
    assert parsed.rationale == long[:LONGEST]
    assert CUT in parsed.mended


@pytest.mark.parametrize("piece", ["<think>", "</think><answer>", "<answer>", "<", "< ", "joy ", "not ", "a_", "\n"])
def test_what_repeats_a_tag_a_hundred_thousand_times_is_read(piece: str) -> None:
    """A reading that is quadratic in the text would take hours here."""
    text = piece * 100_000
    parsed = parse_completion(text, LABELS)
    assert (parsed.label is None) != (parsed.because is None)
    assert well_formed("<think>" + text) is False


@given(
    st.text(max_size=300)
    | st.lists(
        st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "joy", "fear", " ", "x."]), max_size=12
    ).map("".join)
)
def test_any_text_becomes_one_label_or_one_reason(text: str) -> None:
    parsed = parse_completion(text, LABELS)
    assert (parsed.label in LABELS) != (parsed.because in REFUSALS)
    (parsed.rationale or "").encode()
    assert parsed.well_formed == bool(re.fullmatch(r"<think>.*?</think>\s*<answer>.*?</answer>", text, re.DOTALL))


def test_a_refusal_becomes_a_counted_unjudged_and_a_label_a_judgement() -> None:
    good = parse_completion("<think>He laughs.</think><answer>joy</answer>", LABELS)
    bad = parse_completion("<think>x</think><answer>boredom</answer>", LABELS)
    assert good.judgement(utterance_id="u", condition="TAV") == Judgement(label="joy", rationale="He laughs.")
    assert bad.judgement(utterance_id="u", condition="TAV") == Unjudged(
        utterance_id="u", condition="TAV", because=UNKNOWN, detail="boredom"
    )
    assert told_completions([good, bad, bad]) == (f"2 of 3 completions gave no label: {UNKNOWN} (2)",)
    assert told_completions([good]) == ()
