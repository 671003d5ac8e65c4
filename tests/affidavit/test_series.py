"""Series of audits, made of reports whose numbers are known; and two reports side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy.special import ndtr

from affidavit.courses import centred, standard_error
from affidavit.errors import PlanError
from affidavit.plan import AuditPlan, Feature, RunSource
from affidavit.records import CriterionOutcome, Estimate, Finding, Interval, Verdict
from affidavit.report import AuditReport, DataDescription, Decision, Provenance
from affidavit.series import AlertRule, NamedAudit, drift
from affidavit.statistics.control_charts import recursive_residuals
from affidavit.statistics.proportions import wilson_bounds
from affidavit.unpaired import surely_worse, unpaired

GROUPS = ("Irish", "Scottish", "Welsh")
Z = 1.959963984540054


def finding(
    group: str, value: float | None, error: float = 0.02, *, version: str = "1", verdict: Verdict | None = None
) -> Finding:
    interval = (
        None if value is None else Interval(low=value - Z * error, high=value + Z * error, level=0.95, method="m")
    )
    name = f"run/TAV/performance/accuracy/accent={group}"
    decided = Verdict.INFORMATIVE if value is not None else Verdict.INCONCLUSIVE
    return Finding(
        id=name,
        examination="performance",
        method_version=version,
        metric="accuracy",
        higher_is_better=True,
        run="run",
        condition="TAV",
        groups={"accent": group},
        estimate=Estimate(
            value=value, interval=interval, why_no_interval="none" if value is None else None, n=100, n_clusters=10
        ),
        criterion=None if verdict is None else CriterionOutcome(id="c", at_least=0.5, source="s", family_size=1),
        verdict=verdict or decided,
        source="s",
    )


def gap(version: str) -> Finding:
    """That groups are compared by this number at all."""
    value = finding("Irish", 0.1, version=version)
    changed = {
        "id": "run/TAV/performance/accuracy_difference/between accent",
        "metric": "accuracy_difference",
        "higher_is_better": False,
        "groups": {},
        "compared": ("accent",),
    }
    return value.model_copy(update=changed)


def report(
    findings: Sequence[Finding],
    *,
    digest: str,
    features: Mapping[str, Feature] | None = None,
    labels: tuple[str, ...] = ("a", "b"),
    gaps: bool = True,
) -> AuditReport:
    plan = AuditPlan(runs={"run": RunSource(table="t.csv")}, by=("accent",), features=features or {})
    return AuditReport(
        title="t",
        plan=plan,
        data=(
            DataDescription(
                run="run",
                supplier=None,
                source="t.csv",
                task="multiclass",
                digest=digest,
                n_rows=100,
                n_units=10,
                unit="speaker_id",
                conditions=("TAV",),
                label_space=labels,
                columns={},
            ),
        ),
        decision=Decision.NONE,
        summary=(),
        caveats=(),
        findings=(*findings, gap(findings[0].method_version)) if gaps else tuple(findings),
        refusals=(),
        exhibits=(),
        provenance=Provenance(
            created_at="", affidavit="", python="", platform="", packages={}, execution=plan.execution
        ),
    ).sealed({})


def series(values: np.ndarray, error: float = 0.02) -> list[NamedAudit]:
    """Return audits of `values` [T, groups]."""
    return [
        NamedAudit(
            name=f"month-{t}",
            report=report([finding(g, float(x), error) for g, x in zip(GROUPS, row, strict=True)], digest=f"d{t}"),
        )
        for t, row in enumerate(values)
    ]


def test_the_error_is_read_back_from_the_interval() -> None:
    assert standard_error(finding("Irish", 0.6, 0.03)) == pytest.approx(0.03)
    assert standard_error(finding("Irish", None)) is None


def test_one_group_that_drifts_is_found_and_the_others_are_not() -> None:
    rng = np.random.default_rng(0)
    values = 0.7 + rng.normal(0, 0.02, (8, 3))
    rule = AlertRule(gaps=False)
    clean = drift(series(values), rule)
    assert not clean.alarms
    values[4:, 2] -= 0.15
    found = drift(series(values), rule)
    (course,) = found.alarms
    assert course.id.endswith("accent=Welsh")
    assert course.direction == "worse"
    assert course.alarm is not None
    assert course.alarm.audit in {"month-4", "month-5"}
    assert len(found.courses) == 3
    assert found.courses[0].steps[0].residual is None
    assert 0 < found.false_alarm_rate <= 0.05
    assert found.run_length_unchanged > 100 > found.run_length_shifted
    assert AlertRule.model_validate(found.rule.model_dump()) == found.rule


def test_a_gap_that_widens_is_found_and_one_that_moves_as_a_whole_is_not() -> None:
    """K17: each group's distance from the others, which a change common to all leaves as it is."""
    rng = np.random.default_rng(3)
    values = 0.7 + rng.normal(0, 0.02, (8, 3))
    together = values - 0.15 * (np.arange(8) >= 4)[:, None]
    apart = values.copy()
    apart[4:, 2] -= 0.15
    moved, widened = (
        [course for course in drift(series(v), AlertRule()).alarms if course.family] for v in (together, apart)
    )
    assert not moved
    welsh = next(course for course in widened if "Welsh" in course.id)
    assert welsh.id == "run/TAV/performance/accuracy/accent=Welsh less the others"
    assert (welsh.direction, welsh.family) == ("worse", "accent")
    assert welsh.steps[-1].value == pytest.approx(apart[-1, 2] - apart[-1, :2].mean())
    half = Z * 0.02 * np.sqrt(1 + 1 / 2)
    assert welsh.steps[-1].high - welsh.steps[-1].value == pytest.approx(half)


