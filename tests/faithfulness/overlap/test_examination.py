"""Overlap with references on the stand: planted groups, controls, gold, references of a corpus, served judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.errors import AffidavitError
from affidavit.examinations import Testimony
from affidavit.live import Live
from affidavit.plan import Statistics
from affidavit.policy import Criterion, Policy
from affidavit.records import ExplanationProperty, Finding, Verdict
from affidavit.testing import ExaminationContract, case_of
from affidavit.utterances import Utterance
from affidavit.verdicts import decide
from faithfulness.conclusions.served_judge import Endpoint
from faithfulness.overlap import layout, served
from faithfulness.overlap.examination import EXAMINATION

LABELS = ("anger", "joy", "sadness")
FEELS = {"anger": "She is furious.", "joy": "She is delighted.", "sadness": "She is grieving."}
CLUES = (
    ("the words complain of work", "the words praise a doctor", "the words falter twice"),
    ("the voice trembles quietly", "the voice hurries loudly", "the voice pauses slowly"),
    ("the brows furrow", "the mouth drops", "the eyes widen"),
)


def text(clues: Sequence[int], label: str) -> str:
    return ". ".join(CLUES[aspect][k] for aspect, k in enumerate(clues)) + ". " + FEELS[label]


def judged(*, kept: Mapping[str, float] | float = 0.7, n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Return rationales that keep each clue of their reference now and then, and else give another."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        accent = ("Irish", "Welsh")[i // 10 % 2]
        share = kept if isinstance(kept, float) else kept[accent]
        truth = LABELS[int(rng.integers(3))]
        answer = truth if rng.random() < 0.7 else LABELS[int(rng.integers(3))]
        known = rng.integers(0, 3, 3).tolist()
        said = [k if rng.random() < share else (k + 1) % 3 for k in known]
        rows.append(
            {
                "utterance_id": f"u{i}",
                "speaker_id": f"s{i // 10}",
                "accent": accent,
                "condition": "TAV",
                "y_true": truth,
                "y_pred": answer,
                "rationale": text(said, answer),
                "reference_rationale": text(known, truth),
                "same": sum(int(a == b) for a, b in zip(said, known, strict=True)),
            }
        )
    return pd.DataFrame(rows)


def case(frame: pd.DataFrame, **options: Any) -> Case:
    return case_of(frame, ("accent",), options=options)


def examined(frame: pd.DataFrame, **options: Any) -> Testimony:
    asked = case(frame, **options)
    assert EXAMINATION.refuses(asked) is None
    return EXAMINATION.examine(asked)


def findings(testimony: Testimony) -> dict[tuple[str, str], Finding]:
    return {
        (c.finding.metric, ", ".join(c.finding.groups.values()) or ("gap" if c.finding.compared else "everybody")): (
            c.finding
        )
        for c in testimony.claims
    }


def value(told: Mapping[tuple[str, str], Finding], metric: str, group: str = "everybody") -> float:
    found = told[metric, group].estimate.value
    assert found is not None
    return found


def words(rationale: str, aspect: int) -> set[tuple[int, str]]:
    """Return the clue words of one aspect, by hand: every sentence names its carrier second."""
    sentence = rationale.split(". ")[aspect].split()
    carrier = {"the", "words", "voice", "of", "a"}
    return {(aspect, word) for word in sentence if word not in carrier}


def slow(frame: pd.DataFrame) -> list[float]:
    scores = []
    for said, known in zip(frame["rationale"], frame["reference_rationale"], strict=True):
        one, other = (set().union(*(words(each, aspect) for aspect in range(3))) for each in (said, known))
        scores.append(10 * 2 * len(one & other) / (len(one) + len(other)))
    return scores


def test_numbers_equal_their_slow_twin_by_group() -> None:
    frame = judged()
    told = findings(examined(frame))
    frame["slow"] = slow(frame)
    assert value(told, "clue_overlap") == pytest.approx(frame["slow"].mean())
    assert value(told, "clue_overlap", "Welsh") == pytest.approx(frame.loc[frame["accent"] == "Welsh", "slow"].mean())
    agreed = 10 * (frame["y_true"] == frame["y_pred"]).mean()
    assert value(told, "label_overlap") == pytest.approx(agreed)
    assert value(told, "overlap_abstention_rate") == 0.0


def test_every_number_is_plausibility_and_names_its_controls() -> None:
    told = findings(examined(judged()))
    assert {finding.property for finding in told.values()} == {ExplanationProperty.PLAUSIBILITY}
    controls = told["clue_overlap", "Welsh"].controls or ()
    assert {each.split("/")[-2] for each in controls} == {
        *("clue_overlap_shuffled", "clue_overlap_template", "label_overlap_shuffled", "label_overlap_template")
    }
    assert len(told) == 7 * 3 + 2


def test_rationales_dealt_anew_and_a_template_score_what_boilerplate_earns() -> None:
    told = findings(examined(judged(kept=0.9)))
    for control in ("clue_overlap_shuffled", "clue_overlap_template"):
        assert value(told, control) < value(told, "clue_overlap") - 3
    frame = judged()
    constant = frame.assign(rationale=text((0, 0, 0), "joy"))
    bare = findings(examined(constant))
    assert value(bare, "clue_overlap") == pytest.approx(value(bare, "clue_overlap_shuffled"), abs=0.5)


def test_shuffling_keeps_the_label_and_never_the_utterance() -> None:
    from faithfulness.overlap.pairs import read_pairs

    frame = judged(n=60)
    twice = pd.concat([frame.assign(repeat=0), frame.assign(repeat=1)], ignore_index=True)
    pairs = read_pairs(case(twice), "run", None)
    dealt = pairs.shuffled(np.random.default_rng(0), within_label=True).to_pylist()
    own = pairs.reference.to_pylist()
    of_text = frame.groupby("reference_rationale")["y_true"].first()
    assert all(of_text[a] == of_text[b] for a, b in zip(own, dealt, strict=True))
    by_utterance = dict(zip(frame["utterance_id"], frame["reference_rationale"], strict=True))
    assert {by_utterance[u] for u in pairs.keys["utterance_id"]} == set(own)
    alone = read_pairs(case(frame[:1]), "run", None)
    assert alone.shuffled(np.random.default_rng(0), within_label=False).to_pylist() == [None]
    mixed = pairs.shuffled(np.random.default_rng(0), within_label=False).to_pylist()
    assert any(of_text[a] != of_text[b] for a, b in zip(own, mixed, strict=True))
    told = findings(examined(judged(n=400)))
    assert value(told, "label_overlap_shuffled") == pytest.approx(10 / 3, abs=1.0)


def test_a_group_whose_clues_are_wrong_is_found_and_its_clean_twin_is_silent() -> None:
    planted = findings(examined(judged(kept={"Irish": 0.9, "Welsh": 0.4})))["clue_overlap_difference", "gap"]
    assert planted.lowest == "Welsh"
    assert planted.estimate.interval is not None
    assert planted.estimate.interval.low > 1.0
    quiet = findings(examined(judged(kept=0.65)))["clue_overlap_difference", "gap"].estimate.interval
    assert quiet is not None
    assert quiet.low == 0.0


def test_repetitions_tell_the_noise_of_the_score() -> None:
    frame = judged(n=200)
    other = judged(n=200, seed=0).assign(rationale=judged(kept=0.2, n=200)["rationale"])
    both = pd.concat([frame.assign(repeat=0), other.assign(repeat=1)], ignore_index=True)
    told = findings(examined(both))
    expected = np.mean(np.abs(np.array(slow(frame)) - np.array(slow(other))))
    assert value(told, "clue_overlap_repeat_change") == pytest.approx(expected)
    assert ("clue_overlap_repeat_change", "everybody") not in findings(examined(frame))


def test_references_come_from_the_corpus_behind_a_run() -> None:
    frame = judged(n=100)
    told = dict(zip(frame["utterance_id"], frame["reference_rationale"], strict=True))
    turns = [Utterance(utterance_id=u, rationales={"explain": known, "other": "x"}) for u, known in told.items()]
    corpus = Corpus(name="c", utterances=turns[:80], digest="d", licence="none")
    bare = case(frame.drop(columns="reference_rationale"))
    assert EXAMINATION.refuses(bare) is not None
    live = replace(bare, live={"run": Live(corpus=corpus, reasoner=lambda: None)})
    assert EXAMINATION.refuses(live) is None
    found = findings(EXAMINATION.examine(live))
    assert value(found, "clue_overlap") == pytest.approx(np.mean(slow(frame[:80])))
    assert any("20 rationales have no reference" in said for said in found["clue_overlap", "everybody"].caveats)


def test_without_references_it_refuses_with_words_for_the_supplier() -> None:
    refusal = EXAMINATION.refuses(case(judged(n=60).drop(columns="reference_rationale")))
    assert refusal is not None
    assert "reference_rationale" in refusal.remedy
    testimony = EXAMINATION.examine(case(judged(n=60).assign(reference_rationale="")))
    assert testimony.claims == ()
    assert "no row has both" in testimony.refusals[0].because
    assert EXAMINATION.refuses(case(judged(n=60), most_rows=10)) is not None


def test_order_of_rows_and_of_batches_do_not_matter() -> None:
    frame = judged(n=200)
    mixed = frame.sample(frac=1.0, random_state=1).reset_index(drop=True)
    told, again = findings(examined(frame)), findings(examined(mixed))
    for key, finding in told.items():
        assert again[key].estimate.value == pytest.approx(finding.estimate.value), key


def gold_of(frame: pd.DataFrame, folder: Path, *, noise: float, seed: int = 0) -> str:
    """Write people's scores: the true overlap, now and then another one."""
    rng = np.random.default_rng(seed)
    clues = np.where(rng.random(len(frame)) < noise, rng.integers(0, 11, len(frame)), slow(frame))
    labels = np.where(frame["y_true"] == frame["y_pred"], 10, 0)
    table = pd.DataFrame({"utterance_id": frame["utterance_id"], "score": clues, "label_score": labels})
    table[::2].to_csv(folder / "gold.csv", index=False)
    return str(folder / "gold.csv")


