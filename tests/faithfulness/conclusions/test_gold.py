"""The judge held against people: kappa, corrected rates, and numbers that may decide nothing without either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affidavit.errors import AffidavitError
from affidavit.examinations import Claim
from affidavit.plan import Statistics
from affidavit.policy import Criterion, Policy
from affidavit.records import Finding, Interval, Verdict
from affidavit.testing import case_of
from affidavit.verdicts import decide
from faithfulness.conclusions.corrections import cut
from faithfulness.conclusions.examination import EXAMINATION

LABELS = ("anger", "joy", "sadness")
SAYS = {"anger": "She sounds furious.", "joy": "She seems delighted.", "sadness": "He is in tears and grieving."}
EPC = "explanation_prediction_consistency"


def judged(*, misread: Mapping[str, float], n: int = 800, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Return judgements, and what people conclude; of some rationales the judge misreads the words."""
    rng = np.random.default_rng(seed)
    rows, meant = [], []
    for i in range(n):
        accent = ("Irish", "Welsh")[i // 10 % 2]
        truth = int(rng.integers(3))
        answer = truth if rng.random() < 0.7 else int(rng.integers(3))
        told = answer if rng.random() < 0.8 else (answer + 1) % 3
        read = (told + 1) % 3 if rng.random() < misread[accent] else told
        meant.append(LABELS[told])
        rows.append(
            {
                "utterance_id": f"u{i}",
                "speaker_id": f"s{i // 10}",
                "accent": accent,
                "condition": "TAV",
                "y_true": LABELS[truth],
                "y_pred": LABELS[answer],
                "rationale": SAYS[LABELS[read]],
            }
        )
    return pd.DataFrame(rows), pd.Series(meant)


def gold_file(folder: Path, frame: pd.DataFrame, meant: pd.Series, *, every: int = 2) -> str:
    chosen = frame.index % every == 0
    table = pd.DataFrame({"utterance_id": frame["utterance_id"], "emotion": meant})[chosen]
    table.to_csv(folder / "gold.csv", index=False)
    return str(folder / "gold.csv")


def claims(frame: pd.DataFrame, gold: str | None, **options: object) -> tuple[Claim, ...]:
    case = case_of(frame, ("accent",), options=options | ({} if gold is None else {"gold": gold}))
    assert EXAMINATION.refuses(case) is None
    return EXAMINATION.examine(case).claims


def by_group(found: tuple[Claim, ...]) -> dict[tuple[str, str], Finding]:
    return {
        (c.finding.metric, ", ".join(c.finding.groups.values()) or ("gap" if c.finding.compared else "everybody")): (
            c.finding
        )
        for c in found
    }


def slow_kappa(a: pd.Series, b: pd.Series) -> float:
    observed = float((a == b).mean())
    chance = sum(float((a == k).mean() * (b == k).mean()) for k in LABELS)
    return (observed - chance) / (1 - chance)


def test_kappa_equals_its_slow_twin_by_group(tmp_path: Path) -> None:
    frame, meant = judged(misread={"Irish": 0.05, "Welsh": 0.3})
    told = by_group(claims(frame, gold_file(tmp_path, frame, meant)))
    read = frame["rationale"].map({sentence: label for label, sentence in SAYS.items()})
    half = frame.index % 2 == 0
    for group, chosen in (("everybody", half), ("Welsh", half & (frame["accent"] == "Welsh"))):
        finding = told["judge_kappa", group]
        assert finding.estimate.value == pytest.approx(slow_kappa(meant[chosen], read[chosen]))
        assert finding.estimate.interval is not None
        assert finding.estimate.n == chosen.sum()


def test_a_judge_that_misreads_one_group_makes_a_gap_that_the_correction_takes_away(tmp_path: Path) -> None:
    frame, meant = judged(misread={"Irish": 0.0, "Welsh": 0.3}, n=1600)
    told = by_group(claims(frame, gold_file(tmp_path, frame, meant)))
    truth = (meant == frame["y_pred"]).groupby(frame["accent"]).mean()
    gap = told[f"{EPC}_difference", "gap"].estimate.interval
    assert gap is not None
    assert gap.low > 0.05, "the judge's own errors look like a gap between groups"
    for group in ("Irish", "Welsh"):
        estimate = told[f"{EPC}_corrected", group].estimate
        assert estimate.interval is not None
        assert estimate.interval.low <= truth[group] <= estimate.interval.high
    raw = told[EPC, "Welsh"].estimate.value
    corrected = told[f"{EPC}_corrected", "Welsh"].estimate.value
    assert raw is not None
    assert corrected is not None
    assert abs(corrected - truth["Welsh"]) < abs(raw - truth["Welsh"])


@pytest.mark.slow
def test_corrected_rates_cover_the_truth(tmp_path: Path) -> None:
    covered = []
    for seed in range(120):
        frame, meant = judged(misread={"Irish": 0.2, "Welsh": 0.2}, n=400, seed=seed)
        told = by_group(claims(frame, gold_file(tmp_path, frame, meant)))
        interval = told[f"{EPC}_corrected", "everybody"].estimate.interval
        assert interval is not None
        covered.append(interval.low <= 0.8 <= interval.high)
    assert np.mean(covered) >= 0.90


def consistent(share: float, *, seed: int, n: int = 320) -> tuple[pd.DataFrame, pd.Series]:
    """Return judgements of which people find this share consistent, and of which the judge misreads a fifth."""
    rng = np.random.default_rng(seed)
    frame, _ = judged(misread={"Irish": 0.0, "Welsh": 0.0}, n=n, seed=seed)
    answer = frame["y_pred"].map({label: k for k, label in enumerate(LABELS)}).to_numpy()
    told = np.where(rng.random(n) < share, answer, (answer + rng.integers(1, 3, n)) % 3)
    read = np.where(rng.random(n) < 0.2, (told + rng.integers(1, 3, n)) % 3, told)
    return frame.assign(rationale=[SAYS[LABELS[k]] for k in read]), pd.Series([LABELS[k] for k in told])


def corrected(yes: float, all_: float, right: tuple[float, float, float, float]) -> float:
    tp, fn, fp, tn = right
    sens, spec = tp / (tp + fn), tn / (fp + tn)
    return (yes / all_ + spec - 1) / (sens + spec - 1)


def test_corrected_intervals_are_a_jackknife_of_what_is_not_cut_yet(tmp_path: Path) -> None:
    """A rate that comes out above 1 is not a rate without any spread."""
    frame, meant = consistent(0.92, seed=2, n=240)
    found = by_group(claims(frame, gold_file(tmp_path, frame, meant)))[f"{EPC}_corrected", "everybody"]
    read = frame["rationale"].map({sentence: label for label, sentence in SAYS.items()})
    said, true, known = read == frame["y_pred"], meant == frame["y_pred"], frame.index % 2 == 0

    def rate(chosen: pd.Series) -> float:
        cells = tuple(
            float((chosen & known & (true == a) & (said == b)).sum())
            for a, b in ((True, True), (True, False), (False, True), (False, False))
        )
        return corrected(float((said & chosen).sum()), float(chosen.sum()), cells)  # type: ignore[arg-type]

    value = rate(frame["speaker_id"].notna())
    speakers = frame["speaker_id"].unique()
    left_out = np.array([rate(frame["speaker_id"] != speaker) for speaker in speakers])
    m = len(speakers)
    error = np.sqrt((m - 1) / m * ((left_out - left_out.mean()) ** 2).sum())
    assert m == 24
    half = stats.t.ppf(0.975, m - 1) * error
    interval = found.estimate.interval
    assert interval is not None
    assert value - half < 1 < value + half, "the test would not tell the two apart"
    assert found.estimate.value == pytest.approx(min(value, 1.0))
    assert interval.low == pytest.approx(value - half)
    assert interval.high == 1.0
    assert any("drawn at random" in said for said in found.caveats)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.9, 0.95])
