"""The main answers as sentences."""

from affidavit.changes import changes_in_words
from affidavit.cli.audits import refusals_in_words
from affidavit.decisions import decisions_in_words
from affidavit.records import CriterionOutcome, Estimate, Finding, Interval, Refusal, SignificanceTest, Verdict
from affidavit.report import Decision
from affidavit.summary import summary


def found(metric: str, value: float, low: float, **more: object) -> Finding:
    interval = Interval(low=low, high=2 * value - low, level=0.95, method="t")
    values: dict[str, object] = {"condition": "TAV", "groups": {}, **more}
    return Finding.model_validate(
        {
            "id": f"{metric}-{values['condition']}",
            "examination": "x",
            "method_version": "1",
            "metric": metric,
            "higher_is_better": None,
            "run": "r",
            "estimate": Estimate(value=value, interval=interval, n=100, n_clusters=20),
            "verdict": Verdict.INFORMATIVE,
            "source": "test",
            **values,
        }
    )


PAIR = {"compared": ("accent",), "lowest": "Irish", "highest": "Welsh"}


def test_the_modality_that_bears_a_gap_is_told() -> None:
    said = summary(
        [
            found("accuracy_difference_all_modalities", 0.2, 0.1, **PAIR),
            found("accuracy_difference_borne_by_audio", 0.18, 0.1, **PAIR),
            found("accuracy_difference_borne_by_text", 0.02, -0.1, **PAIR),
        ],
        Decision.NONE,
    )
    assert said[0] == (
        "r, TAV, by accent: of the 20.0 points between Irish and Welsh, "
        "18.0 points (10.0 to 26.0) come through the audio."
    )


def test_a_share_that_may_be_nothing_is_not_told() -> None:
    said = summary(
        [
            found("accuracy_difference_all_modalities", 0.2, 0.1, **PAIR),
            found("accuracy_difference_borne_by_audio", 0.18, -0.01, **PAIR),
        ],
        Decision.NONE,
    )
    assert not any("come through" in sentence for sentence in said)


def test_a_difference_between_models_is_no_gap_between_groups() -> None:
    said = summary([found("accuracy", 0.5, 0.4), found("accuracy_difference", 0.2, 0.1)], Decision.NONE)
    assert not any("widest gap" in sentence for sentence in said)


def test_the_worst_input_is_told() -> None:
    losses = [found("accuracy_loss", at, 0.01, condition=f"TAV/noise={db}dB") for at, db in ((0.05, 20), (0.3, 0))]
    assert "r, TAV/noise=0dB: accuracy of everybody falls by 30.0 points (1.0 to 59.0)." in summary(
        losses, Decision.NONE
    )


def gap_of(metric: str, value: float, p: float, **more: object) -> Finding:
    test = SignificanceTest(p_value=p / 2, p_adjusted=p, method="m", null="n", correction="holm", family="f")
    return found(metric, value, 0.0, test=test, **{**PAIR, **more})


def test_of_every_other_examination_what_stands_after_adjustment_is_told_once() -> None:
    said = summary(
        [
            found("accuracy", 0.7, 0.6),
            gap_of("accuracy_difference", 0.1, 0.9),
            gap_of("weighted_f1_difference", 0.3, 0.01),
            gap_of("equal_opportunity_difference_max", 0.4, 0.03, examination="odds", label="joy"),
            gap_of("equalized_odds_difference_max", 0.5, 0.01, examination="odds"),
            gap_of("overconfidence_difference", 0.2, 0.2, examination="calibration"),
            gap_of("krippendorff_alpha_difference", 0.25, 0.02, examination="annotators"),
        ],
        Decision.NONE,
    )
    assert said[1].startswith("r, TAV, by accent: the widest gap in accuracy is 10.0 points")
    assert said[2] == (
        "r, TAV, by accent: equalised odds difference, widest class is 50.0 points (0.0 to 100.0), "
        "lowest for Irish and highest for Welsh (adjusted p = 0.01)."
    )
    assert "Krippendorff's alpha difference is 0.250 (0.000 to 0.500)" in said[3]
    assert said[4:] == ("No decision: no policy was given.",)


def decided(verdict: Verdict, value: float, low: float, at_most: float = 0.1, **more: object) -> Finding:
    interval = Interval(low=low, high=0.9, level=0.99, method="t")
    outcome = CriterionOutcome(id="gap", at_most=at_most, source="s", family_size=3, adjusted_interval=interval)
    values = {"verdict": verdict, "criterion": outcome, **PAIR, **more}
    return found("accuracy_difference", value, low, **values)


