import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.examinations import Claim
from affidavit.plan import Feature, Task
from affidavit.predictions import Reading
from affidavit.records import Interval, Verdict
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from audit.representation.examination import EXAMINATION


def claims_of(case: Case) -> dict[str, Claim]:
    assert EXAMINATION.refuses(case) is None
    claims = EXAMINATION.examine(case).claims
    assert {c.finding.metric for c in claims} <= EXAMINATION.metrics
    found = {c.finding.id.split("/representation/")[1]: c for c in claims}
    assert len(found) == len(claims)
    return found


def value(claims: dict[str, Claim], name: str) -> float | None:
    return claims[name].finding.estimate.value


def test_shares_and_balance_equal_counting_by_hand() -> None:
    frame = predictions_frame().sample(frac=0.7, random_state=1)
    fullest = frame[frame["condition"] == "TAV"]
    claims = claims_of(case_of(frame))
    everybody = fullest["y_true"].value_counts(normalize=True)
    distances = {}
    for accent, rows in fullest.groupby("accent"):
        assert value(claims, f"row_share/accent={accent}") == pytest.approx(len(rows) / len(fullest))
        assert value(claims, f"unit_share/accent={accent}") == pytest.approx(rows["speaker_id"].nunique() / 48)
        apart = rows["y_true"].value_counts(normalize=True).sub(everybody, fill_value=0).abs().sum() / 2
        distances[accent] = apart * len(rows) / len(fullest)
        assert value(claims, f"label_distance/accent={accent}") == pytest.approx(apart)
        units = rows.groupby("y_true")["speaker_id"].nunique()
        least = claims[f"least_units_per_label/accent={accent}"].finding
        assert least.estimate.value == units.min()
        assert least.label in set(units[units == units.min()].index)
    assert value(claims, "label_distance_mean/between accent") == pytest.approx(sum(distances.values()))
    assert value(claims, "unknown_share/between accent") == 0


def test_a_count_is_exact_at_every_level_and_decides() -> None:
    frame = predictions_frame()
    claim = claims_of(case_of(frame))["least_units_per_label/accent=Welsh"]
    fewest = frame[frame["accent"] == "Welsh"].groupby("y_true")["speaker_id"].nunique().min()
    assert claim.interval_at is not None
    exact = claim.interval_at(0.9999)
    assert isinstance(exact, Interval)
    assert exact.low == exact.high == fewest
    assert claim.finding.verdict is Verdict.INFORMATIVE


def test_what_is_not_known_is_a_share_of_units_and_none_is_not_never() -> None:
    frame = predictions_frame()
    frame.loc[frame["speaker_id"].isin(["s0", "s3", "s7"]), "accent"] = None
    claims = claims_of(case_of(frame))
    assert value(claims, "unknown_share/between accent") == pytest.approx(3 / 48)
    none = claims["unknown_share/between age"].finding.estimate
    assert (none.value, none.interval is not None and none.interval.high > 0.05) == (0, True)
    assert value(claims, "unit_share/accent=unknown") == pytest.approx(3 / 48)


def test_labels_that_follow_the_group_are_found_and_balanced_ones_are_not() -> None:
    frame = predictions_frame(n_speakers=60)
    fair = claims_of(case_of(frame))["label_distance_mean/between accent"].finding
    skewed = frame["accent"].eq("Welsh") & (np.arange(len(frame)) % 600 % 3 == 0)
    frame.loc[skewed, "y_true"] = "sadness"
    claims = claims_of(case_of(frame))
    unfair = claims["label_distance_mean/between accent"].finding
    assert fair.test is not None
    assert unfair.test is not None
    assert fair.test.p_value > 0.05 > 0.02 > unfair.test.p_value
    welsh = claims["label_distance/accent=Welsh"].finding
    assert welsh.estimate.interval is not None
    assert welsh.null_expectation is not None
    assert welsh.estimate.interval.low > 0
    assert (welsh.estimate.value or 0) > welsh.null_expectation.high > welsh.null_expectation.value > 0
    assert fair.null_expectation is not None
    assert (fair.estimate.value or 1) < fair.null_expectation.high


