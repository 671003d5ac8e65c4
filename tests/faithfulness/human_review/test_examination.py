"""Human review: planted differences are found, a fair review is silent, and what cannot count is counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from affidavit.case import Case
from affidavit.errors import ColumnError, PlanError, RowError, TableError
from affidavit.records import Finding
from affidavit.reviews import Arm
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from faithfulness.human_review.examination import EXAMINATION
from faithfulness.human_review.matching import Scores
from faithfulness.human_review.measures import ALPHA, BINS, COMPARED, review_sums
from tests.faithfulness.human_review.conftest import Review, fair, own_words, write

Made = Callable[..., Review]


def found(case: Case) -> dict[tuple[str, str], Finding]:
    """Return findings by metric and group."""
    assert EXAMINATION.refuses(case) is None
    claims = EXAMINATION.examine(case).claims
    keys = [
        (c.finding.metric, " x ".join(c.finding.compared or ()) or ", ".join(c.finding.groups.values())) for c in claims
    ]
    return dict(zip(keys, (claim.finding for claim in claims), strict=True))


def value(finding: Finding) -> float:
    assert finding.estimate.value is not None
    return finding.estimate.value


def test_the_mean_is_that_of_the_cards_weighted_as_drawn(review: Made) -> None:
    made = review(answered=0.8).written()
    plan = made.plan
    scores = pd.DataFrame(made.rows()).merge(pd.DataFrame([item.model_dump() for item in plan.items]), on="card")
    each = scores[scores["arm"] == Arm.OWN].groupby("card").agg(score=("score", "mean"), weight=("weight", "first"))
    everybody = found(made.case())["human_plausibility", ""]
    assert value(everybody) == pytest.approx(np.average(each["score"], weights=each["weight"]))
    assert everybody.estimate.n == len(each)
    shuffled = found(made.case())["human_plausibility_shuffled", ""]
    controls = scores[scores["arm"] == Arm.SHUFFLED].groupby("card").agg(s=("score", "mean"), w=("weight", "first"))
    assert value(shuffled) == pytest.approx(np.average(controls["s"], weights=controls["w"]))
    assert shuffled.estimate.n == len(controls)
    assert everybody.controls == (shuffled.id,)
    assert value(found(made.case())["human_plausibility_beyond_shuffled", ""]) == pytest.approx(
        value(everybody) - value(shuffled)
    )


def test_other_reviewers_are_told_apart_from_these(review: Made) -> None:
    severe = found(review(severity={"ada": -0.9, "dee": 0.9}).written().case())
    these, others = severe["human_plausibility", ""], severe["human_plausibility_other_reviewers", ""]
    assert value(these) == pytest.approx(value(others))
    assert these.estimate.interval is not None
    assert others.estimate.interval is not None
    width = these.estimate.interval.high - these.estimate.interval.low
    assert others.estimate.interval.high - others.estimate.interval.low > 2 * width
    assert any("with these reviewers" in said for said in these.caveats)


def test_a_group_whose_rationales_are_worse_is_found_and_a_fair_review_is_silent(review: Made) -> None:
    def against_the_welsh(item: Any, row: Any) -> float:
        return fair(item, row) - (1.2 if row["accent"] == "Welsh" and item.arm is not Arm.SHUFFLED else 0.0)

    planted = found(review(opinion=against_the_welsh).written().case())["human_plausibility_difference", "accent"]
    clean = found(review().written().case())["human_plausibility_difference", "accent"]
    assert planted.lowest == "Welsh"
    assert planted.test is not None
    assert planted.test.p_value < 0.01
    assert clean.test is not None
    assert clean.test.p_value > 0.05


def test_agreement_is_high_where_people_agree_and_nothing_where_they_guess(review: Made) -> None:
    def strong(item: Any, row: Any) -> float:
        return 4.0 if row["y_true"] == row["y_pred"] else 1.0

    agreeing = found(review(opinion=strong, noise=0.1).written().case())
    guessing = found(review(opinion=lambda item, row: 2.5, noise=1.5).written().case())
    name = ("reviewer_krippendorff_alpha", "")
    assert value(agreeing[name]) > 0.95
    low = guessing[name].estimate.interval
    assert low is not None
    assert low.low < 0 < low.high or abs(value(guessing[name])) < 0.1
    assert value(agreeing["reviewer_self_agreement_rate", ""]) > value(guessing["reviewer_self_agreement_rate", ""])


def slow_alpha(items: list[list[int]]) -> float:
    """Krippendorff's ordinal alpha from all pairs, one by one."""
    items = [item for item in items if len(item) > 1]
    values = [score for item in items for score in item]
    n_of = {c: values.count(c) for c in range(1, 5)}

    def apart(c: int, k: int) -> float:
        low, high = sorted((c, k))
        return float((sum(n_of[g] for g in range(low, high + 1)) - (n_of[low] + n_of[high]) / 2) ** 2)

    observed = sum(
        apart(a, b) / (len(item) - 1)
        for item in items
        for i, a in enumerate(item)
        for j, b in enumerate(item)
        if i != j
    ) / len(values)
    expected = sum(apart(a, b) for i, a in enumerate(values) for j, b in enumerate(values) if i != j) / (
        len(values) * (len(values) - 1)
    )
    return 1 - observed / expected


