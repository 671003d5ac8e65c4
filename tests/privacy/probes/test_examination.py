"""Planted leaks are found from every source, clean twins are silent, and what cannot be told is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case, EvidenceBook
from affidavit.errors import PlanError
from affidavit.examinations import Testimony
from affidavit.live import Live
from affidavit.predictions import Reading, read_predictions
from affidavit.records import Finding
from affidavit.schema import UNKNOWN
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from privacy.probes.examination import EXAMINATION, UNWEIGHTED
from tests.privacy.inversion.conftest import live_case
from tests.privacy.probes.conftest import leakage_case, told_table, vector_table

LOW = 0.01
"""The least p-value of 99 permutations."""


def asked(case: Case) -> Testimony:
    assert EXAMINATION.refuses(case) is None
    return EXAMINATION.examine(case)


def found(case: Case) -> dict[tuple[str, str | None], Finding]:
    """Findings by metric and attribute."""
    told: dict[tuple[str, str | None], Finding] = {}
    for claim in asked(case).claims:
        key = (claim.finding.metric, (claim.finding.compared or (None,))[0])
        assert key not in told
        told[key] = claim.finding
    return told


def p_value(finding: Finding) -> float:
    assert finding.test is not None
    return finding.test.p_value


def value(finding: Finding) -> float:
    assert finding.estimate.value is not None
    return finding.estimate.value


def brought(folder: Path, frame: pd.DataFrame, *, hidden: int = 0, **sources: np.ndarray) -> Case:
    vector_table(frame, **sources).to_parquet(folder / "vectors.parquet")
    return leakage_case(frame.drop(columns="rationale"), folder=folder, embeddings="vectors.parquet", hidden=hidden)


class TestContract(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Case:
        options = {"hidden": 2, "permutations": 99, "components": 8, "rows_per_unit": 3}
        return case_of(predictions_frame(n_speakers=20, per_speaker=3), options=options)


def test_a_word_that_only_one_accent_gets_is_found_and_its_clean_twin_is_silent() -> None:
    told = found(leakage_case(told_table(tell=0.5)))["rationale_leakage_advantage", "accent"]
    assert p_value(told) == LOW
    assert told.estimate.interval is not None
    assert told.estimate.interval.low > 0.05
    clean = found(leakage_case(told_table()))["rationale_leakage_advantage", "accent"]
    assert p_value(clean) > 0.05
    assert clean.estimate.interval is not None
    assert clean.estimate.interval.low < 0 < clean.estimate.interval.high


def test_who_has_more_utterances_is_not_told_by_that() -> None:
    p_values = [
        p_value(
            found(leakage_case(told_table(counts=(3, 12), seed=seed), speaker=False, components=12))[
                "rationale_leakage_advantage", "accent"
            ]
        )
        for seed in range(8)
    ]
    assert sum(p <= 0.05 for p in p_values) <= 2  # by chance more than two of eight once in 170


def test_the_control_stands_beside_the_advantage() -> None:
    told = found(leakage_case(told_table(tell=0.5)))
    advantage, control = (told[f"rationale_leakage_{kind}", "accent"] for kind in ("advantage", "selectivity"))
    assert advantage.controls == (control.id,)
    assert advantage.null_expectation is not None
    assert value(control) == pytest.approx(value(advantage) - advantage.null_expectation.value)
    assert advantage.null_expectation.value == pytest.approx(0.0, abs=0.03)


def test_rows_count_as_utterances_and_clusters_as_units() -> None:
    estimate = found(leakage_case(told_table()))["rationale_leakage_advantage", "accent"].estimate
    assert (estimate.n, estimate.n_clusters) == (240, 40)


def test_vectors_that_hold_the_accent_and_the_speaker_are_found(tmp_path: Path) -> None:
    frame, rng = told_table(), np.random.default_rng(1)
    north = (frame["accent"] == "north").to_numpy()
    unit = pd.factorize(frame["speaker_id"])[0]
    noise = rng.normal(size=(len(frame), 6))
    leaking = noise + 2.0 * north[:, None] * np.eye(6)[0]
    own = noise + 4.0 * rng.normal(size=(40, 6))[unit]
    told = found(brought(tmp_path, frame, audio=leaking, video=noise, embedding=own))
    assert p_value(told["audio_leakage_advantage", "accent"]) == LOW
    assert p_value(told["video_leakage_advantage", "accent"]) > 0.05
    assert value(told["embedding_speaker_advantage", None]) > 0.8
    assert p_value(told["embedding_leakage_advantage", "accent"]) > 0.05  # who it is tells no accent of those not met
    assert value(told["embedding_speaker_equal_error_rate", None]) < 0.1
    assert value(told["video_speaker_advantage", None]) < 0.05
    assert value(told["video_speaker_equal_error_rate", None]) == pytest.approx(0.5, abs=0.06)


def test_a_state_that_hides_what_its_input_tells_lies_below_it_and_the_worst_is_named(tmp_path: Path) -> None:
    frame, rng = told_table(), np.random.default_rng(2)
    north = (frame["accent"] == "north").to_numpy()[:, None]
    noise = [rng.normal(size=(len(frame), 4)) for _ in range(4)]
    says = 2.5 * north * np.eye(4)[0]
    case = brought(
        tmp_path, frame, audio=noise[0], raw_audio=noise[1] + says, video=noise[2] + says, raw_video=noise[3]
    )
    told = found(case)
    hidden, added = (told[f"{name}_leakage_beyond_raw", "accent"] for name in ("audio", "video"))
    assert hidden.estimate.interval is not None
    assert added.estimate.interval is not None
    assert hidden.estimate.interval.high < 0 < added.estimate.interval.low
    assert any("this one told most" in said for said in added.caveats)
    assert not any("this one told most" in said for said in hidden.caveats)


def test_one_raw_vector_that_is_lacking_costs_one_row_and_not_the_comparison(tmp_path: Path) -> None:
    frame, rng = told_table(n_units=24), np.random.default_rng(2)
    voice, raw = (rng.normal(size=(len(frame), 4)) for _ in range(2))
    raw[7, 1] = np.nan
    told = found(brought(tmp_path, frame, audio=voice, raw_audio=raw))
    beside = told["audio_leakage_beyond_raw", "accent"]
    assert "1 utterances without the voice as it was measured are left out" in beside.caveats
    assert beside.estimate.n_clusters == 23
    assert told["audio_leakage_advantage", "accent"].estimate.n_clusters == 24


def test_without_a_raw_input_in_common_the_comparison_is_refused(tmp_path: Path) -> None:
    frame, rng = told_table(n_units=24), np.random.default_rng(2)
    voice, raw = (rng.normal(size=(len(frame), 4)) for _ in range(2))
    raw[20:] = np.nan
    testimony = asked(brought(tmp_path, frame, audio=voice, raw_audio=raw))
    assert [refusal.because for refusal in testimony.refusals if "that have both" in refusal.because]
    assert any(claim.finding.metric == "audio_leakage_advantage" for claim in testimony.claims)


def test_a_table_of_vectors_that_are_nobodys_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    frame = told_table(n_units=12)
    strangers = frame.assign(utterance_id="x" + frame["utterance_id"])
    vector_table(strangers, audio=np.random.default_rng(0).normal(size=(len(frame), 3))).to_parquet(
        tmp_path / "v.parquet"
    )
    testimony = asked(leakage_case(frame.drop(columns="rationale"), folder=tmp_path, embeddings="v.parquet"))
    assert not testimony.claims
    assert "none of 72 utterances has a vector" in testimony.refusals[0].because


def test_a_reasoner_that_opens_no_turn_is_refused_and_not_passed_over() -> None:
    case = live_case(n_units=6, hidden=0)
    live = case.live["run"]
    empty = Live(corpus=replace(live.corpus, utterances=()), offers=live.offers, reasoner=live.reasoner)
    testimony = asked(replace(case, live={"run": empty}))
    assert not testimony.claims
    assert ["opened none of 18 utterances" in refusal.because for refusal in testimony.refusals] == [True]


def test_judgements_that_are_not_looked_at_are_counted() -> None:
    frame = told_table(n_units=24)
    again = pd.concat([frame.assign(repeat=0), frame.assign(repeat=1)], ignore_index=True)
    told = found(leakage_case(again, speaker=False))["rationale_leakage_advantage", "accent"]
    assert "one judgement of each utterance; 144 others are not looked at" in told.caveats


def test_an_attribute_in_a_product_is_told_by_the_nonlinear_probe_in_the_exhibit(tmp_path: Path) -> None:
    frame, rng = told_table(n_units=40), np.random.default_rng(3)
    north = (frame["accent"] == "north").to_numpy()
    sign = np.where(rng.random(len(frame)) < 0.5, 1.0, -1.0)
    pair = np.stack([sign, np.where(north, sign, -sign)], axis=1)
    testimony = asked(brought(tmp_path, frame, hidden=16, audio=pair + 0.3 * rng.normal(size=pair.shape)))
    (exhibit,) = testimony.exhibits
    rows = pd.DataFrame(exhibit.values).query("told == 'accent' and given == 'one utterance'").set_index("probe")
    assert rows.loc["nonlinear", "low"] > 0.8
    assert rows.loc["linear", "value"] < 0.65


def test_states_of_a_live_reasoner_are_told_from_beside_their_inputs() -> None:
    told = found(live_case(n_units=24, own=3.0, hidden=0))
    for name in ("audio", "video"):
        assert value(told[f"{name}_speaker_advantage", None]) > 0.7
        assert (f"{name}_leakage_beyond_raw", "accent") in told
    assert not any(metric.startswith("rationale") for metric, _ in told)


def test_the_order_of_rows_has_no_say() -> None:
    frame = told_table(tell=0.3)
    plain, mixed = (found(leakage_case(one)) for one in (frame, frame.sample(frac=1, random_state=4)))
    assert plain == mixed


def test_a_table_on_disk_says_the_same_as_one_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    told_table(tell=0.3).to_parquet(path)

    def case(in_memory_rows: int) -> Case:
        reading = Reading(run="run", by=("accent",), in_memory_rows=in_memory_rows, batch_rows=64)
        runs = {"run": read_predictions(path, reading)}
        plain = leakage_case(told_table())
        book = EvidenceBook(runs=runs, by=("accent",), statistics=plain.statistics, seed=0)
        return replace(plain, runs=runs, book=book)

    assert found(case(1_000_000)) == found(case(10))


def test_unknown_levels_are_no_group() -> None:
    frame = told_table(n_units=42)
    frame.loc[frame["speaker_id"].isin(["p040", "p041"]), "accent"] = UNKNOWN
    told = found(leakage_case(frame))["rationale_leakage_advantage", "accent"]
    assert told.estimate.n_clusters == 40
    assert "2 units whose accent is unknown are left out" in told.caveats


def test_hostile_rationales_are_read_and_counted() -> None:
    frame = told_table()
    hostile = ["", "x " * 50_000, "她的声音很低", "<script>alert(1)</script>&amp;", "the face says it", "\x00\u202e"]
    frame["rationale"] = [hostile[i % 6] if i % 3 else text for i, text in enumerate(frame["rationale"])]
    told = found(leakage_case(frame))["rationale_leakage_advantage", "accent"]
    assert any("rationales were read up to" in said for said in told.caveats)
    frame["rationale"] = ["" if i % 2 else text for i, text in enumerate(frame["rationale"])]
    told = found(leakage_case(frame))["rationale_leakage_advantage", "accent"]
    assert "120 rationales are empty" in told.caveats


def test_rationales_that_are_all_the_same_are_refused() -> None:
    testimony = asked(leakage_case(told_table().assign(rationale="it is so")))
    assert not testimony.claims
    assert "all vectors are the same" in testimony.refusals[0].because


def test_without_units_or_sources_it_refuses() -> None:
    frame = told_table()
    nobody = leakage_case(frame.drop(columns=["speaker_id", "dialogue_id"]))
    refusal = EXAMINATION.refuses(nobody)
    assert refusal is not None
    assert "one unit's" in refusal.because
    recurring = predictions_frame().drop(columns="speaker_id")
    assert EXAMINATION.refuses(case_of(recurring)) is not None
    silent = EXAMINATION.refuses(leakage_case(frame.drop(columns="rationale")))
    assert silent is not None
    assert "nothing to tell from" in silent.because


def test_few_units_are_refused_by_source_and_the_rest_is_told() -> None:
    frame = told_table(n_units=12)
    frame["age"] = ["old" if speaker == "p000" else "young" for speaker in frame["speaker_id"]]
    testimony = asked(leakage_case(frame, by=("accent", "age")))
    assert {claim.finding.compared for claim in testimony.claims} == {("accent",), None}
    assert any("fewer than two groups of age" in refusal.because for refusal in testimony.refusals)


@pytest.mark.parametrize(
    ("options", "slug"), [({"attributes": ["sex"]}, "plan-impossible"), ({"folds": 1}, "plan-invalid")]
)
def test_options_that_make_no_sense_are_errors(options: Mapping[str, Any], slug: str) -> None:
    with pytest.raises(PlanError) as caught:
        EXAMINATION.refuses(leakage_case(told_table(n_units=12), **options))
    assert caught.value.slug == slug


def test_large_corpora_are_drawn_from_and_it_says_so() -> None:
    case = case_of(
        predictions_frame(n_speakers=60, per_speaker=12), options={"most_units": 30, "rows_per_unit": 4, "hidden": 0}
    )
    told = found(case)["rationale_leakage_advantage", "age"]
    assert told.estimate.n_clusters is not None
    assert told.estimate.n_clusters <= 30
    assert any("120 of 720 utterances of 30 of 60 units" in said for said in told.caveats)


def test_weights_have_no_part_and_it_says_so() -> None:
    frame = told_table(tell=0.3)
    plain, weighted = (
        found(leakage_case(one))["rationale_leakage_advantage", "accent"]
        for one in (frame, frame.assign(weight=np.linspace(0.5, 2.0, len(frame))))
    )
    assert plain.estimate == weighted.estimate
    assert UNWEIGHTED in weighted.caveats


def test_an_audit_is_not_flooded() -> None:
    assert len(asked(case_of(predictions_frame(), options={"hidden": 0, "permutations": 99})).claims) == 6
