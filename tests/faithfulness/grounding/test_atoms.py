"""Reading rationales into atoms: what is stated, what is denied, what is only quoted, and texts that mean harm."""

from __future__ import annotations

import pytest

from affidavit.measured_cues import ASPECTS
from faithfulness.grounding.atoms import MOST_CHARACTERS, MOST_QUOTES, atoms_of
from faithfulness.grounding.transcripts import said_in, words_of
from faithfulness.grounding.vocabulary import vocabulary

CUES = vocabulary()


def read(text: str) -> tuple[set[str], set[str]]:
    told = atoms_of(text, CUES)
    return {CUES.entries[i].cue for i in told.stated}, {CUES.entries[i].cue for i in told.denied}


@pytest.mark.parametrize(
    ("text", "stated", "denied"),
    [
        ("Sadness, by AU1+AU15.", {"AU1", "AU15"}, set()),
        ("AUs 1, 4 and 15 are active; action unit 12 is not present.", {"AU1", "AU4", "AU15"}, {"AU12"}),
        ("The lip corner depressor and the inner brow raiser", {"AU15", "AU1"}, set()),
        ("lip corners pulled down (AU15)", {"AU15"}, set()),
        ("The corners of his mouth are turned down.", {"AU15"}, set()),
        ("lips pressed together (AU23)", {"AU23"}, set()),
        ("a raised inner brow, tightened lips and a downward gaze", {"AU1", "tight lips", "gaze down"}, set()),
        ("His brows are slightly raised", {"raised brows"}, set()),
        ("She smiles, then frowns.", {"AU12", "frown"}, set()),
        ("no AU15, but AU1", {"AU1"}, {"AU15"}),
        ("There is no smile and the eyebrows are not raised.", set(), {"AU12", "raised brows"}),
        ("not only smiling but leaning forward", {"AU12", "leaning forward"}, set()),
        ("the pitch is raised and the speech is fast", {"raised pitch", "fast speech"}, set()),
        ("flat pitch and low volume", {"flat pitch", "quiet voice"}, set()),
        ("a low, trembling voice", {"lowered voice", "trembling voice"}, set()),
        ("He did not raise his voice.", set(), {"raised voice"}),
        ("her voice is very soft and slow, with long pauses", {"quiet voice", "slow speech", "pauses"}, set()),
        ("The voice and face stay neutral.", {"even voice", "relaxed face"}, set()),
        ("The music is loud.", {"music"}, set()),
        ("no prior anger", set(), {"earlier anger"}),
        ("After fear in the turn before, nothing.", {"earlier fear"}, set()),
        ("他没有皱眉，嘴角下垂，声音低沉，语速缓慢。", {"AU15", "lowered pitch", "slow speech"}, {"AU4"}),
        ("AU15未出现，声音颤抖，背景中有音乐", {"trembling voice", "music"}, {"AU15"}),
        ("The words agree.", set(), set()),
        ("no smile and a lowered pitch", {"lowered pitch"}, {"AU12"}),
        ("He does not smile and speaks slowly.", {"slow speech"}, {"AU12"}),
        ("There is no smile and he does not frown", set(), {"AU12", "frown"}),
        ("no AU1 and AU4", set(), {"AU1", "AU4"}),
        ("He can no longer hide his frown and cannot suppress a smile", {"frown", "AU12"}, set()),
        ("There is no question that the brows are raised", {"raised brows"}, set()),
        ("AU12 (lip corner puller) is absent, AU1 is there", {"AU1"}, {"AU12"}),
        ("AU15: 0, AU4 = 0.0, AU1 = 0.8, AU2 (absent), AU5 inactive", {"AU1"}, {"AU15", "AU4", "AU2", "AU5"}),
    ],
)
def test_what_is_stated_and_what_is_denied(text: str, stated: set[str], denied: set[str]) -> None:
    assert read(text) == (stated, denied)


def test_a_quotation_is_no_cue_and_a_label_in_quotes_is_no_quotation() -> None:
    told = atoms_of('Her answer "sadness" fits: she says "he shouted at my smile" and never said "I am fine".', CUES)
    told_labels = atoms_of('The answer is "sadness".', CUES, labels=frozenset({"sadness"}))
    assert not told.stated
    assert [(" ".join(quote.words), quote.denied) for quote in told.quotes] == [
        ("sadness", False),
        ("he shouted at my smile", False),
        ("i am fine", True),
    ]
    assert told_labels.quotes == ()


def test_a_word_between_marks_is_the_writers_own_where_nobody_speaks() -> None:
    told = atoms_of('a "flat" voice, and "never," he says; the word "tears"; 声音“平淡”', CUES)
    assert {CUES.entries[i].cue for i in told.stated} == {"flat pitch"}
    assert [" ".join(quote.words) for quote in told.quotes] == ["never", "tears"]


def test_a_quotation_with_an_ellipsis_is_two() -> None:
    assert [" ".join(q.words) for q in atoms_of('"I am fine ... leave me"', CUES).quotes] == ["i am fine", "leave me"]


def test_what_nobody_could_check_is_counted_and_not_read() -> None:
    told = atoms_of("AU99 and AU77; in the background something moves.", CUES)
    assert not told.stated
    assert dict(zip(ASPECTS, told.unread, strict=True)) == {"face": 2, "tone": 0, "content": 0, "scene": 1}


def test_hedged_cues_count_and_are_counted() -> None:
    told = atoms_of("She might be smiling. The pitch is low.", CUES)
    assert len(told.stated) == 2
    assert told.hedged == 1


def test_markup_is_taken_away() -> None:
    assert read("<think><b>AU12</b> and **raised** brows</think> &quot;AU4&quot;") == (
        {"AU12", "raised brows", "AU4"},
        set(),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AU1+" * 30_000,
        "voice is " * 10_000,
        "smirk smile " * 5_000,
        "'" * 50_000,
        "<" * 50_000,
        "\u2018" * 50_000,
        "声音" * 30_000,
        "a" * 100_000,
        '"x" ' * 20_000,
        "\x00\ufffd\u202e AU12 \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    ],
    ids=str.__len__,
)
def test_hostile_texts_are_read_as_far_as_they_go(text: str) -> None:
    told = atoms_of(text, CUES)
    assert told.cut == (len(text) > MOST_CHARACTERS)
    assert len(told.quotes) <= MOST_QUOTES


def test_relations_between_cues_are_sound() -> None:
    assert len({entry.cue for entry in CUES.entries}) == len(CUES.entries)
    assert (CUES.akin == CUES.akin.T).all()
    same_aspect = CUES.aspect[:, None] == CUES.aspect[None, :]
    assert not ((CUES.covers | CUES.contrary) & ~same_aspect).any()
    assert not (CUES.contrary & CUES.akin).any()


@pytest.mark.parametrize(
    ("quote", "transcript", "found"),
    [
        ("I am fine", "Well, I'm... I am fine, doctor.", True),
        ("I AM FINE!", "i am fine", True),
        ("I am furious", "I am fine", False),
        ("it keeps me awake every night", "and it keeps me awake most nights, every one", False),
        ("it keeps me awake every night", "it keeps me up awake every night", True),
        ("我很好", "嗯，我很好。", True),
        ("我很好", "我不太好", False),
        ("fine", "", False),
    ],
)
def test_quotations_are_found_within_the_tolerance(quote: str, transcript: str, found: bool) -> None:
    assert said_in(words_of(quote), words_of(transcript)) is found
