"""Rationales at equal accuracy: planted differences found, clean twin silent, accuracy alone raises nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from affidavit.plan import Statistics
from affidavit.records import Finding
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from audit.rationales.equity import EXAMINATION, TESTED
from audit.rationales.reading import MEASURES, Rows, read

ONE = ("TAV",)
STATISTICS = Statistics(n_resamples=200, n_permutations=299)
SURE = "Her voice is high and the brows are raised, so this is {label}."
UNSURE = "Perhaps this is {label}, but it might be something else."


class TestContract(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Any:
        return case_of(written(predictions_frame(conditions=ONE), 0.3), statistics=STATISTICS)


def written(frame: pd.DataFrame, unsure: Any, *, seed: int = 0) -> pd.DataFrame:
    """Rationales that hedge with a probability, one for all or one for each row; not the draws of the table."""
    hedged = np.random.default_rng(1000 + seed).random(len(frame)) < unsure
    return frame.assign(
        rationale=[(UNSURE if h else SURE).format(label=k) for h, k in zip(hedged, frame["y_pred"], strict=True)]
    )


def found_in(frame: pd.DataFrame, by: tuple[str, ...] = ("accent",)) -> dict[str, Finding]:
    claims = EXAMINATION.examine(case_of(frame, by, statistics=STATISTICS)).claims
    return {c.finding.metric: c.finding for c in claims if c.finding.compared == by[:1] or (not c.finding.groups)}


def low(finding: Finding) -> float:
    assert finding.estimate.interval is not None
    return finding.estimate.interval.low


def p_value(finding: Finding) -> float:
    assert finding.test is not None
    return finding.test.p_value


def frame_of(n_speakers: int = 150, *, seed: int = 0) -> pd.DataFrame:
    return predictions_frame(n_speakers=n_speakers, conditions=ONE, seed=seed)


def less_accurate(frame: pd.DataFrame) -> pd.DataFrame:
    """The Welsh get a wrong answer more often than others."""
    wrong = (frame["accent"] == "Welsh") & (np.arange(len(frame)) % 3 != 0)
    other = frame["y_true"].map({"anger": "joy", "joy": "sadness", "sadness": "anger"})
    return frame.assign(y_pred=frame["y_pred"].mask(wrong, other))


def test_a_group_whose_rationales_hedge_more_is_found_and_its_clean_twin_is_silent() -> None:
    frame = frame_of()
    planted = found_in(written(frame, np.where(frame["accent"] == "Welsh", 0.6, 0.2)))
    gap = planted["hedging_rate_standardised_difference"]
    assert gap.highest == "Welsh"
    assert low(gap) > 0.1
    assert p_value(gap) < 0.02
    assert p_value(planted["identity_rate_standardised_difference"]) > 0.05
    clean = found_in(written(frame, 0.3))
    assert low(clean["hedging_rate_standardised_difference"]) == 0
    assert p_value(clean["hedging_rate_standardised_difference"]) > 0.05


def test_a_group_whose_accent_is_mentioned_is_found() -> None:
    frame = written(frame_of(), 0.3)
    told = (frame["accent"] == "Scottish") & (np.arange(len(frame)) % 2 == 0)
    told_so = found_in(
        frame.assign(rationale=frame["rationale"].mask(told, frame["rationale"] + " The Scottish accent too."))
    )
    for metric in ("identity_rate", "own_identity_rate", "rationale_words"):
        gap = told_so[f"{metric}_standardised_difference"]
        assert gap.highest == "Scottish"
        assert low(gap) > 0


def test_a_stereotype_is_found_among_right_and_wrong_answers() -> None:
    frame = written(frame_of(), 0.3)
    told = (frame["accent"] == "Irish") & (np.arange(len(frame)) % 2 == 0)
    found = found_in(frame.assign(rationale=frame["rationale"].mask(told, "She is hysterical and rude, hence anger.")))
    for answers in ("right", "wrong", "standardised"):
        for measure in ("stereotype_rate", "character_rate"):
            assert low(found[f"{measure}_{answers}_difference"]) > 0
            assert found[f"{measure}_{answers}_difference"].highest == "Irish"


@pytest.mark.parametrize("seed", range(3))
def test_a_difference_of_accuracy_alone_does_not_raise_the_standardised_gap(seed: int) -> None:
    """Wrong answers hedge three times as often in every group, and one group has more of them."""
    frame = less_accurate(frame_of(seed=seed))
    right = frame["y_true"] == frame["y_pred"]
    frame = written(frame, np.where(right, 0.25, 0.75), seed=seed)
    hedged = frame["rationale"].str.startswith("Perhaps").groupby(frame["accent"]).mean()
    raw = hedged.max() - hedged.min()
    gap = found_in(frame)["hedging_rate_standardised_difference"]
    assert raw > 0.15
    assert gap.estimate.value is not None
    assert gap.estimate.value < 0.4 * raw
    assert low(gap) == 0
    assert p_value(gap) > 0.05


def test_equals_a_slow_standardisation() -> None:
    frame = written(less_accurate(frame_of()), 0.3)
    frame["hedged"] = frame["rationale"].str.startswith("Perhaps")
    frame["stratum"] = (frame["y_true"] == frame["y_pred"]).astype(str) + frame["y_pred"]
    weights = frame["stratum"].value_counts(normalize=True)
    means = frame.groupby(["accent", "stratum"])["hedged"].mean()
    wanted = {name: sum(weights[s] * means[name, s] for s in weights.index) for name in ("Irish", "Scottish", "Welsh")}
    claims = EXAMINATION.examine(case_of(frame, ("accent",), statistics=STATISTICS)).claims
    got = {
        c.finding.groups["accent"]: c.finding.estimate.value
        for c in claims
        if c.finding.metric == "hedging_rate_standardised" and c.finding.groups
    }
    assert got == pytest.approx(wanted)
    gap = next(c.finding for c in claims if c.finding.metric == "hedging_rate_standardised_difference")
    assert gap.estimate.value == pytest.approx(max(wanted.values()) - min(wanted.values()))


def test_every_measure_is_read_by_hand() -> None:
    texts = pa.array(
        [
            'Perhaps her voice shakes; "a sad old man" she says, and looks afraid.',
            "This Scottish woman is hysterical, her face shows anger and rage.",
            None,
            "Sie ist vielleicht wütend und die Stimme ist sehr laut, ein Schrei.",
        ]
    )
    rows = Rows(
        predicted=np.array([1, 0, 0, 0]), truth=np.array([1, 1, 0, 0]), groups={"accent": np.array([0, 1, 0, 1])}
    )
    got = read(texts, rows, labels=("anger", "fear"), levels={"accent": ("Irish", "Scottish")})
    assert got.present.tolist() == [True, True, False, True]
    assert got.english.tolist() == [True, True, False, False]
    values = dict(zip([m.name for m in MEASURES], got.values[:2].T.tolist(), strict=True))
    assert values == {
        "rationale_words": [13.0, 11.0],
        "hedging_rate": [1.0, 0.0],
        "cites_text_rate": [1.0, 0.0],
        "cites_audio_rate": [1.0, 0.0],
        "cites_video_rate": [0.0, 1.0],
        "emotion_words": [1.0, 2.0],
        "names_predicted_rate": [1.0, 1.0],
        "names_true_rate": [1.0, 0.0],
        "identity_rate": [0.0, 1.0],
        "own_identity_rate": [0.0, 1.0],
        "stereotype_rate": [0.0, 1.0],
        "character_rate": [0.0, 0.0],
    }
    assert (got.values[2:] == 0).all()


def test_what_is_not_english_is_counted_and_enters_no_mean() -> None:
    frame = written(frame_of(), 0.3)
    german = (frame["accent"] == "Welsh") & (np.arange(len(frame)) % 2 == 0)
    mixed = frame.assign(
        rationale=frame["rationale"].mask(german, "Die Stimme ist laut und der Blick ist gesenkt, vielleicht.")
    )
    found = found_in(mixed)
    assert found["unread_rate"].estimate.value == pytest.approx(german.mean())
    assert low(found["unread_rate_difference"]) > 0.3
    english = frame.loc[~german, "rationale"].str.startswith("Perhaps")
    assert found["hedging_rate"].estimate.value == pytest.approx(english.mean())
    assert found["hedging_rate"].estimate.n == (~german).sum()
    assert p_value(found["hedging_rate_standardised_difference"]) > 0.05


@pytest.mark.parametrize(
    "wrapped", ['"{}"', '{{"rationale": "{}"}}', "\u201c{}\u201d"], ids=["quoted", "JSON", "curly"]
)
def test_a_rationale_that_is_all_quotation_is_unread_and_not_unhedged(wrapped: str) -> None:
    frame = written(frame_of(), 0.3)
    welsh = frame["accent"] == "Welsh"
    found = found_in(frame.assign(rationale=frame["rationale"].mask(welsh, frame["rationale"].map(wrapped.format))))
    assert found["unread_rate"].estimate.value == pytest.approx(welsh.mean())
    assert found["hedging_rate"].estimate.n == (~welsh).sum()
    gap = found["hedging_rate_standardised_difference"]
    assert {gap.highest, gap.lowest} == {"Irish", "Scottish"}
    assert p_value(gap) > 0.05


def test_markup_hides_no_word_and_adds_none() -> None:
    frame = written(frame_of(), 0.3)
    welsh = frame["accent"] == "Welsh"
    marked = frame["rationale"].str.replace(r"(\w+)", r"<i>_\1_</i>", regex=True)
    plain, found = found_in(frame), found_in(frame.assign(rationale=frame["rationale"].mask(welsh, "## " + marked)))
    for metric in ("hedging_rate", "rationale_words", "cites_audio_rate", "names_predicted_rate"):
        for ending in ("", "_standardised_difference"):
            assert found[metric + ending].estimate == plain[metric + ending].estimate


def test_one_rationale_of_a_megabyte_makes_no_gap() -> None:
    frame = written(frame_of(), 0.3)
    frame.loc[0, "rationale"] = "The voice may tremble, and so it is fear. " * 25_000
    gap = found_in(frame)["rationale_words_standardised_difference"]
    assert gap.highest == frame.loc[0, "accent"]
    assert low(gap) == 0
    assert p_value(gap) > 0.05
    assert found_in(frame)["hedging_rate"].estimate.value is not None


def test_rationales_that_nobody_can_read_are_refused() -> None:
    frame = frame_of(20)
    for text in (
        "彼女の声は震えている",
        None,
        '"The voice is sad because it trembles."',
        "Sie ist sehr traurig und die Stimme ist leise.",
    ):
        refusal = EXAMINATION.refuses(case_of(frame.assign(rationale=text), ("accent",)))
        assert refusal is not None
        assert "English" in refusal.remedy


@pytest.mark.parametrize(
    "changed",
    [
        lambda f: f.assign(accent="Irish"),
        lambda f: f[f["speaker_id"] == "s0"],
        lambda f: f.assign(rationale=[None if i else "Perhaps anger" for i in range(len(f))]),
    ],
    ids=["one level", "one unit", "one rationale"],
)
def test_too_little_is_inconclusive_and_never_zero(changed: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    found = found_in(changed(written(frame_of(20), 0.3)))
    for measure in MEASURES:
        finding = found[f"{measure.name}_standardised_difference"]
        assert finding.estimate.value is None
        assert finding.verdict == "inconclusive"
        assert finding.because


def test_a_group_that_cannot_be_standardised_is_named_and_kept() -> None:
    frame = written(frame_of(), 0.3)
    frame.loc[frame["speaker_id"].isin([f"s{i}" for i in range(6)]), "accent"] = "Manx"
    frame.loc[frame["accent"] == "Manx", "y_pred"] = frame["y_true"]  # no wrong answer to standardise by
    testimony = EXAMINATION.examine(case_of(frame, ("accent",), statistics=STATISTICS))
    claim = next(c for c in testimony.claims if c.finding.metric == "hedging_rate_standardised_difference")
    assert claim.finding.estimate.value is not None
    assert "Manx" in claim.unassessed
    row = next(c.finding for c in testimony.claims if c.finding.groups == {"accent": "Manx"})
    assert any("not standardised" in caveat for caveat in row.caveats)
    table = testimony.exhibits[0].table().to_pandas()
    manx = table[(table["group"] == "Manx") & (table["metric"] == "hedging_rate_standardised")]
    assert manx["value"].isna().all()
    assert len(manx) == 1


def test_a_model_that_is_never_wrong_is_compared_where_it_is_right() -> None:
    frame = frame_of()
    frame = written(frame.assign(y_pred=frame["y_true"]), np.where(frame["accent"] == "Welsh", 0.6, 0.2))
    found = found_in(frame)
    assert low(found["hedging_rate_standardised_difference"]) > 0
    assert found["hedging_rate_wrong_difference"].verdict == "inconclusive"


def test_rare_labels_give_way_to_right_and_wrong_answers_alone() -> None:
    frame = frame_of(30)
    label = np.array([f"label {i}" for i in range(12)])
    rng = np.random.default_rng(0)
    truth = label[rng.integers(0, 12, len(frame))]
    predicted = np.where(rng.random(len(frame)) < 0.6, truth, label[rng.integers(0, 12, len(frame))])
    gap = found_in(written(frame.assign(y_true=truth, y_pred=predicted), 0.3))["hedging_rate_standardised_difference"]
    assert gap.estimate.interval is not None
    assert gap.caveats[0].startswith("standardised over right and wrong answers: ")


def test_rows_as_units_weights_and_conditions() -> None:
    frame = written(frame_of(), np.where(frame_of()["accent"] == "Welsh", 0.7, 0.1))
    assert low(found_in(frame.drop(columns="speaker_id"))["hedging_rate_standardised_difference"]) > 0
    weighted = found_in(frame.assign(weight=np.arange(len(frame)) % 2 + 0.5))["hedging_rate"].estimate
    assert weighted.value == pytest.approx(
        np.average(frame["rationale"].str.startswith("Perhaps"), weights=np.arange(len(frame)) % 2 + 0.5)
    )
    both = pd.concat([frame, frame.assign(condition="A", rationale="no word of it")], ignore_index=True)
    for table in (both, both.drop(columns="speaker_id").assign(utterance_id=frame["utterance_id"].tolist() * 2)):
        found = found_in(table)
        assert found["hedging_rate"].condition == "TAV"
        assert found["hedging_rate"].estimate.n == len(frame)


def test_only_a_few_hypotheses_are_tested() -> None:
    claims = EXAMINATION.examine(case_of(written(frame_of(), 0.3), ("accent",), statistics=STATISTICS)).claims
    assert sum(c.finding.test is not None for c in claims) == len(TESTED)


@pytest.mark.slow  # 200 tables
def test_the_standardised_gap_errs_as_rarely_as_declared() -> None:
    alarms = excluded = 0
    for seed in range(200):
        frame = less_accurate(frame_of(60, seed=seed))
        own = np.random.default_rng(2000 + seed).beta(3, 7, 60)[frame["speaker_id"].str[1:].astype(int)]
        right = frame["y_true"] == frame["y_pred"]
        gap = found_in(written(frame, np.where(right, own, (1 + own) / 2), seed=seed))[
            "hedging_rate_standardised_difference"
        ]
        alarms += p_value(gap) <= 0.05
        excluded += low(gap) > 0
    assert alarms <= 16, "a twentieth of them, and two Monte Carlo errors"
    assert excluded <= 16


@pytest.mark.slow  # 100 tables
@pytest.mark.parametrize(
    ("units", "right", "clips"), [((40, 40), (0.9, 0.5), (10, 10)), ((80, 20), (0.3, 0.9), (10, 10))]
)
def test_groups_far_apart_in_accuracy_raise_no_more_alarms(
    units: tuple[int, int], right: tuple[float, float], clips: tuple[int, int]
) -> None:
    """Dealing units anew would: a unit that is nearly always right is no draw from those that seldom are."""
    n, alarms = 100, 0
    for seed in range(n):
        frame = hedging_when_wrong(np.random.default_rng(seed), units, right, clips)
        alarms += p_value(found_in(frame)["hedging_rate_standardised_difference"]) <= 0.05
    assert alarms <= n * 0.05 + 2 * (n * 0.05 * 0.95) ** 0.5


def hedging_when_wrong(
    rng: np.random.Generator, units: tuple[int, int], right: tuple[float, float], clips: tuple[int, int]
) -> pd.DataFrame:
    """Every unit hedges by its own share, and more where it is wrong, alike in both groups."""
    group = np.repeat([0, 1], units)
    unit = np.repeat(np.arange(len(group)), np.array(clips)[group])
    own, truth = rng.beta(2.4, 5.6, len(group))[unit], rng.integers(0, 3, len(unit))
    is_right = rng.random(len(unit)) < np.array(right)[group[unit]]
    said = np.where(is_right, truth, (truth + rng.integers(1, 3, len(unit))) % 3)
    hedged = rng.random(len(unit)) < 0.6 * own + np.where(is_right, 0.0, 0.4)
    labels = np.array(["anger", "joy", "sadness"])
    frame = pd.DataFrame({"y_true": labels[truth], "y_pred": labels[said]}).assign(
        utterance_id=[f"u{i}" for i in range(len(unit))],
        speaker_id=[f"s{u}" for u in unit],
        condition="TAV",
        accent=np.array(["Irish", "Welsh"])[group[unit]],
    )
    return frame.assign(
        rationale=[(UNSURE if h else SURE).format(label=k) for h, k in zip(hedged, frame["y_pred"], strict=True)]
    )
