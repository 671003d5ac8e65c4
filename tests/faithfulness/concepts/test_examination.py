"""The examination against a slow twin written from the definitions, the contract, hostile tables and refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from affidavit.case import Case
from affidavit.predictions import Reading
from affidavit.protocols import Examination
from affidavit.records import Finding
from affidavit.testing import ExaminationContract, case_of
from faithfulness.concepts.divergence import LEAST_SHARE, divergences, kullback_leibler
from faithfulness.concepts.effects import read_effects
from faithfulness.concepts.examination import EXAMINATION
from faithfulness.concepts.interventions import interventions
from faithfulness.concepts.measures import SUMS, sums_over
from faithfulness.concepts.slopes import slopes

Told = Mapping[tuple[str, str, str], Finding]
LABELS = ("anger", "joy", "sadness")
RENDERED = {
    "TAV/voice-accent=irish": ("accent", "Irish"),
    "TAV/voice-accent=welsh": ("accent", "Welsh"),
    "TAV/voice-sex=female": ("sex", "female"),
    "TAV/voice-sex=male": ("sex", "male"),
    "TAV/transcript=neutral": ("", ""),
}
SAID = (
    "The voice is low.",
    "Her accent tells.",
    "A woman's voice, by the words.",
    "The words are plain.",
    "",
    "Der Akzent ist stark und die Stimme ist nicht laut.",
    "<b>accent</b> &amp; words",
)


def spoken(*, n_speakers: int = 20, repeats: int = 1, seed: int = 0, probabilities: bool = True) -> pd.DataFrame:
    """Return judgements at random, with rationales at random, some rows missing."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for i in range(n_speakers * 6):
        speaker = i // 6
        for condition in ("TAV", *RENDERED):
            for repeat in range(repeats):
                if rng.random() < 0.05:
                    continue
                shares = rng.dirichlet([0.5, 0.5, 0.5])
                row: dict[str, Any] = {
                    "utterance_id": f"u{i}",
                    "speaker_id": f"s{speaker}",
                    "accent": ("Irish", "Welsh", "unknown")[speaker % 3],
                    "sex": ("female", "male")[speaker % 2],
                    "condition": condition,
                    "repeat": repeat,
                    "y_pred": LABELS[int(shares.argmax())],
                    "rationale": SAID[int(rng.integers(len(SAID)))],
                }
                row |= {f"prob_{label}": shares[k] for k, label in enumerate(LABELS)} if probabilities else {}
                rows.append(row)
    return pd.DataFrame(rows)


def plain_pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """Return every judgement and rendering at another level than the speaker's own, from the definitions."""
    concept_words = {"voice-accent": ("accent",), "voice-sex": ("woman's",), "transcript": ("words",)}
    key = ["utterance_id", "repeat"]
    by_key = {tuple(row[name] for name in (*key, "condition")): row for row in frame.to_dict("records")}
    found = []
    for row in frame[frame["condition"] == "TAV"].to_dict("records"):
        for condition, (feature, level) in RENDERED.items():
            twin = by_key.get((row["utterance_id"], row["repeat"], condition))
            if twin is None or (feature and row[feature] == level):
                continue
            concept = condition.split("/")[1].split("=")[0]
            texts = [text for text in (row["rationale"], twin["rationale"]) if not text.startswith("Der")]
            fits = row["rationale"] != "" and not row["rationale"].startswith("Der")
            known = fits and not twin["rationale"].startswith("Der")
            says = known and any(word in text for text in texts for word in concept_words[concept])
            p, q = (np.maximum([r[f"prob_{label}"] for label in LABELS], LEAST_SHARE) for r in (twin, row))
            p, q = p / p.sum(), q / q.sum()
            found.append(
                {
                    **{name: row[name] for name in ("utterance_id", "repeat", "accent", "y_pred")},
                    "concept": concept,
                    "flipped": float(twin["y_pred"] != row["y_pred"]),
                    "known": float(known),
                    "stated": float(says),
                    "divergence": float(sum(a * np.log(a / b) for a, b in zip(p, q, strict=True))),
                }
            )
    pairs = pd.DataFrame(found)
    pairs["known_flipped"] = pairs["known"] * pairs["flipped"]
    pairs["hidden"] = pairs["known_flipped"] * (1 - pairs["stated"])
    return pairs


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    return plain_pairs(spoken())


