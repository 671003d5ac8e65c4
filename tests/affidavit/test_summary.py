"""The main answers as sentences."""

from affidavit.records import Estimate, Finding, Interval, Verdict
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


def test_the_worst_input_is_told() -> None:
    losses = [found("accuracy_loss", at, 0.01, condition=f"TAV/noise={db}dB") for at, db in ((0.05, 20), (0.3, 0))]
    assert "r, TAV/noise=0dB: accuracy of everybody falls by 30.0 points (1.0 to 59.0)." in summary(
        losses, Decision.NONE
    )