def test_corrected_rates_near_one_cover_the_truth(tmp_path: Path, share: float) -> None:
    covered = []
    for seed in range(60):
        frame, meant = consistent(share, seed=seed)
        gold = gold_file(tmp_path, frame[:80], meant[:80], every=1)
        interval = by_group(claims(frame, gold))[f"{EPC}_corrected", "everybody"].estimate.interval
        if interval is not None:
            covered.append(interval.low <= share <= interval.high)
    assert len(covered) > 40
    assert np.mean(covered) >= 0.92


def test_a_gap_that_the_judge_makes_fails_nobody(tmp_path: Path) -> None:
    frame, meant = judged(misread={"Irish": 0.0, "Welsh": 0.3}, n=1600)
    found = claims(frame, gold_file(tmp_path, frame, meant))
    raw = decided(found, f"{EPC}_difference", at_most=0.05)
    assert [finding.verdict for finding in raw] == [Verdict.INFORMATIVE]
    assert f"{EPC}_corrected_difference decides" in str(raw[0].because)
    (gap,) = decided(found, f"{EPC}_corrected_difference", at_most=0.05)
    assert gap.verdict is not Verdict.FAIL
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low == 0.0
    assert gap.metric in EXAMINATION.metrics


def test_a_gap_that_is_there_is_found_without_the_judges_errors(tmp_path: Path) -> None:
    frame, meant = judged(misread={"Irish": 0.05, "Welsh": 0.05}, n=1600)
    number = {label: k for k, label in enumerate(LABELS)}
    moved = meant.map(lambda label: LABELS[(number[label] + 1) % 3])
    welsh = (frame["accent"] == "Welsh") & (frame.index % 3 == 0)
    meant = meant.where(~welsh, moved)
    frame["rationale"] = frame["rationale"].where(~welsh, meant.map(SAYS))
    (gap,) = decided(claims(frame, gold_file(tmp_path, frame, meant)), f"{EPC}_corrected_difference", at_most=0.05)
    assert gap.verdict is Verdict.FAIL


