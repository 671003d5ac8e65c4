"""Shapley values, ablations and interactions against slow obvious twins; the laws; hostile tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import permutations
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.conditions import Condition
from affidavit.gaps import GapKind, measure_gap
from affidavit.plan import AuditPlan, Choice, RunSource, read_plan
from affidavit.predictions import Reading
from affidavit.protocols import silent
from affidavit.records import Finding
from affidavit.registry import Door, load
from affidavit.run import audit, examine
from affidavit.sources import load_run
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from affidavit.testing.tables import FAST
from audit.modalities.disparity import EXAMINATION as DISPARITY
from faithfulness.reliance.examination import EXAMINATION
from faithfulness.reliance.games import alternating_weights
from faithfulness.reliance.judged import read_judged
from faithfulness.reliance.operators import fullest, removals, unread
from faithfulness.reliance.panel import panel_of
from faithfulness.reliance.prior import constant_guess
from faithfulness.reliance.signed_gaps import signed_gap

ROOT = Path(__file__).resolve().parents[3]
SEVEN = ("TAV", "TA", "TV", "AV", "T", "A", "V")
RESAMPLED = tuple(f"TAV/resampled={letters}" for letters in ("V", "A", "T", "AV", "TV", "TA", "TAV"))
CONTRACT = (*SEVEN, "TAV/resampled=V", "TAV/permuted=A", "TAV/additive")
NAMES = {"T": "text", "A": "audio", "V": "video"}
Asked = Callable[..., pd.DataFrame]
Told = Mapping[tuple[str, str, str], Finding]
Findings = Callable[..., Told]


def value(told: Told, metric: str, condition: str = "TAV", group: str = "everybody") -> float:
    found = told[metric, condition, group].estimate.value
    assert found is not None
    return found


def exhibit(frame: pd.DataFrame, name: str, by: tuple[str, ...] = ("accent",)) -> pd.DataFrame:
    testimony = EXAMINATION.examine(case_of(frame, by))
    (table,) = (e for e in testimony.exhibits if e.id == name)
    return pd.DataFrame(dict(table.values))


def accuracies(frame: pd.DataFrame, removed: Callable[[str], str]) -> dict[str, float]:
    """Return the accuracy with each set of letters left, read off rows one by one; nobody is the commonest label."""
    right = frame.assign(right=frame["y_true"] == frame["y_pred"]).groupby("condition")["right"].mean()
    sets = ["".join(c for c in "TAV" if c in letters) for letters in ("TAV", "TA", "TV", "AV", "T", "A", "V")]
    return {letters: float(right[removed(letters)]) for letters in sets}


def shapley_by_orders(values: Mapping[str, float], players: str) -> dict[str, float]:
    """Return what each player adds to those before it, averaged over all orders of arrival: the definition."""
    shares = dict.fromkeys(players, 0.0)
    orders = list(permutations(players))
    for order in orders:
        there = ""
        for player in order:
            after = "".join(c for c in players if c in there + player)
            shares[player] += (values[after] - values[there]) / len(orders)
            there = after
    return shares


class TestContract(ExaminationContract):
    examination: ClassVar[Any] = EXAMINATION

    def make_case(self) -> Case:
        frame = predictions_frame(n_speakers=24, per_speaker=8, conditions=CONTRACT)
        rng = np.random.default_rng(1)
        likely = np.array([frame["y_pred"] == label for label in ("anger", "joy", "sadness")]).T * 2.0
        shares = rng.random(likely.shape) + likely
        shares /= shares.sum(axis=1, keepdims=True)
        return case_of(frame.assign(**{f"prob_{k}": shares[:, i] for i, k in enumerate(("anger", "joy", "sadness"))}))


def test_shapley_values_are_the_average_over_orders_of_arrival(asked: Asked, told: Findings) -> None:
    frame = asked((*SEVEN, *RESAMPLED))
    found = told(frame)
    games: dict[str, dict[str, float]] = {
        "TAV": accuracies(frame, lambda letters: letters)
        | {"": float((frame["y_true"] == frame["y_true"].mode()[0]).mean())},
        "TAV/resampled": {
            "TAV": float((frame["y_true"] == frame["y_pred"])[frame["condition"] == "TAV"].mean()),
            **{
                "".join(c for c in "TAV" if c not in name.split("=")[1]): float(
                    (frame["y_true"] == frame["y_pred"])[frame["condition"] == name].mean()
                )
                for name in RESAMPLED
            },
        },
    }
    for condition, values in games.items():
        shares = shapley_by_orders(values, "TAV")
        for letter, share in shares.items():
            assert value(found, f"modality_shapley_{NAMES[letter]}", condition) == pytest.approx(share, abs=1e-12)
            lost = values["TAV"] - values["TAV".replace(letter, "")]
            assert value(found, f"modality_ablation_{NAMES[letter]}", condition) == pytest.approx(lost, abs=1e-12)
        pair = values["TA"] - values["T"] - values["A"] + values[""]
        assert value(found, "modality_interaction_text_audio", condition) == pytest.approx(pair, abs=1e-12)
        three = values["TAV"] - values["TA"] - values["TV"] - values["AV"]
        three += values["T"] + values["A"] + values["V"] - values[""]
        assert value(found, "modality_interaction_text_audio_video", condition) == pytest.approx(three, abs=1e-12)


def test_groups_have_their_own_shapley_values(asked: Asked, told: Findings) -> None:
    frame = asked(SEVEN)
    found = told(frame)
    commonest = frame["y_true"].mode()[0]
    for accent, own in frame.groupby("accent"):
        values = accuracies(own, lambda letters: letters) | {"": float((own["y_true"] == commonest).mean())}
        for letter, share in shapley_by_orders(values, "TAV").items():
            metric = f"modality_shapley_{NAMES[letter]}"
            assert value(found, metric, group=str(accent)) == pytest.approx(share, abs=1e-12)


def test_shares_sum_to_the_whole_in_every_group_measure_and_operator(asked: Asked) -> None:
    frame = asked((*SEVEN, *RESAMPLED), noise=0.3, repeats=2)
    shares = exhibit(frame, "reliance-by-modality")
    values = exhibit(frame, "reliance-coalitions")
    ends = {"TAV": ("TAV", "nothing"), "TAV/resampled": ("TAV", "TAV/resampled=TAV")}
    endings = {"accuracy": "", "unweighted_average_recall": "_recall", "answer_probability": "_probability"}
    checked = 0
    for condition, (everybody, nobody) in ends.items():
        for measure, ending in endings.items():
            for group in ("everybody", "Irish", "Welsh"):
                of = (values["metric"] == measure) & (values["group"] == group)
                whole, none = (
                    float(values[of & (values["condition"] == c)]["value"].item()) for c in (everybody, nobody)
                )
                named = {f"modality_shapley{ending}_{name}" for name in NAMES.values()}
                own = (shares["condition"] == condition) & (shares["group"] == group) & shares["metric"].isin(named)
                assert own.sum() == 3
                assert float(shares[own]["value"].sum()) == pytest.approx(whole - none, abs=1e-11)
                checked += 1
    assert checked == 18


def test_recall_and_probability_are_what_their_names_say(asked: Asked) -> None:
    frame = asked(SEVEN, noise=0.3)
    values = exhibit(frame, "reliance-coalitions", ()).set_index(["metric", "condition"])["value"]
    answers = frame[frame["condition"] == "TAV"].set_index("utterance_id")["y_pred"]
    common = frame["y_true"].value_counts(normalize=True)
    for condition, rows in frame.groupby("condition"):
        recalls = [(own["y_true"] == own["y_pred"]).mean() for _, own in rows.groupby("y_true")]
        assert values["unweighted_average_recall", condition] == pytest.approx(np.mean(recalls), abs=1e-12)
        given = [row[f"prob_{answers[row['utterance_id']]}"] for _, row in rows.iterrows()]
        assert values["answer_probability", condition] == pytest.approx(np.mean(given), abs=1e-12)
    assert values["unweighted_average_recall", "nothing"] == pytest.approx(1 / 3)
    assert values["answer_probability", "nothing"] == pytest.approx(np.mean([common[a] for a in answers]), abs=1e-12)


def test_the_game_is_that_of_modality_borne_disparity(asked: Asked) -> None:
    frame = asked(SEVEN, noise=0.2)
    theirs: dict[tuple[str, str], float] = {}
    for table in DISPARITY.examine(case_of(frame, ("accent",))).exhibits:
        if table.id == "modality-contributions":
            rows = pd.DataFrame(dict(table.values))
            theirs = {(row["group"], row["metric"]): row["value"] for _, row in rows.iterrows()}
    ours = exhibit(frame, "reliance-by-modality").set_index(["group", "metric"])["value"]
    assert theirs
    for (group, metric), expected in theirs.items():
        name = metric.rsplit("_", 1)[1]
        ending = "_recall" if metric.startswith("unweighted") else ""
        stem = "modality_shapley" if "contribution" in metric else "modality_ablation"
        assert ours[group, f"{stem}{ending}_{name}"] == pytest.approx(expected, abs=1e-12)


def test_two_modalities_make_a_game_and_their_index_is_their_interaction(asked: Asked, told: Findings) -> None:
    frame = asked(("TA", "T", "A", "TA/zeroed=T", "TA/zeroed=A", "TA/zeroed=AT"))
    found = told(frame)
    values = {c: float((own["y_true"] == own["y_pred"]).mean()) for c, own in frame.groupby("condition")}
    values[""] = values["TA/zeroed=AT"]
    pair = values["TA"] - values["TA/zeroed=A"] - values["TA/zeroed=T"] + values[""]
    assert value(found, "modality_interaction_text_audio", "TA/zeroed") == pytest.approx(pair)
    assert ("modality_shapley_video", "TA", "everybody") not in found
    assert ("modality_operator_rank_agreement", "TA/zeroed", "everybody") in found


def test_without_a_whole_game_there_are_ablations_by_group_with_gaps(asked: Asked, told: Findings) -> None:
    frame = asked(("TAV", "TA", "TAV/mean=V"))
    found = told(frame)
    assert {metric for metric, *_ in found} == {
        "modality_ablation_video",
        "modality_ablation_video_difference",
        "modality_operator_difference_video",
    }
    assert ("modality_ablation_video", "TAV", "Welsh") in found
    assert ("modality_ablation_video_difference", "TAV/mean", "gap") in found
    mixed = told(asked(("TAV", "TA", *RESAMPLED)))  # the first operator that tells a number tells it by group
    assert ("modality_ablation_video", "TAV", "Welsh") in mixed
    assert ("modality_shapley_text", "TAV/resampled", "Welsh") in mixed
    assert any(
        c.startswith("never removed: text, audio")
        for c in found["modality_ablation_video_difference", "TAV", "gap"].caveats
    )


def test_one_operator_alone_says_that_the_number_hangs_on_it(asked: Asked, told: Findings) -> None:
    alone, two = told(asked(SEVEN)), told(asked((*SEVEN, *RESAMPLED)))
    assert all(any("hangs on it" in c for c in finding.caveats) for finding in alone.values())
    assert not any("hangs on it" in c for finding in two.values() for c in finding.caveats)
    parted = told(asked(("TAV", "TA", "TAV/zeroed=T", "TAV/zeroed=V")))
    for metric, operator, said in (("video", "TAV", None), ("text", "TAV/zeroed", "text")):
        caveats = [c for c in parted[f"modality_ablation_{metric}", operator, "everybody"].caveats if "hangs" in c]
        assert caveats == (
            [] if said is None else [f"the table removes {said} in one way only: what is said of it hangs on it"]
        )
    for condition in ("TAV/additive", "TAV/permuted-within-label=V"):
        for finding in told(asked(("TAV", condition))).values():
            hangs = [c for c in finding.caveats if "hangs on it" in c]
            assert hangs == (
                ["the table removes video in one way only: what is said of it hangs on it"]
                if "V" in condition[3:]
                else []
            )


def test_every_number_stands_beside_repetition(asked: Asked, told: Findings) -> None:
    silent, noisy = told(asked(SEVEN)), told(asked(SEVEN, repeats=3, noise=0.4))
    assert all(any("no repetitions" in c for c in finding.caveats) for finding in silent.values())
    for (metric, _, group), finding in noisy.items():
        if metric != "repeat_flip_rate" and group != "gap":
            assert finding.controls == (noisy["repeat_flip_rate", "TAV", group].id,)


def test_noise_is_the_share_of_pairs_of_repetitions_that_differ(asked: Asked, told: Findings) -> None:
    frame = asked(SEVEN, repeats=3, noise=0.4)
    differing = []
    for _, own in frame[frame["condition"] == "TAV"].groupby("utterance_id"):
        answers = list(own["y_pred"])
        differing += [a != b for i, a in enumerate(answers) for b in answers[i + 1 :]]
    assert value(told(frame), "repeat_flip_rate") == pytest.approx(np.mean(differing), abs=1e-12)


def test_what_has_no_twin_takes_no_part_and_is_counted(asked: Asked, told: Findings) -> None:
    frame = asked(SEVEN)
    lost = (frame["condition"] == "A") & frame["utterance_id"].isin(["u0", "u1", "u2"])
    baseless = (frame["condition"] == "TAV") & (frame["utterance_id"] == "u9")
    kept = frame[~(lost | baseless)]
    whole = frame[~frame["utterance_id"].isin(["u0", "u1", "u2", "u9"])]
    found = told(kept)
    for name in NAMES.values():
        metric = f"modality_shapley_{name}"
        assert value(found, metric) == pytest.approx(value(told(whole), metric), abs=1e-12)
    caveats = found["modality_shapley_text", "TAV", "everybody"].caveats
    assert any(c.startswith("3 utterances were not judged under each of") for c in caveats)
    assert "1 utterances were not judged under TAV" in caveats


def test_contradictory_labels_take_no_part_and_are_counted(asked: Asked, told: Findings) -> None:
    frame = asked(SEVEN)
    row = frame.index[(frame["condition"] == "A") & (frame["utterance_id"] == "u3")]
    frame.loc[row, "y_true"] = "joy" if frame.loc[row[0], "y_true"] != "joy" else "anger"
    finding = told(frame)["modality_shapley_text", "TAV", "everybody"]
    assert "1 utterances have more than one reference label" in finding.caveats
    assert finding.estimate.n == 24 * 8 - 1


def test_repetitions_are_averaged_and_weights_weigh(asked: Asked, told: Findings) -> None:
    frame = asked(("TAV", "TA"), repeats=2, noise=0.4)
    number = frame["utterance_id"].str[1:].astype(int)
    weighted = frame.assign(weight=1.0 + number % 3)
    right = (weighted["y_true"] == weighted["y_pred"]).astype(float)
    by = {
        condition: np.average(right[weighted["condition"] == condition], weights=own["weight"])
        for condition, own in weighted.groupby("condition")
    }
    assert value(told(weighted), "modality_ablation_video") == pytest.approx(by["TAV"] - by["TA"], abs=1e-12)


def test_the_order_of_rows_and_how_they_are_read_do_not_matter(asked: Asked) -> None:
    frame = asked((*SEVEN, *RESAMPLED), repeats=2, noise=0.3, n_speakers=12)
    shuffled = frame.sample(frac=1.0, random_state=1)
    streamed = Reading(run="run", by=("accent",), in_memory_rows=0, batch_rows=97)
    cases = [case_of(frame, ("accent",)), case_of(shuffled, ("accent",)), case_of(frame, ("accent",), reading=streamed)]
    findings = [[claim.finding for claim in EXAMINATION.examine(case).claims] for case in cases]
    assert findings[0] == findings[2]
    assert findings[0] == findings[1]


def test_several_runs_instructions_and_reasoners_are_not_mixed_up(asked: Asked, told: Findings) -> None:
    first, second = asked(SEVEN, seed=1), asked(SEVEN, seed=1, weights=(0.0, 0.0, 1.0))
    both = pd.concat([first.assign(reasoner="first"), second.assign(reasoner="second")])
    mean = (value(told(first), "modality_shapley_video") + value(told(second), "modality_shapley_video")) / 2
    assert value(told(both), "modality_shapley_video") == pytest.approx(mean, abs=1e-12)


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_group_that_gets_text_alone_is_found_and_its_clean_twin_is_not(
    asked: Asked, told: Findings, noise: float
) -> None:
    """Without noise the group's values are exactly 0 in every unit: no spread, and yet it is compared."""
    planted = told(asked(SEVEN, n_speakers=60, deaf="Welsh", weights=(1.0, 1.1, 0.6), noise=noise))
    clean = told(asked(SEVEN, n_speakers=60, weights=(1.0, 1.1, 0.6), noise=noise))
    found, silent = (each["modality_shapley_audio_difference", "TAV", "gap"] for each in (planted, clean))
    assert found.test is not None
    assert found.test.p_value <= 0.02  # twice the least that 99 permutations can say
    assert found.highest == "Irish"
    assert silent.test is not None
    assert silent.test.p_value > 0.05
    deaf = planted["modality_shapley_video", "TAV", "Welsh"].estimate
    assert deaf.value == pytest.approx(0.0, abs=0.08)


