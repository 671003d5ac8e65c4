"""The examination `consent`: planted violations are found, each by its way, and the clean twin is silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from affidavit.admission import admitted
from affidavit.cache import PredictionsCache
from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.live import Live
from affidavit.media.single_streams import handed
from affidavit.predictions import Reading, predictions_from
from affidavit.protocols import silent
from affidavit.tables import from_frame
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from affidavit.testing.tables import findings_of, value_of
from affidavit.utterances import MediaSpan, Utterance
from corpora.clinic.loader import LOADER
from privacy.consent.examination import EXAMINATION, UNKNOWN, VIOLATION

LETTERS = {"T": "text", "A": "audio", "V": "video"}


def frame(n: int = 24, conditions: Sequence[str] = ("TAV", "TA")) -> pd.DataFrame:
    return predictions_frame(n_speakers=n, per_speaker=4, conditions=conditions)


def corpus_of(table: pd.DataFrame, declines: Mapping[str, Mapping[str, bool]] | None = None) -> Corpus:
    """Return a corpus of the table's utterances; speakers whom `declines` does not name agreed to everything."""
    turns = table.drop_duplicates("utterance_id")
    agreed = dict.fromkeys(LETTERS.values(), True)
    return Corpus(
        name="asked",
        utterances=tuple(
            Utterance(
                utterance_id=str(row.utterance_id),
                speaker_id=str(row.speaker_id),
                text="so it is",
                consent={**agreed, **(declines or {}).get(str(row.speaker_id), {})},
            )
            for row in turns.itertuples()
        ),
        digest="sha256:0",
        licence="made by a test",
    )


def case(table: pd.DataFrame, corpus: Corpus, **options: Any) -> Case:
    made = case_of(table, options=options)
    return replace(made, live={"run": Live(corpus=corpus, reasoner=lambda: None)})


def honoured(table: pd.DataFrame, who: Sequence[str]) -> pd.DataFrame:
    """Return the table without judgements that show the face of these speakers, and no rationale that speaks of it."""
    return table[~(table["speaker_id"].isin(who) & table["condition"].str.contains("V"))]


def rows_of(made: Case) -> dict[tuple[str, str], tuple[int, int]]:
    (exhibit,) = EXAMINATION.examine(made).exhibits
    values = exhibit.values
    keys = zip(values["modality"], values["where"], strict=True)
    return dict(zip(keys, zip(values["found"], values["of"], strict=True), strict=True))  # type: ignore[arg-type]


NO_FACE = {"s3": {"video": False}, "s8": {"video": False}}


def test_the_clean_twin_is_silent() -> None:
    table = honoured(frame(), ["s3", "s8"])
    found = findings_of(EXAMINATION, case(table, corpus_of(frame(), NO_FACE)))
    violation = found[VIOLATION, "everybody"].estimate
    assert violation.value == 0
    assert violation.n == 8, "two speakers, four utterances each, under TA alone"
    assert violation.n_clusters == 2
    assert value_of(found, UNKNOWN) == 0


def test_a_face_that_was_shown_is_found_in_its_group() -> None:
    table = frame()
    made = case(table, corpus_of(table, NO_FACE))
    found = findings_of(EXAMINATION, made)
    assert value_of(found, VIOLATION) == 0.5, "under TAV, and not under TA"
    group = str(table.loc[table["speaker_id"] == "s3", "accent"].iloc[0])
    assert value_of(found, VIOLATION, group) == 0.5
    assert rows_of(made)["video", "shown"] == (8, 16)
    assert rows_of(made)["audio", "shown"] == (0, 0)


def test_a_rationale_that_rests_on_the_face_is_found_though_it_was_not_shown() -> None:
    table = honoured(frame(), ["s3", "s8"])
    one = table.index[(table["speaker_id"] == "s3")][0]
    table.loc[one, "rationale"] = "Her brows are raised and her mouth is open."
    made = case(table, corpus_of(frame(), NO_FACE))
    assert value_of(findings_of(EXAMINATION, made), VIOLATION) == 1 / 8
    assert rows_of(made)["video", "cited"] == (1, 8)


def test_to_say_that_there_is_no_face_is_no_violation() -> None:
    table = honoured(frame(), ["s3", "s8"]).assign(rationale="The voice is tense. The face stays neutral.")
    assert value_of(findings_of(EXAMINATION, case(table, corpus_of(frame(), NO_FACE))), VIOLATION) == 0


