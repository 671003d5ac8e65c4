"""What is left of a rationale without its markup, how many words, and whether a word list can read it."""

import pyarrow as pa
import pytest

from audit.rationales.plain import plain, present, readable, words

MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    ("text", "left", "n_words"),
    [
        ("<p>Her <b>voice</b> may<br/>break</p>", "Her voice may break", 4),
        ("<!-- may --><think>Sad.</think>", "Sad.", 1),
        ("_perhaps_ **the** `voice` is __sad__", "perhaps the voice is sad", 5),
        ("- \n* the | voice\n## tense", "- the voice tense", 3),
        ("&quot;I may go&quot; &amp; a sad&nbsp;face", '"I may go" a sad face', 6),
        ("The\u00a0voice\u3000is\u200bsad", "The voice is sad", 4),
        ("a pitch < 2 > 1 & loud", "a pitch < 2 > 1 & loud", 5),
        (" \u3000\u00a0\n", "", 0),
        ("-- ... !", "-- ... !", 0),
        ("她的声音很悲伤", "她的声音很悲伤", 1),
    ],
)
def test_markup_is_taken_away_and_words_hold_letters_or_digits(text: str, left: str, n_words: int) -> None:
    (made,) = plain(pa.array([text])).to_pylist()
    assert " ".join(made.split()) == left
    assert words(pa.array([made])).tolist() == [n_words]


@pytest.mark.parametrize(
    ("text", "can_be_read"),
    [
        ("She might be hysterical, that old woman.", True),
        ('"She might be hysterical, that old woman."', False),
        ('{"rationale": "The voice might be sad because she is hysterical"}', False),
        ('She says "I am fine".', True),
        ("彼女の声は震えている", False),
        ("她的声音 might 很悲伤 because 她 is 老女人", False),
        ("Sie ist sehr traurig und die Stimme ist leise.", False),
        ("😀 12345 !", False),
        ("", False),
        (None, False),
    ],
)
def test_what_a_word_list_cannot_read_is_unread(text: str | None, can_be_read: bool) -> None:
    texts = plain(pa.array([text], pa.string()))
    assert readable(texts).tolist() == [can_be_read]
    assert present(texts).tolist() == [bool(text)]


@pytest.mark.parametrize("text", ['"', "'", "<", "&", "\u201c", "声", "a", "might ", "The voice may break. ", "<b>"])
def test_a_megabyte_of_anything_is_read_or_left(text: str) -> None:
    texts = plain(pa.array([text * (MEGABYTE // len(text))]))
    assert readable(texts).tolist() in ([True], [False])
    assert words(texts)[0] <= MEGABYTE
