"""The report says in words how much label noise would take a failure away."""

import pytest

from affidavit.records import Estimate, Finding, Interval, LabelNoise, Verdict
from reports.sections.remarks import label_noise_remark


def failing(noise: LabelNoise | None) -> Finding:
    interval = Interval(low=0.2, high=0.4, level=0.95, method="t")
    return Finding(
        id="f",
        examination="performance",
        method_version="1",
        metric="accuracy_difference",
        higher_is_better=False,
        run="r",
        condition="TAV",
        groups={},
        compared=("accent",),
        estimate=Estimate(value=0.3, interval=interval, n=100, n_clusters=20),
        label_noise=noise,
        verdict=Verdict.FAIL,
        source="test",
    )


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        (None, ""),
        (
            LabelNoise(group="Welsh", adverse=0.124, uniform=0.2, uniform_defined=True),
            "what would take the failure away: wrong labels of Welsh, each excusing the model: 12.4 %; "
            "replaced at random: 20.0 %",
        ),
        (
            LabelNoise(group="everybody", adverse=None, uniform_defined=False),
            "what would take the failure away: wrong labels, each excusing the model: not even half",
        ),
    ],
)
def test_what_is_said(noise: LabelNoise | None, said: str) -> None:
    assert label_noise_remark(failing(noise)) == said
