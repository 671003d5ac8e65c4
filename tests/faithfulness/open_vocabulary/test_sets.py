"""Set metrics equal a slow twin and examples by hand; what is unknown, empty or listed without end is seen."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from affidavit.confusion import FloatArray
from affidavit.lexicons.open_emotions.lexicon import EmotionLexicon, Level, open_emotions
from faithfulness.open_vocabulary.extraction import WordRows, words_of_lists, words_of_texts
from faithfulness.open_vocabulary.mappings import SetMapping, by_grouping, by_lexicon, by_wheel, with_neutral
from faithfulness.open_vocabulary.sets import (
    COLUMNS,
    average_of_means,
    f_of_means,
    kept_by_all,
    set_statistics,
    set_sums,
)


@pytest.fixture(scope="module")
def lexicon() -> EmotionLexicon:
    return open_emotions()


def _lists(*rows: list[str] | None) -> WordRows:
    return words_of_lists(pa.array(list(rows), pa.list_(pa.string())))


def _values(sums: FloatArray) -> dict[str, float]:
    total = sums.sum(axis=0)
    return {s.name: float(s.value(total, total)) for s in set_statistics()}


def _column(sums: FloatArray, name: str) -> list[float]:
    return [float(x) for x in sums[:, COLUMNS.index(name)]]


# by hand -------------------------------------------------------------------------------------------------------------

TOY = SetMapping(
    name="toy",
    clusters={"happy": "joy", "glad": "joy", "mad": "anger", "sad": "sadness", "neutral": "neutral"},
    ambiguous=frozenset({"mad"}),
    neutral="neutral",
)


def test_an_example_by_hand() -> None:
    """Five rows: a match of synonyms; half of each; nothing predicted; gold unknown; no gold at all."""
    gold = _lists(["happy"], ["sad", "mad"], ["neutral"], ["nostalgic"], [])
    predicted = _lists(["glad", "glad"], ["sad", "happy", "wry"], [], ["sad"], ["sad"])
    sums = set_sums(gold, predicted, TOY)
    assert _column(sums, "precision") == [1, 1 / 2, 0, 0, 0]
    assert _column(sums, "precision_strict") == [1, 1 / 3, 0, 0, 0]
    assert _column(sums, "recall") == [1, 1 / 2, 0, 0, 0]
    assert _column(sums, "kept") == [1, 1, 1, 0, 0]
    assert _column(sums, "unmapped_gold") == [0, 0, 0, 1, 0]
    assert _column(sums, "no_gold") == [0, 0, 0, 0, 1]
    assert _column(sums, "empty_prediction") == [0, 0, 1, 0, 0]
    assert _column(sums, "neutral_gold") == [0, 0, 1, 0, 0]
    assert _column(sums, "predicted_unmapped") == [0, 1, 0, 0, 0]
    values = _values(sums)
    assert values["set_precision"] == pytest.approx(1.5 / 3)
    assert values["set_f1"] == pytest.approx(0.5)  # of the means, which are equal here
    assert values["set_f1_strict"] == pytest.approx(2 * (4 / 9) * 0.5 / (4 / 9 + 0.5))
    assert values["predicted_set_size"] == pytest.approx((1 + 2 + 0) / 3)
    assert values["out_of_vocabulary_rate"] == pytest.approx(1 / 4)
    assert values["gold_out_of_vocabulary_rate"] == pytest.approx(1 / 5)
    assert values["no_gold_rate"] == pytest.approx(1 / 5)
    assert values["exact_set_rate"] == pytest.approx(1 / 3)


def test_the_f_is_of_the_means_and_not_the_mean_of_fs() -> None:
    sums = set_sums(_lists(["happy"], ["sad", "mad"]), _lists(["happy", "sad"], ["sad"]), TOY)
    values = _values(sums)
    assert values["set_precision"] == values["set_recall"] == 0.75
    assert values["set_f1"] == 0.75
    assert np.mean([2 / 3, 2 / 3]) != values["set_f1"]


def test_the_published_average_is_the_mean_of_the_two() -> None:
    """MER2024's example: precision 0.5818, recall 0.4978, average 0.5398."""
    assert average_of_means(np.array(0.5818), np.array(0.4978)) == pytest.approx(0.5398)
    assert f_of_means(np.array(0.5818), np.array(0.4978)) == pytest.approx(0.53653, abs=1e-5)


