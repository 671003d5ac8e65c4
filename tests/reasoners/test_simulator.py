"""The simulator's tables have the rates that it states, for every group and condition, whatever the seed."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, PlanError
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Reasoner, silent
from affidavit.testing import ReasonerContract
from reasoners.simulator import (
    REASONER,
    SimulatorOptions,
    expected_absent_citation_rate,
    expected_accuracy,
    expected_confusion,
    expected_selection_rate,
    simulate,
)

BARE: dict[str, Any] = {"probabilities": False, "intensity": False, "weights": False, "rationales": False}
FAULT: dict[str, Any] = {"accent": {"highland": {"audio": 0.15}}}
BOTH: dict[str, Any] = {**FAULT, "age": {"75 and over": {"audio": 0.05, "video": 0.1}, "18-34": {"text": -0.05}}}
CITES = {"T": "word", "A": "voice", "V": "brows|face"}


def drawn(seed: int = 1, **options: Any) -> tuple[SimulatorOptions, pd.DataFrame]:
    chosen = SimulatorOptions(**{**BARE, **options})
    frame = simulate(chosen, np.random.default_rng(seed)).to_pandas()
    frame["right"] = frame["y_true"].astype(str) == frame["y_pred"].astype(str)
    return chosen, frame


def judged(seed: int = 0, corpus: Corpus | None = None, reading: Reading | None = None, **options: Any) -> Predictions:
    reading = reading or Reading(run="run", by=("accent", "age"))
    return REASONER.judge(corpus, options, reading=reading, rng=np.random.default_rng(seed), progress=silent)


def cluster_z(rows: pd.DataFrame, expected: float) -> float:
    """Return how many standard errors the share of right answers lies from `expected`, speakers being the clusters."""
    speakers = rows.groupby("speaker_id", observed=True)["right"].agg(["sum", "count"])
    residual = speakers["sum"] - expected * speakers["count"]
    return float(residual.sum() / np.sqrt((residual**2).sum()))


class TestContract(ReasonerContract):
    reasoner = REASONER
    options = {"n_speakers": 4}  # noqa: RUF012 - as the contract declares it


def test_reasoner_keeps_the_protocol() -> None:
    assert isinstance(REASONER, Reasoner)


def test_expected_accuracy_by_hand() -> None:
    options = SimulatorOptions(
        accents={"near": 3, "far": 1}, ages=["young", "old"], accuracy_penalty={"accent": {"far": {"audio": 0.2}}},
        missing={"accent": 0.1},
    )  # fmt: skip
    assert expected_accuracy(options, "TA", {"accent": "near"}) == pytest.approx(0.68)
    assert expected_accuracy(options, "TA", {"accent": "far"}) == pytest.approx(0.48)
    assert expected_accuracy(options, "TA", {"accent": "far", "age": "old"}) == pytest.approx(0.48)
    assert expected_accuracy(options, "TA", {}) == pytest.approx(0.63)
    assert expected_accuracy(options, "TA", {"accent": "unknown"}) == pytest.approx(0.63)
    assert expected_accuracy(options, "TV", {"accent": "far"}) == pytest.approx(0.66)


def test_defaults_are_clean_and_complete() -> None:
    options, frame = drawn()
    assert frame["speaker_id"].nunique() == 240
    assert list(frame["condition"].cat.categories) == ["TAV", "TA", "TV", "AV", "T", "A", "V"]
    assert frame.groupby("speaker_id", observed=True).size().between(15 * 7, 25 * 7).all()
    assert not frame[["group_accent", "group_age", "group_sex"]].eq("unknown").any(axis=None)
    for condition, (accent, age) in product(options.conditions, product(options.accents, options.ages)):
        rate = expected_accuracy(options, condition, {"accent": accent, "age": age})
        assert rate == pytest.approx(options.accuracy[condition])
    assert options.accuracy["TAV"] == max(options.accuracy.values())
    assert options.accuracy["V"] == min(options.accuracy.values())


def test_without_clusters_every_rate_is_binomial() -> None:
    options, frame = drawn(icc=0, n_speakers=1000, accuracy_penalty=FAULT)
    groups = frame.groupby(["condition", "group_accent"], observed=True)["right"].agg(["sum", "count"])
    for (condition, accent), row in groups.iterrows():  # type: ignore[misc]
        expected = expected_accuracy(options, condition, {"accent": accent})
        low, high = stats.binom.interval(1 - 1e-3 / len(groups), row["count"], expected)
        assert low <= row["sum"] <= high, (condition, accent)
    assert len(groups) == 28


@pytest.mark.slow  # a simulation
@pytest.mark.parametrize("icc", [0.05, 0.3])
def test_with_clusters_every_group_and_intersection_has_its_rate(icc: float) -> None:
    options, frame = drawn(icc=icc, n_speakers=4000, accuracy_penalty=BOTH, missing={"age": 0.2})
    features = ["accent", "age", "sex"]
    checked = 0
    for family in ([], ["accent"], ["age"], ["accent", "age"], features):
        keys = ["condition", *(f"group_{feature}" for feature in family)]
        for key, rows in frame.groupby(keys, observed=True):
            groups = dict(zip(family, key[1:], strict=True))
            assert abs(cluster_z(rows, expected_accuracy(options, key[0], groups))) < 4.5, (key, icc)
            checked += 1
    assert checked == 7 * (1 + 4 + 5 + 20 + 40)


@pytest.mark.parametrize("icc", [0.0, 0.1, 0.3])
def test_intraclass_correlation_is_as_stated(icc: float) -> None:
    _, frame = drawn(icc=icc, n_speakers=4000, conditions=["TA"])
    by = frame.groupby("speaker_id", observed=True)["right"].agg(["mean", "count", "var"])
    sizes = by["count"].to_numpy()
    typical = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(by) - 1)
    between = float((sizes * (by["mean"] - frame["right"].mean()) ** 2).sum() / (len(by) - 1))
    within = float(((sizes - 1) * by["var"]).sum() / (sizes.sum() - len(by)))
    assert (between - within) / (between + (typical - 1) * within) == pytest.approx(icc, abs=0.02)


@pytest.mark.slow  # a simulation
def test_a_cluster_interval_covers_the_expected_accuracy() -> None:
    covered, n = 0, 200
    for seed in range(n):
        options, frame = drawn(seed, n_speakers=60, conditions=["A"], accuracy_penalty=FAULT)
        by = frame.groupby("speaker_id", observed=True)["right"].agg(["sum", "count"])
        rate = by["sum"].sum() / by["count"].sum()
        residual = by["sum"] - rate * by["count"]
        half = (
            stats.t.ppf(0.975, len(by) - 1) * np.sqrt((residual**2).sum() * len(by) / (len(by) - 1)) / by["count"].sum()
        )
        covered += abs(rate - expected_accuracy(options, "A", {})) <= half
    low, high = stats.binom.interval(0.9999, n, 0.95)
    assert low <= covered <= high


def test_the_fault_is_there_and_its_twin_is_silent() -> None:
    options, faulty = drawn(n_speakers=1000, accuracy_penalty=FAULT)
    clean, twin = drawn(n_speakers=1000)
    same = ["utterance_id", "speaker_id", "condition", "group_accent", "group_age", "group_sex", "y_true"]
    assert all((faulty[name] == twin[name]).all() for name in same)
    touched = (faulty["group_accent"] == "highland") & faulty["condition"].isin(["TAV", "TA", "AV", "A"])
    assert (faulty["y_pred"] == twin["y_pred"])[~touched].all()
    for condition in options.conditions:
        equal = expected_accuracy(clean, condition, {})
        here = (faulty["condition"] == condition) & (faulty["group_accent"] == "highland")
        assert abs(cluster_z(twin[here], equal)) < 4
        assert (abs(cluster_z(faulty[here], equal)) > 4) == ("A" in condition)


def test_labels_and_errors_follow_their_distributions() -> None:
    confusion = {"joy": {"surprise": 3, "neutral": 1}}
    shares = {"joy": 0.4, "anger": 0.3, "neutral": 0.2, "surprise": 0.1}
    options, frame = drawn(
        icc=0, labels=["anger", "joy", "neutral", "surprise"], label_shares=shares, confusion=confusion
    )
    rows = frame[frame["condition"] == "TAV"]
    counts = pd.crosstab(rows["y_true"].astype(str), rows["y_pred"].astype(str)).reindex(options.labels, axis=0)
    expected = expected_confusion(options, "TAV", {})
    assert expected.sum() == pytest.approx(1)
    assert expected[1, 0] == 0
    assert expected[1, 3] == pytest.approx(0.4 * 0.28 * 0.75)
    possible = expected > 0
    observed = counts[list(options.labels)].to_numpy()
    assert not observed[~possible].any()
    assert stats.chisquare(observed[possible], len(rows) * expected[possible]).pvalue > 1e-4


def test_an_attractor_moves_selection_and_not_accuracy() -> None:
    drawn_to = {"feature": "accent", "level": "coastal", "label": "neutral", "share": 0.6}
    options, frame = drawn(icc=0, n_speakers=1000, attractor=drawn_to)
    rows = frame[(frame["condition"] == "V")]
    for accent in options.accents:
        here = rows[rows["group_accent"] == accent]
        rate = expected_selection_rate(options, "V", {"accent": accent}, label="neutral")
        chosen = int((here["y_pred"] == "neutral").sum())
        assert stats.binomtest(chosen, len(here), rate).pvalue > 1e-4
        assert stats.binomtest(int(here["right"].sum()), len(here), 0.46).pvalue > 1e-4
        assert (rate > 0.3) == (accent == "coastal")


def test_missing_attributes_read_unknown() -> None:
    _, frame = drawn(n_speakers=2000, missing={"accent": 0.3})
    share = frame.groupby("speaker_id", observed=True)["group_accent"].first().eq("unknown").mean()
    assert share == pytest.approx(0.3, abs=0.05)
    assert not frame["group_age"].eq("unknown").any()


def test_probabilities_and_weights_fit_the_answer() -> None:
    options, frame = drawn(probabilities=True, weights=True, soft_labels=True, intensity=True)
    prob = frame[[f"prob_{label}" for label in options.labels]].to_numpy()
    assert np.allclose(prob.sum(axis=1), 1)
    assert (np.array(options.labels)[prob.argmax(axis=1)] == frame["y_pred"].to_numpy()).all()
    weights = frame[["weight_text", "weight_audio", "weight_video"]].to_numpy()
    shown = np.array([[letter in condition for letter in "TAV"] for condition in frame["condition"]])
    assert np.allclose(weights.sum(axis=1), 1)
    assert ((weights > 0) == shown).all()
    soft = frame[[f"soft_{label}" for label in options.labels]]
    assert np.allclose(soft.sum(axis=1), 1)
    assert (soft.groupby(frame["utterance_id"], observed=True).nunique() == 1).all(axis=None)
    assert frame["intensity"].between(0, 1).all()


def cites_absent(frame: pd.DataFrame) -> pd.Series:
    cites = {m: frame["rationale"].astype(str).str.contains(pattern) for m, pattern in CITES.items()}
    shown = {m: frame["condition"].astype(str).str.contains(m) for m in CITES}
    assert np.logical_or.reduce([cites[m] & shown[m] for m in CITES]).all(), "something that was shown is cited"
    return pd.Series(np.logical_or.reduce([cites[m] & ~shown[m] for m in CITES]), index=frame.index)


def test_rationales_cite_what_was_not_shown_only_by_fault() -> None:
    _, twin = drawn(rationales=True)
    assert not cites_absent(twin).any()
    options, faulty = drawn(rationales=True, absent_citation_share=0.1)
    pd.testing.assert_series_equal(faulty["y_pred"], twin["y_pred"])
    everything = faulty["condition"] == "TAV"
    assert (faulty["rationale"] == twin["rationale"])[everything].all(), "nothing is absent there"
    cited = cites_absent(faulty)
    for condition, rows in cited.groupby(faulty["condition"], observed=True):
        rate = expected_absent_citation_rate(options, str(condition))
        assert (rate == 0) == (condition == "TAV")
        assert stats.binomtest(int(rows.sum()), len(rows), rate).pvalue > 1e-4
    assert faulty["rationale"].nunique() > 50


def test_the_same_seed_gives_the_same_table() -> None:
    assert judged(seed=1).digest == judged(seed=1).digest
    assert judged(seed=1).digest != judged(seed=2).digest
    own = [
        REASONER.judge(None, {"seed": 5}, reading=Reading(run="r"), rng=np.random.default_rng(i), progress=silent)
        for i in (1, 2)
    ]
    assert own[0].digest == own[1].digest


def test_switching_parts_off_changes_no_answer() -> None:
    _, bare = drawn()
    _, full = drawn(probabilities=True, soft_labels=True, intensity=True, weights=True, rationales=True)
    pd.testing.assert_frame_equal(bare, full[list(bare.columns)])


def test_judge_returns_predictions() -> None:
    predictions = judged(n_speakers=12)
    assert predictions.unit == "speaker_id"
    assert predictions.labels == SimulatorOptions().labels
    assert predictions.levels["reasoner"] == ("simulated",)
    assert predictions.labelled


def test_conditions_may_carry_an_operator() -> None:
    options, frame = drawn(conditions=["VAT/noise=10dB", "TAV"], accuracy={"TAV": 0.9, "TAV/noise=10dB": 0.2}, icc=0)
    rates = frame.groupby("condition", observed=True)["right"].mean()
    assert rates["TAV/noise=10dB"] < 0.3 < 0.8 < rates["TAV"]
    assert expected_accuracy(SimulatorOptions(conditions=["T/paraphrase"]), "T/paraphrase", {}) == pytest.approx(0.6)
    assert options.conditions == ("TAV/noise=10dB", "TAV")


def test_certainty_and_its_opposite() -> None:
    _, frame = drawn(conditions=["T", "A"], accuracy={"T": 1.0, "A": 0.0}, icc=0.5)
    assert frame.groupby("condition", observed=True)["right"].mean().to_dict() == {"T": 1.0, "A": 0.0}


@pytest.mark.slow
def test_a_million_rows() -> None:
    assert judged(n_speakers=7200).n_rows > 1_000_000


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_speaker": 10}, "did you mean 'n_speakers'"),
        ({"n_speakers": 0}, "n_speakers"),
        ({"icc": 1.0}, "icc"),
        ({"utterances_per_speaker": 5}, "utterances_spread"),
        ({"labels": ["joy"]}, "labels"),
        ({"labels": ["joy", "joy"]}, "a label stands twice"),
        ({"label_shares": {"glee": 1}}, "label_shares: 'glee' is none of"),
        ({"accents": {}}, "at least one level"),
        ({"accents": ["unknown", "north"]}, "none called 'unknown'"),
        ({"accents": {"north": -1}}, "accents.north"),
        ({"conditions": ["TX"]}, "the condition 'TX' does not parse"),
        ({"conditions": ["TA", "AT"]}, "each stands once"),
        ({"conditions": ["as-supplied"]}, "name their modalities"),
        ({"accuracy": {"TAV": 0.9}}, "accuracy lacks: 'TA' is none of TAV"),
        ({"accuracy_penalty": {"acent": {}}}, "'acent' is none of accent, age, sex"),
        ({"accuracy_penalty": {"accent": {"lowland": {}}}}, "'lowland' is none of"),
        ({"accuracy_penalty": {"accent": {"highland": {"A": 0.1}}}}, "'A' is none of text, audio, video"),
        ({"accuracy_penalty": {"accent": {"highland": {"audio": 0.9}}}}, "has accuracy -0.18"),
        ({"confusion": {"joy": {"joy": 1}}}, "confusion.joy: 'joy' is none of"),
        ({"confusion": {"joy": {"anger": 0}}}, "the weights sum to zero"),
        ({"attractor": {"feature": "accent", "level": "x", "label": "joy", "share": 0.5}}, "attractor.level"),
        ({"missing": {"race": 0.5}}, "missing: 'race' is none of"),
    ],
)
def test_bad_options(options: dict[str, Any], match: str) -> None:
    with pytest.raises(PlanError, match=match) as caught:
        judged(**options)
    assert caught.value.slug == "plan-invalid"
    assert caught.value.found
    assert caught.value.allowed
    assert caught.value.remedy


def test_what_cannot_be_judged() -> None:
    with pytest.raises(PlanError, match="the simulator judges no corpus"):
        judged(corpus=Corpus(name="c", utterances=(), digest="sha256:0", licence="none"))
    with pytest.raises(ColumnError, match="no column for the feature 'race'"):
        judged(reading=Reading(run="r", by=("race",)))


@pytest.mark.parametrize(
    ("condition", "groups", "match"),
    [
        ("TAV/noise=1dB", {}, "no such condition"),
        ("TAV", {"race": "x"}, "no such feature"),
        ("TAV", {"accent": "x"}, "no such level of accent"),
        ("TAV", {"accent": "unknown"}, "no such level of accent"),
    ],
)
def test_what_was_not_simulated_has_no_expectation(condition: str, groups: dict[str, str], match: str) -> None:
    with pytest.raises(PlanError, match=match):
        expected_accuracy(SimulatorOptions(), condition, groups)


def test_the_order_of_shares_is_nothing_to_draw_by() -> None:
    """A report keeps a plan's mappings in no order, and its plan has to make the same table."""
    shares = {"northern": 0.2, "far": 0.3, "coastal": 0.5}
    one = SimulatorOptions.model_validate({"accents": shares})
    other = SimulatorOptions.model_validate({"accents": dict(sorted(shares.items()))})
    assert list(one.accents) == list(other.accents) == ["northern", "coastal", "far"]
    assert list(SimulatorOptions.model_validate({"accents": ["near", "far"]}).accents) == ["near", "far"]
