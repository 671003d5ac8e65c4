"""Words, places and marks: by hand, and against slow twins."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.utterances import Cue, Utterance
from faithfulness.plausibility.marks import Marks
from faithfulness.plausibility.passages import Passage, mask, merged, passage_of, words_of
from faithfulness.plausibility.pointing import MOST_QUOTATIONS, pointed_at, quotations_of


def dialogue(*texts: str | None) -> Passage:
    return passage_of([Utterance(utterance_id=f"d-{i}", text=text) for i, text in enumerate(texts)])


def text_cue(quote: str, utterance_id: str | None = None) -> Cue:
    return Cue(modality="text", quote=quote, utterance_id=utterance_id)


def test_words_are_found_whatever_the_punctuation() -> None:
    passage = dialogue("Well , I passed !", "Did you? I passed too.")
    assert passage.words == ("well", "i", "passed", "did", "you", "i", "passed", "too")
    assert passage.find("I passed") == ((5, 7),), "the latest turn that has them"
    assert passage.find("well, I PASSED!") == ((0, 3),)
    assert passage.find("passed did") == (), "no quotation runs over two turns"
    assert passage.find("") == passage.find("...") == ()
    assert passage.find("I passed", turn=0) == ((1, 3),)


def test_chinese_is_read_character_by_character() -> None:
    assert [word for word, _, _ in words_of("他笑了, ok")] == ["他", "笑", "了", "ok"]
    assert dialogue("他笑了吗").find("笑了") == ((1, 3),)


def test_a_word_that_is_said_twice_is_two_places() -> None:
    assert dialogue("no no , really no").find("no") == ((0, 1), (1, 2), (3, 4))


def test_marks_lie_in_the_turn_that_they_name() -> None:
    passage = dialogue("I passed my test .", "You passed !")
    evidence, lost = passage.marked([text_cue("passed"), text_cue("passed", "d-0"), text_cue("passed", "d-9")])
    assert evidence == ((1, 2), (5, 6))
    assert lost == 1
    assert passage.marked([Cue(modality="audio", quote="passed")]) == ((), 0), "a voice is no words"
    assert passage.marked([text_cue("ssed my te", "d-0")])[0] == ((1, 4),), "a word that is touched is marked"
    assert passage.marked([text_cue("never said")]) == ((), 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Oh no . I lost it .", 2), ("... well. So", 1), ("no end", 2), ("", 0), (None, 0), ("?!", 0)],
)
def test_the_first_sentence(text: str | None, expected: int) -> None:
    found = dialogue("Before . That", text).first_sentence
    assert mask(found, 20).sum() == expected


def test_everything_is_every_word() -> None:
    passage = dialogue("one two", "", "three")
    assert passage.everything == ((0, 2), (2, 3))
    assert mask(passage.everything, 3).all()


def test_places_of_another_turn_are_carried_over() -> None:
    long, short = dialogue("a b c", "d e", "f g h i"), dialogue("x", "y z")
    assert short.at_the_places_of(((5, 7),), long) == ((1, 3),), "the same words of the judged turn"
    assert short.at_the_places_of(((8, 9),), long) == ((2, 3),), "a place beyond the end lies at the end"
    assert short.at_the_places_of(((4, 5),), long) == ((0, 1),), "one turn back"
    assert short.at_the_places_of(((0, 3),), long) == ((0, 1),), "before the first turn lies the first"
    assert long.at_the_places_of(((0, 1),), short) == ((3, 4),)
    assert dialogue("", "y").at_the_places_of(((0, 1),), long) == (), "a turn without words has no places"


def test_merged_places_are_the_same_words() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        starts = rng.integers(0, 20, 6)
        places = [(int(start), int(start + rng.integers(0, 5))) for start in starts]
        found = merged(places)
        expected = {word for start, end in places for word in range(start, end)}
        assert {word for start, end in found for word in range(start, end)} == expected
        assert all(one[1] <= other[0] for one, other in pairwise(found))


@pytest.mark.parametrize(
    ("rationale", "expected"),
    [
        ('The words say "I passed" now.', ["I passed"]),
        ("\u201cI passed\u201d and \u300c\u4ed6\u7b11\u4e86\u300d", ["I passed", "\u4ed6\u7b11\u4e86"]),
        ("<think>She says 'I passed', it's joy</think>", ["I passed"]),
        ('cut short "I passed', ["I passed"]),
        ('"" and "?!"', []),
        ("nothing is quoted", []),
        ("", []),
    ],
)
def test_quotations_are_read_in_any_marks(rationale: str, expected: list[str]) -> None:
    assert quotations_of(rationale) == expected


def test_what_nobody_said_is_counted() -> None:
    passage = dialogue("I passed my test", "Great !")
    found = pointed_at('She says "I passed" and "I failed".', [], passage)
    assert (found.evidence, found.quotations, found.misquotations) == (((0, 2),), 2, 1)


def test_cues_point_where_they_are_words_that_were_said() -> None:
    passage = dialogue("I passed my test")
    found = pointed_at("Joy.", ["my test", "the words are bright"], passage)
    assert (found.evidence, found.quotations) == (((2, 4),), 0)


@pytest.mark.parametrize(
    "rationale",
    ['"' * 10_001, '"a" ' * 10_000, "a" * 500_000, "<" * 50_000, '{"why": "I passed"}', "\x00\ud83d\ude00", "'" * 999],
)
def test_hostile_rationales_are_read_in_passing(rationale: str) -> None:
    found = pointed_at(rationale, [rationale], dialogue("I passed a test"))
    assert 0 <= found.misquotations <= found.quotations <= MOST_QUOTATIONS


def test_a_long_dialogue_is_cut_once_for_all_its_turns() -> None:
    turns = tuple(
        Utterance(
            utterance_id=f"d-{i}",
            dialogue_id="d",
            turn=i,
            text=f"Turn {i} was late .",
            label="anger",
            cues=(Cue(modality="text", quote="late", utterance_id=f"d-{max(i - 1, 0)}"),),
        )
        for i in range(400)
    )
    corpus = Corpus(name="c", utterances=turns, digest="sha256:0", licence="none", label_space=("anger",))
    marks = Marks(corpus=corpus)
    found = [marks.of(turn.utterance_id) for turn in turns]
    assert len({id(marked.passage.spoken) for marked in found if marked is not None}) == 1
    for i, marked in enumerate(found):
        assert marked is not None
        slow = passage_of(turns[: i + 1])
        assert (marked.passage.n_words, marked.passage.own) == (len(slow.words), slow.own)
        assert marked.passage.find("late") == slow.find("late") == ((4 * i + 3, 4 * i + 4),)
        assert marked.passage.find(f"turn {i + 1}") == (), "what comes later is not known yet"
        assert marked.evidence == ((4 * max(i - 1, 0) + 3, 4 * max(i - 1, 0) + 4),)