@pytest.mark.parametrize(("low", "high", "inside"), [(-0.3, 0.4, (0.0, 0.4)), (0.7, 1.6, (0.7, 1.0)), (1.1, 1.6, None)])
def test_what_lies_wholly_beyond_is_no_interval(low: float, high: float, inside: tuple[float, float] | None) -> None:
    frame, _ = judged(misread={"Irish": 0.0, "Welsh": 0.0}, n=60)
    claim = claims(frame, None)[0]
    interval = Interval(low=low, high=high, level=0.95, method="a test")
    estimate = claim.finding.estimate.model_copy(update={"value": (low + high) / 2, "interval": interval})
    beyond = replace(
        claim,
        finding=claim.finding.model_copy(update={"estimate": estimate}),
        interval_at=lambda level: interval,
    )
    (told,) = cut([beyond])
    assert told.finding.estimate.value is not None
    assert 0 <= told.finding.estimate.value <= 1
    assert told.interval_at is not None
    decisive, shown = told.interval_at(0.9), told.finding.estimate.interval
    if inside is None:
        assert shown is None
        assert isinstance(decisive, str)
        assert told.finding.verdict is Verdict.INCONCLUSIVE
    else:
        assert shown is not None
        assert shown == decisive
        assert (shown.low, shown.high) == inside


def test_an_empty_cell_is_a_rationale_that_nobody_read(tmp_path: Path) -> None:
    frame, meant = judged(misread={"Irish": 0.0, "Welsh": 0.0}, n=200)
    meant[:50] = ""
    told = by_group(claims(frame, gold_file(tmp_path, frame, meant, every=1)))
    assert told["judge_kappa", "everybody"].estimate.n == 150
    assert told["judge_kappa", "everybody"].estimate.value == 1.0


def test_gold_of_another_run_may_have_other_labels(tmp_path: Path) -> None:
    frame, _ = judged(misread={"Irish": 0.0, "Welsh": 0.0}, n=60)
    table = pd.DataFrame(
        {"run": ["run", "another"], "utterance_id": ["u0", "u0"], "emotion": [str(frame["y_pred"][0]), "fear"]}
    )
    table.to_csv(tmp_path / "gold.csv", index=False)
    assert by_group(claims(frame, str(tmp_path / "gold.csv")))["judge_kappa", "everybody"].estimate.n == 1


def decided(found: tuple[Claim, ...], metric: str, *, at_most: float | None = None) -> list[Finding]:
    at_least = 0.01 if at_most is None else None
    criterion = Criterion(id="c", metric=metric, at_least=at_least, at_most=at_most, source="a test")
    policy = Policy(
        version=1, name="p", title="p", statement="a test", frozen_before_results=True, criteria=(criterion,)
    )
    return [f for f in decide(found, policy, Statistics()) if f.metric == metric]


def test_without_gold_or_under_it_nothing_passes_or_fails(tmp_path: Path) -> None:
    good, meant = judged(misread={"Irish": 0.05, "Welsh": 0.05})
    poor, otherwise = judged(misread={"Irish": 0.05, "Welsh": 0.7})
    neither = {Verdict.INFORMATIVE, Verdict.INCONCLUSIVE}
    assert {f.verdict for f in decided(claims(good, None), EPC)} <= neither
    told = {", ".join(f.groups.values()): f for f in decided(claims(poor, gold_file(tmp_path, poor, otherwise)), EPC)}
    assert told["Welsh"].verdict in neither
    assert any("agrees too little" in caveat for caveat in told["Welsh"].caveats)
    passed = decided(claims(good, gold_file(tmp_path, good, meant)), EPC)
    assert {f.verdict for f in passed} == {Verdict.PASS}