def test_groups_that_share_units_have_errors_that_add_up_in_full() -> None:
    audits = [
        NamedAudit(
            name=f"m{t}",
            report=report(
                [finding(g, 0.6) for g in GROUPS], digest=str(t), features={"accent": Feature(level="utterance")}
            ),
        )
        for t in range(2)
    ]
    course = next(course for course in drift(audits, AlertRule()).courses if course.family)
    assert course.steps[0].high == pytest.approx(Z * 0.02 * 2)


def test_numbers_that_no_gap_is_made_of_have_no_distances() -> None:
    """Shares of rows, and distances from everybody: errors of their groups hang together."""
    audits = [
        NamedAudit(name=f"m{t}", report=report([finding(g, 0.6) for g in GROUPS], digest=str(t), gaps=t == 0))
        for t in range(2)
    ]
    assert not [course for course in drift(audits, AlertRule()).courses if course.family]
    assert not [difference for difference in unpaired(*audits).differences if difference.family]


def test_two_groups_have_one_distance() -> None:
    audits = [
        NamedAudit(name=f"m{t}", report=report([finding(g, 0.6) for g in GROUPS[:2]], digest=str(t))) for t in range(2)
    ]
    assert [course.family for course in drift(audits, AlertRule()).courses] == [None, None, "accent"]


@pytest.mark.parametrize(("rate", "n_units"), [(0.5, 25), (0.9, 40), (0.97, 100)])
@pytest.mark.parametrize("chart", ["cusum", "ewma"])
def test_charts_of_rates_alarm_nearly_as_rarely_as_declared(rate: float, n_units: int, chart: str) -> None:
    """Real intervals of rates, far out in the tails of 50 charts: on the rates' own scale up to 39 % had an alarm."""
    rng, n_series, n_audits, n_charts = np.random.default_rng(8), 40_000, 8, 50
    hits = rng.binomial(n_units, rate, (n_series, n_audits, 3))
    bounds = wilson_bounds(np.arange(n_units + 1), n_units, level=0.95)
    low, high = bounds.low[hits], bounds.high[hits]
    levels = np.full(n_audits, 0.95)
    centre, error = centred(low[..., 0], high[..., 0], levels)
    middle, raw = (low + high) / 2, (high - low) / 2 / Z
    apart = middle[..., 0] - middle[..., 1:].mean(axis=-1)
    found = AlertRule(chart=chart).chart_for(n_charts, n_audits - 1)
    for name, centres, errors in (
        ("value", centre, error),
        ("gap", apart, np.sqrt(raw[..., 0] ** 2 + (raw[..., 1:] ** 2).sum(axis=-1) / 4)),
    ):
        alarms = np.abs(found.course(recursive_residuals(centres, errors))).max(axis=1) > found.limit
        error_of_share = np.sqrt(0.05 / n_charts / n_series)
        assert alarms.mean() * n_charts <= 0.07 + 2 * n_charts * error_of_share, name


@pytest.mark.parametrize("n_audits", [2, 6])
def test_series_without_change_alarm_as_rarely_as_declared(n_audits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affidavit.series.SIMULATED_SERIES", 10)  # what it says of itself is tested elsewhere
    rng, n_series, rate = np.random.default_rng(1), 200, 0.05
    alarms = [
        bool(drift(series(0.6 + rng.normal(0, 0.02, (n_audits, 3))), AlertRule()).alarms) for _ in range(n_series)
    ]
    assert np.mean(alarms) <= rate + 2.5 * np.sqrt(rate * (1 - rate) / n_series)


def test_what_was_passed_and_fails_now_is_listed() -> None:
    verdicts = (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL)
    audits = [
        NamedAudit(
            name=f"m{t}",
            report=report(
                [finding("Irish", 0.6, verdict=v), finding("Welsh", 0.6, verdict=Verdict.FAIL)], digest=f"{t}"
            ),
        )
        for t, v in enumerate(verdicts)
    ]
    (failure,) = drift(audits, AlertRule()).new_failures
    assert (failure.id, failure.criterion, failure.passed_in) == (finding("Irish", 0.6).id, "c", "m0")


def test_what_some_audits_lack_is_counted_and_not_charted() -> None:
    audits = series(np.full((3, 3), 0.6))
    findings = [finding("Irish", 0.6), finding("Scottish", None), finding("Cornish", 0.5)]
    audits[2] = NamedAudit(name="odd", report=report(findings, digest="odd"))
    found = drift(audits, AlertRule())
    assert [course.id[-5:] for course in found.courses] == ["Irish"], "and no distance from nobody"
    assert [name[-8:] for name in found.uncharted] == ["Scottish"]
    assert found.only_in_some == 2


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"findings": [finding("Irish", 0.6, version="2")]}, "method version of performance"),
        ({"features": {"accent": Feature(level="utterance")}}, "feature accent is read"),
        ({"labels": ("a", "b", "c")}, "label space of run"),
        ({"digest": "d0"}, "very same table"),
    ],
)
def test_numbers_that_mean_different_things_are_refused(other: dict[str, object], said: str) -> None:
    made = {"findings": [finding("Irish", 0.6)], "digest": "other"} | other
    audits = [series(np.full((1, 3), 0.6))[0], NamedAudit(name="b", report=report(made.pop("findings"), **made))]
    for compared in (lambda: drift(audits, AlertRule()), lambda: unpaired(*audits)):
        with pytest.raises(PlanError, match=said) as refused:
            compared()
        assert refused.value.remedy