def told(case: Case) -> Told:
    found = {}
    for claim in EXAMINATION.examine(case).claims:
        finding = claim.finding
        group = ", ".join(finding.groups.values()) or ("gap" if finding.compared else "everybody")
        found[finding.condition.partition("/")[2], finding.metric, group] = finding
    return found


def value(findings: Told, *key: str) -> float:
    found = findings[key[0], key[1], key[2] if len(key) > 2 else "everybody"].estimate.value
    assert found is not None
    return found


def test_every_number_is_that_of_its_slow_twin(pairs: pd.DataFrame) -> None:
    findings = told(case_of(spoken(), ("accent", "sex")))
    columns = ["flipped", "known", "stated", "known_flipped", "hidden", "divergence"]
    by_concept = pairs.groupby(["utterance_id", "concept"])[columns].mean()
    for concept, found in by_concept.groupby("concept"):
        name = str(concept)
        assert value(findings, name, "concept_flip_rate") == pytest.approx(found["flipped"].mean())
        assert value(findings, name, "concept_effect") == pytest.approx(found["divergence"].mean())
        assert value(findings, name, "concept_stated_rate") == pytest.approx(
            found["stated"].sum() / found["known"].sum()
        )
        assert value(findings, name, "hidden_influence_rate") == pytest.approx(
            found["hidden"].sum() / found["known_flipped"].sum()
        )
    identity = by_concept.drop("transcript", level="concept").groupby("utterance_id").mean()
    assert value(findings, "identity", "hidden_identity_rate") == pytest.approx(
        identity["hidden"].sum() / identity["known"].sum()
    )
    stays = identity["known"] - identity["known_flipped"]
    said = identity["stated"] - (identity["known_flipped"] - identity["hidden"])
    assert value(findings, "identity", "stated_without_influence_rate") == pytest.approx(said.sum() / stays.sum())


def test_the_shuffled_control_is_what_dealing_anew_gives(pairs: pd.DataFrame) -> None:
    findings = told(case_of(spoken(), ("accent", "sex")))
    identity = pairs[pairs["concept"] != "transcript"]
    mean = identity.groupby(["utterance_id", "concept"]).agg(
        {"y_pred": "first", "known": "mean", "stated": "mean", "known_flipped": "mean"}
    )
    by_answer = mean.groupby(["concept", "y_pred"])[["stated", "known"]].sum()
    unsaid = 1 - (by_answer["stated"] / by_answer["known"])
    dealt = [
        row.known_flipped * unsaid[name[1], row.y_pred] for name, row in zip(mean.index, mean.itertuples(), strict=True)
    ]
    over = pd.Series(dealt, mean.index).groupby("utterance_id").mean().sum()
    known = mean["known"].groupby("utterance_id").mean().sum()
    assert value(findings, "identity", "hidden_identity_rate_shuffled") == pytest.approx(over / known)


def test_slopes_are_correlations_over_the_concepts_of_a_judgement(pairs: pd.DataFrame) -> None:
    case = case_of(spoken(), ("accent", "sex"))
    (run,) = case.runs.values()
    [found] = interventions(run.conditions, case.by)
    measured = slopes(case, read_effects(run, case.by, found, {}))
    assert measured is not None
    means = pairs.groupby(["utterance_id", "concept"])[["divergence", "stated", "known"]].mean()
    expected = []
    for _, rows in means[means["known"] > 0].groupby("utterance_id"):
        said = rows["stated"] / rows["known"]
        if len(rows) > 1 and np.ptp(said) > 0:
            expected.append((len(rows), pearsonr(rows["divergence"], said).statistic))
    sums = measured.tally.sums.sum(axis=0)[:-1].reshape(len(measured.points), -1)
    for place, points in enumerate(measured.points):
        own = [slope for size, slope in expected if size == points]
        np.testing.assert_allclose(sums[place, :3], [len(own), sum(own), sum(slope**2 for slope in own)], atol=1e-9)


