"""Open sets on the stand: a slow twin over rows, planted faults by group, controls, and tables made to mislead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.errors import AffidavitError
from affidavit.examinations import Testimony
from affidavit.lexicons.open_emotions.lexicon import Level, open_emotions
from affidavit.plan import Task
from affidavit.predictions import Reading
from affidavit.records import ExplanationProperty, Finding
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from faithfulness.open_vocabulary.examination import EXAMINATION
from faithfulness.open_vocabulary.layout import Layout

WORDS = ("angry", "furious", "happy", "glad", "sad", "afraid", "surprised", "disgusted", "neutral", "zorkish")
CLUSTERS = open_emotions().mapping(Level.CLUSTER)


def sets(*, hit: Mapping[str, float] | float = 0.7, extra: int = 1, seed: int = 0, n: int = 400) -> pd.DataFrame:
    """Return open sets: one to three words of people, and predicted ones that keep each of them now and then."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        accent = ("Irish", "Welsh")[i // 10 % 2]
        share = hit if isinstance(hit, float) else hit[accent]
        gold = rng.choice(WORDS, size=int(rng.integers(1, 4)), replace=False)
        called = [word for word in gold if rng.random() < share]
        called += list(rng.choice(WORDS, size=int(rng.integers(0, extra + 1))))
        rows.append(
            {
                "utterance_id": f"u{i}",
                "speaker_id": f"s{i // 10}",
                "accent": accent,
                "condition": "TAV",
                "y_true": "; ".join(gold),
                "y_pred": ", ".join(called),
            }
        )
    return pd.DataFrame(rows)


def case(frame: pd.DataFrame, *, task: Task | None = Task.OPEN_SET, **options: object) -> Case:
    return case_of(frame, options=options, reading=Reading(run="run", by=("accent",), task=task), by=("accent",))


def examined(frame: pd.DataFrame, **options: object) -> Testimony:
    asked = case(frame, **options)  # type: ignore[arg-type]
    assert EXAMINATION.refuses(asked) is None
    return EXAMINATION.examine(asked)


def findings(testimony: Testimony) -> dict[tuple[str, str], Finding]:
    return {
        (c.finding.metric, ", ".join(c.finding.groups.values()) or ("gap" if c.finding.compared else "everybody")): (
            c.finding
        )
        for c in testimony.claims
    }


def value(told: Mapping[tuple[str, str], Finding], metric: str, group: str = "everybody") -> float:
    found = told[metric, group].estimate.value
    assert found is not None
    return found


def listed(testimony: Testimony) -> dict[tuple[object, object], float]:
    (exhibit,) = testimony.exhibits
    return {(row["metric"], row["group"]): row["value"] for row in exhibit.table().to_pylist()}


def words_of(cell: str) -> set[str]:
    return {word.strip() for word in cell.replace(";", ",").split(",")} - {""}


def slow_scores(frame: pd.DataFrame, clusters: Mapping[str, str]) -> dict[str, float]:
    """Return the published scores, one row after the other."""
    precision, strict, recall, unknown, words = [], [], [], 0, 0
    for gold, called in zip(frame["y_true"], frame["y_pred"], strict=True):
        true = {clusters[word] for word in words_of(gold) if word in clusters}
        if not true:
            continue
        given = words_of(called)
        said = {clusters[word] for word in given if word in clusters}
        lost = sum(word not in clusters for word in given)
        precision.append(len(true & said) / len(said) if said else 0.0)
        strict.append(len(true & said) / (len(said) + lost) if said or lost else 0.0)
        recall.append(len(true & said) / len(true))
        unknown, words = unknown + lost, words + len(given)
    p, s, r = (float(np.mean(each)) for each in (precision, strict, recall))
    return {
        "set_f1": 2 * p * r / (p + r),
        "set_f1_strict": 2 * s * r / (s + r),
        "set_precision": p,
        "set_recall": r,
        "out_of_vocabulary_rate": unknown / words,
        "words_per_prediction": words / len(precision),
    }