def test_a_series_of_one_and_one_with_nothing_in_common_are_refused() -> None:
    with pytest.raises(PlanError, match="at least two"):
        drift(series(np.full((1, 3), 0.6)), AlertRule())
    with pytest.raises(PlanError, match="nothing can be charted"):
        drift(series(np.full((2, 3), 0.6)), AlertRule(metrics=("macro_f1",)))


def test_two_reports_side_by_side_are_called_unpaired_and_their_bounds_are_those_of_independent_samples() -> None:
    old, new = series(np.array([[0.7, 0.7, 0.7], [0.7, 0.72, 0.5]]))
    found = unpaired(old, new)
    welsh = next(d for d in found.differences if d.id.endswith("Welsh"))
    half = Z * np.hypot(0.02, 0.02)
    assert (welsh.difference, welsh.interval.high - welsh.interval.low) == pytest.approx((-0.2, 2 * half))
    (gap,) = (d for d in surely_worse(found.differences) if d.id != welsh.id)
    assert welsh in surely_worse(found.differences)
    assert gap.id.endswith("accent=Welsh less the others")
    assert gap.difference == pytest.approx(-0.21)
    assert gap.interval.high - gap.interval.low == pytest.approx(2 * half * np.sqrt(1.5))
    assert "paired" not in welsh.interval.method
    assert "different people" in welsh.interval.method
    assert "Nothing is paired" in found.remark
    assert "affidavit compare" in found.remark
    p = [d.p_value for d in found.differences]
    from affidavit.statistics.multiplicity import holm

    assert [d.p_adjusted for d in found.differences] == pytest.approx(holm(p).tolist())


def test_unpaired_bounds_cover_independent_samples() -> None:
    rng, inside = np.random.default_rng(2), []
    for _ in range(300):
        old, new = series(np.array([0.6, 0.65])[:, None] + rng.normal(0, 0.02, (2, 3)))
        truth = {None: 0.05, "accent": 0.0}
        inside += [d.interval.low <= truth[d.family] <= d.interval.high for d in unpaired(old, new).differences]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(("rate", "n_units"), [(0.5, 25), (0.9, 40), (0.97, 100)])
def test_p_values_of_two_reports_hold_far_out_in_the_tails_where_holm_reads_them(rate: float, n_units: int) -> None:
    """Real intervals of equal rates; on their own scale, of 25 answers, 0.01 % were 0.1 % and 0.1 % were 0.5 %."""
    rng, n_pairs = np.random.default_rng(9), 200_000
    bounds = wilson_bounds(np.arange(n_units + 1), n_units, level=0.95)
    hits = rng.binomial(n_units, rate, (n_pairs, 2))
    centre, error = centred(bounds.low[hits], bounds.high[hits], np.full(2, 0.95))
    p = 2 * ndtr(-np.abs(np.diff(centre, axis=1)[:, 0]) / np.hypot(*error.T))
    for alpha in (0.001, 0.0001):
        assert (p <= alpha).mean() <= alpha + 3 * np.sqrt(alpha / n_pairs)
    assert (p <= 0.05).mean() <= 0.06, "two times 25 answers are not finely enough apart for more"
    # and what `unpaired` says is just that
    old, new = series(np.array([[0.7, 0.7, 0.7], [0.7, 0.7, 0.62]]))
    welsh = next(d for d in unpaired(old, new).differences if d.id.endswith("Welsh"))
    ends = [
        (f.estimate.interval.low, f.estimate.interval.high)
        for f in (finding("W", 0.7), finding("W", 0.62))
        if f.estimate.interval
    ]
    low, high = np.array(ends).T
    centre, error = centred(low, high, np.full(2, 0.95))
    assert welsh.p_value == pytest.approx(2 * ndtr(-abs(centre[1] - centre[0]) / np.hypot(*error)))
