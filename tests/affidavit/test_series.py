"""Series of audits, made of reports whose numbers are known; and two reports side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from affidavit.errors import PlanError
from affidavit.plan import AuditPlan, Feature, RunSource
from affidavit.records import CriterionOutcome, Estimate, Finding, Interval, Verdict
from affidavit.report import AuditReport, DataDescription, Decision, Provenance
from affidavit.series import AlertRule, NamedAudit, drift, standard_error
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


def report(
    findings: Sequence[Finding],
    *,
    digest: str,
    features: Mapping[str, Feature] | None = None,
    labels: tuple[str, ...] = ("a", "b"),
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
        findings=tuple(findings),
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
    clean = drift(series(values), AlertRule())
    assert not clean.alarms
    values[4:, 2] -= 0.15
    found = drift(series(values), AlertRule())
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
    assert [course.id[-5:] for course in found.courses] == ["Irish"]
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
    assert surely_worse(found.differences) == (welsh,)
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
        inside += [d.interval.low <= 0.05 <= d.interval.high for d in unpaired(old, new).differences]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)
