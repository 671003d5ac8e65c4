"""Coherence on the stand: a slow twin over rows, planted incoherence by group, controls that catch a template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from affidavit.errors import AffidavitError
from affidavit.examinations import Testimony
from affidavit.records import ExplanationProperty, Finding
from affidavit.testing import case_of
from faithfulness.conclusions import served_judge
from faithfulness.conclusions.examination import EXAMINATION
from faithfulness.conclusions.judge import LexiconJudge
from faithfulness.conclusions.served_judge import Endpoint

LABELS = ("anger", "joy", "sadness")
SAYS = {"anger": "She sounds furious.", "joy": "She seems delighted.", "sadness": "He is in tears and grieving."}


def judged(*, coherent: float | Mapping[str, float] = 0.8, silent: float = 0.1, seed: int = 0) -> pd.DataFrame:
    """Return judgements whose rationales conclude with the answer now and then, else with another emotion."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(400):
        accent = ("Irish", "Welsh")[i // 10 % 2]
        share = coherent if isinstance(coherent, float) else coherent[accent]
        truth = int(rng.integers(3))
        answer = truth if rng.random() < 0.7 else int(rng.integers(3))
        told = answer if rng.random() < share else (answer + 1) % 3
        rationale = "The voice is low." if rng.random() < silent else SAYS[LABELS[told]]
        rows.append(
            {
                "utterance_id": f"u{i}",
                "speaker_id": f"s{i // 10}",
                "accent": accent,
                "condition": "TAV",
                "y_true": LABELS[truth],
                "y_pred": LABELS[answer],
                "rationale": rationale,
            }
        )
    return pd.DataFrame(rows)


def findings(frame: pd.DataFrame) -> dict[tuple[str, str], Finding]:
    case = case_of(frame, ("accent",))
    assert EXAMINATION.refuses(case) is None
    told = {}
    for claim in EXAMINATION.examine(case).claims:
        group = ", ".join(claim.finding.groups.values()) or ("gap" if claim.finding.compared else "everybody")
        told[claim.finding.metric, group] = claim.finding
    return told


def listed(frame: pd.DataFrame) -> dict[tuple[object, object], object]:
    """Return the values that the exhibit lists, by metric and group."""
    (exhibit,) = EXAMINATION.examine(case_of(frame, ("accent",))).exhibits
    rows = exhibit.table().to_pylist()
    return {(row["metric"], row["group"]): row["value"] for row in rows}


def value(told: Mapping[tuple[str, str], Finding], metric: str, group: str = "everybody") -> float:
    found = told[metric, group].estimate.value
    assert found is not None
    return found


def test_numbers_equal_their_slow_twin() -> None:
    frame, told = judged(), findings(judged())
    concluded = {sentence: label for label, sentence in SAYS.items()}
    e = frame["rationale"].map(concluded)
    known = e.notna()
    assert value(told, "explanation_prediction_consistency") == pytest.approx((e == frame["y_pred"])[known].mean())
    assert value(told, "explanation_emotion_accuracy") == pytest.approx((e == frame["y_true"])[known].mean())
    right = frame["y_pred"] == frame["y_true"]
    assert value(told, "right_answer_wrong_explanation_rate") == pytest.approx(
        (right & (e != frame["y_true"]))[known].mean()
    )
    assert value(told, "abstention_rate") == pytest.approx(1 - known.mean())
    rng = np.random.default_rng(0)
    dealt = [(rng.permutation(e[known]) == frame.loc[known, "y_pred"]).mean() for _ in range(500)]
    assert value(told, "explanation_prediction_consistency_shuffled") == pytest.approx(np.mean(dealt), abs=0.004)


def test_every_number_is_called_coherence_and_names_its_controls() -> None:
    told = findings(judged())
    assert {finding.property for finding in told.values()} == {ExplanationProperty.COHERENCE}
    controls = told["explanation_prediction_consistency", "everybody"].controls or ()
    assert {each.split("/")[-1] for each in controls} == {
        "explanation_prediction_consistency_shuffled",
        "explanation_prediction_consistency_masked",
        "explanation_emotion_accuracy_shuffled",
    }
    assert all(any(LexiconJudge().name in caveat for caveat in finding.caveats) for finding in told.values())


def test_naming_the_label_wins_and_masking_says_so() -> None:
    frame = judged()
    frame["rationale"] = "The emotion is " + frame["y_pred"] + "."
    told = findings(frame)
    assert value(told, "explanation_prediction_consistency") == 1.0
    assert listed(frame)["masked_abstention_rate", "everybody"] == 1.0
    assert told["explanation_prediction_consistency_masked", "everybody"].estimate.value is None


def test_a_group_with_incoherent_rationales_is_found_and_its_clean_twin_is_not() -> None:
    planted = findings(judged(coherent={"Irish": 0.9, "Welsh": 0.4}))
    gap = planted["explanation_prediction_consistency_difference", "gap"]
    assert gap.lowest == "Welsh"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.2
    quiet = findings(judged(coherent=0.65))["explanation_prediction_consistency_difference", "gap"].estimate.interval
    assert quiet is not None
    assert quiet.low == 0.0


def test_without_labels_only_the_answer_is_compared() -> None:
    told = findings(judged().drop(columns="y_true"))
    assert ("explanation_emotion_accuracy", "everybody") not in told
    assert value(told, "explanation_prediction_consistency") > 0.5


def test_conditions_without_rationales_are_refused_by_name() -> None:
    frame = judged()
    both = pd.concat([frame, frame.assign(condition="A", rationale="")], ignore_index=True)
    testimony = EXAMINATION.examine(case_of(both, ("accent",)))
    assert [refusal.because for refusal in testimony.refusals] == ["no row has a rationale under A"]


def test_findings_are_few_and_the_exhibit_holds_the_rest() -> None:
    told, others = findings(judged()), listed(judged())
    assert len({metric for metric, _ in told if not metric.endswith("_difference")}) == 8
    assert len(told) == 8 * 3 + 3  # everybody and two accents; three gaps
    assert ("wrong_answer_wrong_explanation_rate", "Welsh") in others
    assert ("explanation_prediction_consistency_floor", "everybody") in others
    assert not {metric for metric, _ in told} & {metric for metric, _ in others}


def test_what_only_intervenes_is_left_to_others() -> None:
    frame = judged()
    both = pd.concat([frame, frame.assign(condition="TAV/hint=joy")], ignore_index=True)
    testimony = EXAMINATION.examine(case_of(both, ("accent",)))
    assert {claim.finding.condition for claim in testimony.claims} == {"TAV"}
    assert testimony.refusals == ()


def test_a_served_judge_is_asked_with_and_without_the_label_words_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[str] = []

    def answers(endpoint: Endpoint, order: str, texts: Sequence[str]) -> list[str | None]:
        orders.append(order)
        return ["joy" if "delighted" in text else "1-10" if "tears" in text else "none" for text in texts]

    monkeypatch.setattr(served_judge, "answers", answers)
    frame = judged(silent=0.0)
    case = case_of(frame, ("accent",), options={"judge": {"url": "http://127.0.0.1:1/v1", "model": "m"}})
    testimony = EXAMINATION.examine(case)
    told = {c.finding.metric: c.finding for c in testimony.claims if not c.finding.groups and not c.finding.compared}
    concluded = frame["rationale"].str.contains("delighted")
    assert value({("abstention_rate", "everybody"): told["abstention_rate"]}, "abstention_rate") == pytest.approx(
        1 - concluded.mean()
    )
    assert any("served judge m" in caveat for caveat in told["abstention_rate"].caveats)
    kept = next(exhibit for exhibit in testimony.exhibits if exhibit.id == "coherence-judgements").table()
    assert kept.num_rows == len(frame)
    assert set(kept["outcome"].to_pylist()) == {"concluded", "rubbish", "silent"}
    assert len(orders) == 2, "the judge, and its masked control"


def test_rows_in_another_order_say_the_same() -> None:
    frame = judged()
    mixed = findings(frame.sample(frac=1.0, random_state=1).reset_index(drop=True))
    for key, finding in findings(frame).items():
        assert mixed[key].estimate.value == pytest.approx(finding.estimate.value), key


def served(monkeypatch: pytest.MonkeyPatch, replies: Mapping[str, str | None], frame: pd.DataFrame) -> Testimony:
    """Ask a judge that says the reply of the first word which stands in a text, else joy."""

    def answers(endpoint: Endpoint, order: str, texts: Sequence[str]) -> list[str | None]:
        return [next((reply for word, reply in replies.items() if word in text), "joy") for text in texts]

    monkeypatch.setattr(served_judge, "answers", answers)
    options = {"judge": {"url": "http://127.0.0.1:1/v1", "model": "m"}}
    return EXAMINATION.examine(case_of(frame, ("accent",), options=options))


@pytest.mark.parametrize(("reply", "said"), [(None, "400 had no answer"), ("As a model, I think", "400 an answer")])
def test_a_judge_that_is_out_of_order_is_no_finding(
    monkeypatch: pytest.MonkeyPatch, reply: str | None, said: str
) -> None:
    testimony = served(monkeypatch, {" ": reply}, judged(silent=0.0))
    assert testimony.claims == ()
    (refusal,) = testimony.refusals
    assert said in refusal.because
    assert "key_file" in refusal.remedy


def test_replies_that_came_to_nothing_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = judged(silent=0.0)
    testimony = served(monkeypatch, {"furious": None, "tears": "1-10"}, frame)
    failed, rubbish = (int(frame["rationale"].str.contains(word).sum()) for word in ("furious", "tears"))
    caveats = testimony.claims[0].finding.caveats
    assert f"the judge did not answer {failed} of 400 times" in caveats
    assert f"the judge answered something else than asked {rubbish} of 400 times" in caveats


def test_judgements_without_a_rationale_are_counted() -> None:
    frame = judged(silent=0.25)
    frame.loc[::8, "rationale"] = ""
    told, others = findings(frame), listed(frame)
    assert any("50 judgements have no rationale" in said for said in told["abstention_rate", "Welsh"].caveats)
    assert others["outcome_empty_rate", "everybody"] == 50 / 400
    silent = int((frame["rationale"] == "The voice is low.").sum())
    assert others["outcome_silent_rate", "everybody"] == silent / 400


def shown(*conditions: str) -> pd.DataFrame:
    return pd.concat([judged().assign(condition=condition) for condition in conditions], ignore_index=True)


def test_only_the_fullest_condition_is_told_and_none_is_dropped() -> None:
    frame = shown("TAV", "TA", "A")
    testimony = EXAMINATION.examine(case_of(frame, ("accent",)))
    assert {claim.finding.condition for claim in testimony.claims} == {"TAV"}
    assert any("conditions with less" in said for said in testimony.claims[0].finding.caveats)
    rows = testimony.exhibits[0].table().to_pylist()
    every = {condition: {row["metric"] for row in rows if row["condition"] == condition} for condition in ("TA", "A")}
    for metrics in every.values():
        assert {"explanation_prediction_consistency", "abstention_rate", "outcome_tied_rate"} <= metrics
    more = EXAMINATION.examine(case_of(frame, ("accent",), options={"conditions": ["AT"]}))
    assert {claim.finding.condition for claim in more.claims} == {"TAV", "TA"}


def test_a_condition_that_nobody_has_is_an_error() -> None:
    with pytest.raises(AffidavitError, match=r"V(?s:.)*TAV, A"):
        EXAMINATION.examine(case_of(shown("TAV", "A"), ("accent",), options={"conditions": ["V"]}))