def test_a_criterion_is_told_with_its_value_its_bound_and_the_interval_that_decided() -> None:
    said = decisions_in_words(
        [
            decided(Verdict.FAIL, 0.3, 0.2),
            decided(Verdict.FAIL, 0.4, 0.25, compared=("age",), lowest="old", highest="young"),
            decided(Verdict.INCONCLUSIVE, 0.12, 0.0, compared=("sex",), lowest="f", highest="m"),
        ],
        Decision.FAIL,
    )
    assert said == [
        "Of 3 decisions 0 pass, 2 fail and 1 is inconclusive.",
        "gap fails (at most 10 points; 2 findings): r, TAV: accuracy difference by age is 40.0 points "
        "(25.0 to 90.0, widened for 3 decisions); lowest for old and highest for young.",
        "gap stays open (at most 10 points): r, TAV: accuracy difference by sex is 12.0 points "
        "(0.0 to 90.0, widened for 3 decisions); lowest for f and highest for m.",
    ]


def test_a_number_that_was_found_in_one_group_names_that_group() -> None:
    [_, said] = decisions_in_words([decided(Verdict.FAIL, 0.3, 0.2, highest=None)], Decision.FAIL)
    assert said.endswith("widened for 3 decisions); found in Irish.")


def test_a_criterion_without_an_interval_says_why() -> None:
    undefined = decided(Verdict.INCONCLUSIVE, 0.2, 0.1, lowest=None, highest=None)
    estimate = Estimate(value=None, why_no_interval="one group", n=3, n_clusters=None)
    outcome = undefined.criterion.model_copy(update={"adjusted_interval": None})  # type: ignore[union-attr]
    said = decisions_in_words(
        [undefined.model_copy(update={"estimate": estimate, "criterion": outcome})], Decision.INCONCLUSIVE
    )
    assert said[0] == "Of 1 decision 0 pass, 0 fail and 1 is inconclusive."
    assert (
        said[1] == "gap stays open (at most 10 points): r, TAV: accuracy difference by accent is undefined (one group)."
    )


def changed(
    value: float, high: float, p: float | None = None, metric: str = "accuracy_change", **more: object
) -> Finding:
    test = None if p is None else SignificanceTest(p_value=p, p_adjusted=p, method="m", null="n")
    values = {"examination": "model-comparison", "run": "new less old", "test": test, **more}
    return found(metric, value, 2 * value - high, **values)


def test_a_comparison_does_not_hide_whom_it_harms() -> None:
    """Everybody gains a little, one group loses much; no single group's test stands."""
    findings = [
        changed(0.008, 0.058, 0.8),
        changed(-0.121, -0.033, 0.15, groups={"accent": "high"}),
        changed(0.104, 0.179, 0.25, groups={"accent": "south"}),
        changed(
            0.225,
            0.37,
            0.034,
            metric="accuracy_change_difference",
            compared=("accent",),
            lowest="high",
            highest="south",
        ),
        changed(-0.5, -0.1, 0.01, condition="T", groups={"accent": "high"}),
    ]
    assert changes_in_words(findings) == [
        "new less old, TAV: accuracy changes by 0.8 points (-4.2 to 5.8), adjusted p = 0.8.",
        "most is lost by high: new less old, TAV: accuracy changes by -12.1 points (-20.9 to -3.3), adjusted p = 0.15.",
        "new less old, TAV, by accent: groups' changes in accuracy lie 22.5 points (8.0 to 37.0) apart "
        "(from -12.1 for high to 10.4 for south), adjusted p = 0.034.",
    ]
    calm = [changed(0.008, 0.058, 0.8), changed(-0.02, 0.03, 0.5, groups={"accent": "high"})]
    assert len(changes_in_words(calm)) == 1
    assert changes_in_words([]) == []


def test_what_was_not_assessed_takes_a_line_for_each_reason() -> None:
    refused = [Refusal(examination=name, because="it needs labels", remedy="r") for name in ("calibration", "odds")]
    refused += [Refusal(examination=f"x{n}", because=f"it speaks of {n} tasks", remedy="r") for n in range(10)]
    refused += [Refusal(examination="mitigation", run=run, because="few", remedy="r") for run in ("a", "b")]
    assert refusals_in_words(refused) == [
        "not assessed, calibration, odds: it needs labels",
        "not assessed of a, b, mitigation: few",
        "not assessed, x0, x1, x2, x3, x4, x5, x6, x7 and 2 more: made for tables of another task",
    ]


def test_many_standing_gaps_are_named_and_not_all_told() -> None:
    gaps = [gap_of("selection_rate_difference", 0.2, 0.01, examination=f"x{n}") for n in range(6)]
    other = gap_of("selection_rate_difference", 0.2, 0.01, examination="y", condition="T")
    first = gap_of("selection_rate_difference", 0.2, 0.5, examination="y")
    said = summary([*gaps, first, other], Decision.NONE)
    assert len([sentence for sentence in said if "selection rate difference is" in sentence]) == 4
    assert "r: gaps stand after adjustment also in x4, x5." in said