def test_repetition_is_matched_to_the_next_one() -> None:
    frame = spoken(repeats=3)
    (run,) = case_of(frame, ("accent",)).runs.values()
    [found] = interventions(run.conditions, ("accent",))
    moved = divergences(run, "TAV", found.conditions)
    assert moved is not None
    base = frame[frame["condition"] == "TAV"].reset_index(drop=True)
    shares = base[[f"prob_{label}" for label in LABELS]].to_numpy()
    for i, row in base.iterrows():
        same = base.index[base["utterance_id"] == row["utterance_id"]]
        order = sorted(same, key=lambda j: base["repeat"][j])
        if len(order) == 1:
            assert np.isnan(moved.repeated[i])
        else:
            following = order[(order.index(i) + 1) % len(order)]
            assert moved.repeated[i] == pytest.approx(kullback_leibler(shares[following], shares[i]))


def test_divergence_is_bounded_and_zero_of_the_same() -> None:
    sure, other = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    assert 8.5 < float(kullback_leibler(sure, other)) < np.log(1 / LEAST_SHARE)
    assert float(kullback_leibler(sure, sure)) == 0.0


def test_a_template_that_names_everything_wins_the_hidden_rate_and_loses_the_needless_one() -> None:
    frame = spoken()
    frame["rationale"] = "The accent, the age and a woman's voice, by the words."
    findings = told(case_of(frame, ("accent", "sex")))
    assert value(findings, "identity", "hidden_identity_rate") == 0.0
    assert value(findings, "identity", "stated_without_influence_rate") == 1.0
    assert ("concepts", "causal_concept_faithfulness", "everybody") not in findings
    (without,) = EXAMINATION.examine(case_of(frame, ("accent", "sex"))).refusals
    assert "causal_concept_faithfulness is undefined" in without.because
    assert "stated_without_influence_rate" in without.remedy
    assert any("names everything" in caveat for caveat in findings["identity", "hidden_identity_rate", "Irish"].caveats)


def test_rationales_that_cannot_be_read_are_counted_and_nobody_is_accused() -> None:
    for text in ("", "   ", "Der Akzent ist stark und die Stimme ist nicht laut.", "<div></div>" * 3):
        frame = spoken()
        frame["rationale"] = text
        findings = told(case_of(frame, ("accent", "sex")))
        estimate = findings["identity", "hidden_identity_rate", "everybody"].estimate
        if "div" not in text:
            assert estimate.value is None
            assert any(
                "rationale" in caveat for caveat in findings["voice-sex", "concept_flip_rate", "everybody"].caveats
            )
        assert value(findings, "voice-sex", "concept_flip_rate") > 0


def test_who_gives_reasons_for_renderings_alone_is_not_honest_for_want_of_a_rationale() -> None:
    """What is stated there only would be known there only: every known one stated, and nothing hidden."""
    frame = spoken()
    frame.loc[frame["condition"] == "TAV", "rationale"] = ""
    findings = told(case_of(frame, ("accent", "sex")))
    for metric in ("hidden_identity_rate", "hidden_influence_rate"):
        assert findings["identity", metric, "everybody"].estimate.value is None
    half = frame["utterance_id"].str[1:].astype(int) % 2 == 0
    fewer = told(case_of(spoken().assign(rationale=np.where(half, spoken()["rationale"], "")), ("accent", "sex")))
    alone = told(case_of(spoken()[half], ("accent", "sex")))
    key = ("identity", "hidden_identity_rate")
    assert value(fewer, *key) == pytest.approx(value(alone, *key))


def test_noise_is_taken_off_where_a_judgement_was_repeated_alone() -> None:
    frame = spoken(repeats=2)
    once = (frame["repeat"] == 1) & (frame["utterance_id"].str[1:].astype(int) >= 60)
    both = told(case_of(frame[~once], ("accent", "sex")))
    twice = told(case_of(frame[frame["utterance_id"].str[1:].astype(int) < 60], ("accent", "sex")))
    for metric in ("hidden_identity_rate_noise", "hidden_identity_rate_beyond_noise"):
        assert value(both, "identity", metric) == pytest.approx(value(twice, "identity", metric))
    flips = []
    base = frame[(frame["condition"] == "TAV") & ~once]
    for _, own in base.groupby("utterance_id"):
        answers = own.sort_values("repeat")["y_pred"].tolist()
        flips += [answers[0] != answers[1]] * 2 if len(answers) == 2 else []
    assert value(both, "transcript", "concept_flip_rate_noise") == pytest.approx(np.mean(flips), abs=0.05)
    assert both["transcript", "concept_flip_rate", "everybody"].controls


