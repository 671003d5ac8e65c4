from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affidavit.conditions import Condition
from affidavit.interventions import intervention
from affidavit.interventions import words as words_module
from affidavit.interventions.transcripts import NO_RATIONALE, POINTS_TO_NOTHING, rewritten
from affidavit.interventions.words import counted, inserted, only, ranked, without, word_spans
from affidavit.utterances import Cue, Judgement

TEXT = "There is nothing left to wait for, don't you see?"
WORDS = ["There", "is", "nothing", "left", "to", "wait", "for", "don't", "you", "see"]


def says(rationale: str | None, *cues: Cue) -> Judgement:
    return Judgement(label="joy", rationale=rationale, cues=cues)


def shown(condition: str, text: str = TEXT, answer: Judgement | None = None, seed: int = 0) -> tuple[str, str | None]:
    found = intervention(Condition.parse(condition))
    assert found is not None
    return rewritten(text, found, utterance_id="u1", answer=answer, seed=seed)


def words(text: str) -> list[str]:
    return [text[start:end] for start, end in word_spans(text)]


def test_words_are_runs_of_letters_and_single_chinese_characters() -> None:
    assert words(TEXT) == WORDS
    assert words("我很难过, ok?") == ["我", "很", "难", "过", "ok"]
    assert words("-- ... !") == []


def ranked_slowly(text: str, quotes: list[list[str]]) -> list[int]:
    said = [word.casefold() for word in words(text)]
    quoted = {
        i + k
        for quote in quotes
        for i in range(len(said) - len(quote) + 1)
        if said[i : i + len(quote)] == quote
        for k in range(len(quote))
    }
    return sorted(range(len(said)), key=lambda i: (min(abs(i - j) for j in quoted), i)) if quoted else []


@pytest.mark.parametrize(
    ("rationale", "quotes"),
    [
        ('Sadness. The words "nothing left" tell it.', [["nothing", "left"]]),
        ("She says \u201cNothing LEFT\u201d and \u2018wait\u2019.", [["nothing", "left"], ["wait"]]),
        ('The words "is" and "Don\u2019t you" and "unheard of".', [["is"], ["don't", "you"]]),
        ("It is 'to wait for' that tells it, isn't it.", [["to", "wait", "for"]]),
    ],
)
def test_quoted_words_come_first_then_their_neighbours(rationale: str, quotes: list[list[str]]) -> None:
    assert list(ranked(TEXT, says(rationale))) == ranked_slowly(TEXT, quotes)


def test_cues_of_the_text_are_looked_up_and_those_of_the_voice_are_not() -> None:
    text, voice = Cue(modality="text", quote="wait for"), Cue(modality="audio", quote="wait for")
    assert ranked(TEXT, says("Sadness.", text))[:2] == (5, 6)
    assert ranked(TEXT, says("Sadness.", voice)) == ()


def test_chinese_quotes_are_found() -> None:
    assert ranked("我真的很难过", says("她说“很难过”。"))[:3] == (3, 4, 5)


@pytest.mark.parametrize(
    "rationale", ["", "Joy. The voice is high.", '"" " "', '"unheard"', "<i>" * 50_000, '"a" ' * 50_000, "\x00"]
)
def test_who_quotes_nothing_of_the_transcript_ranks_nothing(rationale: str) -> None:
    assert ranked(TEXT, says(rationale)) == ()
    assert shown("T/without-rationale=20%", answer=says(rationale)) == (TEXT, POINTS_TO_NOTHING)


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=20))
def test_any_texts_are_ranked_whole_or_not_at_all(text: str, rationale: str, quote: str) -> None:
    order = ranked(text, says(f'{rationale} "{quote}"', Cue(modality="text", quote=text[2:9])))
    assert not order or sorted(order) == list(range(len(word_spans(text))))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("मैं बहुत दुखी हूँ।", ["मैं", "बहुत", "दुखी", "हूँ"]),
        ("أَنَا حَزِينٌ جِدًّا", ["أَنَا", "حَزِينٌ", "جِدًّا"]),
        ("cafe\u0301 naïve", ["cafe\u0301", "naïve"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("真的 ok", ["真", "的", "ok"]),
    ],
    ids=["Hindi", "Arabic with vowels", "decomposed", "Persian", "Chinese"],
)
def test_vowel_signs_and_accents_are_no_ends_of_words(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in word_spans(text)] == expected
    assert only(text, set(range(len(expected)))) == " ".join(expected)


