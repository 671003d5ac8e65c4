"""The built-in judge hears what a rationale ends on, in English and Chinese, and abstains where it cannot."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from affidavit.lexicons.open_emotions.lexicon import open_emotions
from faithfulness.conclusions.cleaning import reasoning_of
from faithfulness.conclusions.judge import ABSTAINED, LexiconJudge, Outcome
from faithfulness.conclusions.markers import Marker
from faithfulness.conclusions.masking import masked
from faithfulness.conclusions.scope import NEXT, REACH, Ending, Events, endings

LABELS = ("anger", "anxiety", "joy", "sadness", "neutral", "surprise", "fear", "disgust", "contempt")


def _said(text: str | None, judge: LexiconJudge | None = None, labels: tuple[str, ...] = LABELS) -> str:
    found = (judge or LexiconJudge()).conclude(pa.array([text], pa.string()), labels)
    label, outcome = int(found.label[0]), Outcome(int(found.outcome[0]))
    assert (label >= 0) == (outcome is Outcome.CONCLUDED)
    return labels[label] if label >= 0 else outcome.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The voice shakes; she is furious.", "anger"),
        ("not angry but sad", "sadness"),
        ("looks happy but actually anxious", "anxiety"),
        ("He looks happy but he is not.", "TAKEN_BACK"),
        ("She is not angry at all.", "TAKEN_BACK"),
        ("He doesn’t look happy.", "TAKEN_BACK"),
        ("far from happy", "TAKEN_BACK"),
        ("He is angry rather than sad.", "anger"),
        ("No sign of anger or fear; the voice is sad.", "sadness"),
        ("Neither sad nor angry - just neutral.", "neutral"),
        ("I don't think she is angry. I think she is scared.", "fear"),
        ("typical of fear, not surprise", "fear"),
        ("He cannot hide his anger.", "anger"),
        ("Not only angry, but disgusted.", "disgust"),
        ("no doubt she is furious", "anger"),
        ("nothing but contempt", "contempt"),
        ("She does not smile because she is sad.", "sadness"),
        ("Although she seems happy, she is anxious.", "anxiety"),
        ("She is anxious, although she looks happy.", "anxiety"),
        ("While the words are cheerful, the face shows anger.", "anger"),
        ("The words are neutral, while the face shows anger.", "anger"),
        ("Surprise, then anger.", "anger"),
        ("Anger at first. At the end he is sad.", "sadness"),
        ("Therefore the emotion is sadness. The transcript mentions a happy holiday.", "sadness"),
        ("A mix of surprise and joy.", "TIED"),
        ("A mix of surprise and joy, mainly joy.", "joy"),
        ("The dominant emotion is sadness with a trace of fear.", "sadness"),
        ("The face is calm, the voice angry.", "anger"),
        ("she is calm", "neutral"),
        ("She is interested.", "OUTSIDE"),
        ("The speech content is about food.", "SILENT"),
        ("She is **fed up** with it", "anger"),
        ("ＡＮＧＲＹ!!!", "anger"),
    ],
)
def test_english(text: str, expected: str) -> None:
    assert _said(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("他很生气。", "anger"),
        ("她不高兴。", "sadness"),
        ("她并不是愤怒，而是悲伤。", "sadness"),
        ("看起来很高兴，但其实很焦虑。", "anxiety"),
        ("没有表现出愤怒、恐惧或厌恶。", "TAKEN_BACK"),
        ("他没有生气，只是有点失望。", "sadness"),
        ("与其说是愤怒，不如说是悲伤。", "sadness"),
        ("他不仅愤怒而且厌恶", "TIED"),
        ("虽然她面带微笑显得高兴，她感到难过", "sadness"),
        ("難掩憤怒", "anger"),
        ("因此，可以判断他的情绪是惊讶。虽然台词提到快乐。", "surprise"),
        ("背景音乐很响。", "SILENT"),
        ("她对此很好奇。", "OUTSIDE"),
        ("她先是惊讶，随后变得愤怒。", "anger"),
        ("She is very 生气 today", "anger"),
    ],
)
def test_chinese_and_mixed(text: str, expected: str) -> None:
    assert _said(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "EMPTY"),
        ("", "EMPTY"),
        (" \n\t", "EMPTY"),
        ("?!...", "EMPTY"),
        ('"I am so happy"', "EMPTY"),
        ("<answer>anger</answer>", "EMPTY"),
        ("<b></b>&nbsp;", "EMPTY"),
        ('He said "I am so happy" with a trembling voice.', "SILENT"),
        ("「我很高兴」他说，声音颤抖。", "SILENT"),
        ("他说“我很高兴”，声音颤抖，情绪是“悲伤”。", "sadness"),
        ('The label is "anger".', "anger"),
        ("<think>The face is sad</think><answer>anger</answer>", "sadness"),
        ("<think>The face is sad</think><answer>anger", "sadness"),
        ('<p class="joy">She is <i>sad</i></p>', "sadness"),
        ("Die Frau ist traurig und der Mann ist nicht surprise", "UNREADABLE"),
        ("La mujer está triste y no puede hablar con la voz.", "UNREADABLE"),
        ("Она злится", "UNREADABLE"),
        ("怒っているように見えますが、不安です", "UNREADABLE"),
        ("슬퍼 보인다", "UNREADABLE"),
    ],
)
def test_what_is_no_reasoning_is_told_apart(text: str | None, expected: str) -> None:
    assert _said(text) == expected


def test_a_label_that_is_no_emotion_word_counts_where_it_stands() -> None:
    assert _said("I would file it under other state.", labels=("other_state", "joy")) == "other_state"
    assert _said("It is class 3b.", labels=("joy",)) == "SILENT"
    assert _said("She is angry.", labels=()) == "OUTSIDE"
    assert _said("She is angry.", LexiconJudge(meanings={"x": "anger"}), ("x", "y")) == "x"


def test_a_proxy_is_a_conclusion_that_is_marked() -> None:
    found = LexiconJudge().conclude(pa.array(["She is anxious.", "She is afraid."]), ["fear", "joy"])
    assert found.label.tolist() == [0, 0]
    assert found.proxy.tolist() == [True, False]


def test_masking_hides_the_labels_own_words_and_no_others() -> None:
    judge = LexiconJudge(masked=True)
    assert _said("She is angry, angrily so; 愤怒", judge) == "SILENT"
    assert _said("She is furious.", judge) == "anger"
    assert _said("其实他很恼火", judge) == "anger"
    assert _said("I would file it under other state.", judge, ("other_state", "joy")) == "SILENT"
    assert judge.name != LexiconJudge().name


def test_masked_texts_hold_no_word_of_a_label() -> None:
    texts = ["Angry, ANGRILY, fed up; sadly", "他很愤怒也很高兴", None]
    assert masked(pa.array(texts), ["anger", "sad"], open_emotions()).to_pylist() == [
        "[...], [...], fed up; [...]",
        "他很[...]也很高兴",
        None,
    ]


def test_judging_is_blind_to_order_and_company() -> None:
    texts = ["not angry but sad", None, "他很生气。", "", "A mix of surprise and joy.", "Not"] * 7
    together = LexiconJudge().conclude(pa.array(texts), LABELS)
    apart = [_said(text) for text in texts]
    names = [
        LABELS[i] if i >= 0 else Outcome(int(o)).name for i, o in zip(together.label, together.outcome, strict=True)
    ]
    assert names == apart
    assert sum(together.counts().values()) == len(texts)
    chunked = LexiconJudge().conclude(pa.chunked_array([texts[:5], texts[5:]]), LABELS)
    assert chunked.label.tolist() == together.label.tolist()
    coded = LexiconJudge().conclude(pa.array(texts).dictionary_encode(), LABELS)
    assert coded.label.tolist() == together.label.tolist()
    assert LexiconJudge().conclude(pa.array([None, None]), LABELS).counts()["empty"] == 2
    empty = LexiconJudge().conclude(pa.array([], pa.string()), LABELS)
    assert len(empty.label) == 0


def test_label_names_in_another_order_change_nothing() -> None:
    texts = pa.array(["not angry but sad", "calm", "A mix of surprise and joy.", "She fears it"])
    one, other = (LexiconJudge().conclude(texts, labels) for labels in (LABELS, LABELS[::-1]))
    assert [LABELS[i] for i in one.label if i >= 0] == [LABELS[::-1][i] for i in other.label if i >= 0]
    assert one.outcome.tolist() == other.outcome.tolist()


def test_an_abstention_is_never_neutral() -> None:
    texts = [None, "", "The voice is low.", "Not angry.", "A mix of surprise and joy.", "Она злится", "She is curious."]
    found = LexiconJudge().conclude(pa.array(texts), LABELS)
    assert set(found.label.tolist()) == {ABSTAINED}
    assert Outcome.CONCLUDED not in found.outcome


def test_planted_conclusions_are_found_behind_distracting_cues() -> None:
    """The last sentence concludes; the sentences before it name other emotions."""
    rng = np.random.default_rng(3)
    words = {"anger": "furious", "joy": "delighted", "sadness": "tearful", "fear": "terrified", "surprise": "stunned"}
    labels = tuple(words)
    openings = ("At first he seems {}.", "The words are {}, the pace is slow.", "他看起来{}。", 'He says "I am {}".')
    truth = rng.integers(len(labels), size=300)
    texts = [
        " ".join(opening.format(words[labels[rng.integers(len(labels))]]) for opening in rng.permutation(openings))
        + f" In conclusion, he is {words[labels[k]]}, not {words[labels[(k + 1) % len(labels)]]}."
        for k in truth
    ]
    assert LexiconJudge().conclude(pa.array(texts), labels).label.tolist() == truth.tolist()


@pytest.mark.parametrize(
    "piece",
    ["he is angry. ", "not ", '"', "<", "“", "‘a’b", "不", "angry ", "<answer>", 'is "', "but ", "\u200b", "&a;"],
)
def test_a_megabyte_of_anything_is_judged(piece: str) -> None:
    text = piece * (2**20 // len(piece.encode()))
    found = LexiconJudge().conclude(pa.array([text, "She is sad."]), LABELS)
    assert found.label[1] == LABELS.index("sadness")
    assert len(found.label) == 2


def test_cleaning_keeps_rows_apart() -> None:
    texts = ['An open "quotation', "is sad", "<answer> open", None]
    cleaned = [" ".join(text.split()) for text in reasoning_of(pa.array(texts)).to_pylist()]
    assert cleaned == ["an open", "is sad", "", ""]


# the twin ------------------------------------------------------------------------------------------------------------


def _random_events(rng: np.random.Generator, n_rows: int, n_labels: int) -> Events:
    rows: list[tuple[int, int, int, int, int]] = []
    position = 0
    emotions = [-1] * 8
    for row in range(n_rows):
        for step in range(int(rng.integers(1, 25))):
            marker = int(Marker.STOP if step == 0 else rng.choice([*emotions, *range(int(Marker.SEEMS) + 1)]))
            label = int(rng.integers(-1, n_labels)) if marker < 0 else -1
            rows.append((row, position, marker, label, int(rng.integers(3))))
            position += int(rng.integers(1, 5))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Events(row=columns[0], position=columns[1], marker=columns[2], label=columns[3], rank=columns[4])


def _slow_endings(events: Events, n_rows: int) -> list[tuple[int, bool, bool, bool, bool]]:
    """Return label, proxy, tied, asserted and named of each row, by looking around every emotion."""
    rows = [np.flatnonzero(events.row == row) for row in range(n_rows)]
    return [_slow_ending([_event(events, i) for i in row]) for row in rows]


def _event(events: Events, i: int) -> tuple[int, int, int, int]:
    return int(events.position[i]), int(events.marker[i]), int(events.label[i]), int(events.rank[i])


def _slow_ending(row: list[tuple[int, int, int, int]]) -> tuple[int, bool, bool, bool, bool]:
    emotions = [i for i, (_, marker, _, _) in enumerate(row) if marker < 0]
    asserted = [i for i in emotions if not _slow_taken_back(row, i)]
    candidates = [i for i in asserted if row[i][2] >= 0]
    if not candidates:
        return -1, False, False, bool(asserted), bool(emotions)
    last = max(_slow_segment(row, i) for i in candidates)
    candidates = [i for i in candidates if _slow_segment(row, i) == last]
    best = min(row[i][3] for i in candidates)
    candidates = [i for i in candidates if row[i][3] == best]
    labels = {row[i][2] for i in candidates}
    if len(labels) == 1:
        return labels.pop(), best == 2, False, True, True
    led = [i for i in candidates if _slow_led(row, i)]
    return (row[led[0]][2], best == 2, False, True, True) if led else (-1, False, True, True, True)


def _between(row: list[tuple[int, int, int, int]], start: int, end: int, *markers: Marker) -> bool:
    return any(row[k][1] in markers for k in range(start + 1, end))


def _slow_taken_back(row: list[tuple[int, int, int, int]], i: int) -> bool:
    ends = (Marker.STOP, Marker.PAUSE, Marker.TURNS)
    concessions = [
        k
        for k in range(i)
        if row[k][1] == Marker.CONCEDES
        or (row[k][1] == Marker.WHILE and row[k - 1][1] == Marker.STOP and row[k][0] - row[k - 1][0] <= 1)
    ]
    if any(not _between(row, k, i, *ends) for k in concessions):
        return True
    after = next((row[k][1] for k in range(i + 1, len(row)) if row[k][1] in (Marker.STOP, Marker.TURNS)), None)
    seen = [k for k in range(i) if row[k][1] == Marker.SEEMS and not _between(row, k, i, Marker.STOP, Marker.TURNS)]
    if seen and after == Marker.TURNS:
        return True
    negations = [k for k in range(i) if row[k][1] == Marker.NEGATES]
    if not negations or _between(row, negations[-1], i, *ends, Marker.FREES):
        return False
    start = negations[-1]
    if any(start < k < i for k in concessions):
        return False
    before = None
    for k in range(start + 1, i + 1):
        if row[k][1] < 0:
            in_reach = row[k][0] - row[start][0] <= REACH
            if not in_reach and (before is None or row[k][0] - row[before][0] > NEXT):
                return False
            before = k
    return True


def _slow_segment(row: list[tuple[int, int, int, int]], i: int) -> tuple[bool, int]:
    start = max(k for k in range(i) if row[k][1] == Marker.STOP)
    end = next((k for k in range(i, len(row)) if row[k][1] == Marker.STOP), len(row))
    sums_up = _between(row, start, end, Marker.CONCLUDES, Marker.HEADS)
    return sums_up, sum(row[k][1] in (Marker.STOP, Marker.TURNS) for k in range(i))


def _slow_led(row: list[tuple[int, int, int, int]], i: int) -> bool:
    start = max(k for k in range(i) if row[k][1] == Marker.STOP)
    return _between(row, start, i, Marker.LEADS, Marker.HEADS)


def _rows(ending: Ending) -> list[tuple[int, bool, bool, bool, bool]]:
    columns = (ending.label, ending.proxy, ending.tied, ending.asserted, ending.named)
    return [tuple(row) for row in zip(*(column.tolist() for column in columns), strict=True)]  # type: ignore[misc]


def test_endings_equal_those_of_a_reader_who_looks_around_every_emotion() -> None:
    rng = np.random.default_rng(11)
    events = _random_events(rng, n_rows=1500, n_labels=3)
    fast = _rows(endings(events, 1500))
    slow = _slow_endings(events, 1500)
    assert fast == slow
    seen = {(label >= 0, tied, asserted, named) for label, _, tied, asserted, named in slow}
    assert len(seen) >= 5  # all kinds of endings were among them


def test_rows_without_events_end_on_nothing() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    events = Events(row=nothing, position=nothing, marker=nothing, label=nothing, rank=nothing)
    assert _rows(endings(events, 2)) == [(-1, False, False, False, False)] * 2


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ('Anger. The words are the strongest evidence: "I am done". The voice and face stay neutral.', "anger"),
        ("The face is neutral, but the wording is full of joy.", "joy"),
        ("Sadness: flat pitch and low volume. The words and the face remain entirely neutral.", "sadness"),
        ("The voice and face stay neutral.", "neutral"),
        ("Her words, voice and face are neutral, so she is neutral.", "neutral"),
        ("The voice is neutral. The words say nothing.", "neutral"),
    ],
)
def test_a_modality_that_tells_nothing_is_no_conclusion(text: str, label: str) -> None:
    found = LexiconJudge().conclude(pa.array([text]), ("anger", "joy", "sadness", "neutral"))
    assert found.labels[found.label[0]] == label
