import numpy as np
import pandas as pd
import pytest

from affidavit.evidence import Evidence
from affidavit.examinations import Testimony
from affidavit.intervals import measure
from affidavit.plan import Statistics, Task
from affidavit.predictions import Reading
from affidavit.records import Finding
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.tally import GroupedSums
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from audit.targets.paired_moments import bias, concordance, mean_absolute_error, pair_sums, root_mean_squared_error
from audit.targets.regression import EXAMINATION


def table(
    *, n_speakers: int = 60, per_speaker: int = 8, shift: float = 0.0, noise: float = 0.0, seed: int = 0
) -> pd.DataFrame:
    """Return valence under one condition; Welsh speakers are shifted, or harder to read, where that is asked for."""
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(n_speakers), per_speaker)
    n, welsh = len(speaker), speaker % 3 == 2
    truth = 0.4 * rng.normal(size=n_speakers)[speaker] + rng.normal(size=n)
    said = 0.8 * truth + 0.3 * rng.normal(size=n_speakers)[speaker] + 0.4 * rng.normal(size=n)
    return pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(n)],
            "speaker_id": [f"s{i}" for i in speaker],
            "condition": "A",
            "accent": np.array(["Irish", "Scottish", "Welsh"])[speaker % 3],
            "true_valence": truth,
            "pred_valence": said + welsh * (shift + noise * rng.normal(size=n)),
        }
    )


def examined(frame: pd.DataFrame, *, by: tuple[str, ...] = ("accent",), **reading: object) -> Testimony:
    case = case_of(frame, by=by, reading=Reading(run="run", by=by, **reading))  # type: ignore[arg-type]
    assert EXAMINATION.refuses(case) is None
    return EXAMINATION.examine(case)


def values(testimony: Testimony, metric: str) -> dict[str | None, Finding]:
    found = [c.finding for c in testimony.claims if c.finding.metric == metric]
    return {f.groups.get("accent"): f for f in found}


def gap(testimony: Testimony, metric: str) -> Finding:
    (found,) = [c.finding for c in testimony.claims if c.finding.metric == metric]
    return found


def slow_ccc(truth: np.ndarray, said: np.ndarray) -> float:
    """Lin 1989 from the definition: one less the squared distance over what it would be without correlation."""
    t, p = truth.mean(), said.mean()
    spread = sum((x - t) ** 2 for x in truth) / len(truth) + sum((y - p) ** 2 for y in said) / len(said)
    apart = sum((x - y) ** 2 for x, y in zip(truth, said, strict=True)) / len(truth)
    return float(1 - apart / (spread + (t - p) ** 2))