def test_a_modality_that_is_never_used_bears_nothing_and_has_an_interval(asked: Asked, told: Findings) -> None:
    found = told(asked((*SEVEN, *RESAMPLED), weights=(1.0, 0.0, 0.0)))
    for condition in ("TAV", "TAV/resampled"):
        estimate = found["modality_ablation_video", condition, "everybody"].estimate
        assert estimate.value == 0
        assert estimate.interval is not None
        missed = 1 - 0.025 ** (1 / 24)  # Clopper, Pearson over 24 units of which none differs
        assert (estimate.interval.low, estimate.interval.high) == pytest.approx((-missed, missed))


HOSTILE = (
    "",
    "x" * 200_000,
    "他的声音在颤抖",
    "<script>alert(1)</script> | **bold** {{7*7}}",
    "the face; the smell; the video",
)


def test_gaps_are_those_of_all_examinations_where_there_is_spread(asked: Asked) -> None:
    case = case_of(asked(SEVEN, n_speakers=60, noise=0.3), ("accent",))
    judged = read_judged(case.runs["run"], ("accent",), "TAV", SEVEN[1:])
    panel = panel_of(case, judged, SEVEN, name="TAV")
    assert panel is not None
    evidence = panel.evidence(("accent",), "accuracy")
    for name in SEVEN:
        less = panel.weights({"TAV": 1.0}) - panel.weights({name: 1.0})
        statistic = panel.linear(name, "accuracy", less, bounds=(-1.0, 1.0), source="none")
        ours = signed_gap(evidence, statistic)
        theirs = measure_gap(evidence, [statistic], GapKind(name=f"{name}_difference", scale="difference"))
        if name != "TAV":
            assert (ours.value, ours.interval(0.95), ours.test()) == (
                theirs.value,
                theirs.interval(0.95),
                theirs.test(),
            )
        else:  # less itself it is nothing in every unit
            assert not theirs.defined
            assert ours.value == 0.0
            assert not isinstance(ours.interval(0.95), str)


