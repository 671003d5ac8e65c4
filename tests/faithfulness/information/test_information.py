"""Information in pairs of modalities: planted gates, the null beside every number, thin groups, hostile tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case, EvidenceBook
from affidavit.predictions import Reading, read_predictions
from affidavit.records import Finding
from affidavit.testing import ExaminationContract, case_of
from faithfulness.information.answers import by_block, dealt_anew, dealt_into_blocks, singles
from faithfulness.information.corrected import corrected, corrected_draws, quantities
from faithfulness.information.examination import AT_KINK, EXAMINATION, METRICS, metrics_of

LABELS = np.array(["anger", "joy"])
QUICK = {"deals": 20, "blocks": 10}
Gate = Callable[[np.ndarray, np.ndarray], np.ndarray]


def judged(
    gate: Gate,
    *,
    n_speakers: int = 30,
    each: int = 12,
    noise: float = 0.0,
    honest: bool = True,
    repeats: int = 1,
    slips: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Return judgements of a reasoner whose answer under TA is a function of its answers under T and A.

    Of `repeats`, a share of `slips` answers under TA at random.
    """
    rng = np.random.default_rng(seed)
    n = n_speakers * each
    text, audio = rng.integers(0, 2, n), rng.integers(0, 2, n)
    both = gate(text, audio)
    both = np.where(rng.random(n) < noise, rng.integers(0, 2, n), both)
    truth = text if honest else rng.integers(0, 2, n)
    speaker = np.arange(n) // each
    parts = [
        pd.DataFrame(
            {
                "utterance_id": [f"u{i}" for i in range(n)],
                "speaker_id": [f"s{i}" for i in speaker],
                "accent": np.array(["Irish", "Welsh"])[speaker % 2],
                "condition": condition,
                "repeat": repeat,
                "y_true": LABELS[truth],
                "y_pred": LABELS[np.where(rng.random(n) < slips * (condition == "TA"), rng.integers(0, 2, n), told)],
            }
        )
        for repeat in range(repeats)
        for condition, told in (("TA", both), ("T", text), ("A", audio))
    ]
    return pd.concat(parts, ignore_index=True)


def xor(text: np.ndarray, audio: np.ndarray) -> np.ndarray:
    return np.asarray(text ^ audio)


def conjunction(text: np.ndarray, audio: np.ndarray) -> np.ndarray:
    return np.asarray(text & audio)


def only_text(text: np.ndarray, audio: np.ndarray) -> np.ndarray:
    return text


def findings(frame: pd.DataFrame, **options: Any) -> dict[tuple[str, str], Finding]:
    case = case_of(frame, ("accent",), options={**QUICK, **options})
    assert EXAMINATION.refuses(case) is None
    return {
        (c.finding.metric, ", ".join(c.finding.groups.values()) or "everybody"): c.finding
        for c in EXAMINATION.examine(case).claims
    }


def value(told: Mapping[tuple[str, str], Finding], metric: str, group: str = "everybody") -> float:
    found = told[metric, group].estimate.value
    assert found is not None, told[metric, group].estimate.why_no_interval
    return found


R, U_TEXT, U_AUDIO, S = metrics_of("answer", "TA")


@pytest.mark.parametrize(
    ("gate", "expected"),
    [(xor, (0, 0, 0, 1)), (conjunction, (0.311, 0, 0, 0.5)), (only_text, (0, 1, 0, 0))],
    ids=["xor", "and", "text alone"],
)
def test_planted_gates_are_told(gate: Gate, expected: tuple[float, ...]) -> None:
    told = findings(judged(gate))
    found = tuple(value(told, metric) for metric in (R, U_TEXT, U_AUDIO, S))
    assert found == pytest.approx(expected, abs=0.06)


def test_an_answer_at_random_holds_nothing_beyond_what_chance_gives() -> None:
    told = findings(judged(xor, noise=1.0))
    for metric in (R, U_TEXT, U_AUDIO, S):
        finding = told[metric, "everybody"]
        assert finding.null_expectation is not None
        assert value(told, metric) < 0.03
        assert finding.null_expectation.high < 0.05
        assert abs(finding.null_expectation.value) < 0.01
    planted = findings(judged(xor, noise=0.5))[S, "everybody"]
    assert planted.estimate.interval is not None
    assert planted.null_expectation is not None
    assert planted.estimate.interval.low > planted.null_expectation.high