class TestRegression(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> object:
        frame = predictions_frame().drop(columns=["y_true", "y_pred"])
        rng = np.random.default_rng(0)
        valued = frame.assign(true_arousal=rng.random(len(frame)), pred_arousal=rng.random(len(frame)))
        return case_of(valued)


def test_every_number_is_what_its_definition_gives() -> None:
    frame = table(shift=0.2)
    found = examined(frame)
    for accent, rows in [(None, frame), *frame.groupby("accent")]:
        t, p = rows["true_valence"].to_numpy(), rows["pred_valence"].to_numpy()
        slow = {
            "ccc": slow_ccc(t, p),
            "mean_absolute_error": np.mean(np.abs(t - p)),
            "root_mean_squared_error": np.sqrt(np.mean((t - p) ** 2)),
            "bias": np.mean(p - t),
            "mean_reference": t.mean(),
            "mean_prediction": p.mean(),
            "mean_absolute_error_per_unit": (rows["pred_valence"] - rows["true_valence"])
            .abs()
            .groupby(rows["speaker_id"])
            .mean()
            .mean(),
        }
        for name, value in slow.items():
            estimate = values(found, f"valence_{name}")[accent].estimate
            assert estimate.value == pytest.approx(value)
            assert (estimate.n, estimate.n_clusters) == (len(rows), rows["speaker_id"].nunique())
            assert estimate.interval is not None
    means = frame.groupby("accent")["pred_valence"].mean() - frame["pred_valence"].mean()
    assert gap(found, "valence_mean_shift").estimate.value == pytest.approx(means.abs().max())
    cccs = [f.estimate.value for a, f in values(found, "valence_ccc").items() if a]
    assert gap(found, "valence_ccc_difference").estimate.value == pytest.approx(max(cccs) - min(cccs))


def test_a_hand_computed_concordance() -> None:
    """Truth 1 2 3, said 2 3 4: variances and covariance 2/3, means one apart; 2 * 2/3 / (4/3 + 1) = 4/7."""
    frame = table(n_speakers=3, per_speaker=1).assign(true_valence=[1, 2, 3], pred_valence=[2, 3, 4])
    assert values(examined(frame), "valence_ccc")[None].estimate.value == pytest.approx(4 / 7)


def test_large_numbers_do_not_swallow_small_differences() -> None:
    frame = table()
    far = frame.assign(true_valence=frame["true_valence"] + 1e8, pred_valence=frame["pred_valence"] + 1e8)
    near, away = (values(examined(f), "valence_ccc")["Welsh"].estimate for f in (frame, far))
    assert away.value == pytest.approx(near.value, abs=1e-6)


def test_small_errors_on_a_wide_scale_are_not_swallowed_either() -> None:
    rng = np.random.default_rng(0)
    frame = table().assign(true_valence=lambda f: 1e6 * rng.random(len(f)))
    error = 1e-3 * rng.normal(size=len(frame))
    frame["pred_valence"] = frame["true_valence"] + error
    found = values(examined(frame), "valence_root_mean_squared_error")[None]
    assert found.estimate.value == pytest.approx((error**2).mean() ** 0.5, rel=1e-4)


@pytest.mark.parametrize("column", ["true_valence", "pred_valence"])
def test_numbers_too_large_to_be_squared_are_refused_and_other_dimensions_answered(column: str) -> None:
    frame = table().assign(true_arousal=lambda f: f["true_valence"], pred_arousal=lambda f: f["pred_valence"])
    frame.loc[3, column] = 1e200
    found = examined(frame)
    (refusal,) = found.refusals
    assert "valence has numbers beyond 1e+100" in refusal.because
    assert {c.finding.metric.split("_")[0] for c in found.claims} == {"arousal"}
    alone = examined(frame.drop(columns=["true_arousal", "pred_arousal"]))
    assert (alone.claims, len(alone.refusals)) == ((), 1)


def test_who_is_shifted_is_found_and_the_twin_is_silent() -> None:
    planted, clean = examined(table(shift=0.6)), examined(table())
    found = gap(planted, "valence_bias_difference")
    assert found.highest == "Welsh"
    assert found.test is not None
    assert found.test.p_value < 0.02
    assert found.null_expectation is not None
    assert found.estimate.value > found.null_expectation.high
    shift = gap(planted, "valence_mean_shift")
    assert (shift.highest, shift.test) == ("Welsh", None)
    for metric in ("valence_bias_difference", "valence_ccc_difference", "valence_mean_absolute_error_difference"):
        test = gap(clean, metric).test
        assert test is not None
        assert test.p_value > 0.05


def test_who_is_harder_to_read_has_less_concordance_and_more_error() -> None:
    planted = examined(table(noise=1.5))
    for metric, end in (("valence_ccc_difference", "lowest"), ("valence_mean_absolute_error_difference", "highest")):
        found = gap(planted, metric)
        assert getattr(found, end) == "Welsh"
        assert found.test is not None
        assert found.test.p_value < 0.02


def test_what_nobody_rated_is_unknown_and_counted() -> None:
    frame = table()
    frame.loc[frame["accent"] == "Welsh", "true_valence"] = np.nan
    frame.loc[frame.index[frame["accent"] == "Irish"][:5], "true_valence"] = np.nan
    found = examined(frame)
    rated = frame.dropna()
    everybody, irish, welsh = (values(found, "valence_ccc")[a] for a in (None, "Irish", "Welsh"))
    assert everybody.estimate.value == pytest.approx(slow_ccc(rated["true_valence"], rated["pred_valence"]))
    assert everybody.estimate.n == len(rated)
    assert irish.caveats == ("5 of 160 rows have no reference or no prediction of valence",)
    assert (welsh.estimate.value, welsh.estimate.n, welsh.verdict) == (None, 0, "inconclusive")
    claim = next(c for c in found.claims if c.finding.metric == "valence_ccc_difference")
    assert claim.unassessed == ("Welsh",)


def test_concordance_where_nothing_varies() -> None:
    frame = table()
    flat = values(examined(frame.assign(pred_valence=0.7)), "valence_ccc")
    assert all(f.estimate.value == 0 for f in flat.values())
    for said in (0.7, 0.2, frame["pred_valence"]):
        undefined = values(examined(frame.assign(true_valence=0.7, pred_valence=said)), "valence_ccc")
        assert all(f.estimate.value is None and f.verdict == "inconclusive" for f in undefined.values())
    irish = frame["accent"] == "Irish"
    one = values(examined(frame.assign(true_valence=frame["true_valence"].where(~irish, 3.0))), "valence_ccc")
    assert [one[a].estimate.value is None for a in ("Irish", "Scottish", "Welsh")] == [True, False, False]
    why = "all references are one value, and concordance is about how they differ"
    assert [why in one[a].caveats for a in ("Irish", "Scottish", "Welsh")] == [True, False, False]


def test_a_condition_without_references_is_refused_and_the_others_are_answered() -> None:
    frame = table()
    blind = frame.assign(condition="T", true_valence=np.nan)
    found = examined(pd.concat([frame, blind]))
    assert {c.finding.condition for c in found.claims} == {"A"}
    (refusal,) = found.refusals
    assert "under T no row has both" in refusal.because
    assert refusal.remedy
    nothing = examined(frame.assign(true_valence=np.nan))
    assert (nothing.claims, nothing.exhibits, len(nothing.refusals)) == ((), (), 1)


def test_a_table_without_references_is_refused() -> None:
    refusal = EXAMINATION.refuses(case_of(table().drop(columns="true_valence"), by=("accent",)))
    assert refusal is not None
    assert "true_<dimension>" in refusal.remedy
    assert EXAMINATION.refuses(case_of(predictions_frame())) is not None


def test_dimensions_beside_labels_are_examined() -> None:
    frame = predictions_frame(conditions=("A",))
    rng = np.random.default_rng(1)
    beside = frame.assign(true_intensity=rng.random(len(frame)), intensity=rng.random(len(frame)))
    case = case_of(beside, by=("accent",))
    assert case.runs["run"].task is Task.MULTICLASS
    found = values(EXAMINATION.examine(case), "intensity_ccc")[None]
    slow = slow_ccc(beside["true_intensity"].to_numpy(), beside["intensity"].to_numpy())
    assert found.estimate.value == pytest.approx(slow)


def test_weights_weigh_and_a_weight_of_one_changes_nothing() -> None:
    frame = table()
    plain, ones = examined(frame), examined(frame.assign(weight=1.0))
    for a, b in zip(plain.claims, ones.claims, strict=True):
        assert a.finding.estimate.value == pytest.approx(b.finding.estimate.value)
    doubled = examined(frame.assign(weight=np.where(np.arange(len(frame)) % 2, 2.0, 0.0)))
    odd = frame[np.arange(len(frame)) % 2 == 1]
    found = values(doubled, "valence_ccc")[None].estimate
    assert found.value == pytest.approx(slow_ccc(odd["true_valence"].to_numpy(), odd["pred_valence"].to_numpy()))


@pytest.mark.parametrize("n_speakers", [1, 3, 7])
def test_few_units_and_one_level_give_reasons_and_no_crash(n_speakers: int) -> None:
    frame = table(n_speakers=n_speakers).assign(accent="Irish")
    found = examined(frame)
    assert all(c.finding.estimate.value is not None for c in found.claims if not c.finding.compared)
    for claim in found.claims:
        if claim.finding.compared:
            assert claim.finding.estimate.why_no_interval
    if n_speakers == 1:
        assert values(found, "valence_ccc")[None].estimate.why_no_interval


def test_rows_may_be_the_units_and_a_speaker_may_miss_a_condition() -> None:
    frame = table()
    rows = values(examined(frame.drop(columns="speaker_id")), "valence_ccc")["Welsh"].estimate
    with_units = values(examined(frame), "valence_ccc")["Welsh"].estimate
    assert rows.value == pytest.approx(with_units.value)
    assert rows.n_clusters is None
    assert rows.interval is not None
    part = frame[frame["speaker_id"] != "s0"].assign(condition="T")
    two = examined(pd.concat([frame, part]))
    irish = [c.finding for c in two.claims if c.finding.groups.get("accent") == "Irish"]
    assert {f.condition: f.estimate.n_clusters for f in irish if f.metric == "valence_ccc"} == {"A": 20, "T": 19}


@pytest.mark.slow  # a simulation
@pytest.mark.parametrize(("units", "rows"), [(8, 10), (30, 10), (80, 4)])
def test_intervals_cover(units: int, rows: int) -> None:
    """References of variance 1, half of it between units; predictions with slope, shift and a unit's own error."""
    rng, n_simulations = np.random.default_rng(units), 500
    truths = (0.7 * 2 / (1 + 0.83 + 0.04), 0.2, np.sqrt(1 + 0.83 - 1.4 + 0.04))
    statistics = (concordance("ccc", source=""), bias("bias"), root_mean_squared_error("rmse"))
    covered = np.zeros(3)
    for seed in range(n_simulations):
        t = (rng.normal(size=(units, 1)) + rng.normal(size=(units, rows))) / np.sqrt(2)
        p = 0.7 * t + 0.2 + 0.3 * rng.normal(size=(units, 1)) + 0.5 * rng.normal(size=(units, rows))
        sums = pair_sums(t.ravel(), p.ravel(), np.ones(t.size), centre=0.0).reshape(units, rows, -1).sum(axis=1)
        grouped = GroupedSums(
            sums=sums,
            n_rows=np.full(units, rows),
            unit=np.arange(units),
            group=np.zeros(units, dtype=np.int64),
            n_units=units,
            groups=({},),
        )
        evidence = Evidence(
            grouped=grouped,
            options=Statistics(n_resamples=1600),
            resampler=UnitResampler(n_units=units, n_resamples=1600, seed=seed),
            seed=seed,
        )
        for i, (statistic, truth) in enumerate(zip(statistics, truths, strict=True)):
            interval = measure(evidence, statistic).interval(0, 0.95)
            assert not isinstance(interval, str)
            covered[i] += interval.low <= truth <= interval.high
    assert (covered / n_simulations > 0.9).all(), covered / n_simulations


def test_no_sum_of_an_unknown_row_is_counted() -> None:
    sums = pair_sums(np.array([1.0, np.nan, 3.0]), np.array([2.0, 1.0, np.nan]), np.ones(3), centre=1.0)
    assert not np.isnan(sums).any()
    assert sums[1:].sum() == 0
    assert mean_absolute_error("e").value(sums.sum(axis=0), sums.sum(axis=0)) == 1.0
