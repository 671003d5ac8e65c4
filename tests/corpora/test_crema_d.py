"""The crowd's votes become judgements under three conditions; ties are counted, and no -1 is a strength."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, PlanError, RowError
from affidavit.plan import Feature
from affidavit.predictions import Reading, predictions_from
from affidavit.tables import from_arrow
from corpora.crema_d_actors import age_band

Load = Callable[..., Corpus]
MEANS = ("Anger", "Disgust", "Fear", "Happy", "Neutral", "Sad")
HEADER = ",".join(['""', *"ADFHNS", "fileName", "numResponses", "emoVote", *(f"mean{word}Resp" for word in MEANS)])
ACTORS = '"ActorID","Age","Sex","Race","Ethnicity"\n9001,29,"Female","Unknown","Hispanic"\n9002,60,"Male","Asian",\n'


def row(name: str, clip: str, votes: str, said: str, total: int | None = None) -> str:
    counts = [int(vote) for vote in votes]
    means = ["-1" if not count else str(10 * count) for count in counts]
    return ",".join([name, *map(str, counts), clip, str(total or sum(counts)), said, *means])


ROWS = (
    row("100001", "9001_IEO_ANG_HI", "810010", "A"),
    row("200001", "9001_IEO_ANG_HI", "400004", "A:S"),
    row("300001", "9001_IEO_ANG_HI", "000090", "N"),
    row("100002", "9002_TIE_NEU_X", "000333", "H:N:S"),
)


def made(folder: Path, *rows: str, header: str = HEADER) -> str:
    (folder / "tabulatedVotes.csv").write_text("\n".join([header, *rows]) + "\n")
    (folder / "VideoDemographics.csv").write_text(ACTORS)
    return "."


def recorded(corpus: Corpus) -> list[dict[str, Any]]:
    assert corpus.recorded is not None
    return list(corpus.recorded.to_pylist())


def answers(corpus: Corpus) -> list[tuple[str, str, str]]:
    return [(row["utterance_id"][:4], row["condition"], row["y_pred"]) for row in recorded(corpus)]


def test_by_hand(tmp_path: Path, load_corpus: Load) -> None:
    corpus = load_corpus("crema-d-votes", path=made(tmp_path, *ROWS))
    assert answers(corpus) == [("9001", "A", "anger"), ("9001", "AV", "neutral")]
    voice, both = recorded(corpus)
    assert (voice["y_true"], voice["reasoner"], voice["intended_level"], voice["n_votes"]) == (
        "anger",
        "crowd",
        "HI",
        10,
    )
    assert (voice["soft_anger"], voice["soft_disgust"], voice["soft_fear"]) == (0.8, 0.1, 0.0)
    assert (voice["intensity"], both["intensity"]) == (80.0, 90.0)
    assert (voice["group_age"], voice["group_age_band"], voice["group_race"]) == (29.0, "under 30", "unknown")
    angry, neutral = corpus.utterances
    assert (angry.label, angry.speaker_id, angry.soft_label["neutral"]) == ("anger", "9001", 1.0)
    assert angry.intensity is None, "nobody who saw and heard the clip chose the intended emotion"
    assert (neutral.label, neutral.soft_label, neutral.sensitive["ethnicity"]) == ("neutral", {}, "unknown")
    assert neutral.sensitive["age_band"] == "45 and over"
    said = "\n".join(corpus.assumptions)
    assert "A: 1 of 2 rows have no plurality and are left out; the intended emotion is among the tied ones in 1" in said
    assert "V: 1 of 1 rows have no plurality" in said
    assert "1 clips were not rated in all three presentations" in said


def test_first_takes_the_alphabet(tmp_path: Path, load_corpus: Load) -> None:
    corpus = load_corpus("crema-d-votes", path=made(tmp_path, *ROWS), ties="first")
    assert [answer for _, _, answer in answers(corpus)] == ["anger", "anger", "neutral", "happy"]


def test_split_gives_each_tied_emotion_its_share(tmp_path: Path, load_corpus: Load) -> None:
    corpus = load_corpus("crema-d-votes", path=made(tmp_path, *ROWS), ties="split")
    rows = recorded(corpus)
    assert [answer for _, _, answer in answers(corpus)] == [
        "anger",
        "anger",
        "sad",
        "neutral",
        "happy",
        "neutral",
        "sad",
    ]
    assert [row["repeat"] for row in rows] == [0, 0, 1, 0, 0, 1, 2]
    assert sum(row["weight"] for row in rows) == pytest.approx(len(ROWS))
    reading = Reading(run="crowd", by=("sex",))
    assert predictions_from(from_arrow(corpus.recorded, name="votes", format_name="recorded"), reading).n_rows == 7


def test_contradictions_are_counted_and_empty_rows_left_out(tmp_path: Path, load_corpus: Load) -> None:
    rows = (
        row("100001", "9001_IEO_ANG_HI", "810010", "N", 11),
        row("200001", "9001_IEO_ANG_HI", "000000", ""),
        row("100002", "9003_IEO_SAD_XX", "000009", "S"),
    )
    corpus = load_corpus("crema-d-votes", path=made(tmp_path, *rows))
    said = "\n".join(corpus.assumptions)
    assert "1 rows hold no votes and are left out" in said
    assert "1 rows state another emoVote" in said
    assert "1 rows state another numResponses" in said
    assert "1 of 2 actors are not in the demographics" in said
    assert recorded(corpus)[1]["group_sex"] == "unknown"


@pytest.mark.parametrize(
    ("line", "match"),
    [
        (row("400001", "9001_IEO_ANG_HI", "100000", "A"), "the row name does not say how the clip was presented"),
        (row("1", "9001_IEO_ANG_HI", "100000", "A"), "the row name does not say how the clip was presented"),
        (row("", "9001_IEO_ANG_HI", "100000", "A"), "the row name is missing"),
        (row("100001", "9001_IEO_ODD_HI", "100000", "A"), "the clip's name does not read"),
        (row("100001", "9001.wav", "100000", "A"), "the clip's name does not read"),
        (row("100001", "9001_IEO_ANG_HI", "100000", "A").replace(",1,", ",NA,", 1), "A is not a count of votes"),
        (row("100001", "9001_IEO_ANG_HI", "100000", "A").replace(",1,", ",1.5,", 1), "A is not a count of votes"),
    ],
)
def test_bad_rows(line: str, match: str, tmp_path: Path, load_corpus: Load) -> None:
    with pytest.raises(RowError, match=rf"row 2: {match}"):
        load_corpus("crema-d-votes", path=made(tmp_path, row("300009", "9001_IEO_SAD_LO", "000001", "S"), line))


def test_other_faults(tmp_path: Path, load_corpus: Load) -> None:
    with pytest.raises(RowError, match="rows 1 and 2: two rows rate the same clip"):
        load_corpus("crema-d-votes", path=made(tmp_path, ROWS[0], ROWS[0].replace("100001", "100009")))
    with pytest.raises(ColumnError, match="there is no column S"):
        load_corpus("crema-d-votes", path=made(tmp_path, *ROWS, header=HEADER.replace(",S,", ",T,")))
    with pytest.raises(PlanError, match="ties"):
        load_corpus("crema-d-votes", path=".", ties="random")
    with pytest.raises(PlanError, match="age_bands"):
        load_corpus("crema-d-votes", path=".", age_bands=[])


def test_bands_are_named_as_the_plan_names_them(tmp_path: Path, load_corpus: Load) -> None:
    corpus = load_corpus("crema-d-votes", path=made(tmp_path, *ROWS), ties="first", age_bands=[25, 30, 60])
    raw = from_arrow(corpus.recorded, name="votes", format_name="recorded")
    banded = Reading(run="crowd", by=("age", "age_band"), features={"age": Feature(bands=(25, 30, 60))})
    (batch,) = predictions_from(raw, banded).batches(["group_age", "group_age_band"])
    assert batch.column("group_age").to_pylist() == batch.column("group_age_band").to_pylist()
    assert age_band(24, (25,)) == "under 25"


@pytest.mark.real
@pytest.mark.parametrize("ties", ["exclude", "split", "first"])
def test_the_real_votes(ties: str, real_data: Callable[[str], Path], load_corpus: Load) -> None:
    corpus = load_corpus("crema-d-votes", path=str(real_data("cremad_votes")), ties=ties)
    assert len(corpus.utterances) == 4901
    assert corpus.licence == "ODbL 1.0"
    assert len(corpus.label_space) == 6
    raw = from_arrow(corpus.recorded, name="votes", format_name="recorded")
    predictions = predictions_from(raw, Reading(run="crowd", by=("age_band", "sex", "race", "ethnicity")))
    assert (predictions.conditions, predictions.n_units) == (("AV", "A", "V"), 60)
    frame = predictions.to_frame()
    left = {"A": 427, "V": 301, "AV": 278} if ties == "exclude" else dict.fromkeys(("A", "V", "AV"), 0)
    weight = frame["weight"] if ties == "split" else frame["intensity"] * 0 + 1
    kept = weight.groupby(frame["condition"].astype(str)).sum()
    assert kept.round(6).to_dict() == {condition: 4901 - n for condition, n in left.items()}
    assert frame["intensity"].between(0, 100).all()
    right = weight * (frame["y_true"].astype(str) == frame["y_pred"].astype(str))
    accuracy = right.groupby(frame["condition"].astype(str)).sum() / kept
    assert accuracy["A"] < accuracy["V"] < accuracy["AV"]
    units = frame.groupby("unit", observed=True).first()["group_age_band"].astype(str).value_counts()
    assert units.to_dict() == {"under 30": 21, "30-44": 22, "45 and over": 17}
    stated = [said for said in corpus.assumptions if "state another" in said or "not rated" in said]
    assert stated == [], "the summary columns of this copy agree with its votes"
