"""The open list of emotion words: each form in one place, in both languages, and lists of one's own are checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml

from affidavit.errors import TableError
from affidavit.lexicons.open_emotions import tokens as tokens_module
from affidavit.lexicons.open_emotions.labels import label_forms, read_labels
from affidavit.lexicons.open_emotions.lexicon import EmotionLexicon, Level, load_lexicon, open_emotions
from affidavit.lexicons.open_emotions.tokens import PAUSE, STOP, Vocabulary

FILE = Path(tokens_module.__file__).with_name("emotions.yaml")
MAFW = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
MAFW += ("contempt", "anxiety", "helplessness", "disappointment")
DFEW = ("happy", "sad", "neutral", "angry", "surprise", "disgust", "fear")


@pytest.fixture(scope="module")
def lexicon() -> EmotionLexicon:
    return open_emotions()


def test_there_are_several_hundred_words_of_each_language(lexicon: EmotionLexicon) -> None:
    by_language = {language: sum(word.language == language for word in lexicon.words) for language in ("en", "zh")}
    assert by_language["en"] >= 400
    assert by_language["zh"] >= 500
    assert lexicon.licence == "Apache-2.0"


def test_every_form_stands_in_one_place_as_a_plain_reading_of_the_file_finds() -> None:
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    seen: list[str] = []
    for cluster in document["clusters"].values():
        for group in cluster["groups"].values():
            assert group["en"]
            assert group["zh"]
            seen += [form.strip() for line in (*group["en"], *group["zh"]) for form in line.split(",")]
    assert len(seen) == len(set(seen)) == len(open_emotions().index)


@pytest.mark.parametrize(
    ("form", "place", "valence"),
    [
        ("Happily", "joy/happiness", 1),
        ("FURIOUS", "anger/anger", -1),
        ("fed  up", "anger/annoyance", -1),
        ("astonishment", "surprise/surprise", 0),
        ("worried", "anxiety/worry", -1),
        ("stoic", "neutral/neutral", 0),
        ("scornful", "contempt/contempt", -1),
        ("remorse", "guilt/guilt", -1),
        ("affection", "love/affection", 1),
        ("curious", "interest/interest", 1),
        ("高兴", "joy/happiness", 1),
        ("憤怒", "anger/anger", -1),
        ("悲傷", "sadness/sadness", -1),
        ("驚訝", "surprise/surprise", 0),
        ("恐懼", "fear/fear", -1),
        ("無奈", "sadness/helplessness", -1),
        ("厭惡", "disgust/disgust", -1),
    ],
)
def test_a_form_leads_to_its_word(lexicon: EmotionLexicon, form: str, place: str, valence: int) -> None:
    word = lexicon.word(form)
    assert word is not None
    assert word.at(Level.GROUP) == place
    assert word.at(Level.CLUSTER) == place.split("/")[0]
    assert word.valence == valence


@pytest.mark.parametrize(
    "word", ["content", "respect", "composed", "patient", "like", "blue", "low", "flat", "tone", "烦", "乐", "爱"]
)
def test_words_that_rationales_use_for_something_else_are_left_out(lexicon: EmotionLexicon, word: str) -> None:
    assert lexicon.word(word) is None


def test_words_with_a_second_choice_name_it(lexicon: EmotionLexicon) -> None:
    ambiguous = [word for word in lexicon.words if word.alternatives]
    assert 0.03 < len(ambiguous) / len(lexicon.words) < 0.3
    assert all(word.at(Level.GROUP) not in word.alternatives for word in ambiguous)
    upset = lexicon.word("upset")
    assert upset is not None
    assert upset.alternatives == ("anger/annoyance",)
    assert {"upset", "upsets"} <= lexicon.ambiguous_forms()


def test_every_cluster_is_named_by_one_of_its_own_words(lexicon: EmotionLexicon) -> None:
    for cluster in lexicon.heads:
        word = lexicon.word(cluster)
        assert word is not None
        assert word.cluster == cluster


@pytest.mark.parametrize("labels", [MAFW, DFEW, ("ang", "hap", "exc", "sad", "fru", "neu", "fea", "sur", "dis")])
def test_the_labels_of_corpora_are_known_and_told_apart(lexicon: EmotionLexicon, labels: tuple[str, ...]) -> None:
    reading = read_labels(lexicon, labels)
    assert reading.unknown == ()
    for i, word in enumerate(reading.meant):
        assert word is not None
        assert reading.direct[lexicon.index[word.base]] == i


@pytest.mark.parametrize(
    ("labels", "form", "direct", "proxy"),
    [
        (MAFW, "disappointed", "disappointment", None),
        (MAFW, "lonely", "sadness", None),  # of several labels in the cluster, the one its name means
        (DFEW, "disappointed", "sad", None),
        (DFEW, "anxious", None, "fear"),
        (("angry", "worried"), "afraid", None, "worried"),
        (DFEW, "curious", None, None),
        (("happy", "happiness", "sad"), "glad", None, None),  # two labels for one group: nobody can say which
        (("hap", "exc"), "thrilled", "exc", None),
        (("frustration", "resentment"), "furious", None, None),  # two labels, neither of which the cluster is named for
        (DFEW, "平静", "neutral", None),
        (DFEW, "calm", None, "neutral"),
    ],
)
def test_a_word_speaks_for_a_label(
    lexicon: EmotionLexicon, labels: tuple[str, ...], form: str, direct: str | None, proxy: str | None
) -> None:
    reading = read_labels(lexicon, labels)
    place = lexicon.index[form]
    found = [None if i < 0 else labels[i] for i in (reading.direct[place], reading.proxy[place])]
    assert found == [direct, proxy]


def test_a_label_without_a_word_is_known_by_what_the_user_says_it_means(lexicon: EmotionLexicon) -> None:
    assert read_labels(lexicon, ["x1", "other"]).unknown == ("x1", "other")
    told = read_labels(lexicon, ["x1"], meanings={"x1": "anger"})
    assert told.direct[lexicon.index["furious"]] == 0


def test_label_forms_give_the_label_away_in_both_languages(lexicon: EmotionLexicon) -> None:
    forms = label_forms(lexicon, read_labels(lexicon, ["joy", "other_state"]))
    assert {"joy", "joyful", "happy", "高兴", "other state"} <= forms
    assert not {"delighted", "excited", "兴奋"} & forms


# lists of one's own -------------------------------------------------------------------------------------------------


def _document() -> dict[str, Any]:
    return {
        "version": "7",
        "licence": "mine",
        "clusters": {
            "joy": {"groups": {"happiness": {"valence": 1, "en": ["Happy, happily"], "zh": ["高兴"]}}},
            "fear": {"nearest": "joy", "groups": {"dread": {"valence": -1, "en": ["dread", "fed up"]}}},
        },
        "alternatives": {"dread": ["joy/happiness"]},
        "labels": {"d": "dread"},
    }


def _load(tmp_path: Path, document: object) -> EmotionLexicon:
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_lexicon(path)


def test_a_list_of_ones_own_is_read_alike(tmp_path: Path) -> None:
    own = _load(tmp_path, _document())
    assert own.mapping(Level.WORD) == {
        "happy": "happy",
        "happily": "happy",
        "高兴": "高兴",
        "dread": "dread",
        "fed up": "fed up",
    }
    assert own.nearest == {"fear": "joy"}
    assert own.heads == {"joy": "happiness", "fear": "dread"}
    assert own.digest != open_emotions().digest
    assert own.digest == _load(tmp_path, _document()).digest


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("clusters", "fear", "groups", "dread", "en"), ["happily"], "'happily' stands in joy/happiness and in fear"),
        (("clusters", "fear", "groups", "dread", "en"), ["dread!"], "not letters alone"),
        (("clusters", "fear", "groups", "dread", "en"), ["dread,,"], "not letters alone"),
        (("clusters", "fear", "groups", "dread", "en"), [], "at least one word"),
        (("clusters", "fear", "groups", "dread", "valence"), 2, "valence"),
        (("clusters", "fear", "nearest"), "fear", "nearest cluster 'fear' is not another"),
        (("alternatives",), {"happily": ["fear/dread"]}, "'happily' is not the base of a word"),
        (("alternatives",), {"dread": ["fear/dread"]}, "not another place"),
        (("labels",), {"d": "doom"}, "'doom', which is not a form"),
        (("colour",), "blue", "colour: unknown key"),
        (("clusters",), {}, "clusters"),
    ],
)
def test_what_breaks_the_layout_is_said(tmp_path: Path, path: tuple[str, ...], value: object, said: str) -> None:
    document = _document()
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(TableError) as caught:
        _load(tmp_path, document)
    assert said in str(caught.value)
    assert "own.yaml" in str(caught.value)
    assert "remedy" in str(caught.value)


@pytest.mark.parametrize("document", [None, [], "text", {"version": "1"}])
def test_another_document_is_refused(tmp_path: Path, document: object) -> None:
    with pytest.raises(TableError, match="not a list of emotion words"):
        _load(tmp_path, document)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such file"):
        load_lexicon(tmp_path / "none.yaml")


# tokens -------------------------------------------------------------------------------------------------------------

CODES = {"sad": 0, "fed up": 1, "up": 2, "fed up with": 3, "不高兴": 4, "高兴": 5, STOP: 6, PAUSE: 7, "not": 8}
WORDS = Vocabulary(codes=CODES, passed_over=frozenset({"音高兴趣"}))


def _slow(text: str) -> list[tuple[int, int]]:
    """Return position and code, reading one character after the other."""
    cut: list[tuple[str, int]] = []
    chinese = sorted([*(w for w in CODES if not w.isascii()), *WORDS.passed_over], key=len, reverse=True)
    at, text = 0, text.lower().replace("n't", " not ")
    while at < len(text):
        found = next((w for w in chinese if text.startswith(w, at)), None)
        if found:
            cut.append((found, len(found)))
            at += len(found)
        elif text[at] in ".!;":
            if not cut or cut[-1] != (STOP, 1) or text[at - 1] not in ".!;":
                cut.append((STOP, 1))
            at += 1
        elif text[at] == ",":
            if text[at - 1 : at] != ",":
                cut.append((PAUSE, 1))
            at += 1
        elif text[at].isascii() and text[at].isalpha():
            end = at
            while end < len(text) and text[end].isascii() and text[end].isalpha():
                end += 1
            cut.append((text[at:end], 1))
            at = end
        else:
            cut += [(text[at], 1)] if text[at].isalpha() else []
            at += 1
    return _phrases(cut)


def _phrases(cut: list[tuple[str, int]]) -> list[tuple[int, int]]:
    found, at, position = [], 0, 0
    while at < len(cut):
        longest = max(
            (n for n in range(1, 4) if " ".join(word for word, _ in cut[at : at + n]) in CODES and at + n <= len(cut)),
            default=0,
        )
        if longest:
            found.append((position, CODES[" ".join(word for word, _ in cut[at : at + longest])]))
        step = max(longest, 1)
        position += sum(length for _, length in cut[at : at + step])
        at += step
    return found


def _random_texts(n: int) -> list[str]:
    rng = np.random.default_rng(5)
    parts = [
        "sad ",
        "fed ",
        "up ",
        "with ",
        "Sad",
        " fed-up ",
        "高兴",
        "不",
        "音高兴趣",
        "他",
        "，",
        ". ",
        "; ",
        " ",
        "don't ",
    ]
    return ["".join(rng.choice(parts, size=rng.integers(0, 14))).replace("，", ",") for _ in range(n)]


def test_words_are_found_where_a_slow_reader_finds_them() -> None:
    texts = _random_texts(400)
    found = WORDS.find(pa.array(texts))
    for row, text in enumerate(texts):
        mine = found.row == row
        position = found.position[mine]
        slow = _slow(text)
        assert found.code[mine].tolist() == [code for _, code in slow], text
        assert np.diff(position).tolist() == np.diff([p for p, _ in slow]).tolist(), text


def test_blocks_chunks_and_nulls_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str | None] = [None, "", *_random_texts(60), None]
    whole = WORDS.find(pa.array(texts))
    monkeypatch.setattr(tokens_module, "BLOCK_BYTES", 50)
    cut = WORDS.find(pa.chunked_array([texts[:7], [], texts[7:]], type=pa.string()))
    assert whole.row.tolist() == cut.row.tolist()
    assert whole.code.tolist() == cut.code.tolist()
    assert len(WORDS.find(pa.array([], pa.string())).row) == 0
    assert len(WORDS.find(pa.array([None], pa.string())).row) == 0


def test_wide_letters_and_old_spellings_are_read() -> None:
    vocabulary = Vocabulary(codes=open_emotions().index)
    found = vocabulary.find(pa.array(["ＡＮＧＲＹ", "very生气的", "fed-up", "sandwich crusade"]))
    assert found.row.tolist() == [0, 1, 2]
