"""Models beside annotators: what the model adds to a gap is told from what people disagree about already."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.plan import AuditPlan, Choice, RunSource, Statistics
from affidavit.records import Finding, Verdict
from affidavit.run import audit
from affidavit.statistics.divergence import cross_entropy, jensen_shannon_divergence
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from audit.annotators.annotator_agreement import EXAMINATION as ANNOTATORS
from audit.annotators.soft_labels import EXAMINATION

LABELS = ("anger", "joy", "sadness")
ACCENTS = ("Irish", "Scottish", "Welsh")
STATISTICS = Statistics(n_resamples=200, n_permutations=499, compared_units=5)
N_VOTES = 8


def annotated(
    n_speakers: int = 120,
    per_speaker: int = 12,
    *,
    unsure: str | None = None,
    wrong: str | None = None,
    conditions: tuple[str, ...] = ("TAV",),
    seed: int = 0,
) -> pd.DataFrame:
    """Eight votes a row around a true distribution; the model answers as one more annotator would.

    Annotators disagree more about the accent `unsure`; the model answers at random for the accent `wrong`.
    """
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(n_speakers), per_speaker)
    accent = np.array(ACCENTS)[speaker % 3]
    n = len(speaker)
    strength = np.where(accent == (unsure or ""), 0.55, 0.8)[:, None]
    felt = rng.integers(0, 3, n)
    truth = np.where(np.arange(3) == felt[:, None], strength, (1 - strength) / 2)
    votes = rng.multinomial(N_VOTES, truth)
    parts = []
    for condition in conditions:
        answer = (rng.random(n)[:, None] > truth.cumsum(axis=1)).sum(axis=1)
        answer = np.where(accent == (wrong or ""), rng.integers(0, 3, n), answer)
        stated = np.where(np.arange(3) == answer[:, None], 0.6, 0.2)
        frame = pd.DataFrame(
            {
                "utterance_id": [f"u{i}" for i in range(n)],
                "speaker_id": [f"s{i}" for i in speaker],
                "condition": condition,
                "accent": accent,
                "age": np.array(["18-39", "40+"])[speaker // 3 % 2],
                "y_pred": np.array(LABELS)[answer],
            }
        )
        columns = {f"prob_{label}": stated[:, k] for k, label in enumerate(LABELS)}
        columns |= {f"soft_{label}": votes[:, k] / N_VOTES for k, label in enumerate(LABELS)}
        parts.append(frame.assign(**columns))
    return pd.concat(parts, ignore_index=True)


def found(
    frame: pd.DataFrame, by: tuple[str, ...] = ("accent",), *, examination: Any = EXAMINATION, **options: Any
) -> list[Finding]:
    case = case_of(frame, by=by, statistics=STATISTICS, options=options)
    assert examination.refuses(case) is None
    return [claim.finding for claim in examination.examine(case).claims]


def of(findings: list[Finding], metric: str, **groups: str) -> Finding:
    (finding,) = (f for f in findings if f.metric == metric and dict(f.groups) == groups)
    return finding


class TestContract(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Any:
        return case_of(annotated(n_speakers=48, conditions=("TAV", "A")), options={"annotators": N_VOTES})


class TestAnnotatorsContract(ExaminationContract):
    examination = ANNOTATORS

    def make_case(self) -> Any:
        return case_of(annotated(n_speakers=48, conditions=("TAV", "A")), options={"annotators": N_VOTES})


def test_values_equal_their_definition_row_by_row() -> None:
    frame = annotated(n_speakers=24)
    findings = found(frame, annotators=N_VOTES)
    welsh = frame[frame["accent"] == "Welsh"]
    soft = welsh[[f"soft_{label}" for label in LABELS]].to_numpy()
    model = welsh[[f"prob_{label}" for label in LABELS]].to_numpy()
    divergence = np.mean([jensen_shannon_divergence(m, s) for m, s in zip(model, soft, strict=True)])
    crossed = np.mean([cross_entropy(s, m, floor=0.001) for m, s in zip(model, soft, strict=True)])
    pairs = []
    for shares in soft:
        votes = np.repeat(np.arange(3), np.rint(shares * N_VOTES).astype(int))
        pairs.append(np.mean([a == b for a, b in combinations(votes.tolist(), 2)]))
    own = np.mean([row[f"soft_{row['y_pred']}"] for _, row in welsh.iterrows()])
    expected = {
        "jensen_shannon_divergence": divergence,
        "soft_cross_entropy": crossed,
        "annotator_agreement": np.mean(pairs),
        "model_annotator_agreement": own,
        "excess_agreement": own - np.mean(pairs),
    }
    for metric, value in expected.items():
        assert of(findings, metric, accent="Welsh").estimate.value == pytest.approx(value)


@pytest.mark.parametrize("seed", range(2))
def test_a_group_that_people_disagree_about_is_no_fault_of_the_model(seed: int) -> None:
    """The model answers as one more annotator: no excess anywhere, though both gaps are wide."""
    findings = found(annotated(unsure="Welsh", seed=seed), annotators=N_VOTES)
    human, model, excess = (
        of(findings, f"{metric}_difference")
        for metric in ("annotator_agreement", "model_annotator_agreement", "excess_agreement")
    )
    assert human.lowest == model.lowest == "Welsh"
    assert human.estimate.interval is not None
    assert human.estimate.interval.low > 0.1
    assert human.test is None
    assert excess.test is not None
    assert excess.test.p_value > 0.05
    interval = of(findings, "excess_agreement", accent="Welsh").estimate.interval
    assert interval is not None
    assert interval.low - 0.02 <= 0 <= interval.high + 0.02


@pytest.mark.parametrize("seed", range(2))
def test_a_group_that_the_model_misreads_is_found(seed: int) -> None:
    findings = found(annotated(wrong="Welsh", unsure="Welsh", seed=seed), annotators=N_VOTES)
    excess = of(findings, "excess_agreement_difference")
    assert excess.test is not None
    assert excess.test.p_value < 0.01
    assert excess.lowest == "Welsh"
    findings = found(annotated(wrong="Welsh", seed=seed), annotators=N_VOTES)
    for metric in ("jensen_shannon_divergence_difference", "jensen_shannon_divergence_adjusted_difference"):
        finding = of(findings, metric)
        assert finding.test is not None
        assert finding.test.p_value < 0.05, metric
        assert finding.highest == "Welsh"


@pytest.mark.parametrize("seed", range(2))
def test_the_clean_twin_is_silent(seed: int) -> None:
    findings = found(annotated(seed=seed), annotators=N_VOTES)
    tests = [finding.test for finding in findings if finding.test is not None]
    assert len(tests) == 3
    assert min(test.p_value for test in tests) > 0.02


def test_between_two_groups_the_excess_is_one_gap_less_the_other() -> None:
    frame = annotated(unsure="Welsh", wrong="Irish")
    findings = found(frame[frame["accent"] != "Scottish"], annotators=N_VOTES)
    signed = {
        metric: (of(findings, metric, accent="Irish").estimate.value or 0)
        - (of(findings, metric, accent="Welsh").estimate.value or 0)
        for metric in ("annotator_agreement", "model_annotator_agreement", "excess_agreement")
    }
    assert signed["excess_agreement"] == pytest.approx(
        signed["model_annotator_agreement"] - signed["annotator_agreement"]
    )
    assert of(findings, "excess_agreement_difference").estimate.value == pytest.approx(abs(signed["excess_agreement"]))


def test_without_the_number_of_annotators_agreement_is_an_upper_bound_and_says_so() -> None:
    frame = annotated(n_speakers=24)
    known, unknown = found(frame, annotators=N_VOTES), found(frame)
    agreement = of(unknown, "annotator_agreement")
    exact = of(known, "annotator_agreement").estimate.value or 0
    assert agreement.estimate.value == pytest.approx(exact + (1 - exact) / N_VOTES)
    assert any("upper bound" in caveat for caveat in agreement.caveats)
    doubtful = of(found(frame, annotators=7), "annotator_agreement")
    assert any("cannot have given the shares" in caveat for caveat in doubtful.caveats)
    assert not any("cannot have given" in caveat for caveat in of(known, "annotator_agreement").caveats)


def test_without_probabilities_the_answer_stands_as_certain() -> None:
    frame = annotated(n_speakers=24).drop(columns=[f"prob_{label}" for label in LABELS])
    findings = found(frame, annotators=N_VOTES)
    assert not [f for f in findings if f.metric == "soft_cross_entropy"]
    divergence = of(findings, "jensen_shannon_divergence")
    assert any("certain" in caveat for caveat in divergence.caveats)
    soft = frame[[f"soft_{label}" for label in LABELS]].to_numpy()
    certain = np.stack([frame["y_pred"] == label for label in LABELS], axis=1).astype(float)
    assert divergence.estimate.value == pytest.approx(jensen_shannon_divergence(certain, soft).mean())


def test_an_excluded_label_that_was_given_is_counted() -> None:
    frame = annotated(n_speakers=24)
    frame = frame.assign(prob_anger=1.0, prob_joy=0.0, prob_sadness=0.0)
    caveats = of(found(frame), "soft_cross_entropy").caveats
    given = (frame[["soft_joy", "soft_sadness"]] > 0).any(axis=1).sum()
    assert any(caveat.startswith(f"in {given} of {len(frame)} rows") for caveat in caveats)


def test_soft_labels_outside_the_label_space_cannot_be_answered() -> None:
    frame = annotated(n_speakers=24)
    frame = frame.assign(soft_fear=frame["soft_joy"], soft_joy=0.0)
    assert (of(found(frame, annotators=N_VOTES), "model_annotator_agreement").estimate.value or 0) < 0.6


def test_awkward_tables_are_answered_or_refused() -> None:
    refusal = EXAMINATION.refuses(case_of(predictions_frame()))
    assert refusal is not None
    assert "soft_<label>" in refusal.remedy
    frame = annotated(n_speakers=30, conditions=("TAV", "A"))
    gap = of(
        [f for f in found(frame.assign(accent="Irish")) if f.condition == "A"],
        "jensen_shannon_divergence_adjusted_difference",
    )
    assert gap.verdict is Verdict.INCONCLUSIVE
    lacking = frame[(frame["condition"] == "TAV") | (frame["accent"] != "Welsh")]
    voice = [f for f in found(lacking, annotators=N_VOTES) if f.condition == "A"]
    for metric in ("excess_agreement", "jensen_shannon_divergence_adjusted"):
        assert of(voice, metric, accent="Welsh").estimate.value is None
        assert of(voice, metric, accent="Welsh").verdict is Verdict.INCONCLUSIVE
    lone = [f for f in found(frame.assign(speaker_id="s0", accent="Irish")) if f.condition == "A"]
    assert "one unit" in (of(lone, "excess_agreement").estimate.why_no_interval or "")
    nobody = found(frame.drop(columns="speaker_id"))
    assert all(f.estimate.n_clusters is None for f in nobody)
    unanimous = frame.assign(soft_anger=1.0, soft_joy=0.0, soft_sadness=0.0)
    assert [f for f in found(unanimous, annotators=N_VOTES) if f.metric.startswith("jensen_shannon_divergence_adj")]


@pytest.mark.parametrize("units", [True, False])
def test_weights_weigh(units: bool) -> None:
    frame = annotated(n_speakers=45)
    frame = frame if units else frame.drop(columns="speaker_id")
    half = frame.assign(weight=np.where(frame["accent"] == "Irish", 2.0, 0.0))
    findings = found(half, annotators=N_VOTES)
    plain = found(frame, annotators=N_VOTES)
    for metric in ("jensen_shannon_divergence", "excess_agreement"):
        assert of(findings, metric).estimate.value == pytest.approx(of(plain, metric, accent="Irish").estimate.value)
        assert of(findings, metric, accent="Welsh").estimate.value is None


def test_it_reads_well_in_a_report() -> None:
    plan = AuditPlan(
        runs={"run": RunSource(table="frame")},
        statistics=STATISTICS,
        examinations=(
            Choice(name="soft-labels", options={"annotators": N_VOTES}),
            Choice(name="annotators", options={"annotators": N_VOTES}),
        ),
    )
    report = audit(annotated(), by=["accent"], plan=plan)
    assert report.refusals == ()
    assert {exhibit.id for exhibit in report.exhibits} == {"soft-labels-by-group", "annotators-by-group"}
