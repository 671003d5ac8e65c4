import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, hamming_loss, jaccard_score

from affidavit.examinations import Testimony
from affidavit.predictions import Reading
from affidavit.testing import ExaminationContract, case_of
from audit.targets.multilabel import EXAMINATION

LABELS = ("anger", "fear", "joy", "sadness")
TRUE, SAID = [f"true_{label}" for label in LABELS], [f"pred_{label}" for label in LABELS]


def table(*, missed: float = 0.0, n_speakers: int = 60, seed: int = 0) -> pd.DataFrame:
    """Return sets of labels; of Welsh speakers joy is missed more often by `missed`."""
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(n_speakers), 8)
    shape = (len(speaker), len(LABELS))
    truth = rng.random(shape) < 0.35
    wrong = np.full(shape, 0.15)
    wrong[:, 2] += missed * ((speaker % 3 == 2) & truth[:, 2])
    said = truth ^ (rng.random(shape) < wrong)
    frame = pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(len(speaker))],
            "speaker_id": [f"s{i}" for i in speaker],
            "condition": "A",
            "accent": np.array(["Irish", "Scottish", "Welsh"])[speaker % 3],
            "age": np.array(["18-39", "40+"])[speaker // 3 % 2],
        }
    )
    columns = dict(zip(TRUE, truth.T, strict=True)) | dict(zip(SAID, said.T, strict=True))
    return frame.assign(**{name: column.astype(int) for name, column in columns.items()})


def examined(frame: pd.DataFrame) -> Testimony:
    case = case_of(frame, by=("accent",), reading=Reading(run="run", by=("accent",)))
    assert EXAMINATION.refuses(case) is None
    return EXAMINATION.examine(case)


class TestMultilabel(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> object:
        return case_of(table())


@pytest.mark.parametrize("units", [True, False])
def test_every_number_is_that_of_scikit_learn(units: bool) -> None:
    frame = table()
    assert ((frame[TRUE].sum(axis=1) + frame[SAID].sum(axis=1)) == 0).any()
    found = examined(frame if units else frame.drop(columns="speaker_id"))
    for accent, rows in [(None, frame), *frame.groupby("accent")]:
        mine = {
            c.finding.metric: c.finding.estimate
            for c in found.claims
            if c.finding.groups.get("accent") == accent and not c.finding.compared
        }
        t, p = rows[TRUE].to_numpy(), rows[SAID].to_numpy()
        theirs = {
            "subset_accuracy": accuracy_score(t, p),
            "hamming_loss": hamming_loss(t, p),
            "jaccard_index": jaccard_score(t, p, average="samples", zero_division=1.0),
            "micro_f1": f1_score(t, p, average="micro"),
            "macro_f1": f1_score(t, p, average="macro"),
        }
        for metric, value in theirs.items():
            assert mine[metric].value == pytest.approx(value)
            assert mine[metric].interval is not None
            assert mine[metric].n == len(rows)
        if units:
            exact = pd.Series((t == p).all(axis=1), index=rows.index).groupby(rows["speaker_id"]).mean().mean()
            assert mine["subset_accuracy_per_unit"].value == pytest.approx(exact)


def test_rates_of_labels_are_counted_one_by_one_and_gaps_are_made_of_them() -> None:
    frame = table(missed=0.3)
    found = examined(frame)
    rates = pd.DataFrame(found.exhibits[1].table().to_pylist())
    gaps: dict[str, list[float]] = {"recall": [], "false_positive_rate": []}
    for label in LABELS:
        t, p = frame[f"true_{label}"] == 1, frame[f"pred_{label}"]
        for name, rows in (("recall", t), ("false_positive_rate", ~t)):
            by_group = p[rows].groupby(frame["accent"][rows]).mean()
            mine = rates[(rates["class"] == label) & (rates["rate"] == name) & (rates["features"] == "accent")]
            assert mine.set_index("group")["value"].to_dict() == pytest.approx(by_group.to_dict())
            gaps[name].append(by_group.max() - by_group.min())
    mine = {c.finding.metric: c.finding for c in found.claims if c.finding.compared}
    both = gaps["recall"] + gaps["false_positive_rate"]
    assert mine["equalized_odds_difference_max"].estimate.value == pytest.approx(max(both))
    assert mine["equalized_odds_difference_macro"].estimate.value == pytest.approx(np.mean(both))
    assert mine["equal_opportunity_difference_max"].estimate.value == pytest.approx(max(gaps["recall"]))
    assert mine["equal_opportunity_difference_macro"].estimate.value == pytest.approx(np.mean(gaps["recall"]))


def test_a_label_missed_in_one_group_is_found_and_the_twin_is_silent() -> None:
    for missed in (0.0, 0.5):
        gaps = {c.finding.metric: c.finding for c in examined(table(missed=missed)).claims if c.finding.compared}
        found = gaps["equal_opportunity_difference_max"]
        assert found.test is not None
        if missed:
            assert (found.label, found.lowest) == ("joy", "Welsh")
            assert found.test.p_value < 0.02
        else:
            assert all(gap.test is not None and gap.test.p_value > 0.05 for gap in gaps.values())


def test_a_label_that_nobody_has_is_named_and_not_imputed() -> None:
    frame = table().assign(true_joy=0)
    found = examined(frame)
    everybody = next(c.finding for c in found.claims if c.finding.metric == "macro_f1")
    assert everybody.caveats == ("labels that no row has: joy",)
    rates = pd.DataFrame(found.exhibits[1].table().to_pylist())
    joy = rates[rates["class"] == "joy"].set_index("rate")["value"]
    assert joy["recall"].isna().all()
    assert joy["false_positive_rate"].notna().all()
    gap = next(c.finding for c in found.claims if c.finding.metric == "equal_opportunity_difference_max")
    assert any("recall of joy" in caveat for caveat in gap.caveats)


def test_groups_are_averaged_over_the_labels_that_each_of_them_has() -> None:
    frame = table()
    welsh = frame["accent"] == "Welsh"
    found = examined(frame.assign(true_joy=frame["true_joy"].where(~welsh, 0)))
    gap = next(c.finding for c in found.claims if c.finding.metric == "macro_f1_difference")
    kept = [label for label in LABELS if label != "joy"]
    shared = [
        f1_score(rows[[f"true_{x}" for x in kept]], rows[[f"pred_{x}" for x in kept]], average="macro")
        for _, rows in frame.groupby("accent")
    ]
    assert gap.estimate.value == pytest.approx(max(shared) - min(shared))


def test_weights_weigh() -> None:
    frame = table()
    half = np.arange(len(frame)) % 2
    weighed = examined(frame.assign(weight=2.0 * half)).claims
    kept = examined(frame[half == 1]).claims
    for a, b in zip(weighed, kept, strict=True):
        if not a.finding.compared:
            assert a.finding.estimate.value == pytest.approx(b.finding.estimate.value)


def test_without_references_it_is_refused() -> None:
    refusal = EXAMINATION.refuses(case_of(table().drop(columns=TRUE), by=("accent",), reading=_declared()))
    assert refusal is not None
    assert refusal.remedy


def _declared() -> Reading:
    from affidavit.plan import Task

    return Reading(run="run", by=("accent",), task=Task.MULTILABEL)


@pytest.mark.parametrize("n_speakers", [1, 4])
def test_few_units_give_reasons(n_speakers: int) -> None:
    found = examined(table(n_speakers=n_speakers)).claims
    assert all(c.finding.estimate.why_no_interval for c in found if c.finding.compared)
    assert all(c.finding.estimate.value is not None for c in found if not c.finding.compared)