def slow_bounds(frame: pd.DataFrame, group: str, level: float) -> tuple[float, float]:
    """Every set of labels, every unit left out, one after the other."""
    from itertools import combinations

    from scipy import stats

    labels, units = sorted(frame["y_true"].unique()), sorted(frame["speaker_id"].unique())
    sets = [s for size in range(1, len(labels)) for s in combinations(labels, size) if labels[0] not in s]
    ends = []

    def apart(rows: pd.DataFrame, chosen: tuple[str, ...]) -> float:
        inside = rows["y_true"].isin(chosen)
        return float(inside[rows["accent"] == group].mean() - inside.mean())

    sizes = frame[frame["accent"] == group].groupby("speaker_id").size()
    assert sizes.nunique() == 1
    for chosen in sets:
        left_out = np.array([apart(frame[frame["speaker_id"] != unit], chosen) for unit in units])
        error = np.sqrt((len(units) - 1) / len(units) * ((left_out - left_out.mean()) ** 2).sum())
        half = stats.t.ppf(1 - (1 - level) / len(sets) / 2, len(sizes) - 1) * error
        ends.append((abs(apart(frame, chosen)) - half, abs(apart(frame, chosen)) + half))
    return max(0.0, max(low for low, _ in ends)), max(high for _, high in ends)


def test_bounds_of_a_distance_equal_the_slow_ones() -> None:
    frame = predictions_frame(conditions=("TAV",), n_speakers=18)
    claim = claims_of(case_of(frame))["label_distance/accent=Irish"]
    interval = claim.finding.estimate.interval
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(slow_bounds(frame, "Irish", 0.95))


@pytest.mark.slow  # a simulation
def test_bounds_of_a_distance_cover_the_truth() -> None:
    """Speakers with their own mix of labels around the group's; the truth is the distance of the groups' means."""
    rng, n, held = np.random.default_rng(3), 150, 0
    mixes = {"a": np.array([0.5, 0.3, 0.2]), "b": np.array([0.3, 0.3, 0.4])}
    everybody = (mixes["a"] + mixes["b"]) / 2
    truth = float(np.abs(mixes["a"] - everybody).sum() / 2)
    for _ in range(n):
        rows = []
        for accent, mix in mixes.items():
            own = rng.dirichlet(mix * 20, size=15)
            rows += [(accent, f"{accent}{i}", np.repeat(np.arange(3), rng.multinomial(12, own[i]))) for i in range(15)]
        frame = pd.DataFrame(
            [(a, s, "xyz"[k]) for a, s, drawn in rows for k in drawn], columns=["accent", "speaker_id", "y_true"]
        ).assign(y_pred="x", condition="TAV")
        frame["utterance_id"] = np.arange(len(frame)).astype(str)
        interval = claims_of(case_of(frame, by=("accent",)))["label_distance/accent=a"].finding.estimate.interval
        assert interval is not None
        held += interval.low <= truth <= interval.high
    assert held / n >= 0.95 - 3 * (0.95 * 0.05 / n) ** 0.5


def test_a_script_that_everybody_reads_is_balanced_and_its_bounds_are_not_nothing() -> None:
    frame = predictions_frame(conditions=("TAV",), per_speaker=9)
    frame["y_true"] = np.array(["anger", "joy", "sadness"])[np.arange(len(frame)) % 3]
    found = claims_of(case_of(frame))["label_distance/accent=Irish"].finding.estimate
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.interval is not None
    assert found.interval.low == 0
    assert found.interval.high == pytest.approx(1 - (0.025 / 3) ** (1 / 16))


# What was not thought of


def test_without_labels_shares_remain() -> None:
    frame = predictions_frame().drop(columns="y_true")
    claims = claims_of(case_of(frame))
    assert {c.finding.metric for c in claims.values()} == {"row_share", "unit_share", "unknown_share"}
    words = frame.assign(words=10, word_errors=1).drop(columns=["y_pred", "rationale"])
    reading = Reading(run="run", by=("accent",), task=Task.TRANSCRIPTION)
    assert set(claims_of(case_of(words, by=("accent",), reading=reading))) == {n for n in claims if "age" not in n}


@pytest.mark.parametrize("weighted", [True, False])
def test_without_ids_rows_are_the_units(weighted: bool) -> None:
    frame = predictions_frame(conditions=("TAV",)).drop(columns="speaker_id")
    if weighted:
        frame["weight"] = np.arange(len(frame)) % 5 + 0.5
    claims = claims_of(case_of(frame))
    weight = frame["weight"] if weighted else pd.Series(1.0, index=frame.index)
    expected = weight[frame["accent"] == "Welsh"].sum() / weight.sum()
    share = claims["row_share/accent=Welsh"].finding.estimate
    assert share.value == pytest.approx(expected)
    assert share.interval is not None
    assert share.n_clusters is None
    assert not any(name.startswith("unit_share") for name in claims)
    assert claims["label_distance/accent=Welsh"].finding.estimate.interval is not None