def test_rows_in_another_order_and_in_batches_give_the_same() -> None:
    frame = spoken(repeats=2)
    first = told(case_of(frame, ("accent", "sex")))
    shuffled = told(case_of(frame.sample(frac=1, random_state=1), ("accent", "sex")))
    reading = Reading(run="run", by=("accent", "sex"), in_memory_rows=10, batch_rows=37)
    streamed = told(case_of(frame, ("accent", "sex"), reading=reading))
    for other in (shuffled, streamed):
        assert list(other) == list(first)
        assert numbers(other) == pytest.approx(numbers(first), nan_ok=True, rel=1e-9)


def numbers(findings: Told) -> list[float]:
    """Return every value and the ends of every interval, NaN where there is none."""
    found = []
    for finding in findings.values():
        interval = finding.estimate.interval
        ends = (None, None) if interval is None else (interval.low, interval.high)
        found += [np.nan if number is None else number for number in (finding.estimate.value, *ends)]
    return found


def test_unknown_groups_and_rows_without_ids_stay() -> None:
    findings = told(case_of(spoken(), ("accent", "sex")))
    assert ("identity", "hidden_identity_rate", "unknown") in findings
    alone = told(case_of(spoken().drop(columns=["speaker_id"]), ("accent", "sex")))
    assert value(alone, "identity", "hidden_identity_rate") == pytest.approx(
        value(findings, "identity", "hidden_identity_rate")
    )
    assert ("concepts", "causal_concept_faithfulness", "everybody") in alone


def test_sums_of_what_was_never_judged_are_nothing() -> None:
    frame = spoken()
    frame = frame[~frame["condition"].str.contains("sex") | (frame["utterance_id"] == "u1")]
    (run,) = case_of(frame, ("accent",)).runs.values()
    [found] = interventions(run.conditions, ("accent",))
    effects = read_effects(run, ("accent",), found, {})
    sums = sums_over(effects, ["voice-sex"])
    assert (sums[:, SUMS.index("n")] > 0).sum() == 1
    assert not np.isnan(sums).any()


def test_refusals_say_what_to_ask_for() -> None:
    frame = spoken()
    for kept in (["TAV"], ["TAV", "TAV/noise=10dB"], ["TAV/voice-sex=male"]):
        refusal = EXAMINATION.refuses(case_of(frame[frame["condition"].isin(kept)], ("accent",)))
        assert refusal is not None
        assert refusal.remedy
    bare = EXAMINATION.refuses(case_of(frame.drop(columns=["rationale"]), ("accent",)))
    assert bare is not None
    assert "rationale" in bare.remedy
    only_own = frame[(frame["accent"] == "Irish") & frame["condition"].isin(["TAV", "TAV/voice-accent=irish"])]
    testimony = EXAMINATION.examine(case_of(only_own, ("accent",)))
    assert not testimony.claims
    assert "not the speaker's own" in testimony.refusals[0].because
    large = EXAMINATION.refuses(case_of(frame, ("accent",), options={"most_rows": 10}))
    assert large is not None


def test_words_of_the_plan_count_and_must_be_patterns() -> None:
    from affidavit.errors import PlanError

    frame = spoken()
    frame["rationale"] = "Spoken like a Glaswegian, and that is all of it."
    options = {"words": {"voice-accent": "glaswegian"}}
    findings = told(case_of(frame, ("accent", "sex"), options=options))
    assert value(findings, "voice-accent", "concept_stated_rate") == 1.0
    assert value(findings, "voice-sex", "concept_stated_rate") == 0.0
    with pytest.raises(PlanError, match="options do not validate"):
        EXAMINATION.refuses(case_of(frame, ("accent",), options={"words": {"face": "("}}))


def test_one_speaker_alone_has_a_slope_and_no_interval() -> None:
    frame = spoken()
    alone = told(case_of(frame[frame["speaker_id"] == "s0"], ("accent",)))
    estimate = alone["concepts", "causal_concept_faithfulness", "everybody"].estimate
    assert estimate.value is not None
    assert estimate.interval is None
    assert estimate.why_no_interval is not None