def test_alpha_correlation_and_auroc_are_those_of_slow_twins() -> None:
    rng = np.random.default_rng(0)
    items = [rng.integers(1, 5, rng.integers(1, 4)).tolist() for _ in range(50)]
    scores = [Scores(row=i, own=dict(zip("abc", item, strict=False))) for i, item in enumerate(items)]
    means = np.array([np.mean(item) for item in items])
    automatic = np.round(means + rng.normal(0, 1, 50))  # with ties, and fewer than are cut
    assert len(set(automatic)) < BINS
    totals = review_sums(scores, automatic.tolist()).sum(axis=0)
    assert float(ALPHA.value(totals, totals)) == pytest.approx(slow_alpha(items))
    correlation, auroc = (float(s.value(totals, totals)) for s in COMPARED)
    assert correlation == pytest.approx(spearmanr(automatic, means).statistic)
    assert auroc == pytest.approx(roc_auc_score(means >= 2.5, automatic))


def test_alpha_counts_the_scores_that_were_given_and_not_what_their_weights_make() -> None:
    rng = np.random.default_rng(3)
    items = [rng.integers(1, 5, 3).tolist() for _ in range(6)]
    for weight in (0.1, 1.0, 50.0):
        scores = [Scores(row=i, weight=weight, own=dict(zip("abc", item, strict=True))) for i, item in enumerate(items)]
        totals = review_sums(scores, [None] * 6).sum(axis=0)
        assert float(ALPHA.value(totals, totals)) == pytest.approx(slow_alpha(items))


def test_many_different_automatic_scores_are_cut_and_lose_little() -> None:
    rng = np.random.default_rng(1)
    own = rng.integers(1, 5, 400)
    automatic = own + rng.normal(0, 1, 400)
    scores = [Scores(row=i, own={"a": int(score)}) for i, score in enumerate(own)]
    totals = review_sums(scores, automatic.tolist()).sum(axis=0)
    assert float(COMPARED[1].value(totals, totals)) == pytest.approx(roc_auc_score(own >= 3, automatic), abs=0.01)


def test_what_is_constant_has_neither_correlation_nor_auroc() -> None:
    scores = [Scores(row=i, own={"a": 3}) for i in range(5)]
    totals = review_sums(scores, [1.0] * 5).sum(axis=0)
    assert all(np.isnan(s.value(totals, totals)) for s in (*COMPARED, ALPHA))


def test_an_automatic_score_that_follows_people_is_told_from_one_that_does_not(review: Made) -> None:
    def read(**options: Any) -> dict[tuple[str, str], Finding]:
        return found(review(per_group=30).written().case(**options))

    clarity, coherence, none = read(automatic="clarity"), read(), read(automatic=None)
    name = ("automatic_human_auroc", "")
    assert value(clarity[name]) > 0.75
    # Every rationale of this table names its answer: coherence cannot tell a good one from a bad one.
    assert coherence[name].estimate.value == pytest.approx(0.5)
    assert name not in none
    assert "the automatic score is clarity" in clarity[name].caveats