def test_a_gap_needs_a_judge_that_agrees_in_every_group(tmp_path: Path) -> None:
    poor, meant = judged(misread={"Irish": 0.0, "Welsh": 0.7})
    told = by_group(claims(poor, gold_file(tmp_path, poor, meant)))
    assert any("(Welsh)" in caveat for caveat in told[f"{EPC}_difference", "gap"].caveats)


def test_gold_of_one_group_only_leaves_the_other_informative(tmp_path: Path) -> None:
    frame, meant = judged(misread={"Irish": 0.05, "Welsh": 0.05})
    irish = frame[frame["accent"] == "Irish"]
    told = by_group(claims(frame, gold_file(tmp_path, irish, meant[irish.index])))
    assert told["judge_kappa", "Welsh"].estimate.value is None
    assert any("not known" in caveat for caveat in told[EPC, "Welsh"].caveats)
    assert not any("not known" in caveat for caveat in told[EPC, "Irish"].caveats)


def test_a_judge_that_concludes_where_people_cannot_tell_is_wrong(tmp_path: Path) -> None:
    """To leave such rationales out would flatter the judge, and with it the rate."""
    frame, meant = judged(misread={"Irish": 0.0, "Welsh": 0.0}, n=400)
    consistent_ones = meant == frame["y_pred"]
    meant[frame.index % 4 < 2] = "none"  # of every unit, and of what was read and what was not
    consistent_ones &= meant != "none"
    frame.loc[::20, "rationale"] = "The voice is low."
    concluded = frame["rationale"] != "The voice is low."
    told = by_group(claims(frame, gold_file(tmp_path, frame, meant, every=1)))
    assert told["judge_kappa", "everybody"].estimate.n == len(frame)
    read = frame["rationale"].map({sentence: label for label, sentence in SAYS.items()})[concluded]
    known = meant[concluded]
    observed = float((known == read).mean())
    chance = sum(float((known == k).mean() * (read == k).mean()) for k in (*LABELS, "none"))
    assert told["judge_kappa", "everybody"].estimate.value == pytest.approx((observed - chance) / (1 - chance))
    rate = told[f"{EPC}_corrected", "everybody"].estimate.value
    assert rate == pytest.approx(consistent_ones[concluded].mean())
    wrong = told["right_answer_wrong_explanation_rate_corrected", "everybody"].estimate.value
    right = (frame["y_pred"] == frame["y_true"])[concluded]
    assert wrong == pytest.approx((right & (known != "none") & (known != frame["y_true"][concluded])).mean())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"utterance_id": ["u0"]}, "lacks a column"),
        ({"emotion": ["joy"]}, "lacks a column"),
        ({"utterance_id": ["u0"], "emotion": ["bliss"]}, "'bliss'"),
        ({"utterance_id": ["u0", "u0"], "emotion": ["joy", "joy"]}, "rows 1 and 2"),
        ({"utterance_id": ["u0"], "emotion": ["joy"], "condition": ["XYZ"]}, "row 1"),
    ],
)
def test_gold_that_cannot_be_used_is_said_in_plain_words(
    tmp_path: Path, table: dict[str, list[str]], said: str
) -> None:
    frame, _ = judged(misread={"Irish": 0.0, "Welsh": 0.0}, n=60)
    pd.DataFrame(table).to_csv(tmp_path / "gold.csv", index=False)
    with pytest.raises(AffidavitError, match=said):
        claims(frame, str(tmp_path / "gold.csv"))


def test_gold_about_several_judgements_asks_for_the_column_that_tells_them_apart(tmp_path: Path) -> None:
    frame, meant = judged(misread={"Irish": 0.0, "Welsh": 0.0}, n=60)
    gold = gold_file(tmp_path, frame, meant)
    twice = pd.concat([frame.assign(repeat=0), frame.assign(repeat=1)], ignore_index=True)
    with pytest.raises(AffidavitError, match="repeat"):
        claims(twice, gold)
    table = pd.read_csv(gold).assign(repeat=1)
    table.to_csv(gold, index=False)
    assert by_group(claims(twice, gold))["judge_kappa", "everybody"].estimate.n == 30


def test_gold_without_a_condition_is_about_the_fullest_one(tmp_path: Path) -> None:
    frame, meant = judged(misread={"Irish": 0.0, "Welsh": 0.0}, n=200)
    both = pd.concat([frame.assign(condition="A"), frame], ignore_index=True)
    found = claims(both, gold_file(tmp_path, frame, meant), conditions=["A"])
    assert {c.finding.condition for c in found if c.finding.metric == "judge_kappa"} == {"TAV"}
    unread = [c for c in found if c.finding.condition == "A"]
    assert len(unread) == 8 * 3 + 3
    assert all(any("not known" in caveat for caveat in c.finding.caveats) for c in unread)