@pytest.mark.parametrize("group", ["everybody", "Irish", "Welsh"])
def test_numbers_equal_their_slow_twin(group: str) -> None:
    frame = sets()
    told = findings(examined(frame))
    chosen = frame if group == "everybody" else frame[frame["accent"] == group]
    for metric, expected in slow_scores(chosen, CLUSTERS).items():
        assert value(told, metric, group) == pytest.approx(expected), metric


def test_without_neutral_as_on_the_wheels_other_rows_are_kept_and_the_exhibit_says_which() -> None:
    frame = sets()
    wheel = {word: cluster for word, cluster in CLUSTERS.items() if cluster != "neutral"}
    told = listed(examined(frame))
    assert told["set_f1_wheel", "everybody"] == pytest.approx(slow_scores(frame, wheel)["set_f1"])
    kept = frame[[bool({wheel.get(word) for word in words_of(cell)} - {None}) for cell in frame["y_true"]]]
    assert len(kept) < len(frame)
    common = slow_scores(kept, CLUSTERS)["set_f1"]
    assert told["set_f1_level1_on_common_rows", "everybody"] == pytest.approx(common)
    assert told["set_f1_level1", "everybody"] != pytest.approx(common)
    assert told["unmapped_gold_rate_wheel", "everybody"] > told["unmapped_gold_rate_level1", "everybody"]


def test_shuffled_control_equals_words_dealt_anew() -> None:
    frame = sets(n=200)
    rng = np.random.default_rng(1)
    dealt = []
    for _ in range(300):
        scores = slow_scores(frame.assign(y_pred=rng.permutation(frame["y_pred"])), CLUSTERS)
        dealt.append((scores["set_precision"], scores["set_recall"]))
    p, r = np.mean(dealt, axis=0)
    assert value(findings(examined(frame)), "set_f1_shuffled") == pytest.approx(2 * p * r / (p + r), abs=0.01)


def test_listing_every_cluster_is_told_for_what_it_is() -> None:
    clusters = Layout(lexicon=open_emotions()).clusters
    named = {cluster: next(w for w, c in CLUSTERS.items() if c == cluster and w.isascii()) for cluster in clusters}
    frame = sets().assign(y_pred="; ".join(named.values()))
    told = findings(examined(frame))
    assert value(told, "set_recall") == 1.0
    assert value(told, "set_f1") == pytest.approx(value(told, "set_f1_template"))
    assert value(told, "words_per_prediction") == len(clusters)


def test_words_outside_the_list_flatter_the_published_score_and_not_the_strict_one() -> None:
    frame = sets()
    noisy = frame.assign(y_pred=frame["y_pred"] + ", flumped, wibbly, gronked")
    clean, told = findings(examined(frame)), findings(examined(noisy))
    assert value(told, "set_f1") == pytest.approx(value(clean, "set_f1"))
    assert value(told, "set_f1_strict") < value(clean, "set_f1_strict") - 0.1
    assert value(told, "out_of_vocabulary_rate") > 0.5


def test_a_group_whose_words_are_missed_is_found_and_its_clean_twin_is_silent() -> None:
    planted = findings(examined(sets(hit={"Irish": 0.9, "Welsh": 0.4})))["set_f1_difference", "gap"]
    assert planted.lowest == "Welsh"
    assert planted.estimate.interval is not None
    assert planted.estimate.interval.low > 0.1
    quiet = findings(examined(sets(hit=0.65)))["set_f1_difference", "gap"].estimate.interval
    assert quiet is not None
    assert quiet.low == 0.0


def test_every_number_names_its_controls_and_answers_are_no_explanations() -> None:
    told = findings(examined(sets()))
    assert {finding.property for finding in told.values()} == {None}
    controls = told["set_f1", "Welsh"].controls or ()
    assert {each.split("/")[-2] for each in controls} == {"set_f1_template", "set_f1_shuffled"}
    assert len(told) == 9 * 3 + 2


def closed(rationales: Sequence[str]) -> pd.DataFrame:
    frame = sets(n=len(rationales))
    labels = [("anger", "hap", "sadness")[i % 3] for i in range(len(frame))]
    return frame.assign(y_true=labels, y_pred=labels, rationale=list(rationales))