def test_citation_is_compared_where_modalities_were_taken_away(review: Made) -> None:
    frame = own_words(predictions_frame(conditions=("TAV", "TA", "TV", "AV")))
    cited = found(review(frame=frame).written().case(automatic="citation"))["automatic_human_rank_correlation", ""]
    assert cited.estimate.n == 72
    plain = EXAMINATION.examine(review().written().case(automatic="citation"))
    assert not [c for c in plain.claims if c.finding.metric.startswith("automatic_")], "nothing was taken away"


def test_incomplete_reviews_are_counted(review: Made) -> None:
    half = found(review(answered=0.5).written().case())["review_completion_rate", ""]
    assert 0.4 < value(half) < 0.6
    assert value(found(review().written().case())["review_completion_rate", ""]) == 1.0


def test_what_cannot_count_is_left_out_and_said(review: Made) -> None:
    made = review()
    rows = list(made.rows())
    strangers = [
        {**rows[0], "card": "no such card"},
        {**rows[1], "reviewer": "nobody"},
        {**rows[2], "shown": "sha256:other"},
        {**rows[3], "score": 4, "reviewed_at": "2026-03-02T10:00:00Z"},
    ]
    kept = [row for i, row in enumerate(rows) if i != 2]
    finding = found(made.written([*kept, *strangers]).case())["human_plausibility", ""]
    said = "; ".join(finding.caveats)
    for words in ("plan does not have", "was not given the card", "showed something else", "were given again"):
        assert f"1 reviews are {words}" in said or words in said
    assert "neither model nor group; the answer only where a rationale names it" in said
    unblinded = made.plan.model_copy(update={"shown": ("the utterance", "a rationale", "the answer")})
    (made.folder / "plan.json").write_text(unblinded.model_dump_json())
    assert any("not blinded" in said for said in found(made.case())["human_plausibility", ""].caveats)


def test_reviews_of_other_rationales_do_not_count(review: Made) -> None:
    made = review().written()
    elsewhere = replace(made, frame=made.frame.assign(rationale=made.frame["rationale"] + " And so on."))
    refusal = EXAMINATION.refuses(elsewhere.case())
    assert refusal is not None
    assert "none of the reviews is of a judgement of this run" in refusal.because
    some = made.frame.copy()
    some.loc[some["accent"] == "Welsh", "rationale"] += " And so on."
    finding = found(replace(made, frame=some).case())["human_plausibility", ""]
    assert any("show another rationale than the table has" in said for said in finding.caveats)


def test_a_table_may_say_itself_what_its_cards_are(review: Made) -> None:
    made = review()
    items = {item.card: item for item in made.plan.items}
    rows = [
        {
            **{name: row[name] for name in ("card", "reviewer")},
            "score": ["completely wrong", "correct (small part)", "Correct for the most part", "4"][row["score"] - 1],
            "utterance_id": items[row["card"]].utterance_id,
            "condition": "TAV",
            "arm": items[row["card"]].arm.value,
        }
        for row in made.rows()
    ]
    planned = found(made.written().case())["plausible_rate", ""]
    write(made.folder / "told.csv", rows)
    (made.folder / "told.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    for name in ("told.csv", "told.jsonl"):
        told = found(made.case(reviews=name, plan=None))
        assert told["plausible_rate", ""].estimate.n == planned.estimate.n
        assert ("review_completion_rate", "") not in told
        assert any("not recorded" in said for said in told["plausible_rate", ""].caveats)


def told_rows(made: Review) -> list[dict[str, Any]]:
    """Return reviews that say themselves what their cards are, rationale included."""
    items = {item.card: item for item in made.plan.items}
    return [
        {
            **{name: row[name] for name in ("card", "reviewer", "score")},
            **{name: getattr(items[row["card"]], name) for name in ("utterance_id", "run", "condition", "rationale")},
            "arm": items[row["card"]].arm.value,
        }
        for row in made.rows()
    ]


def test_a_card_that_stands_for_two_judgements_is_an_error_for_people(review: Made) -> None:
    made = review()
    rows = told_rows(made)
    other = next(row for row in rows if row["utterance_id"] != rows[0]["utterance_id"])
    write(made.folder / "told.csv", [*rows, {**rows[0], "utterance_id": other["utterance_id"]}])
    with pytest.raises(RowError, match="a card stands for two judgements"):
        EXAMINATION.refuses(made.case(reviews="told.csv", plan=None))


def test_a_table_that_says_what_was_read_counts_for_that_rationale_alone(review: Made) -> None:
    made = review()
    write(made.folder / "told.csv", told_rows(made))
    told = found(made.case(reviews="told.csv", plan=None))["human_plausibility", ""]
    assert not any("another rationale" in said for said in told.caveats)
    anew = replace(made, frame=made.frame.assign(rationale=made.frame["rationale"] + " And so on."))
    refusal = EXAMINATION.refuses(anew.case(reviews="told.csv", plan=None))
    assert refusal is not None
    assert "none of the reviews is of a judgement of this run" in refusal.because


def test_nothing_to_read_is_refused_with_what_to_do() -> None:
    refusal = EXAMINATION.refuses(case_of(predictions_frame()))
    assert refusal is not None
    assert "draw_reviews" in refusal.remedy


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"score": "5"}, RowError, "row 1: the score is none of the four"),
        ({"score": "2.5"}, RowError, "none of the four"),
        ({"score": ""}, RowError, "none of the four"),
        ({"reviewer": ""}, RowError, "reviewer is missing"),
    ],
)
def test_rows_that_cannot_be_read_are_errors_for_people(
    review: Made, change: dict[str, str], error: type[Exception], match: str
) -> None:
    made = review()
    rows = list(made.rows())
    with pytest.raises(error, match=match):
        EXAMINATION.refuses(made.written([{**rows[0], **change}, *rows[1:]]).case())