@pytest.mark.parametrize("mark", ["\u201c", "\u201e", "\u300c", "\u300e", "\u00ab", "\u2018"])
def test_a_row_of_opening_marks_is_read_once(mark: str) -> None:
    """No timing: each opening mark ends the reading that began at the one before it."""
    for match in (words_module._QUOTED.search(mark * 50 + "a" * 50), words_module._QUOTED.search(mark * 50)):
        assert match is None
    closing = {"\u201c": "\u201d", "\u201e": "\u201c", "\u300c": "\u300d", "\u300e": "\u300f", "\u00ab": "\u00bb"}
    ended = mark * 3 + "nothing left" + closing.get(mark, "\u2019")
    found = words_module._QUOTED.search(ended)
    assert found is not None
    assert found.group()[1:-1] == "nothing left"


def test_without_a_rationale_nothing_is_ranked() -> None:
    for answer in (None, says(None)):
        assert shown("T/only-rationale=20%", answer=answer) == (TEXT, NO_RATIONALE)


def test_erasing_and_keeping_by_the_rationale() -> None:
    answer = says('The words "nothing left".')
    assert shown("T/without-rationale=20%", answer=answer) == ("There is to wait for, don't you see?", None)
    assert shown("T/only-rationale=20%", answer=answer) == ("nothing left", None)
    assert shown("T/only-rationale=0%") == ("", None)
    assert shown("T/without-rationale=50%", text="left", answer=says('"left"')) == ("", None)


@given(st.text(max_size=60), st.sets(st.integers(min_value=0, max_value=30)))
def test_what_is_erased_and_what_is_kept_are_all_the_words(text: str, places: set[int]) -> None:
    spans = word_spans(text)
    chosen = {place for place in places if place < len(spans)}
    kept = [text[slice(*spans[i])] for i in range(len(spans)) if i in chosen]
    assert only(text, chosen) == " ".join(kept)
    left = without(text, chosen)
    assert sum(map(len, words(left))) == sum(len(text[slice(*spans[i])]) for i in set(range(len(spans))) - chosen)


@given(st.integers(min_value=0, max_value=500), st.floats(min_value=0, max_value=0.999))
def test_a_share_is_of_at_least_one_word(n_words: int, share: float) -> None:
    size = counted(n_words, share)
    assert 0 <= size <= n_words
    assert (size == 0) == (share == 0 or n_words == 0)
    assert size < n_words or n_words <= 1


def test_random_erasure_takes_as_many_words_each_as_likely() -> None:
    answer = says('"nothing left"')
    taken: Counter[str] = Counter()
    for seed in range(600):
        text, because = shown("T/without-random=20%", seed=seed)
        assert because is None
        taken.update(set(WORDS) - set(words(text)))
    assert len(words(shown("T/without-rationale=20%", answer=answer)[0])) == len(WORDS) - 2
    assert sum(taken.values()) == 1200
    assert max(abs(taken[word] - 120) for word in WORDS) < 5 * np.sqrt(120 * 0.8)


def test_more_erased_at_random_is_a_larger_part_of_the_same() -> None:
    few, many = (set(words(shown(f"T/without-random={size}%")[0])) for size in (20, 50))
    assert many < few


def test_a_word_is_put_in_at_any_place() -> None:
    rng = np.random.default_rng(0)
    found = Counter(words(inserted(TEXT, "very tired", rng)).index("very") for _ in range(1100))
    assert set(found) == set(range(len(WORDS) + 1))
    assert all(abs(count - 100) < 5 * np.sqrt(100) for count in found.values())
    assert inserted("", "tired", rng).strip() == "tired"
    text, _ = shown("T/insert=very_tired")
    assert sorted(words(text)) == sorted([*WORDS, "very", "tired"])


def test_what_is_drawn_repeats_and_hangs_on_the_seed() -> None:
    assert shown("T/insert=tired") == shown("T/insert=tired")
    assert len({shown("T/insert=tired", seed=seed)[0] for seed in range(40)}) > 5


def test_a_hint_is_an_aside() -> None:
    assert shown("T/hint=joy") == (f"(I think the answer is joy.) {TEXT}", None)


def test_a_very_long_transcript_is_ranked() -> None:
    text = "word " * 100_000 + "nothing left"
    assert ranked(text, says('"nothing left"'))[:3] == (100_000, 100_001, 99_999)