def test_a_cue_that_quotes_the_face_is_found() -> None:
    table = honoured(frame(), ["s3", "s8"])
    made = case(table, corpus_of(frame(), NO_FACE))
    one = table[table["speaker_id"] == "s8"].iloc[0]
    other = table[table["speaker_id"] == "s1"].iloc[0]
    cues = pa.table(
        {
            "utterance_id": [one.utterance_id, one.utterance_id, other.utterance_id],
            "condition": ["TA", "TA", "TA"],
            "instruction": pa.array([None, None, None], pa.string()),
            "modality": ["video", "audio", "video"],
            "quote": ["brows", "pitch", "brows"],
        }
    )
    run = replace(made.runs["run"], side_tables={"cues": cues})
    made = replace(made, runs={"run": run})
    assert rows_of(made)["video", "quoted"] == (1, 8)
    assert value_of(findings_of(EXAMINATION, made), VIOLATION) == 1 / 8


def test_what_is_left_in_the_corpus_and_in_the_cache_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path))
    links = tmp_path / "single-streams"
    table = frame()
    plain = corpus_of(table, NO_FACE)
    films = {turn.utterance_id: tmp_path / f"{turn.utterance_id}.mkv" for turn in plain.utterances}
    shared = next(films[turn.utterance_id] for turn in plain.utterances if turn.speaker_id == "s8")
    turns = [
        replace(turn, video=MediaSpan(path=shared if turn.speaker_id == "s1" else films[turn.utterance_id]))
        for turn in plain.utterances
    ]
    corpus = replace(plain, utterances=tuple(turns))
    for turn in turns:
        if turn.speaker_id in {"s3", "s8"}:
            handed(MediaSpan(path=films[turn.utterance_id]), allowed=frozenset({"video"}), folder=links)
    rows = rows_of(case(table, corpus))
    assert rows["video", "in the corpus"] == (8, 8)
    assert rows["video", "kept"] == (7, 8), "one file is also of somebody who agreed"
    rows = rows_of(case(table, admitted(corpus)))
    assert (rows["video", "in the corpus"], rows["video", "kept"]) == ((0, 8), (0, 8))
    assert len(list(links.iterdir())) == 1, "what was admitted took its links along"


def test_what_nobody_was_asked_about_is_unknown_and_no_violation() -> None:
    table = frame()
    corpus = corpus_of(table)
    turns = [
        replace(turn, consent={"text": True}) if turn.speaker_id in {"s0", "s1", "s2"} else turn
        for turn in corpus.utterances
    ]
    found = findings_of(EXAMINATION, case(table, replace(corpus, utterances=tuple(turns))))
    assert value_of(found, UNKNOWN) == 3 / 24
    assert found[VIOLATION, "everybody"].estimate.value is None
    assert "anybody's opting out" in str(found[VIOLATION, "everybody"].estimate.why_no_interval)


def test_a_condition_that_says_nothing_is_not_counted_but_for_its_words() -> None:
    table = frame(conditions=("as-supplied",)).assign(rationale="It sounds sad; the voice breaks.")
    one = table.index[table["speaker_id"] == "s3"][0]
    table.loc[one, "rationale"] = "A frown."
    found = findings_of(EXAMINATION, case(table, corpus_of(table, NO_FACE)))
    told = found[VIOLATION, "everybody"]
    assert (told.estimate.value, told.estimate.n) == (1.0, 1)
    assert any(said.startswith("7 judgements do not say what was shown") for said in told.caveats)
    assert found[UNKNOWN, "everybody"].estimate.value is None


def test_hostile_rationales_are_counted_and_nothing_breaks() -> None:
    table = honoured(frame(), ["s3", "s8"]).reset_index(drop=True)
    own = table.index[table["speaker_id"].isin(["s3", "s8"])]
    said = ["", "\u201c" * 50_000, "<script>face</script>" * 2_000, "Die Stimme zittert und das Gesicht ist starr."]
    said += ["表情很悲伤", "She said 'look at my face'.", "nothing", "   "]
    table.loc[own, "rationale"] = said
    found = findings_of(EXAMINATION, case(table, corpus_of(frame(), NO_FACE)))[VIOLATION, "everybody"]
    assert found.estimate.n == 6, "what cannot be read is unknown, which is not to honour consent"
    assert found.estimate.value == pytest.approx(2 / 6), "the markup and the Chinese one speak of a face"
    assert any(one.startswith("2 judgements have a rationale that the word lists cannot") for one in found.caveats)


def test_rationales_that_nobody_can_read_show_nothing() -> None:
    table = honoured(frame(), ["s3", "s8"]).assign(rationale="Die Stimme zittert und das Gesicht ist starr.")
    found = findings_of(EXAMINATION, case(table, corpus_of(frame(), NO_FACE)))[VIOLATION, "everybody"]
    assert (found.estimate.value, found.estimate.n) == (None, 0)


