"""Word lists find what they should and no more; texts in other languages are told apart."""

import re

import pyarrow as pa
import pytest

from affidavit.lexicons.emotions import EMOTIONS, words_for
from affidavit.lexicons.english import read_as_english
from affidavit.lexicons.hedges import HEDGES
from affidavit.lexicons.identities import IDENTITIES, own_group
from affidavit.lexicons.stereotypes import COMPETENCE, EMOTION_STEREOTYPES, WARMTH
from affidavit.lexicons.word_list import WordList, pattern_of

LISTS = (HEDGES, EMOTIONS, IDENTITIES, EMOTION_STEREOTYPES, WARMTH, COMPETENCE)


@pytest.mark.parametrize("words", LISTS, ids=lambda words: words.name)
def test_arrow_and_python_count_alike(words: WordList) -> None:
    texts = [entry.replace("*", "ly") for entry in words.entries]
    texts += ["", "nothing of the kind", "She MIGHT be sad, perhaps; an old woman with an accent, hysterical and rude."]
    counted = words.counts(pa.array(texts)).to_pylist()
    assert counted == [len(re.findall(words.pattern, text, re.IGNORECASE | re.ASCII)) for text in texts]
    assert all(count >= 1 for count in counted[: len(words.entries)])


@pytest.mark.parametrize("words", LISTS, ids=lambda words: words.name)
def test_lists_are_versioned_and_name_whose_idea_they_follow(words: WordList) -> None:
    assert words.version
    assert re.search(r"\d{4}", words.idea)
    assert len(set(words.entries)) == len(words.entries)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (HEDGES, "the seam of a mighty dismay"),
        (EMOTIONS, "a crusade of sandwiches"),
        (IDENTITIES, "a manifold human voice, bold and cold"),
        (EMOTION_STEREOTYPES, "a calm voice"),
        (WARMTH, "a kind of sadness in a warm voice"),
        (COMPETENCE, "the articulation rate is high"),
    ],
)
def test_a_word_inside_another_is_not_found(words: WordList, text: str) -> None:
    assert words.counts(pa.array([text])).to_pylist() == [0]


@pytest.mark.parametrize(("label", "text"), [("ANG", "annoyed"), ("happiness", "cheerful"), ("pride", "full of pride")])
def test_labels_are_known_by_their_names(label: str, text: str) -> None:
    assert re.search(words_for(label), text, re.IGNORECASE)
    assert not re.search(words_for(label), "the voice is flat", re.IGNORECASE)


def test_a_level_names_its_group_where_a_word_can() -> None:
    assert re.search(own_group("Scottish") or "", "a Scottish accent")
    assert re.search(own_group("F") or "", "an angry woman")
    assert re.search(own_group("south_asian") or "", "a south asian man")
    assert own_group("(unsure") is not None
    assert [own_group(level) for level in ("unknown", "40+", "18-39", "75 and over", "X")] == [None] * 5


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Her voice trembles and she looks away.", True),
        ("anger", True),
        ("High pitch, raised brows, tense jaw, open mouth, wide eyes", True),
        ("Die Stimme zittert und der Blick ist gesenkt, sie wirkt traurig.", False),
        ("La voz tiembla y los ojos están bajos, por eso parece triste.", False),
        ("Sa voix tremble et les yeux sont baissés, elle est triste.", False),
        ("De stem is hoog en de ogen van het gezicht zijn groot.", False),
        ("她的声音在颤抖，所以我认为她很伤心。", False),
        ("Её голос дрожит, поэтому она грустит.", False),
        ("... !?", False),
    ],
)
def test_english_is_told_from_what_is_not(text: str, read: bool) -> None:
    assert read_as_english(pa.array([text])).to_pylist() == [read]


def test_missing_texts_stay_missing() -> None:
    assert read_as_english(pa.array([None], pa.string())).to_pylist() == [None]


def test_the_longest_phrase_wins() -> None:
    assert re.findall(pattern_of(["over", "over emotional"]), "over-emotional") == ["over-emotional"]