def test_words_of_rationales_stand_in_where_labels_are_closed() -> None:
    good = ["He is furious.", "She seems delighted, not sad.", "看起来很高兴，但其实很难过。"] * 40
    told = findings(examined(closed(good), task=None))
    assert value(told, "set_recall") == 1.0
    assert {finding.property for finding in told.values()} == {ExplanationProperty.PLAUSIBILITY}
    assert ("set_f1_strict", "everybody") not in told
    assert ("out_of_vocabulary_rate", "everybody") not in told
    assert len({metric for metric, _ in told if not metric.endswith("_difference")}) == 5
    poor = findings(examined(closed(good[1:] + good[:1]), task=None))
    assert value(poor, "set_recall") < 0.1


def test_rationales_in_other_languages_are_counted_and_left_out() -> None:
    frame = closed(
        ["He is furious.", "She is delighted.", "Elle est très triste et les larmes sont dans ses yeux."] * 40
    )
    told = findings(examined(frame, task=None))
    assert told["set_recall", "everybody"].estimate.n == 80
    assert any("40 rationales are in languages" in caveat for caveat in told["set_recall", "everybody"].caveats)


def test_what_is_not_read_or_not_there_is_counted_by_condition() -> None:
    foreign = "Elle est très triste et les larmes sont dans ses yeux."
    frame = closed(["He is furious.", "", "She is sad."] * 40)
    other = frame.assign(condition="TAV/hint=joy", rationale=foreign)
    told = findings(examined(pd.concat([frame, other], ignore_index=True), task=None))
    caveats = told["set_recall", "everybody"].caveats
    assert "40 judgements have no rationale and take no part" in caveats
    assert not any("languages" in said for said in caveats), "that is so of another condition"


def test_words_with_hyphens_are_the_words_of_the_list() -> None:
    frame = sets().assign(y_true="light hearted; self_conscious", y_pred="Light-Hearted, self\u2010conscious")
    told = findings(examined(frame))
    assert value(told, "set_f1_strict") == 1.0
    assert value(told, "out_of_vocabulary_rate") == 0.0


def test_closed_labels_without_rationales_are_refused_in_plain_words() -> None:
    refusal = EXAMINATION.refuses(case(closed(["x"] * 40).drop(columns="rationale"), task=None))
    assert refusal is not None
    assert "task: open_set" in refusal.remedy


def test_a_list_of_ones_own_decides_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "version: mine-1\nlicence: CC0\nclusters:\n"
        "  grim:\n    groups:\n      grim: {valence: -1, en: ['angry', 'sad', 'furious', 'zorkish']}\n"
        "  fine:\n    groups:\n      fine: {valence: 1, en: ['happy', 'glad']}\n",
        encoding="utf-8",
    )
    frame = sets()
    told = findings(examined(frame, lexicon=str(path)))
    mine = {"angry": "grim", "sad": "grim", "furious": "grim", "zorkish": "grim", "happy": "fine", "glad": "fine"}
    assert value(told, "set_f1") == pytest.approx(slow_scores(frame, mine | {"neutral": "neutral"})["set_f1"])
    assert any("mine-1" in caveat for caveat in told["set_f1", "everybody"].caveats)
    with pytest.raises(AffidavitError, match="no such file|not a list|cannot"):
        examined(frame, lexicon=str(tmp_path / "none.yaml"))


@pytest.mark.parametrize(
    "cell", ["", "none", "<b>joy</b>", "x" * 10_000, "😀😀", "開心，激動", "not happy", ", ,;;", "=cmd()|happy"]
)
def test_hostile_sets_are_counted_and_never_a_crash(cell: str) -> None:
    frame = sets()
    frame.loc[::3, "y_pred"] = cell
    frame.loc[::7, "y_true"] = cell
    told = findings(examined(frame))
    assert 0 <= value(told, "set_f1_strict") <= value(told, "set_f1") <= 1


def test_where_no_reference_word_is_known_nothing_is_told() -> None:
    testimony = examined(sets().assign(y_true="zorkish"))
    assert testimony.claims == ()
    assert "no row has a reference word" in testimony.refusals[0].because