def test_rationales_are_not_read_whatever_they_are(asked: Asked, told: Findings) -> None:
    frame = asked(("TAV", "TA", "TV", "AV"), n_speakers=6)
    texts = frame.assign(rationale=[HOSTILE[i % len(HOSTILE)] if i < 20 else "" for i in range(len(frame))])
    assert told(texts) == told(frame)


def test_strange_conditions_are_named_and_never_a_crash(asked: Asked, told: Findings) -> None:
    frame = asked(("TAV", "TA", "TV", "AV"))
    strange = [
        frame[frame["condition"] == "TAV"].assign(condition=name)
        for name in ("TAV/resampled", "TAV/zeroed=Q", "TAV/mean=VV", "TA/resampled=A", "TAV/unheard-of=3", "T/additive")
    ]
    found = told(pd.concat([frame, *strange]))
    finding = found["modality_ablation_text", "TAV", "everybody"]
    assert finding.estimate.value == value(told(frame), "modality_ablation_text")
    named = next(c for c in finding.caveats if c.startswith("conditions that name no modalities"))
    assert set(named.split(": ")[1].split(", ")) == {"TAV/mean=VV", "TAV/resampled", "TAV/zeroed=Q"}


@pytest.mark.parametrize(
    ("conditions", "because"),
    [
        (("TAV", "TAV/noise=10dB"), "no condition removes"),
        (("TAV", "A"), "no condition removes"),
        (("T", "T/noise=10dB"), "no condition removes"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_words_for_the_supplier(conditions: Any, because: str) -> None:
    refusal = EXAMINATION.refuses(case_of(predictions_frame(n_speakers=4, conditions=conditions)))
    assert refusal is not None
    assert because in refusal.because
    assert "ask the supplier" in refusal.remedy


def test_without_labels_or_known_modalities_it_is_refused() -> None:
    frame = predictions_frame(n_speakers=4, conditions=("TAV", "TA"))
    unlabelled = EXAMINATION.refuses(case_of(frame.drop(columns="y_true")))
    assert unlabelled is not None
    assert "y_true" in unlabelled.because
    sized = EXAMINATION.refuses(case_of(frame, options={"most_rows": 10}))
    assert sized is not None
    assert "most_rows" in sized.remedy


def test_utterances_that_never_meet_are_refused_and_not_a_crash(asked: Asked) -> None:
    frame = asked(("TAV", "TA"), n_speakers=4)
    apart = frame.assign(utterance_id=frame["utterance_id"] + frame["condition"])
    testimony = EXAMINATION.examine(case_of(apart, ("accent",)))
    assert not testimony.claims
    assert {refusal.run for refusal in testimony.refusals} == {"run"}


def test_operators_with_nothing_in_common_are_told_and_not_compared(asked: Asked) -> None:
    testimony = EXAMINATION.examine(case_of(asked(("TAV", "TA", "TAV/zeroed=T"), n_speakers=8), ("accent",)))
    metrics = {claim.finding.metric for claim in testimony.claims}
    assert {"modality_ablation_video", "modality_ablation_text"} <= metrics
    assert [refusal.because for refusal in testimony.refusals] == [
        "the operators absent and zeroed have no modality, or no utterance, in common"
    ]


def test_a_single_speaker_has_values_and_says_why_no_intervals(asked: Asked, told: Findings) -> None:
    found = told(asked(SEVEN, n_speakers=1))
    estimate = found["modality_shapley_text", "TAV", "everybody"].estimate
    assert estimate.interval is None
    assert estimate.why_no_interval is not None


def test_operators_are_read_whatever_the_order_of_letters() -> None:
    conditions = ["TAV", "TAV/resampled=VA", "TAV/resampled=AV", "TAV/resampled=T", "TAV/zeroed=v"]
    found = {o.name: dict(o.conditions) for o in removals(conditions, "TAV")}
    assert found == {"resampled": {"AV": "TAV/resampled=VA", "T": "TAV/resampled=T"}, "zeroed": {"V": "TAV/zeroed=v"}}
    assert fullest(["as-supplied"]) is None
    assert unread(conditions, "TAV") == ()


def test_interaction_weights_are_differences_of_differences() -> None:
    values = {frozenset(s): float(len(s) == 3) for s in ("", "T", "A", "V", "TA", "TV", "AV", "TAV")}
    game = [values[frozenset("TAV"[i] for i in range(3) if c >> i & 1)] for c in range(8)]
    assert alternating_weights(3, (0, 1, 2)) @ np.array(game) == 1.0
    assert alternating_weights(3, (0, 1)) @ np.array(game) == 0.0


def test_labels_about_as_common_share_the_guess() -> None:
    rng = np.random.default_rng(0)
    counts = rng.multinomial(20, (0.4, 0.4, 0.2), size=30).astype(float)
    assert constant_guess(counts).tolist() == [0.5, 0.5, 0.0]
    assert math.isclose(constant_guess(rng.random((3, 5))).sum(), 1.0)
    with pytest.raises(ValueError, match="unit"):
        constant_guess(np.zeros((0, 3)))


def test_people_who_saw_without_hearing_and_heard_without_seeing(real_data: Path) -> None:
    """CREMA-D has no text: a game of two, of which the face bears more; the same as modality-borne disparity finds."""
    path = ROOT / "examples" / "plans" / "crema_d_crowd.yaml"
    written = read_plan(path)
    corpus = {"name": "crema-d-votes", "options": {"path": str(real_data / "cremad_votes")}}
    runs = {"crowd": written.runs["crowd"].model_dump() | {"corpus": corpus}}
    plan = AuditPlan.model_validate(written.model_dump() | {"runs": runs, "policy": None})
    stand: Any = EXAMINATION
    loaded = list(load_run("crowd", plan.runs["crowd"], plan, path.parent, silent))
    report = examine(plan, loaded, examinations=[(stand, {})], policy=None)
    own = {f.metric: f for f in report.findings if not f.groups and f.compared is None}
    gaps = {f.metric: f for f in report.findings if f.compared == ("sex",)}
    voice, face = own["modality_shapley_audio"].estimate, own["modality_shapley_video"].estimate
    assert voice.value == pytest.approx(0.178, abs=0.001)
    assert face.value == pytest.approx(0.420, abs=0.001)
    assert (face.n, face.n_clusters) == (3985, 60)
    assert gaps["modality_shapley_audio_difference"].estimate.value == pytest.approx(0.040, abs=0.001)


def test_a_report_with_it_can_be_rendered(asked: Asked) -> None:
    frame = asked((*SEVEN, *RESAMPLED, "TAV/permuted=V", "TAV/additive"), n_speakers=12, repeats=2, noise=0.3)
    plan = AuditPlan(
        runs={"run": RunSource(table="frame")},
        statistics=FAST,
        examinations=(Choice(name="modality-reliance"),),
    )
    report = audit(frame, by=["accent"], plan=plan)
    assert report.findings
    for renderer in ("md", "json"):
        assert b"modality-reliance" in load(Door.RENDERERS, renderer).render(report)


def test_groups_are_findings_under_one_operator_and_an_exhibit_under_all(asked: Asked) -> None:
    exchanged = [f"TAV/{name}={c.split('=')[1]}" for name in ("zeroed", "mean", "permuted") for c in RESAMPLED]
    frame = asked((*SEVEN, *RESAMPLED, *exchanged), repeats=2, noise=0.2, n_speakers=12)
    case = case_of(frame, ("accent",))
    testimony = EXAMINATION.examine(case)
    told = [claim.finding for claim in testimony.claims if claim.finding.metric == "modality_shapley_text"]
    assert {f.condition for f in told if f.groups} == {"TAV"}
    everywhere = {"TAV", *(f"TAV/{name}" for name in ("resampled", "zeroed", "mean", "permuted"))}
    assert {f.condition for f in told} == everywhere
    assert {
        c.finding.condition for c in testimony.claims if c.finding.metric == "modality_shapley_text_difference"
    } == everywhere
    rows = testimony.exhibits[0].table().to_pandas()
    shown = rows[(rows["metric"] == "modality_shapley_text") & (rows["group"] == "Welsh")]
    assert set(shown["condition"]) == everywhere
    assert len(testimony.claims) < 110


def test_findings_are_few(asked: Asked) -> None:
    case = case_of(asked((*SEVEN, *RESAMPLED), repeats=2, noise=0.2), ("accent",))
    testimony = EXAMINATION.examine(case)
    assert len(testimony.claims) < 60
    assert all(str(Condition.parse(claim.finding.condition)) == claim.finding.condition for claim in testimony.claims)