def test_files_that_are_something_else_are_errors_for_people(review: Made) -> None:
    made = review().written()
    with pytest.raises(TableError, match="no such file"):
        EXAMINATION.refuses(made.case(reviews="elsewhere.csv"))
    with pytest.raises(TableError, match="no such file"):
        EXAMINATION.refuses(made.case(plan="elsewhere.json"))
    with pytest.raises(TableError, match="no review plan"):
        EXAMINATION.refuses(made.case(plan="reviews.csv"))
    with pytest.raises(ColumnError, match="there is no column utterance_id"):
        EXAMINATION.refuses(made.case(plan=None))
    with pytest.raises(ColumnError, match="there is no column warmth"):
        EXAMINATION.refuses(made.case(automatic="warmth"))
    with pytest.raises(PlanError, match="did you mean"):
        EXAMINATION.refuses(made.case(revews="reviews.csv"))


def test_hostile_texts_and_unknown_groups_are_read_like_others(review: Made) -> None:
    frame = own_words(predictions_frame())
    hostile = ['<script>alert("x")</script>', "=1+1", "\u4ed6\u7b11\u4e86" * 50, "a" * 50_000, '{"reason": "no"}']
    frame["rationale"] = [f"{hostile[i % 5]} {u}" for i, u in enumerate(frame["utterance_id"])]
    frame.loc[frame["speaker_id"] == "s0", "accent"] = None
    finding = found(review(frame=frame).written().case())["human_plausibility", ""]
    assert finding.estimate.value is not None


def test_the_order_of_rows_changes_nothing(review: Made) -> None:
    made = review().written()
    plain = EXAMINATION.examine(made.case())
    rows = list(made.rows())
    dealt = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    write(made.folder / "reviews.csv", dealt)
    moved = replace(made, frame=made.frame.sample(frac=1.0, random_state=0))
    assert [c.finding.estimate for c in EXAMINATION.examine(moved.case()).claims] == [
        c.finding.estimate for c in plain.claims
    ]


def test_rows_without_units_are_units(review: Made) -> None:
    frame = own_words(predictions_frame()).drop(columns="speaker_id")
    frame = frame[frame["condition"] == "TAV"]
    told = found(review(frame=frame).written().case())
    for metric in ("human_plausibility", "human_plausibility_other_reviewers"):
        assert told[metric, ""].estimate.n_clusters is None
        assert told[metric, ""].estimate.interval is not None


class TestContract(ExaminationContract):
    """The public suite."""

    examination = EXAMINATION

    @pytest.fixture(autouse=True)
    def _reviewed(self, review: Made) -> None:
        self.review = review().written()

    def make_case(self) -> Case:
        return self.review.case(automatic="clarity")