def test_rows_in_another_order_and_in_small_batches_say_the_same(tmp_path: Path) -> None:
    from affidavit.case import EvidenceBook
    from affidavit.predictions import read_predictions

    frame = sets(n=2000)
    mixed = frame.sample(frac=1.0, random_state=3)
    frame.to_parquet(tmp_path / "t.parquet")
    told = findings(examined(frame))
    again = findings(examined(mixed.reset_index(drop=True)))
    for key, finding in told.items():
        assert again[key].estimate.value == pytest.approx(finding.estimate.value), key
    reading = Reading(run="run", by=("accent",), task=Task.OPEN_SET, in_memory_rows=0, batch_rows=1024)
    runs = {"run": read_predictions(tmp_path / "t.parquet", reading)}
    assert not runs["run"].in_memory
    from dataclasses import replace

    plain = case(frame)
    book = EvidenceBook(runs=runs, by=plain.by, statistics=plain.statistics, seed=0)
    assert findings(EXAMINATION.examine(replace(plain, runs=runs, book=book))) == told


def test_repetitions_tell_how_often_the_set_changes_by_itself() -> None:
    frame = sets(n=200)
    again = frame.assign(y_pred=sets(n=200, hit=0.5)["y_pred"])
    told = findings(examined(pd.concat([frame.assign(repeat=0), again.assign(repeat=1)], ignore_index=True)))

    def clusters(cell: str) -> set[str]:
        return {CLUSTERS[word] for word in words_of(cell) if word in CLUSTERS}

    changed = [clusters(a) != clusters(b) for a, b in zip(frame["y_pred"], again["y_pred"], strict=True)]
    assert value(told, "set_repeat_change_rate") == pytest.approx(np.mean(changed))
    assert "run/TAV/open-vocabulary/set_repeat_change_rate" in (told["set_f1", "everybody"].controls or ())
    same = findings(examined(pd.concat([frame.assign(repeat=k) for k in (0, 1, 2)], ignore_index=True)))
    assert value(same, "set_repeat_change_rate") == 0.0
    once = findings(examined(frame))
    assert ("set_repeat_change_rate", "everybody") not in once
    assert any("no repetitions" in caveat for caveat in once["set_f1", "everybody"].caveats)


LETTERS = {"A": "anger", "D": "disgust", "F": "fear", "H": "happiness", "N": "neutral", "S": "sadness"}


def test_a_crowd_sees_what_it_hears_worse(real_data: Path) -> None:
    """CREMA-D's raters gave several emotions where votes are tied; who saw the face agrees more with who had both."""
    votes = pd.read_csv(real_data / "cremad_votes" / "summaryTable.csv")
    words = {
        part: votes[part].map(lambda cell: "; ".join(LETTERS[letter] for letter in str(cell).split(":")))
        for part in ("VoiceVote", "FaceVote", "MultiModalVote")
    }
    frame = pd.DataFrame(
        {
            "utterance_id": votes["FileName"],
            "speaker_id": votes["FileName"].str[:4],
            "accent": "x",
            "condition": "TAV",
            "y_true": words["MultiModalVote"],
        }
    ).drop_duplicates("utterance_id")
    assert (frame["y_true"].str.contains(";")).sum() > 100
    told = {
        part: findings(examined(frame.assign(y_pred=words[part][frame.index]))) for part in ("VoiceVote", "FaceVote")
    }
    for part, found in told.items():
        assert value(found, "set_f1") > value(found, "set_f1_shuffled") + 0.15, part
    low, high = (told[part]["set_f1", "everybody"].estimate.interval for part in ("VoiceVote", "FaceVote"))
    assert low is not None
    assert high is not None
    assert low.high < high.low


class TestContractOfSets(ExaminationContract):
    examination: ClassVar[Any] = EXAMINATION

    def make_case(self) -> Case:
        return case(sets(hit={"Irish": 0.8, "Welsh": 0.6}, n=240))


class TestContractOfRationales(ExaminationContract):
    examination: ClassVar[Any] = EXAMINATION

    def make_case(self) -> Case:
        return case_of(predictions_frame(n_speakers=12, per_speaker=6, conditions=("TAV",)))
