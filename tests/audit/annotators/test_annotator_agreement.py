"""Annotators' agreement by group: a group that they disagree about is found, and its clean twin is not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.plan import Statistics
from affidavit.records import Finding, Verdict
from affidavit.statistics.krippendorff import coincidences, interval, krippendorff_alpha, nominal, ordinal
from affidavit.testing import case_of, predictions_frame
from audit.annotators.annotator_agreement import EXAMINATION
from audit.annotators.soft_labels import EXAMINATION as SOFT_LABELS

STATISTICS = Statistics(n_resamples=200, n_permutations=499, compared_units=5)
N_VOTES = 6


def voted(
    n_speakers: int = 90,
    *,
    unsure: str | None = None,
    labels: tuple[str, ...] = ("anger", "joy", "sadness"),
    conditions: tuple[str, ...] = ("TAV",),
    same: bool = True,
    seed: int = 0,
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(n_speakers), 10)
    accent = np.array(["Irish", "Scottish", "Welsh"])[speaker % 3]
    strength = np.where(accent == (unsure or ""), 0.6, 0.8)[:, None]
    felt = rng.integers(0, len(labels), len(speaker))
    truth = np.where(np.arange(len(labels)) == felt[:, None], strength, (1 - strength) / (len(labels) - 1))
    votes = rng.multinomial(N_VOTES, truth)
    parts = []
    for condition in conditions:
        votes = votes if same else rng.multinomial(N_VOTES, truth)
        frame = pd.DataFrame(
            {
                "utterance_id": [f"u{i}" for i in range(len(speaker))],
                "speaker_id": [f"s{i}" for i in speaker],
                "condition": condition,
                "accent": accent,
                "y_pred": np.array(labels)[votes.argmax(axis=1)],
            }
        )
        parts.append(frame.assign(**{f"soft_{label}": votes[:, k] / N_VOTES for k, label in enumerate(labels)}))
    return pd.concat(parts, ignore_index=True)


def found(frame: pd.DataFrame, **options: Any) -> list[Finding]:
    options = {"annotators": N_VOTES} | options
    case = case_of(frame, by=("accent",), statistics=STATISTICS, options=options)
    assert EXAMINATION.refuses(case) is None
    return [claim.finding for claim in EXAMINATION.examine(case).claims]


def of(findings: list[Finding], metric: str = "krippendorff_alpha", **groups: str) -> Finding:
    (finding,) = (f for f in findings if f.metric == metric and dict(f.groups) == groups)
    return finding


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval"])
def test_alpha_is_that_of_the_groups_votes(scale: str) -> None:
    labels = ("1", "2", "4")
    frame = voted(labels=labels)
    welsh = frame.loc[frame["accent"] == "Welsh", [f"soft_{label}" for label in labels]].to_numpy() * N_VOTES
    distance = {"nominal": nominal, "ordinal": ordinal, "interval": interval(np.array([1.0, 2.0, 4.0]))}[scale]
    expected = float(krippendorff_alpha(coincidences(welsh).sum(axis=0), distance))
    estimate = of(found(frame, scale=scale), accent="Welsh").estimate
    assert estimate.value == pytest.approx(expected)
    assert estimate.interval is not None
    assert estimate.interval.low < expected < estimate.interval.high


@pytest.mark.parametrize("seed", range(2))
def test_a_group_that_annotators_disagree_about_is_found_and_its_clean_twin_is_not(seed: int) -> None:
    gap = of(found(voted(unsure="Welsh", seed=seed)), "krippendorff_alpha_difference")
    assert gap.test is not None
    assert gap.test.p_value < 0.01
    assert gap.lowest == "Welsh"
    clean = of(found(voted(seed=seed)), "krippendorff_alpha_difference")
    assert clean.test is not None
    assert clean.test.p_value > 0.02


def test_annotations_that_are_the_same_under_every_condition_are_measured_once() -> None:
    once = found(voted(conditions=("TAV", "A")))
    assert {f.condition for f in once} == {"TAV"}
    assert any("same under every condition" in caveat for caveat in of(once).caveats)
    each = found(voted(conditions=("TAV", "A"), same=False))
    assert {f.condition for f in each} == {"TAV", "A"}


def test_it_refuses_what_it_cannot_know() -> None:
    none = EXAMINATION.refuses(case_of(predictions_frame()))
    assert none is not None
    assert "soft_<label>" in none.remedy
    number = EXAMINATION.refuses(case_of(voted(), by=("accent",)))
    assert number is not None
    assert "option annotators" in number.remedy
    words = EXAMINATION.refuses(case_of(voted(), by=("accent",), options={"annotators": 6, "scale": "interval"}))
    assert words is not None
    assert "anger" in words.because


def test_one_label_only_leaves_nothing_to_agree_about() -> None:
    frame = voted().assign(soft_anger=1.0, soft_joy=0.0, soft_sadness=0.0)
    finding = of(found(frame))
    assert finding.estimate.value is None
    assert finding.estimate.n > 0
    assert "only one label was ever given" in str(finding.estimate.why_no_interval)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert of(found(frame), "krippendorff_alpha_difference").verdict is Verdict.INCONCLUSIVE


def test_a_group_of_one_label_is_not_called_small() -> None:
    frame = voted()
    unanimous = frame["accent"] == "Welsh"
    frame.loc[unanimous, ["soft_anger", "soft_joy", "soft_sadness"]] = [1.0, 0.0, 0.0]
    findings = found(frame)
    assert "only one label was ever given" in str(of(findings, accent="Welsh").because)
    gap = of(findings, "krippendorff_alpha_difference")
    assert gap.estimate.value is not None
    assert "only one label was ever given about: Welsh" in gap.caveats


@pytest.mark.parametrize("scale", ["nominal", "ordinal"])
def test_alpha_does_not_depend_on_the_scale_of_weights(scale: str) -> None:
    frame = voted()
    own = np.random.default_rng(0).uniform(0.5, 2, len(frame))
    one, tiny, huge = (found(frame.assign(weight=own * times), scale=scale) for times in (1.0, 1e-6, 1e6))
    for accent in ("Irish", "Welsh"):
        value = of(one, accent=accent).estimate.value
        assert value == pytest.approx(of(tiny, accent=accent).estimate.value)
        assert value == pytest.approx(of(huge, accent=accent).estimate.value)
    assert of(tiny).estimate.interval is not None


def test_an_ordinal_alpha_says_which_order_it_took() -> None:
    assert "labels in the order anger < joy < sadness" in of(found(voted(), scale="ordinal")).caveats
    assert not any("order" in caveat for caveat in of(found(voted())).caveats)


def test_fewer_annotators_than_the_shares_need_are_refused() -> None:
    frame = voted()
    frame.loc[0, ["soft_anger", "soft_joy", "soft_sadness"]] = [0.34, 0.33, 0.33]
    for examination in (EXAMINATION, SOFT_LABELS):
        case = case_of(frame, by=("accent",), options={"annotators": 2})
        assert examination.refuses(case) is None
        testimony = examination.examine(case)
        (refusal,) = testimony.refusals
        assert (testimony.claims, testimony.exhibits) == ((), ())
        assert (refusal.run, refusal.examination) == ("run", examination.name)
        assert "at least 3 gave the shares" in refusal.because
        assert examination.examine(case_of(frame, by=("accent",), options={"annotators": 3})).refusals == ()


def test_rows_as_units_weights_and_a_lone_unit() -> None:
    frame = voted()
    nobody = of(found(frame.drop(columns="speaker_id")))
    assert nobody.estimate.n_clusters is None
    assert nobody.estimate.interval is not None
    assert nobody.estimate.value == pytest.approx(of(found(frame)).estimate.value)
    weighted = found(frame.assign(weight=np.where(frame["accent"] == "Irish", 1.0, 0.0)))
    assert of(weighted).estimate.value == pytest.approx(of(found(frame), accent="Irish").estimate.value)
    assert of(weighted, accent="Welsh").estimate.value is None
    lone = of(found(frame.assign(speaker_id="s0", accent="Irish")))
    assert "one unit" in (lone.estimate.why_no_interval or "")


@pytest.mark.slow  # a simulation
def test_intervals_of_alpha_cover() -> None:
    """Truth from a very large sample of the same annotators."""
    truth = of(found(voted(n_speakers=9000, seed=99))).estimate.value
    covered = 0
    for seed in range(60):
        interval_ = of(found(voted(n_speakers=30, seed=seed))).estimate.interval
        assert interval_ is not None
        covered += interval_.low <= (truth or 0) <= interval_.high
    assert covered / 60 >= 0.95 - 3 * (0.05 * 0.95 / 60) ** 0.5