def test_the_answer_and_the_reference_are_different_questions_and_say_so() -> None:
    told = findings(judged(xor))
    of_label = metrics_of("reference", "TA")
    assert value(told, of_label[1]) == pytest.approx(1.0, abs=0.05)  # the truth is what the words say
    assert value(told, of_label[3]) == pytest.approx(0.0, abs=0.02)
    assert any("not the data" in said for said in told[S, "everybody"].caveats)
    assert any("describes the data" in said for said in told[of_label[3], "everybody"].caveats)
    unlabelled = findings(judged(xor).drop(columns="y_true"))
    assert not any(metric.startswith("label_") for metric, _ in unlabelled)


def test_groups_are_told_apart_and_the_reference_by_group_is_in_the_exhibit_only() -> None:
    irish, welsh = judged(xor, n_speakers=60), judged(only_text, n_speakers=60)
    mixed = pd.concat([irish[irish["accent"] == "Irish"], welsh[welsh["accent"] == "Welsh"]])
    told = findings(mixed)
    assert value(told, S, "Irish") > 0.9
    assert AT_KINK not in told[U_TEXT, "Welsh"].caveats
    assert value(told, U_TEXT, "Welsh") > 0.9
    assert value(told, S, "Welsh") < 0.05
    assert not any(metric.startswith("label_") and group != "everybody" for metric, group in told)
    exhibit = EXAMINATION.examine(case_of(mixed, ("accent",), options=QUICK)).exhibits[0].table().to_pandas()
    assert set(exhibit[exhibit["target"] == "reference"]["group"]) == {"everybody", "Irish", "Welsh"}


def test_a_group_of_few_units_is_named_with_the_reason() -> None:
    told = findings(judged(xor, n_speakers=30), fewest_units=20)
    finding = told[S, "Irish"]
    assert finding.estimate.value is None
    assert "15 units" in (finding.because or "")
    assert finding.estimate.n_clusters == 15
    assert value(told, S) > 0.9
    thin = findings(judged(xor, n_speakers=50, each=1), fewest_per_cell=20)[S, "everybody"]
    assert thin.estimate.value is None
    assert "utterances for each cell" in (thin.because or "")
    again = findings(judged(xor, n_speakers=50, each=1, repeats=4), fewest_per_cell=20)[S, "everybody"]
    assert again.because == thin.because, "the same utterance again is no more evidence"


def test_informations_are_the_sums_of_their_parts_in_the_exhibit() -> None:
    table = (
        EXAMINATION.examine(case_of(judged(conjunction), ("accent",), options=QUICK)).exhibits[0].table().to_pandas()
    )
    one = table[(table["features"] == "") & (table["target"] == "answer")].set_index("quantity")["plug_in"]
    assert one["redundancy"] + one["unique_first"] == pytest.approx(one["information_first"])
    assert one["redundancy"] + one["unique_second"] == pytest.approx(one["information_second"])
    parts = one["redundancy"] + one["unique_first"] + one["unique_second"] + one["synergy"]
    assert parts == pytest.approx(one["information_together"])


def test_the_correction_takes_away_most_of_what_small_samples_add() -> None:
    rng = np.random.default_rng(4)
    block = np.arange(200) % 10
    draws = np.stack([by_block(rng.integers(0, 27, 200), block, np.ones(200), (3, 3, 3)) for _ in range(30)])
    plug_in, mended = quantities(draws.sum(axis=1)).mean(axis=0), corrected_draws(draws).mean(axis=0)
    assert plug_in[-1] == pytest.approx(8 * 2 / (2 * 200 * np.log(2)), rel=0.2)  # Miller 1955: nothing tells anything
    assert (np.abs(mended) < 0.2 * plug_in[-1]).all()
    np.testing.assert_allclose(corrected_draws(draws[:1])[0], corrected(draws[0]).corrected, atol=5e-5)


def test_the_jackknife_equals_its_definition() -> None:
    rng = np.random.default_rng(1)
    tables = rng.poisson(3.0, (5, 2, 3, 2)).astype(np.float64)
    found = corrected(tables)
    whole = quantities(tables.sum(axis=0))
    left_out = np.stack([quantities(np.delete(tables, i, axis=0).sum(axis=0)) for i in range(5)])
    plain = 5 * whole - 4 * left_out.mean(axis=0)
    np.testing.assert_allclose(found.corrected[4:], plain[4:], atol=5e-5)
    parts, informations = found.corrected[:4], found.corrected[4:]
    sums = [parts[0] + parts[1], parts[0] + parts[2], parts.sum()]
    np.testing.assert_allclose(sums, informations)
    bias = whole - plain
    assert bias[4:].min() - 1e-9 <= (whole - found.corrected)[:3].sum() <= bias[4:].max() + 1e-9
    np.testing.assert_allclose(
        found.standard_error, np.sqrt(4 / 5 * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)), atol=5e-5
    )
    with pytest.raises(ValueError, match="two blocks"):
        corrected(tables[:1])