def test_rows_that_are_counted_together_are_bounded_as_rows_counted_one_by_one() -> None:
    frame = predictions_frame(conditions=("TAV",)).drop(columns="speaker_id")
    together = claims_of(case_of(frame))
    one_by_one = claims_of(case_of(frame.assign(speaker_id=frame["utterance_id"])))
    for name in ("label_distance/accent=Welsh", "label_distance_mean/between accent"):
        first, second = (claims[name].finding.estimate for claims in (together, one_by_one))
        assert first.value == pytest.approx(second.value)
        assert first.interval is not None
        assert second.interval is not None
        assert (first.interval.low, first.interval.high) == pytest.approx((second.interval.low, second.interval.high))


def test_one_level_one_unit_and_no_feature() -> None:
    one_level = claims_of(case_of(predictions_frame().assign(accent="Irish"), by=("accent",)))
    assert value(one_level, "row_share/accent=Irish") == 1
    for name in ("label_distance/accent=Irish", "label_distance_mean/between accent"):
        alone = one_level[name].finding
        assert alone.estimate.value is None, "it would be 0 whatever the labels are"
        assert "nobody else" in str(alone.because)
        assert (alone.test, alone.null_expectation) == (None, None)
    frame = predictions_frame()
    one_unit = claims_of(case_of(frame[frame["speaker_id"] == "s0"]))
    reasons = {c.finding.because for c in one_unit.values() if c.finding.metric != "least_units_per_label"}
    assert reasons == {
        "one unit alone says nothing of how units differ",
        "everybody is in this one group: there is nobody else to differ from",
    }
    refusal = EXAMINATION.refuses(case_of(frame, by=()))
    assert refusal is not None
    assert "--by" in refusal.remedy


def test_a_group_absent_from_the_fullest_condition_is_there_with_nothing() -> None:
    frame = predictions_frame()
    frame = frame[~((frame["condition"] == "TAV") & (frame["accent"] == "Welsh"))]
    claims = claims_of(case_of(frame))
    assert value(claims, "row_share/accent=Welsh") == 0
    assert claims["row_share/accent=Welsh"].finding.estimate.interval is not None
    distance = claims["label_distance/accent=Welsh"].finding
    assert (distance.verdict, distance.estimate.value) == (Verdict.INCONCLUSIVE, None)
    assert value(claims, "least_units_per_label/accent=Welsh") == 0


def test_a_feature_of_the_utterance_shares_units() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame["room"] = np.where(np.arange(len(frame)) % 3 == 0, "loud", "quiet")
    reading = Reading(run="run", by=("room",), features={"room": Feature(level="utterance")})
    claims = claims_of(case_of(frame, by=("room",), reading=reading))
    assert value(claims, "unit_share/room=loud") == 1
    assert value(claims, "row_share/room=loud") == pytest.approx(1 / 3)
    assert claims["label_distance/room=loud"].finding.null_expectation is None
    assert claims["label_distance_mean/between room"].finding.test is None


def test_too_many_labels_have_a_distance_and_no_bounds() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame["y_true"] = [f"label {i % 9}" for i in range(len(frame))]
    found = claims_of(case_of(frame))["label_distance/accent=Irish"].finding
    assert found.estimate.value is not None
    assert found.because == "bounds are made over sets of 2 to 8 labels"


def test_the_exhibits_hold_intersections_and_every_label() -> None:
    tables = EXAMINATION.examine(case_of(predictions_frame())).exhibits
    exhibits = {table.id: pd.DataFrame(table.table().to_pydict()) for table in tables}
    groups, counts = exhibits["representation-by-group"], exhibits["label-counts"]
    assert set(groups["features"]) == {"accent", "age", "accent x age"}
    assert counts.groupby("features")["rows"].sum().to_dict() == {"accent": 480, "age": 480, "accent x age": 480}
    shares = groups[groups["metric"] == "row_share"].groupby("features")["value"].sum()
    assert shares.to_numpy() == pytest.approx(1)


def test_what_decides_is_the_interval_that_is_printed() -> None:
    for claim in EXAMINATION.examine(case_of(predictions_frame())).claims:
        assert claim.interval_at is not None
        found = claim.interval_at(0.95)
        expected = claim.finding.estimate.interval
        assert found == expected or (isinstance(found, str) and expected is None), claim.finding.id


class TestContract(ExaminationContract):
    examination = EXAMINATION