def test_a_grouping_maps_to_the_first_word_of_each_group() -> None:
    """MER2024 by hand: groups of synonyms over gold and prediction."""
    grouping = by_grouping([["happy", "Joyful"], ["sad", "down", "blue"], ["angry"]], name="by hand")
    sums = set_sums(_lists(["joyful", "blue"], ["angry"]), _lists(["Happy"], ["down", "sad"]), grouping)
    assert _column(sums, "precision") == [1, 0]
    assert _column(sums, "recall") == [0.5, 0]
    assert _column(sums, "predicted_size") == [1, 1]


def test_a_wheel_decides_by_the_alphabet_and_marks_what_it_decided() -> None:
    wheel = by_wheel(
        {"bitter": ["bitter"], "glad": ["glad"], "gladly": ["glad"], "stray": ["stray"]},
        {"bitter": ["sad", "mad"], "glad": ["Joyful"], "stray": ["nowhere"]},
        {"mad": "angry", "sad": "unhappy", "joyful": "happy"},
        name="by hand",
    )
    assert wheel.clusters == {"bitter": "angry", "glad": "happy", "gladly": "happy"}
    assert wheel.ambiguous == {"bitter"}
    assert wheel.neutral is None


def test_neutral_vanishes_from_a_wheel_until_it_is_added(lexicon: EmotionLexicon) -> None:
    wheel = by_wheel({"glad": ["glad"]}, {"glad": ["joyful"]}, {"joyful": "happy"}, name="by hand")
    gold, predicted = _lists(["neutral"], ["glad"]), _lists(["neutral"], ["neutral"])
    without, having = (set_sums(gold, predicted, m) for m in (wheel, with_neutral(wheel, lexicon)))
    assert _column(without, "kept") == [0, 1]
    assert _column(without, "empty_prediction") == [0, 1]
    assert _column(having, "kept") == [1, 1]
    assert _column(having, "recall") == [1, 0]
    assert _column(having, "neutral_gold") == [1, 0]
    assert with_neutral(TOY, lexicon) is TOY


def test_scores_under_several_mappings_compare_over_common_rows(lexicon: EmotionLexicon) -> None:
    gold = _lists(["happy"], ["neutral"], ["zzz"])
    sums = [set_sums(gold, gold, m) for m in (by_lexicon(lexicon, Level.CLUSTER), by_grouping([["happy"]], name="one"))]
    assert kept_by_all(sums).tolist() == [True, False, False]


# the lexicon ----------------------------------------------------------------------------------------------------------


def test_levels_go_from_fine_to_coarse(lexicon: EmotionLexicon) -> None:
    gold, predicted = _lists(["sad", "furious"]), _lists(["Lonely", "enraged", "愤怒"])
    hits = [set_sums(gold, predicted, by_lexicon(lexicon, level)).sum(axis=0) for level in Level]
    recalls = [float(sums[COLUMNS.index("recall")]) for sums in hits]
    assert recalls == [0.0, 0.5, 1.0]  # words, groups, clusters
    assert [float(sums[COLUMNS.index("predicted_size")]) for sums in hits] == [3, 2, 2]


def test_neutral_is_a_cluster_of_the_lexicon(lexicon: EmotionLexicon) -> None:
    sums = set_sums(_lists(["neutral"]), _lists(["平静"]), by_lexicon(lexicon, Level.CLUSTER))
    assert _column(sums, "recall") == _column(sums, "neutral_gold") == [1]