def test_two_equal_sources_are_no_reason_for_a_large_correction() -> None:
    """Where both sources are just as good a plain jackknife would take away ten times what chance put there."""
    joint = np.zeros((2, 2, 2))
    joint[0, 0, 0], joint[0, 1, 0], joint[1, 0, 0], joint[1, 1, 1] = 80, 87, 87, 106
    x, z, y = np.indices((2, 2, 2)).reshape(3, 8)
    cells = np.random.default_rng(0).permutation(np.repeat((x * 2 + z) * 2 + y, joint.ravel().astype(int)))
    found = corrected(by_block(cells, np.arange(360) % 10, np.ones(360), (2, 2, 2)))
    assert np.abs(found.corrected - found.plug_in).max() < 0.01
    assert found.at_kink(0)
    assert not found.at_kink(4)


def test_dealing_keeps_units_together_and_loses_nobody() -> None:
    rng = np.random.default_rng(0)
    unit = np.repeat(np.arange(8), [1, 5, 2, 7, 3, 3, 4, 5])
    block = dealt_into_blocks(unit, 3, rng)
    assert all(len(set(block[unit == each])) == 1 for each in range(8))
    assert sorted(len(set(unit[block == each])) for each in range(3)) == [2, 3, 3]
    codes = unit * 10  # each unit has a code of its own
    dealt = dealt_anew(codes, unit, np.arange(30), rng)
    assert sorted(dealt) == sorted(codes)
    # Two rows of people side by side meet in at most 8 + 8 - 1 pairs: what was together stays together.
    assert len(set(zip(unit, dealt, strict=True))) <= 15
    assert (dealt != codes).any()