def test_gold_of_a_judge_that_agrees_lets_numbers_decide(tmp_path: Path) -> None:
    frame = judged(n=600)
    told = findings(examined(frame, gold=gold_of(frame, tmp_path, noise=0.0)))
    assert value(told, "clue_judge_kappa") == 1.0
    half = np.mean(np.array(slow(frame)) >= 5)
    assert value(told, "clue_overlap_half_rate") == pytest.approx(half)
    assert value(told, "clue_overlap_half_rate_corrected") == pytest.approx(half)
    assert told["clue_judge_kappa", "Welsh"].estimate.n == (frame["accent"][::2] == "Welsh").sum()


def test_gold_of_a_judge_that_disagrees_keeps_them_informative(tmp_path: Path) -> None:
    frame = judged(n=600)
    claims = examined(frame, gold=gold_of(frame, tmp_path, noise=0.95)).claims
    held = {c.finding.metric: c for c in claims if not c.finding.groups and c.finding.compared is None}
    assert any("agrees too little" in said for said in held["clue_overlap"].finding.caveats)
    assert not any("read it as informative" in said for said in held["label_overlap"].finding.caveats)
    for metric, verdicts in (
        ("clue_overlap", {Verdict.INFORMATIVE, Verdict.INCONCLUSIVE}),
        ("label_overlap", {Verdict.PASS}),
    ):
        criterion = Criterion(id="c", metric=metric, at_least=0.01, scope="everybody", source="a test")
        policy = Policy(
            version=1, name="p", title="p", statement="t", frozen_before_results=True, criteria=(criterion,)
        )
        decided = decide(claims, policy, Statistics())
        assert {f.verdict for f in decided if f.metric == metric and f.criterion} <= verdicts