def test_a_sex_is_the_own_one_however_the_table_writes_it() -> None:
    frame = spoken()
    short = frame.assign(sex=frame["sex"].map({"female": "F", "male": "m"}))
    first, second = (told(case_of(each, ("accent", "sex"))) for each in (frame, short))
    for metric in ("concept_flip_rate", "hidden_influence_rate"):
        assert value(first, "voice-sex", metric) == value(second, "voice-sex", metric)


def test_intersections_are_an_exhibit_and_their_gap_a_finding() -> None:
    testimony = EXAMINATION.examine(replace(case_of(spoken(repeats=2), ("accent", "sex")), depth=2))
    assert all(len(claim.finding.groups) < 2 for claim in testimony.claims)
    assert any(claim.finding.compared == ("accent", "sex") for claim in testimony.claims)
    assert len(testimony.claims) < 100
    table = testimony.exhibits[0].table().to_pandas()
    crossed = table[(table["features"] == "accent x sex") & (table["metric"] == "hidden_identity_rate")]
    assert len(crossed) == 6


def test_findings_are_few_and_each_concept_is_an_exhibit() -> None:
    testimony = EXAMINATION.examine(case_of(spoken(), ("accent", "sex")))
    assert len(testimony.claims) < 100
    table = testimony.exhibits[0].table().to_pandas()
    assert set(table["metric"]) >= {"concept_effect", "concept_flip_rate", "concept_stated_rate"}
    assert {"everybody", "Irish", "unknown", "male"} <= set(table["group"])
    shown = table.dropna(subset=["low"])
    assert ((shown["low"] <= shown["value"] + 1e-9) & (shown["value"] <= shown["high"] + 1e-9)).all()


class _Contract(ExaminationContract):
    examination: Examination = EXAMINATION  # type: ignore[misc]

    def make_case(self) -> Case:
        return case_of(spoken(), ("accent", "sex"))


@pytest.mark.parametrize("check", sorted(name for name in dir(ExaminationContract) if name.startswith("test_")))
def test_it_keeps_the_contract(check: str) -> None:
    contract: Callable[[], None] = getattr(_Contract(), check)
    contract()


def test_weights_count(pairs: pd.DataFrame) -> None:
    frame = spoken()
    weighted = told(case_of(frame.assign(weight=2.0), ("accent", "sex")))
    plain = told(case_of(frame, ("accent", "sex")))
    key = ("identity", "hidden_identity_rate")
    assert value(weighted, *key) == pytest.approx(value(plain, *key))


@pytest.mark.parametrize("weight", [1e-3, 1e3])
def test_slopes_are_as_sure_whatever_the_scale_of_weights(weight: float) -> None:
    key = ("concepts", "causal_concept_faithfulness", "everybody")
    weighted, plain = (told(case_of(f, ("accent",)))[key] for f in (spoken().assign(weight=weight), spoken()))
    assert numbers({key: weighted}) == pytest.approx(numbers({key: plain}))


def test_a_judgement_that_weighs_all_is_one_judgement() -> None:
    """With nearly all weight on a tenth of the speakers an interval is about as wide as from these alone."""
    frame, key = spoken(n_speakers=60), ("concepts", "causal_concept_faithfulness", "everybody")
    few = frame["speaker_id"].str[1:].astype(int) < 6
    heavy = told(case_of(frame.assign(weight=np.where(few, 1.0, 1e-6)), ("accent",)))[key].estimate.interval
    alone = told(case_of(frame[few], ("accent",)))[key].estimate.interval
    whole = told(case_of(frame, ("accent",)))[key].estimate.interval
    widths = [interval.high - interval.low for interval in (heavy, alone, whole) if interval is not None]
    assert len(widths) == 3
    assert widths[0] > 0.8 * widths[1] > 1.2 * widths[2]


def test_two_runs_are_told_apart() -> None:
    case = case_of(spoken(), ("accent", "sex"))
    other = case_of(spoken(seed=1), ("accent", "sex"), reading=Reading(run="other", by=("accent", "sex")))
    runs = {"run": case.runs["run"], "other": other.runs["run"]}
    book = replace(case.book, runs=runs)
    both = EXAMINATION.examine(replace(case, runs=runs, book=book))
    assert {claim.finding.run for claim in both.claims} == {"run", "other"}