def test_dealing_keeps_repetitions_together() -> None:
    rng = np.random.default_rng(0)
    utterance = np.repeat(np.arange(12), 4)
    dealt = dealt_anew(utterance, utterance // 3, utterance, rng)
    assert sorted(dealt) == sorted(utterance)
    assert all(len(set(dealt[utterance == each])) == 1 for each in range(12))
    assert (dealt != utterance).any()


def test_what_chance_gives_does_not_shrink_by_repetition() -> None:
    """The null of six equal repetitions is that of one: else whatever a small table holds by chance looks planted."""
    once, again = (
        findings(judged(xor, n_speakers=20, each=5, noise=1.0, repeats=repeats), deals=60)[S, "everybody"]
        for repeats in (1, 6)
    )
    assert again.estimate.value == pytest.approx(once.estimate.value, abs=1e-6)
    assert once.null_expectation is not None
    assert again.null_expectation is not None
    assert again.null_expectation.high > 0.5 * once.null_expectation.high  # with each row dealt by itself, a sixth
    assert 0 <= again.null_expectation.value < again.null_expectation.high


def test_repetition_stands_beside() -> None:
    told = findings(judged(xor, repeats=2, slips=0.4))
    rate = told["repeat_flip_rate", "everybody"]
    assert value(told, "repeat_flip_rate") == pytest.approx((1 - 0.6**2) / 2, abs=0.06)
    assert told[S, "everybody"].controls == (rate.id,)
    assert not any("no repetitions" in said for said in told[S, "everybody"].caveats)
    assert told["repeat_flip_rate", "Irish"].estimate.n == 2 * 180
    once = findings(judged(xor))
    assert ("repeat_flip_rate", "everybody") not in once
    assert any("no repetitions" in said for said in once[S, "everybody"].caveats)


def test_joint_tables_equal_counting_by_hand() -> None:
    rng = np.random.default_rng(3)
    cells, block = rng.integers(0, 27, 50), rng.integers(0, 4, 50)
    tables = by_block(cells, block, np.full(50, 2.0), (3, 3, 3))
    for b in range(4):
        for cell in range(27):
            i, k, y = np.unravel_index(cell, (3, 3, 3))
            assert tables[b, i, k, y] == 2 * ((cells == cell) & (block == b)).sum()


@pytest.mark.parametrize("named", [True, False])
def test_rows_have_no_order_and_labels_no_names(named: bool) -> None:
    frame = judged(conjunction, noise=0.2)
    frame = frame if named else frame.drop(columns="speaker_id")
    fewest = 20 if named else 200  # of everybody alone
    first = findings(frame, fewest_units=fewest)
    for other in (frame.sample(frac=1, random_state=1), frame.replace({"anger": "zz", "joy": "aa"})):
        exact = set(other["y_pred"]) == set(LABELS)
        for key, finding in findings(other, fewest_units=fewest).items():
            expected = first[key].estimate
            # Under other names units without ids stand in another order, and are dealt into other blocks.
            slack = 1e-9 if exact else 0.02
            assert finding.estimate.value == pytest.approx(expected.value, abs=slack), key


def test_what_was_not_judged_alone_takes_no_part_and_is_counted() -> None:
    frame = judged(xor)
    lost = frame["utterance_id"].isin({"u0", "u1", "u2"}) & (frame["condition"] == "A")
    told = findings(frame[~lost])[S, "everybody"]
    assert told.estimate.n == 357
    assert any(said.startswith("3 judgements lack") for said in told.caveats)


def test_weights_of_rows_weigh() -> None:
    irish, welsh = judged(xor, n_speakers=60), judged(only_text, n_speakers=60)
    mixed = pd.concat([irish[irish["accent"] == "Irish"], welsh[welsh["accent"] == "Welsh"]])
    heavy = mixed.assign(weight=np.where(mixed["accent"] == "Irish", 0.7, 0.0))
    told = findings(mixed)
    assert value(findings(heavy), S) == pytest.approx(value(told, S, "Irish"), abs=0.02)
    assert value(told, S) < 0.8


def test_singles_are_read_from_conditions() -> None:
    assert singles(["as-supplied", "T"]) is None
    assert singles(["TAV", "T", "TA"]) is None
    found = singles(["TAV", "TA", "V", "A", "T"])
    assert found is not None
    assert found.pairs == (("T", "A"), ("T", "V"), ("A", "V"))
    assert len(METRICS) == 25


def test_what_cannot_be_asked_is_refused_with_the_words_to_ask_for_it() -> None:
    frame = judged(xor)
    refusal = EXAMINATION.refuses(case_of(frame[frame["condition"] != "A"], ("accent",)))
    assert refusal is not None
    assert "T, A, V beside TAV" in refusal.remedy
    many = frame.assign(y_pred=[f"l{i % 12}" for i in range(len(frame))]).drop(columns="y_true")
    refusal = EXAMINATION.refuses(case_of(many, ("accent",)))
    assert refusal is not None
    assert "12 labels" in refusal.because
    apart = frame[(frame["condition"] != "A") | (frame["utterance_id"] == "nobody")]
    strangers = frame[frame["condition"] == "A"].assign(utterance_id=lambda rows: rows["utterance_id"] + "x")
    testimony = EXAMINATION.examine(case_of(pd.concat([apart, strangers]), ("accent",), options=QUICK))
    assert testimony.claims == ()
    assert "under each single modality" in testimony.refusals[0].because


def test_an_answer_that_never_changes_tells_nothing_and_breaks_nothing() -> None:
    frame = judged(xor).assign(y_pred="joy")
    finding = findings(frame)[S, "everybody"]
    assert finding.estimate.value == pytest.approx(0.0, abs=1e-9)
    assert "no spread" in (finding.because or "")


class TestContract(ExaminationContract):
    examination: ClassVar[Any] = EXAMINATION

    def make_case(self) -> Case:
        return case_of(judged(conjunction, n_speakers=48, noise=0.2), ("accent",), options=QUICK)


def test_a_streamed_table_is_answered_alike(tmp_path: Path) -> None:
    frame = judged(conjunction, noise=0.2)
    frame.to_parquet(tmp_path / "table.parquet")
    reading = Reading(run="run", by=("accent",), in_memory_rows=0, batch_rows=100)
    runs = {"run": read_predictions(tmp_path / "table.parquet", reading)}
    kept = case_of(frame, ("accent",), options=QUICK)
    book = EvidenceBook(runs=runs, by=("accent",), statistics=kept.statistics, seed=0)
    streamed = replace(kept, runs=runs, book=book)
    first, second = ([claim.finding for claim in EXAMINATION.examine(case).claims] for case in (kept, streamed))
    assert first == second