def test_listing_every_emotion_buys_recall_and_shows_in_the_size(lexicon: EmotionLexicon) -> None:
    mapping = by_lexicon(lexicon, Level.CLUSTER)
    clusters = sorted(lexicon.heads)
    gold = _lists(*([cluster] for cluster in clusters))
    values = _values(set_sums(gold, _lists(*(clusters for _ in clusters)), mapping))
    assert values["set_recall"] == 1
    assert values["set_precision"] == pytest.approx(1 / len(clusters))
    assert values["predicted_set_size"] == len(clusters)
    assert values["gold_set_size"] == 1


# the twin -------------------------------------------------------------------------------------------------------------


def _slow_row(gold: list[str], predicted: list[str], mapping: SetMapping) -> dict[str, float]:
    true = {mapping.clusters[w] for w in gold if w in mapping.clusters}
    called = {mapping.clusters[w] for w in predicted if w in mapping.clusters}
    dropped = {w for w in predicted if w not in mapping.clusters}
    row = dict.fromkeys(COLUMNS, 0.0) | {
        "rows": 1,
        "gold_words": len(set(gold)),
        "gold_unmapped": len({w for w in gold if w not in mapping.clusters}),
    }
    if not gold:
        return row | {"no_gold": 1}
    if not true:
        return row | {"unmapped_gold": 1}
    hits = len(true & called)
    return row | {
        "kept": 1,
        "empty_prediction": not called,
        "exact": true == called,
        "neutral_gold": true == {mapping.neutral},
        "precision": hits / len(called) if called else 0,
        "precision_strict": hits / (len(called) + len(dropped)) if predicted else 0,
        "recall": hits / len(true),
        "gold_size": len(true),
        "predicted_size": len(called),
        "predicted_words": len(set(predicted)),
        "predicted_unmapped": len(dropped),
        "predicted_ambiguous": len({w for w in predicted if w in mapping.ambiguous}),
    }


def test_sums_equal_those_of_a_slow_reader(lexicon: EmotionLexicon) -> None:
    rng = np.random.default_rng(4)
    words = ["happy", "glad", "mad", "upset", "sad", "neutral", "zzz", "wry", "生气", "無奈", "calmly", "very sad"]
    rows = [[[str(w) for w in rng.choice(words, size=rng.integers(0, 5))] for _ in range(500)] for _ in range(2)]
    for mapping in (TOY, by_lexicon(lexicon, Level.GROUP), SetMapping(name="none", clusters={})):
        fast = set_sums(_lists(*rows[0]), _lists(*rows[1]), mapping)
        for i, (gold, predicted) in enumerate(zip(*rows, strict=True)):
            slow = _slow_row(gold, predicted, mapping)
            assert fast[i].tolist() == pytest.approx([float(slow[name]) for name in COLUMNS]), (gold, predicted)


def test_laws(lexicon: EmotionLexicon) -> None:
    rng = np.random.default_rng(12)
    words = [*list(lexicon.index)[::40], "zzz"]
    sides = [_lists(*([str(w) for w in rng.choice(words, size=rng.integers(0, 4))] for _ in range(200))) for _ in "ab"]
    mapping = by_lexicon(lexicon, Level.CLUSTER)
    one, other = _values(set_sums(sides[0], sides[1], mapping)), _values(set_sums(sides[0], sides[0], mapping))
    assert one["set_precision_strict"] <= one["set_precision"]
    assert one["set_f1_strict"] <= one["set_f1"]
    assert other["set_precision"] == other["set_recall"] == other["set_f1"] == other["exact_set_rate"] == 1
    halves = set_sums(sides[0], sides[1], mapping)
    halves = np.stack([halves[:90].sum(axis=0), halves[90:].sum(axis=0)])
    for statistic in set_statistics():
        apart = [float(statistic.value(half, half)) for half in halves]
        assert statistic.value(halves, halves).tolist() == pytest.approx(apart)
        assert statistic.high is None or all(0 <= value <= 1 for value in apart)


