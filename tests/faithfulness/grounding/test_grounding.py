"""Cue grounding from tables alone: against a slow twin, on the published example, and on texts of every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case, EvidenceBook
from affidavit.errors import ColumnError, InputError, PlanError, RowError
from affidavit.examinations import Testimony
from affidavit.predictions import Reading, read_predictions
from affidavit.records import Finding
from affidavit.testing import case_of, value_of
from faithfulness.grounding.examination import EXAMINATION
from faithfulness.grounding.judged import NOBODY, read_judged, stand_ins

Judge = Callable[..., Case]
Findings = Callable[[Case], Mapping[tuple[str, str], Finding]]
Frame = Callable[..., pd.DataFrame]
LOOKED_FOR = {
    "face": ("AU1", "AU4", "AU12", "AU15", "AU20"),
    "tone": ("raised pitch", "lowered pitch", "loud voice"),
    "scene": ("music", "rain"),
}
ASPECT = {cue: aspect for aspect, cues in LOOKED_FOR.items() for cue in cues}
WORDS = {"loud voice": "loudly spoken"}
CONTRARY = {"AU12": "AU15", "AU15": "AU12", "raised pitch": "lowered pitch", "lowered pitch": "raised pitch"}
Said = list[tuple[str, bool]]


def world(
    *,
    n_speakers: int = 30,
    each: int = 8,
    truth: float = 0.6,
    truth_by: Mapping[str, float] | None = None,
    seed: int = 0,
) -> tuple[pd.DataFrame, list[tuple[Any, ...]], list[Said]]:
    """Return judgements, a record of what was looked for, and what each rationale says as pairs of cue and polarity.

    A rationale says what is true with probability `truth`, and else anything. Some aspects of some utterances were
    never looked at.
    """
    rng = np.random.default_rng(seed)
    rows, evidence, told = [], [], []
    for i in range(n_speakers * each):
        accent = ("Irish", "Welsh")[i // each % 2]
        present = {cue for cue in ASPECT if rng.random() < 0.3}
        looked = {aspect for aspect in LOOKED_FOR if rng.random() < 0.85}
        evidence += [(f"u{i}", ASPECT[cue], cue, int(cue in present)) for cue in ASPECT if ASPECT[cue] in looked]
        said: Said = []
        for cue in rng.choice(list(ASPECT), size=int(rng.integers(0, 5)), replace=False).tolist():
            honest = rng.random() < (truth_by or {}).get(accent, truth)
            said.append((cue, cue in present if honest else bool(rng.random() < 0.7)))
        told.append(said)
        text = " ".join(f"{WORDS.get(cue, cue)}." if there else f"No {WORDS.get(cue, cue)}." for cue, there in said)
        answer = ("anger", "joy")[int(rng.integers(2))]
        rows.append(
            {
                "utterance_id": f"u{i}",
                "speaker_id": f"s{i // each}",
                "accent": accent,
                "condition": "TAV",
                "y_pred": answer,
                "rationale": f"It is that. {text}",
            }
        )
    return pd.DataFrame(rows), evidence, told


def held(said: Said, seen: Mapping[str, int]) -> dict[str, float]:
    """Return what one rationale gets, cue by cue; `seen` is the record of its utterance."""
    n = dict.fromkeys(("checked", "supported", "contradicted", "unknown", "salient", "recalled"), 0.0)
    for cue, there in said:
        if cue not in seen:
            n["unknown"] += 1
            continue
        n["checked"] += 1
        n["supported"] += bool(seen[cue]) == there
        n["contradicted"] += (not there and bool(seen[cue])) or (
            there and not seen[cue] and bool(seen.get(CONTRARY.get(cue, ""), 0))
        )
    for cue, there in seen.items():
        n["salient"] += there
        n["recalled"] += there and (cue, True) in said
    return n


def slow(frame: pd.DataFrame, evidence: Sequence[tuple[Any, ...]], told: Sequence[Said]) -> dict[str, float]:
    """Return the numbers by loops, from the definitions."""
    seen: dict[str, dict[str, int]] = {who: {} for who in frame["utterance_id"]}
    for who, _, cue, present in evidence:
        seen[who][cue] = present
    own = pd.DataFrame([held(said, seen[who]) for said, who in zip(told, frame["utterance_id"], strict=True)]).sum()
    dealt = dict.fromkeys(("checked", "supported", "salient", "recalled"), 0.0)
    answers = frame["y_pred"].tolist()
    for i, who in enumerate(frame["utterance_id"]):
        others = [j for j in range(len(told)) if j != i and answers[j] == answers[i]]
        for j in others:
            got = held(told[j], seen[who])
            for name in dealt:
                dealt[name] += got[name] / len(others)
    drawn, drawn_right, asked, there = 0.0, 0.0, 0, 0
    for i, who in enumerate(frame["utterance_id"]):
        for aspect, cues in LOOKED_FOR.items():
            known = [seen[who][cue] for cue in cues if cue in seen[who]]
            asked, there = asked + len(known), there + sum(known)
            for cue, positive in told[i]:
                if known and ASPECT[cue] == aspect:
                    share = sum(known) / len(known)
                    drawn, drawn_right = drawn + 1, drawn_right + (share if positive else 1 - share)
    return {
        "unsupported_cue_rate": 1 - own["supported"] / own["checked"],
        "cue_precision": own["supported"] / own["checked"],
        "cue_recall": own["recalled"] / own["salient"],
        "contradicted_cue_rate": own["contradicted"] / own["checked"],
        "unknown_cue_share": own["unknown"] / (own["unknown"] + own["checked"]),
        "cue_atoms_per_rationale": (own["unknown"] + own["checked"]) / len(told),
        "unsupported_cue_rate_random": 1 - drawn_right / drawn,
        "unsupported_cue_rate_template": 1 - there / asked,
        "unsupported_cue_rate_shuffled": 1 - dealt["supported"] / dealt["checked"],
        "cue_recall_shuffled": dealt["recalled"] / dealt["salient"],
    }


def test_numbers_equal_their_slow_twin(judge: Judge, findings: Findings) -> None:
    frame, evidence, told = world()
    found = findings(judge(frame, evidence, ("accent",)))
    for metric, expected in slow(frame, evidence, told).items():
        tolerance = 0.03 if metric.endswith("shuffled") else 1e-9  # eight stand-ins against all of them
        assert value_of(found, metric) == pytest.approx(expected, abs=tolerance), metric
    irish = (frame["accent"] == "Irish").to_numpy()
    alone = slow(
        frame[irish].reset_index(drop=True),
        [row for row in evidence if row[0] in set(frame["utterance_id"][irish])],
        [said for said, own in zip(told, irish, strict=True) if own],
    )
    assert value_of(found, "unsupported_cue_rate", "Irish") == pytest.approx(alone["unsupported_cue_rate"])
    excess = value_of(found, "unsupported_cue_rate_shuffled") - value_of(found, "unsupported_cue_rate")
    assert value_of(found, "cue_precision_excess") == pytest.approx(excess)


def test_single_aspects_are_told_apart(judge: Judge, findings: Findings) -> None:
    frame, evidence, told = world(seed=4)
    found = findings(judge(frame, evidence))
    for aspect, cues in LOOKED_FOR.items():
        only = slow(
            frame,
            [row for row in evidence if row[1] == aspect],
            [[pair for pair in said if pair[0] in cues] for said in told],
        )
        for metric in ("unsupported_cue_rate", "contradicted_cue_rate", "cue_recall"):
            assert value_of(found, f"{metric}_{aspect}") == pytest.approx(only[metric]), (metric, aspect)


def test_a_group_with_invented_cues_is_found_and_its_clean_twin_is_not(judge: Judge, findings: Findings) -> None:
    planted = findings(judge(*world(n_speakers=60, truth_by={"Irish": 0.9, "Welsh": 0.1})[:2], ("accent",)))
    clean = findings(judge(*world(n_speakers=60, truth=0.5, seed=1)[:2], ("accent",)))
    gap, quiet = (told["unsupported_cue_rate_difference", "gap"] for told in (planted, clean))
    assert gap.highest == "Welsh"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.1
    assert quiet.estimate.interval is not None
    assert quiet.estimate.interval.low == 0.0


def test_the_published_example_cites_a_lip_corner_that_nobody_saw(judge: Judge, testify: Any) -> None:
    """Sadness by `AU1+AU15` and "no prior anger", where inner brows, gaze and tightened lips were observed."""
    observed = [
        ("u0", "face", "inner brow raise"),
        ("u0", "face", "downward gaze"),
        ("u0", "face", "tightened lips"),
        ("u0", "content", "I have not slept for days"),
        ("u0", "content", "no earlier turns"),
    ]
    table = pd.DataFrame({"utterance_id": ["u0"], "y_pred": ["sadness"], "condition": ["TAV"]})
    frame = table.assign(rationale="AU1+AU15 with tightened lips and no prior anger point to sadness.")
    testimony = testify(judge(frame, observed))
    cues = testimony.exhibits[2].table().to_pandas().set_index("cue")
    assert cues.loc["AU1", ["stated", "supported"]].tolist() == [1, 1]
    assert cues.loc["AU15", ["stated", "supported", "unknown"]].tolist() == [1, 0, 0]
    assert cues.loc["tight lips", ["stated", "supported"]].tolist() == [1, 1]
    assert cues.loc["earlier anger", ["denied", "supported", "unknown"]].tolist() == [1, 0, 0]
    told = {claim.finding.metric: claim.finding.estimate.value for claim in testimony.claims}
    assert told["unsupported_cue_rate"] == 0.5
    assert told["unsupported_cue_rate_face"] == pytest.approx(1 / 3)
    assert told["cue_recall"] == pytest.approx(2 / 3), "the gaze was seen and not told"


def test_a_claim_of_the_past_is_unknown_where_nobody_wrote_words_down(
    judge: Judge, testify: Any, frame_of: Frame
) -> None:
    testimony = testify(judge(frame_of(["no prior anger, AU1"]), [("u0", "face", "AU1")]))
    (refusal,) = testimony.refusals
    assert refusal.run == "run"
    assert "nobody wrote down what was said" in refusal.because


def test_an_aspect_that_nobody_measured_is_refused_and_the_rest_is_answered(
    judge: Judge, testify: Any, frame_of: Frame
) -> None:
    rationales = ['AU1, the pitch is raised, and he says "never again" in the rain.'] * 6
    testimony = testify(judge(frame_of(rationales), [(f"u{i}", "face", "AU1") for i in range(6)]))
    assert [refusal.because.split(":")[0] for refusal in testimony.refusals] == [
        "nobody measured the voice",
        "nobody wrote down what was said",
        "nobody described the scene",
    ]
    assert all("6 cues of it are unknown" in refusal.because and refusal.remedy for refusal in testimony.refusals)
    told = {claim.finding.metric: claim.finding.estimate.value for claim in testimony.claims}
    assert told["unsupported_cue_rate"] == 0.0
    assert told["unknown_cue_share"] == pytest.approx(0.75)


def test_a_template_wins_the_recall_and_loses_the_precision(judge: Judge, findings: Findings) -> None:
    frame, evidence, _ = world(seed=2)
    everything = ". ".join(WORDS.get(cue, cue) for cue in ASPECT)
    told = findings(judge(frame.assign(rationale=f"It is that. {everything}."), evidence))
    assert value_of(told, "cue_recall") == 1.0
    assert value_of(told, "unsupported_cue_rate") == pytest.approx(value_of(told, "unsupported_cue_rate_template"))
    assert value_of(told, "cue_precision_excess") == pytest.approx(0.0, abs=0.03)
    assert any("mentions everything" in caveat for caveat in told["cue_recall", "everybody"].caveats)


def test_a_cue_of_a_modality_that_was_not_shown_is_unsupported_even_where_it_is_true(
    judge: Judge, testify: Any, frame_of: Frame
) -> None:
    evidence = [("u0", "face", "AU1"), ("u0", "tone", "raised pitch"), ("u1", "face", "AU1")]
    frame = frame_of(["AU1 and raised pitch", "no AU1 is there"], condition="TA")
    told = {c.finding.metric: c.finding.estimate.value for c in testify(judge(frame, evidence)).claims}
    assert told["unsupported_cue_rate_face"] == 1.0
    assert told["unsupported_cue_rate_tone"] == 0.0
    assert told["unknown_cue_share"] == 0.0
    assert told.get("cue_recall_face") is None


def controls(testimony: Testimony, control: str) -> pd.DataFrame:
    table = testimony.exhibits[1].table().to_pandas()
    return table[table["control"] == control].set_index("aspect")


def test_a_scene_is_seen_or_heard_and_never_read(judge: Judge, testify: Any, frame_of: Frame) -> None:
    evidence = [(f"u{i}", "scene", "music") for i in range(4)]
    rates = {}
    for shown in ("TA", "TV", "T"):
        testimony = testify(judge(frame_of(["There is music."] * 4, condition=shown), evidence))
        rates[shown] = {c.finding.metric: c.finding.estimate.value for c in testimony.claims}["unsupported_cue_rate"]
    assert rates == {"TA": 0.0, "TV": 0.0, "T": 1.0}


def test_what_mentions_everything_mentions_what_is_shown(judge: Judge, testify: Any, frame_of: Frame) -> None:
    looked_for = (("face", "AU1", 1), ("face", "AU4", 0), ("tone", "raised pitch", 1), ("tone", "loud voice", 0))
    evidence = [(f"u{i}", *cell) for i in range(4) for cell in looked_for]
    testimony = testify(judge(frame_of(["AU1 and raised pitch"] * 4, condition="TA"), evidence))
    everything = controls(testimony, "a rationale that mentions everything")
    assert everything.loc["face", "checked"] == 0.0
    assert everything.loc["tone", ["checked", "precision", "recall"]].tolist() == [8.0, 0.5, 1.0]


def test_few_stand_ins_weigh_as_much_as_many(judge: Judge, testify: Any, frame_of: Frame) -> None:
    frame = frame_of(["AU1 is there"] * 12, y_pred=["joy"] * 10 + ["fear"] * 2)
    others = controls(
        testify(judge(frame, [(f"u{i}", "face", "AU1") for i in range(12)])),
        "rationales of others with the same answer",
    )
    assert others.loc["face", ["checked", "precision"]].tolist() == [12.0, 1.0]


def test_chinese_rationales_and_chinese_evidence_meet_english_ones(
    judge: Judge, findings: Findings, frame_of: Frame
) -> None:
    rationales = ["他嘴角下垂，没有微笑，他说“我很好”。", "AU15 and no smile; he says “我很好”."] * 3
    evidence = [(f"u{i}", *cell) for i in range(6) for cell in (("face", "嘴角下垂"), ("content", "嗯，我很好。"))]
    told = findings(judge(frame_of(rationales), evidence))
    assert value_of(told, "cue_atoms_per_rationale") == 3.0
    assert value_of(told, "unsupported_cue_rate") == 0.0
    assert value_of(told, "cue_recall") == 1.0


def test_supplied_as_it_is_everything_was_shown(judge: Judge, findings: Findings, frame_of: Frame) -> None:
    frame = frame_of(["AU1 is there"] * 6).drop(columns="condition")
    told = findings(judge(frame, [(f"u{i}", "face", "AU1") for i in range(6)]))
    assert value_of(told, "unsupported_cue_rate") == 0.0


def test_what_cannot_be_read_takes_no_part_and_is_counted(judge: Judge, findings: Findings, frame_of: Frame) -> None:
    strange = [
        "",
        "Der Ton ist tief und das Gesicht ist starr, das ist nicht die Freude AU1.",
        "怒っているように見えますとてもとても AU4",
        "<" * 4000 + "AU1",
        "AU1 " + "and so on " * 4000,
        "AU1 is there",
        "他皱眉，AU1",
    ]
    told = findings(judge(frame_of(strange), [(f"u{i}", "face", "AU1") for i in range(len(strange))]))
    caveats = " ".join(told["unsupported_cue_rate", "everybody"].caveats)
    assert "1 judgements have no rationale" in caveats
    assert "1 rationales are too long" in caveats
    assert "in neither English nor Chinese" in caveats
    assert told["unsupported_cue_rate", "everybody"].estimate.n < len(strange)


def test_nothing_to_be_read_is_a_refusal(judge: Judge, frame_of: Frame) -> None:
    case = judge(frame_of([" ", "", "..."]), [("u0", "face", "AU1")])
    testimony = EXAMINATION.examine(case)
    assert not testimony.claims
    assert "rationale that can be read" in testimony.refusals[0].because


def test_without_corpus_and_table_it_is_refused_with_words_for_the_supplier(frame_of: Frame) -> None:
    refusal = EXAMINATION.refuses(case_of(frame_of(["AU1"]), ()))
    assert refusal is not None
    assert "neither a corpus nor a table" in refusal.because
    assert "evidence" in refusal.remedy


def test_row_order_and_names_of_labels_change_nothing(judge: Judge, findings: Findings) -> None:
    frame, evidence, _ = world(n_speakers=12, seed=7)
    first = findings(judge(frame, evidence, ("accent",)))
    names = {"anger": "zorn", "joy": "freude"}
    other = frame.sample(frac=1, random_state=3).replace({"y_pred": names})
    second = findings(judge(other, evidence[::-1], ("accent",)))
    assert first.keys() == second.keys()
    for key, finding in first.items():
        if finding.estimate.value is not None:
            assert value_of(second, *key) == pytest.approx(finding.estimate.value), key


def test_a_table_on_disk_gives_the_same_as_one_in_memory(judge: Judge, testify: Any, tmp_path: Path) -> None:
    frame, evidence, _ = world(n_speakers=12, seed=8)
    frame.to_parquet(tmp_path / "t.parquet")
    told = []
    for limit in (10_000, 1):
        reading = Reading(run="run", by=("accent",), in_memory_rows=limit, batch_rows=17)
        runs = {"run": read_predictions(tmp_path / "t.parquet", reading)}
        case = judge(frame, evidence, ("accent",))
        book = EvidenceBook(runs=runs, by=("accent",), statistics=case.statistics, seed=0)
        testimony: Testimony = testify(replace(case, runs=runs, book=book))
        told.append([claim.finding for claim in testimony.claims])
    assert told[0] == told[1]


def test_repetitions_are_judgements_and_never_their_own_control(judge: Judge, findings: Findings) -> None:
    frame, evidence, _ = world(n_speakers=12, seed=9)
    twice = pd.concat([frame.assign(repeat=0), frame.assign(repeat=1)], ignore_index=True)
    once, again = findings(judge(frame, evidence)), findings(judge(twice, evidence))
    assert value_of(again, "unsupported_cue_rate") == pytest.approx(value_of(once, "unsupported_cue_rate"))
    assert again["unsupported_cue_rate", "everybody"].estimate.n == 2 * len(frame)
    assert value_of(again, "cue_precision_excess") > 0.05, "a rationale of the same utterance is no stand-in"


def test_without_ids_rows_are_units_and_each_is_counted(judge: Judge, testify: Any, frame_of: Frame) -> None:
    frame = frame_of(["AU1 is there"] * 6 + ["AU4 is there"] * 2).drop(columns="speaker_id")
    testimony = testify(judge(frame, [(f"u{i}", "face", "AU1") for i in range(8)]))
    own = testimony.exhibits[1].table().to_pandas().query("control == 'the rationales' and aspect == 'face'")
    assert own[["checked", "precision", "recall"]].to_numpy().tolist() == [[8.0, 0.75, 0.75]]
    told = {claim.finding.metric: claim.finding.estimate for claim in testimony.claims}
    assert told["unsupported_cue_rate"].value == 0.25
    assert told["unsupported_cue_rate"].n_clusters is None


def test_weights_weigh_judgements(judge: Judge, findings: Findings, frame_of: Frame) -> None:
    frame = frame_of(["AU1 is there", "AU4 is there"] * 4, weight=[3.0, 1.0] * 4)
    told = findings(judge(frame, [(f"u{i}", "face", "AU1") for i in range(8)]))
    assert value_of(told, "unsupported_cue_rate") == pytest.approx(0.25)


def test_evidence_of_other_utterances_is_told(judge: Judge, testify: Any, frame_of: Frame) -> None:
    testimony = testify(judge(frame_of(["AU1 is there"] * 6), [("elsewhere", "face", "AU1")]))
    (refusal,) = testimony.refusals
    assert "nobody measured the face" in refusal.because
    first = testimony.claims[0].finding
    assert first.estimate.value is None
    assert "the table of the plan has rows of 0 of 6 judged utterances" in first.caveats


def test_what_a_list_leaves_out_is_told(judge: Judge, findings: Findings, frame_of: Frame) -> None:
    listed = findings(judge(frame_of(["AU1 is there"] * 6), [(f"u{i}", "face", "AU1") for i in range(6)]))
    record = findings(judge(frame_of(["AU1 is there"] * 6), [(f"u{i}", "face", "AU1", i % 2) for i in range(6)]))
    said = [told["unsupported_cue_rate", "everybody"].caveats for told in (listed, record)]
    assert any("what it does not name counts as not there" in caveat for caveat in said[0])
    assert not any("does not name" in caveat for caveat in said[1])


def test_stand_ins_have_the_same_answer_and_are_of_other_utterances() -> None:
    frame, _, _ = world(n_speakers=2, each=5)
    often = pd.concat([frame.assign(repeat=repeat) for repeat in range(12)], ignore_index=True)
    predictions = case_of(often, ()).runs["run"]
    judged = read_judged(predictions, (), "TAV")
    partners = stand_ins(judged, np.random.default_rng(0))
    told = partners != NOBODY
    assert told.sum(axis=1).min() >= 2, "repetitions do not stand in the way"
    own = np.broadcast_to(np.arange(len(judged))[:, None], partners.shape)[told]
    other = partners[told]
    assert told.any(axis=1).all()
    assert (judged.rows["y_pred"][own] == judged.rows["y_pred"][other]).all()
    assert (judged.utterance[own] != judged.utterance[other]).all()


@pytest.mark.parametrize(
    ("columns", "row", "error", "said"),
    [
        (["utterance_id", "cue"], ["u0", "AU1"], ColumnError, "no column aspect"),
        (["utterance_id", "aspect", "cue"], ["u0", "smell", "AU1"], RowError, "aspect of a row"),
        (["utterance_id", "aspect", "cue", "present"], ["u0", "face", "AU1", "perhaps"], RowError, "present of a row"),
        (["utterance_id", "aspect", "cue", "value"], ["u0", "face", "AU1", "high"], RowError, "value of a row"),
    ],
)
def test_a_table_of_evidence_that_is_none_says_what_is_wrong(
    columns: list[str], row: list[str], error: type[InputError], said: str, tmp_path: Path, frame_of: Frame
) -> None:
    pd.DataFrame([row], columns=columns).to_csv(tmp_path / "e.csv", index=False)
    case = replace(case_of(frame_of(["AU1"]), (), options={"evidence": "e.csv"}), folder=tmp_path)
    with pytest.raises(error, match=said) as raised:
        EXAMINATION.examine(case)
    assert raised.value.remedy


def test_unknown_options_are_refused_in_words(frame_of: Frame) -> None:
    with pytest.raises(PlanError, match="evidence"):
        EXAMINATION.refuses(case_of(frame_of(["AU1"]), (), options={"evidnce": "x"}))


def test_controls_stand_beside_every_number(judge: Judge, findings: Findings) -> None:
    told = findings(judge(*world(n_speakers=12)[:2], ("accent",)))
    drawn = told["unsupported_cue_rate_random", "Irish"].caveats
    assert any("of face, tone and scene alone" in caveat for caveat in drawn)
    named = {each.split("/")[3] for each in told["unsupported_cue_rate", "Irish"].controls or ()}
    assert named == {
        "unsupported_cue_rate_shuffled",
        "unsupported_cue_rate_random",
        "unsupported_cue_rate_template",
        "cue_recall_shuffled",
    }