def test_gold_scores_out_of_range_are_an_error(tmp_path: Path) -> None:
    pd.DataFrame({"utterance_id": ["u0"], "score": [11]}).to_csv(tmp_path / "gold.csv", index=False)
    with pytest.raises(AffidavitError, match="0 to 10"):
        examined(judged(n=60), gold=str(tmp_path / "gold.csv"))


def test_a_served_judge_is_kept_reply_by_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(endpoint: Endpoint, order: str, texts: Sequence[str]) -> list[str | None]:
        assert (endpoint.url, endpoint.model) == ("http://127.0.0.1:1/v1", "m")
        return [None if not each else "1-10" if "trembles" in each else "6" for each in texts]

    monkeypatch.setattr(served, "answers", answers)
    frame = judged(n=100)
    testimony = examined(frame, judge={"url": "http://127.0.0.1:1/v1", "model": "m"})
    told = findings(testimony)
    assert value(told, "clue_overlap") == 6.0
    echoed = frame[["rationale", "reference_rationale"]].apply(lambda column: column.str.contains("trembles"))
    assert value(told, "overlap_abstention_rate") == pytest.approx(echoed.any(axis=1).mean())
    kept = next(exhibit for exhibit in testimony.exhibits if exhibit.id == "clue-overlap-scores").table()
    assert kept.num_rows == 100
    assert set(kept["outcome"].to_pylist()) == {"scored", "rubbish"}