def test_only_shares_of_rows_are_said_to_count_rows() -> None:
    gold, predicted = _lists(["sad", "mad"], ["happy"], [], ["zzz"]), _lists(["sad", "wry", "odd"], ["happy"], [], [])
    sums = set_sums(gold, predicted, TOY)
    for statistic in set_statistics():
        if statistic.ratio is not None and statistic.high == 1:
            over, under = (sums @ weights for weights in statistic.ratio)
            of_rows = bool(np.isin(over, (0, 1)).all() and np.isin(under, (0, 1)).all() and (over <= under).all())
            assert of_rows or not statistic.counts_rows, statistic.name
        else:
            assert not statistic.counts_rows
    fractions = {s.name for s in set_statistics() if s.ratio is not None and not s.counts_rows}
    assert {"set_precision", "set_precision_strict", "set_recall", "out_of_vocabulary_rate"} <= fractions


def test_nothing_to_keep_is_undefined_and_nothing_right_is_zero() -> None:
    nothing = _values(set_sums(_lists([]), _lists(["sad"]), TOY))
    assert np.isnan(nothing["set_f1"])
    assert np.isnan(nothing["set_precision"])
    wrong = _values(set_sums(_lists(["happy"]), _lists(["sad"]), TOY))
    assert wrong["set_f1"] == wrong["set_f1_strict"] == 0
    assert set_sums(_lists(), _lists(), TOY).shape == (0, len(COLUMNS))


def test_sides_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="1 rows and the prediction 2"):
        set_sums(_lists(["sad"]), _lists(["sad"], []), TOY)


# extraction -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("happy, Excited;sad", ["happy", "excited", "sad"]),
        ('["happy", "fed up"]', ["happy", "fed up"]),
        ("['happy']", ["happy"]),
        ("happy and sad & angry", ["happy", "sad", "angry"]),
        ("高兴、激动，“难过”", ["高兴", "激动", "难过"]),
        ("1. happy\n2. sad", ["happy", "sad"]),
        ("- happy\n- sad", ["happy", "sad"]),
        ("  ", []),
        ("N/A", []),
        ("none", []),
        ("[]", []),
        (None, []),
        ("ＨＡＰＰＹ.", ["happy"]),
    ],
)
def test_list_fields_are_read(field: str | None, words: list[str]) -> None:
    assert words_of_lists(pa.array([field], pa.string())).word.to_pylist() == words


def test_arrow_lists_are_read_as_they_are() -> None:
    rows = words_of_lists(pa.array([["Happy ", "fed  up"], None, [], ["a, b", None]]))
    assert rows.n_rows == 4
    assert rows.row.tolist() == [0, 0, 3]
    assert rows.word.to_pylist() == ["happy", "fed up", "a, b"]


def test_chunks_slices_and_codes_change_nothing(lexicon: EmotionLexicon) -> None:
    fields = pa.array(["sad", None, "happy, angry", "sad"])
    mapping = by_lexicon(lexicon, Level.CLUSTER)
    whole = set_sums(words_of_lists(fields), words_of_texts(fields, lexicon), mapping)
    for other in (
        pa.chunked_array([fields[:1], fields[1:1], fields[1:]]),
        fields.dictionary_encode(),
        pa.concat_arrays([fields[:2], fields])[2:],
    ):
        assert set_sums(words_of_lists(other), words_of_texts(other, lexicon), mapping).tolist() == whole.tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("looks happy but actually very anxious", ["anxious"]),
        ("He is furious and sadly disappointed.", ["furious", "sad", "disappointed"]),
        ("Not angry. Calm.", ["calm"]),
        ('"I am happy", she says in despair', ["despairing"]),
        ("他很生气，也有些无奈", ["生气", "无奈"]),
        (None, []),
    ],
)
def test_texts_give_the_words_that_they_assert(lexicon: EmotionLexicon, text: str | None, words: list[str]) -> None:
    found = words_of_texts(pa.array([text], pa.string()), lexicon)
    assert found.word.to_pylist() == words
    assert found.n_rows == 1
    assert all(word in lexicon.index for word in words)