def test_judgements_from_before_the_opting_out_are_found_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path))
    table = honoured(frame(), ["s3", "s8"])
    made = case(table, corpus_of(frame(), NO_FACE))
    assert rows_of(made)["video", "judged before"] == (0, 8)
    before = predictions_from(from_frame(frame()), Reading(run="run"))
    PredictionsCache(tmp_path / "predictions").store("k", replace(before, side_tables={"judgements": pa.table({})}))
    (tmp_path / "predictions" / "damaged.parquet").write_bytes(b"PAR1")
    assert rows_of(made)["video", "judged before"] == (8, 8), "under TAV, and not under TA"
    assert rows_of(made)["audio", "judged before"] == (0, 0)


def test_a_stranger_is_counted_and_left_out() -> None:
    table = frame()
    corpus = corpus_of(table, NO_FACE)
    some = replace(corpus, utterances=tuple(t for t in corpus.utterances if t.speaker_id != "s3"))
    found = findings_of(EXAMINATION, case(table, some))[VIOLATION, "everybody"]
    assert found.estimate.n == 8
    assert any(said.startswith("8 judgements are of utterances") for said in found.caveats)


def test_a_corpus_that_says_nothing_of_consent_is_refused() -> None:
    table = frame()
    corpus = corpus_of(table)
    silent_corpus = replace(corpus, utterances=tuple(replace(turn, consent={}) for turn in corpus.utterances))
    refusal = EXAMINATION.refuses(case(table, silent_corpus))
    assert refusal is not None
    assert "consent_video" in refusal.remedy
    refusal = EXAMINATION.refuses(case_of(table))
    assert refusal is not None
    assert "corpus" in refusal.because


def test_it_counts_as_a_plain_loop_does() -> None:
    rng = np.random.default_rng(5)
    table = frame(conditions=("TAV", "TA", "V"))
    table["rationale"] = rng.choice(["her face", "the voice", "the words", "", "nothing"], len(table))
    answers = {
        f"s{i}": {name: bool(rng.random() < 0.6) for name in LETTERS.values() if rng.random() < 0.8} for i in range(24)
    }
    corpus = corpus_of(table)
    turns = tuple(replace(turn, consent=answers[str(turn.speaker_id)]) for turn in corpus.utterances)
    found = findings_of(EXAMINATION, case(table, replace(corpus, utterances=turns)))
    words = {"video": "face", "audio": "voice", "text": "words"}
    bound = violates = unasked = 0
    for row in table.itertuples():
        said = answers[str(row.speaker_id)]
        shown = [name for letter, name in LETTERS.items() if letter in str(row.condition)]
        declined = [name for name, agreed in said.items() if not agreed]
        bound += bool(declined)
        violates += any(name in shown or words[name] in str(row.rationale) for name in declined)
        unasked += any(name not in said for name in shown)
    assert value_of(found, VIOLATION) == pytest.approx(violates / bound)
    assert value_of(found, UNKNOWN) == pytest.approx(unasked / len(table))


def test_neither_order_nor_weights_nor_batches_matter() -> None:
    table, rng = frame(), np.random.default_rng(0)
    corpus = corpus_of(table, NO_FACE)
    plain = findings_of(EXAMINATION, case(table, corpus))
    mixed = case(table.sample(frac=1, random_state=1), corpus)
    assert {k: f.estimate for k, f in findings_of(EXAMINATION, mixed).items()} == {
        k: f.estimate for k, f in plain.items()
    }
    weighed = findings_of(EXAMINATION, case(table.assign(weight=rng.random(len(table))), corpus))
    assert value_of(weighed, VIOLATION) == value_of(plain, VIOLATION)
    reading = Reading(run="run", by=("accent", "age"), in_memory_rows=1, batch_rows=7)
    streamed = replace(mixed, runs={"run": predictions_from(from_frame(table), reading)})
    assert value_of(findings_of(EXAMINATION, streamed), VIOLATION) == value_of(plain, VIOLATION)


def test_the_clinic_honours_consent() -> None:
    corpus = LOADER.load({"seed": 3, "n_utterances": 200, "media": "none"}, folder=Path(), progress=silent)
    turns = [turn for turn in corpus.utterances if turn.label is not None]
    table = pd.DataFrame(
        {
            "utterance_id": [turn.utterance_id for turn in turns],
            "speaker_id": [turn.speaker_id for turn in turns],
            "condition": "T",
            "accent": [turn.sensitive["accent"] for turn in turns],
            "y_true": [turn.label for turn in turns],
            "y_pred": "neutral",
            "rationale": [turn.rationales["evidence"] for turn in turns],
        }
    )
    made = replace(case_of(table, by=("accent",)), live={"run": Live(corpus=corpus, reasoner=lambda: None)})
    assert value_of(findings_of(EXAMINATION, made), VIOLATION) == 0


class TestContract(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Case:
        table = frame()
        return case(table, corpus_of(table, NO_FACE))