@pytest.mark.parametrize("hostile", ["", "x" * 100_000, "<b>" * 999, "Il est triste et il a des larmes", "😀", "1-10"])
def test_hostile_rationales_are_counted_and_never_a_crash(hostile: str) -> None:
    frame = judged(n=120)
    frame.loc[::3, "rationale"] = hostile
    frame.loc[::5, "reference_rationale"] = hostile
    told = findings(examined(frame))
    assert 0 <= value(told, "clue_overlap") <= 10
    assert 0 <= value(told, "overlap_abstention_rate") < 1


@pytest.mark.slow
def test_intervals_cover_the_mean() -> None:
    truth = np.mean(slow(judged(n=20_000, seed=99)))
    covered = []
    for seed in range(80):
        interval = findings(examined(judged(n=200, seed=seed)))["clue_overlap", "everybody"].estimate.interval
        assert interval is not None
        covered.append(interval.low <= truth <= interval.high)
    assert np.mean(covered) >= 0.89


class TestContract(ExaminationContract):
    examination: ClassVar[Any] = EXAMINATION

    def make_case(self) -> Case:
        return case(judged(kept={"Irish": 0.8, "Welsh": 0.6}, n=240))


def test_judgements_without_a_rationale_are_counted() -> None:
    frame = judged(n=100)
    frame.loc[::4, "rationale"] = "  "
    frame.loc[1::4, "reference_rationale"] = ""
    caveats = findings(examined(frame))["clue_overlap", "everybody"].caveats
    assert "25 judgements have no rationale and take no part" in caveats
    assert "25 rationales have no reference and take no part" in caveats


def test_only_the_fullest_condition_is_told_and_none_is_dropped() -> None:
    frame = judged(n=100)
    both = pd.concat([frame, frame.assign(condition="A", rationale=frame["rationale"].shift(1, fill_value="x"))])
    both.loc[(both["condition"] == "A") & (both.index < 10), "reference_rationale"] = ""
    testimony = examined(both.reset_index(drop=True))
    assert {c.finding.condition for c in testimony.claims} == {"TAV"}
    caveats = testimony.claims[0].finding.caveats
    assert not any("no reference" in said for said in caveats), "that is so of another condition"
    assert any("conditions with less" in said for said in caveats)
    rows = testimony.exhibits[0].table().to_pylist()
    assert "label_overlap_shuffled" in {row["metric"] for row in rows if row["condition"] == "A"}
    more = examined(both.reset_index(drop=True), conditions=["A"])
    assert {c.finding.condition for c in more.claims} == {"TAV", "A"}


def test_a_judge_that_does_not_answer_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "answers", lambda endpoint, order, texts: [None] * len(texts))
    testimony = examined(judged(n=100), judge={"url": "http://127.0.0.1:1/v1", "model": "m"})
    assert testimony.claims == ()
    assert "100 had no answer" in testimony.refusals[0].because


def test_with_gold_the_corrected_gap_decides_in_place_of_the_raw_one(tmp_path: Path) -> None:
    """People find both groups' clues alike; the judge does not read how the Welsh put them."""
    frame = judged(kept=0.65, n=1200)
    gold = gold_of(frame, tmp_path, noise=0.0)
    welsh = (frame["accent"] == "Welsh") & (frame.index % 5 == 0)
    frame.loc[welsh, "rationale"] = frame.loc[welsh, "rationale"].str.replace("the ", "not the ")
    claims = {c.finding.metric: c for c in examined(frame, gold=gold).claims if c.finding.compared}
    assert "clue_overlap_half_rate_corrected_difference decides" in str(claims["clue_overlap_difference"].barred)
    better = claims["clue_overlap_half_rate_corrected_difference"]
    assert better.barred is None
    assert better.finding.metric in EXAMINATION.metrics
    assert better.finding.estimate.interval is not None
    assert better.finding.estimate.interval.low == 0.0
    raw = claims["clue_overlap_difference"].finding.estimate.interval
    assert raw is not None
    assert raw.low > 0


def test_a_pair_that_the_judge_abstains_from_is_no_low_score() -> None:
    nothing = float("nan")
    sums = layout.kappa_sums(np.array([8.0, 2.0, nothing, 8.0]), np.array([9.0, 1.0, 0.0, nothing]))
    assert float(layout.kappa("clue").value(sums.sum(axis=0), sums.sum(axis=0))) == 1.0
    assert sums.sum() == 3.0
    assert sums[:, [0, 1, 3, 4]].sum() == 2.0
    halves = layout.half_sums(np.array([8.0, 2.0, nothing]), np.array([9.0, 1.0, 0.0])).sum(axis=0)
    assert halves.tolist() == [1.0, 2.0, 1.0, 0.0, 0.0, 1.0]
