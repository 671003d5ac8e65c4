from collections.abc import Sequence
from itertools import permutations
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.conditions import modality_subsets
from affidavit.errors import PlanError
from affidavit.plan import AuditPlan, Feature, RunSource, read_plan
from affidavit.predictions import Reading
from affidavit.protocols import silent
from affidavit.records import Finding, Verdict
from affidavit.run import examine
from affidavit.sources import load_run
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from audit.modalities.disparity import EXAMINATION

SEVEN = tuple(str(condition) for condition in modality_subsets())
ROOT = Path(__file__).resolve().parents[3]


def seven(**changes: Any) -> pd.DataFrame:
    return predictions_frame(conditions=SEVEN, **changes)


def found(case: Case) -> dict[str, Finding]:
    assert EXAMINATION.refuses(case) is None
    findings = [claim.finding for claim in EXAMINATION.examine(case).claims]
    assert len({f.id for f in findings}) == len(findings)
    assert {f.metric for f in findings} <= EXAMINATION.metrics
    return {f.id.removeprefix("run/"): f for f in findings}


def commonest(frame: pd.DataFrame) -> pd.Series:
    """How often each label is guessed: those share it that no other outnumbers by two standard errors over speakers."""
    once = frame[frame["condition"] == frame["condition"].iloc[0]]
    counts = once.groupby(["speaker_id", "y_true"]).size().unstack(fill_value=0)
    kept = []
    for label in counts:
        more = [counts[other] - counts[label] for other in counts if other != label]
        kept += [label] if all(d.sum() <= 2 * d.std() * len(d) ** 0.5 for d in more) else []
    return pd.Series({label: (label in kept) / len(kept) for label in counts})


def accuracies(frame: pd.DataFrame, metric: str, guess: pd.Series) -> dict[str, float]:
    """Every set of modalities, the empty one too (how often `guess` names each label), from the definition."""
    right = (frame["y_true"] == frame["y_pred"]).astype(float)
    truth = frame["y_true"]
    if metric == "accuracy":
        values = right.groupby(frame["condition"]).mean().to_dict()
        values[""] = float(truth.map(guess).mean())
        return values
    values = right.groupby([frame["condition"], truth]).mean().groupby("condition").mean().to_dict()
    values[""] = 1 / truth.nunique()
    return values


def shapley_by_orders(values: dict[str, float], players: str) -> dict[str, float]:
    shares = dict.fromkeys(players, 0.0)
    for order in permutations(players):
        for i, player in enumerate(order):
            before = "".join(p for p in players if p in order[:i])
            after = "".join(p for p in players if p in order[: i + 1])
            shares[player] += (values[after] - values[before]) / factorial(len(players))
    return shares


NAMES = {"T": "text", "A": "audio", "V": "video"}


@pytest.mark.parametrize("metric", ["accuracy", "unweighted_average_recall"])
@pytest.mark.parametrize("players", ["TAV", "AV", "T"])
def test_equals_shapley_values_by_hand(metric: str, players: str) -> None:
    conditions = [c for c in SEVEN if set(c) <= set(players)]
    frame = predictions_frame(conditions=conditions)
    findings = found(case_of(frame))
    guess = commonest(frame)
    by_group = {g: accuracies(rows, metric, guess) for g, rows in frame.groupby("accent")}
    pair = findings[f"{players}/modality-disparity/{metric}_difference_all_modalities/between accent"]
    assert pair.highest is not None
    assert pair.lowest is not None
    high, low = by_group[pair.highest], by_group[pair.lowest]
    assert high[players] == max(v[players] for v in by_group.values())
    assert pair.estimate.value == pytest.approx(high[players] - low[players])
    expected = shapley_by_orders({s: high[s] - low[s] for s in high}, players)
    shares = {
        p: findings[f"{players}/modality-disparity/{metric}_difference_borne_by_{NAMES[p]}/between accent"]
        for p in players
    }
    assert {p: f.estimate.value for p, f in shares.items()} == pytest.approx(expected)
    balance = findings.get(f"{players}/modality-disparity/accuracy_difference_without_modalities/between accent")
    empty = balance.estimate.value if balance is not None and metric == "accuracy" else 0.0
    assert empty is not None
    assert sum(f.estimate.value or 0 for f in shares.values()) + empty == pytest.approx(pair.estimate.value)


def balanced(labels: tuple[str, str], *, more: int = 0) -> pd.DataFrame:
    """Two groups in which the labels are 2 to 1 and 1 to 2, so that over all they tie; `more` rows of the first."""
    rows = [(unit, row, int((row < 4) != (unit < 12))) for unit in range(24) for row in range(6)]
    rows += [(0, 6 + row, 1) for row in range(more)]
    unit, row, truth = np.array(rows).T
    parts = []
    for seed, condition in enumerate(SEVEN):
        right = np.random.default_rng(seed).random(200)[: len(rows)] < 0.7
        answer = np.where(right, truth, 1 - truth)
        parts.append(
            pd.DataFrame(
                {
                    "utterance_id": [f"u{u}-{r}" for u, r in zip(unit, row, strict=True)],
                    "speaker_id": [f"s{u}" for u in unit],
                    "accent": np.where(unit < 12, "X", "Y"),
                    "condition": condition,
                    "y_true": np.array(labels)[truth],
                    "y_pred": np.array(labels)[answer],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def test_shares_depend_on_no_label_name_and_on_no_single_row() -> None:
    """Where the commonest labels tie, a guess at one of them would turn every share with a name or with a row."""
    said = "about as common, so that without any modality each is guessed as often: anger, joy"
    place = "TAV/modality-disparity/accuracy_difference"
    named = [found(case_of(balanced(labels), by=("accent",))) for labels in (("anger", "joy"), ("zeal", "joy"))]
    one_more = found(case_of(balanced(("anger", "joy"), more=1), by=("accent",)))
    for part in ("without_modalities", "borne_by_text", "borne_by_audio", "borne_by_video"):
        first, second = (findings[f"{place}_{part}/between accent"].estimate for findings in named)
        assert first.value is not None
        assert second.value == pytest.approx(first.value)
        assert one_more[f"{place}_{part}/between accent"].estimate.value == pytest.approx(first.value, abs=0.02)
    assert named[0][f"{place}_without_modalities/between accent"].estimate.value == pytest.approx(0, abs=1e-12)
    assert said in named[0][f"{place}_without_modalities/between accent"].caveats


@pytest.mark.parametrize("share_right", [0.0, 1.0])
def test_where_all_groups_are_equal_two_different_ones_are_named_and_bounded(share_right: float) -> None:
    frame = seven()
    wrong = frame["y_true"].map({"anger": "joy", "joy": "sadness", "sadness": "anger"})
    frame["y_pred"] = frame["y_true"] if share_right else wrong
    findings = {n: f for n, f in found(case_of(frame)).items() if "between" in n}
    assert findings
    for name, finding in findings.items():
        assert finding.highest != finding.lowest, name
        assert any("stand for any pair" in caveat for caveat in finding.caveats)
        interval = finding.estimate.interval
        assert interval is not None
        assert interval.low <= (finding.estimate.value or 0.0) <= interval.high
    total = findings["TAV/modality-disparity/accuracy_difference_all_modalities/between accent"].estimate
    assert total.value == 0
    assert total.interval is not None
    assert total.interval.low == pytest.approx(-total.interval.high)


@pytest.mark.parametrize("metric", ["accuracy", "unweighted_average_recall"])
def test_each_group_stands_against_everybody_else(metric: str) -> None:
    frame = seven()
    findings = found(case_of(frame))
    guess = commonest(frame)
    for group in ("Irish", "Scottish", "Welsh"):
        own, others = (
            accuracies(frame[mask], metric, guess) for mask in (frame.accent == group, frame.accent != group)
        )
        expected = shapley_by_orders({s: others[s] - own[s] for s in own}, "TAV")
        place = f"TAV/modality-disparity/{metric}_shortfall"
        for player, share in expected.items():
            assert findings[f"{place}_borne_by_{NAMES[player]}/accent={group}"].estimate.value == pytest.approx(share)
        assert findings[f"{place}/accent={group}"].estimate.value == pytest.approx(others["TAV"] - own["TAV"])
    assert not any("shortfall" in name and "age=" in name for name in findings), "of two groups the pair says it all"


def test_the_cost_of_a_modality_is_paired_and_its_change_of_the_gap_is_the_difference_of_costs() -> None:
    frame = seven()
    findings = found(case_of(frame))
    right = (frame["y_true"] == frame["y_pred"]).groupby([frame["condition"], frame["accent"]]).mean()
    everybody = (frame["y_true"] == frame["y_pred"]).groupby(frame["condition"]).mean()
    place = "TAV/modality-disparity/accuracy"
    assert findings[f"{place}_cost_without_audio"].estimate.value == pytest.approx(everybody["TAV"] - everybody["TV"])
    costs = {g: right["TAV", g] - right["TV", g] for g in ("Irish", "Scottish", "Welsh")}
    for group, cost in costs.items():
        assert findings[f"{place}_cost_without_audio/accent={group}"].estimate.value == pytest.approx(cost)
    change = findings[f"{place}_difference_change_without_audio/between accent"]
    high, low = str(change.highest), str(change.lowest)
    apart = (right["TV", high] - right["TV", low]) - (right["TAV", high] - right["TAV", low])
    assert change.estimate.value == pytest.approx(apart)


def test_only_utterances_under_every_condition_take_part_and_the_others_are_counted() -> None:
    frame = seven()
    lacking = frame["utterance_id"].isin([f"u{i}" for i in range(30)]) & (frame["condition"] == "T")
    frame = frame[~lacking]
    whole = frame[~frame["utterance_id"].isin([f"u{i}" for i in range(30)])]
    findings, twin = found(case_of(frame)), found(case_of(whole))
    name = "TAV/modality-disparity/accuracy_cost_without_audio/accent=Welsh"
    assert findings[name].estimate.value == pytest.approx(twin[name].estimate.value)
    assert findings[name].estimate.n == twin[name].estimate.n < 160
    said = "30 of 480 utterances were not judged under each of T, A, TA, V, TV, AV, TAV"
    assert all(said in finding.caveats for finding in findings.values())


def test_repetitions_are_averaged_and_weights_weigh() -> None:
    frame = seven()
    twice = pd.concat([frame.assign(repeat=0), frame.assign(repeat=1)])
    flipped = (twice["repeat"] == 1) & (twice["condition"] == "TAV")
    twice.loc[flipped, "y_pred"] = "anger"
    name = "TAV/modality-disparity/accuracy_cost_without_text"
    right = (frame["y_true"] == frame["y_pred"]).groupby(frame["condition"]).mean()
    both = (right["TAV"] + (frame["y_true"] == "anger").mean()) / 2
    assert found(case_of(twice))[name].estimate.value == pytest.approx(both - right["AV"])
    frame["weight"] = np.arange(len(frame)) % 480 % 5 + 0.25
    each = (frame["y_true"] == frame["y_pred"]) * frame["weight"]
    share = each.groupby(frame["condition"]).sum() / frame["weight"].groupby(frame["condition"]).sum()
    weighed = found(case_of(frame))[name].estimate
    assert weighed.value == pytest.approx(share["TAV"] - share["AV"])
    assert weighed.n == 480


def test_a_modality_that_changes_no_answer_bears_nothing_and_says_how_sure_that_is() -> None:
    frame = seven()
    for with_video, without in (("TAV", "TA"), ("TV", "T"), ("AV", "A")):
        answers = frame[frame["condition"] == without]["y_pred"].to_numpy()
        frame.loc[frame["condition"] == with_video, "y_pred"] = answers
    frame["y_true"] = frame["y_true"].where(np.arange(len(frame)) % 480 % 4 > 0, "joy")  # beyond doubt the commonest
    frame.loc[frame["condition"] == "V", "y_pred"] = "joy"
    findings = found(case_of(frame))
    for name in ("difference_borne_by_video/between accent", "shortfall_borne_by_video/accent=Irish"):
        share = findings[f"TAV/modality-disparity/accuracy_{name}"]
        assert share.estimate.value == pytest.approx(0, abs=1e-12)
        assert share.estimate.interval is not None
        assert -0.5 < share.estimate.interval.low < 0 < share.estimate.interval.high < 0.5
    cost = findings["TAV/modality-disparity/accuracy_cost_without_video"].estimate
    assert cost.interval is not None
    assert cost.interval.high == pytest.approx(1 - 0.025 ** (1 / 48)), "one unit in so many may yet differ"


def test_modalities_that_do_the_same_bear_the_same() -> None:
    frame = seven()
    for one, other in (("T", "A"), ("TV", "AV")):
        frame.loc[frame["condition"] == other, "y_pred"] = frame[frame["condition"] == one]["y_pred"].to_numpy()
    findings = found(case_of(frame))
    shares = [
        findings[f"TAV/modality-disparity/accuracy_difference_borne_by_{name}/between accent"].estimate
        for name in ("text", "audio")
    ]
    assert shares[0] == shares[1]


def test_what_decides_is_the_interval_that_is_printed() -> None:
    for claim in EXAMINATION.examine(case_of(seven())).claims:
        assert claim.interval_at is not None
        assert claim.interval_at(0.95) == claim.finding.estimate.interval, claim.finding.id


def test_intervals_say_over_how_many_they_hold_at_once() -> None:
    findings = found(case_of(seven()))
    for name, over in (
        ("difference_borne_by_audio/between accent", ", simultaneous over 9"),  # three pairs, three modalities
        ("difference_all_modalities/between accent", ", simultaneous over 3"),
        ("shortfall_borne_by_audio/accent=Welsh", ", simultaneous over 9"),  # three groups, three modalities
        ("shortfall/accent=Welsh", ", simultaneous over 3"),
        ("difference_all_modalities/between age", ""),
    ):
        interval = findings[f"TAV/modality-disparity/accuracy_{name}"].estimate.interval
        assert interval is not None
        assert interval.method == f"MOVER over units{over}", name


def test_hypotheses_are_tested_in_the_first_metric_alone() -> None:
    tested = [f for f in found(case_of(seven())).values() if f.test is not None]
    assert [f.metric for f in tested] == [f"accuracy_difference_borne_by_{m}" for m in NAMES.values()] * 2
    options = {"metrics": ["unweighted_average_recall"]}
    tested = [f for f in found(case_of(seven(), options=options)).values() if f.test is not None]
    assert {f.metric.split("_difference")[0] for f in tested} == {"unweighted_average_recall"}


def test_picking_a_pair_is_printed_beside_what_picking_gives() -> None:
    findings = found(case_of(seven()))
    total = findings["TAV/modality-disparity/accuracy_difference_all_modalities/between accent"]
    assert total.null_expectation is not None
    assert 0.01 < total.null_expectation.value < 0.2
    assert any("picked" in caveat for caveat in total.caveats)
    shares = [f for n, f in findings.items() if "accuracy_difference_borne" in n and n.endswith("between accent")]
    given = [f.null_expectation.value for f in shares if f.null_expectation is not None]
    balance = findings["TAV/modality-disparity/accuracy_difference_without_modalities/between accent"]
    assert balance.null_expectation is not None
    assert sum(given) + balance.null_expectation.value == pytest.approx(total.null_expectation.value)


def test_the_exhibits_add_up() -> None:
    exhibits = {e.id: pd.DataFrame(e.table().to_pydict()) for e in EXAMINATION.examine(case_of(seven())).exhibits}
    shares = exhibits["modality-shares"].query("metric == 'accuracy' and features == 'age'").set_index(["kind", "part"])
    total, none = shares.loc[("total", "all modalities"), "value"], shares.loc[("total", "no modality"), "value"]
    assert shares.loc["share", "value"].sum() == pytest.approx(total - none)
    assert set(shares.loc["interaction"].index) == {"text x audio", "text x video", "audio x video"}
    parts = exhibits["modality-shares"].query("metric == 'unweighted_average_recall' and features == 'age'")
    assert "no modality" not in set(parts["part"]), "a constant guess has the same average recall in every group"
    gaps = exhibits["modality-gaps"].query("metric == 'accuracy' and features == 'age'")
    assert tuple(gaps["condition"]) == ("TAV", "AV", "TV", "V", "TA", "A", "T")
    assert (gaps["value"] >= 0).all()
    assert (gaps["chance_high"] > gaps["chance"]).all()
    groups = exhibits["modality-contributions"]
    assert set(groups["features"]) == {"", "accent", "age", "accent x age"}


# What was not thought of


def refused(frame: pd.DataFrame, **options: Any) -> str:
    refusal = EXAMINATION.refuses(case_of(frame, options=options))
    assert refusal is not None
    assert refusal.remedy
    return refusal.because


def test_a_missing_set_of_modalities_is_refused_by_name_and_fewer_players_remedy_it() -> None:
    frame = predictions_frame(conditions=("TAV", "TA", "T", "A"))
    assert refused(frame) == "of the sets of text and audio and video it lacks V, TV, AV"
    refusal = EXAMINATION.refuses(case_of(frame))
    assert refusal is not None
    assert "`modalities`" in refusal.remedy
    played = found(case_of(frame, options={"modalities": ["audio", "text"]}))
    assert {f.condition for f in played.values()} == {"TA"}
    assert not any("video" in f.metric for f in played.values())


def test_a_table_that_does_not_say_what_was_shown_is_refused() -> None:
    frame = predictions_frame(conditions=("TAV",)).drop(columns="condition")
    assert "does not say which modalities" in refused(frame)
    only_degraded = predictions_frame(conditions=("A/noise=10dB",))
    assert "does not say which modalities" in refused(only_degraded)


def test_degraded_conditions_play_no_part() -> None:
    frame = predictions_frame(conditions=(*SEVEN, "TAV/noise=0dB"))
    name = "TAV/modality-disparity/accuracy_difference_borne_by_audio/between accent"
    alone = frame[frame["condition"] != "TAV/noise=0dB"]
    assert found(case_of(frame))[name].estimate == found(case_of(alone))[name].estimate


def test_size_and_options_are_refused_in_words() -> None:
    assert "3,360 rows" in refused(seven(), most_rows=3359)
    for options in ({"metric": ["accuracy"]}, {"metrics": ["f1"]}, {"modalities": ["smell"]}, {"metrics": []}):
        with pytest.raises(PlanError, match="do not validate"):
            EXAMINATION.refuses(case_of(seven(), options=options))


def test_a_feature_with_one_level_has_costs_and_no_difference() -> None:
    frame = seven().assign(accent="Irish")
    findings = found(case_of(frame, by=("accent",)))
    pair = findings["TAV/modality-disparity/accuracy_difference_borne_by_audio/between accent"]
    assert (pair.verdict, pair.estimate.value) == (Verdict.INCONCLUSIVE, None)
    assert pair.because == "fewer than two groups can be compared"
    assert findings["TAV/modality-disparity/accuracy_cost_without_audio/accent=Irish"].estimate.interval is not None


def test_a_group_too_small_or_absent_is_a_row_with_its_reason_and_forbids_a_pass() -> None:
    frame = seven()
    frame.loc[frame["speaker_id"] == "s0", "accent"] = "Manx"
    frame.loc[frame["speaker_id"].isin(["s1", "s4"]), "accent"] = "Cornish"
    absent = (frame["accent"] == "Cornish") & (frame["condition"] == "V")
    case = case_of(frame[~absent], by=("accent",))
    findings = found(case)
    for group in ("Manx", "Cornish"):
        row = findings[f"TAV/modality-disparity/accuracy_shortfall_borne_by_audio/accent={group}"]
        assert (row.verdict, row.estimate.value) == (Verdict.INCONCLUSIVE, None)
        assert row.because == "this group or everybody else is too small to be compared"
        assert findings[f"TAV/modality-disparity/accuracy_cost_without_text/accent={group}"].verdict == "inconclusive"
    name = "run/TAV/modality-disparity/accuracy_difference_borne_by_audio/between accent"
    claim = next(c for c in EXAMINATION.examine(case).claims if c.finding.id == name)
    assert set(claim.unassessed) == {"Manx", "Cornish"}
    assert "too small to be compared: Cornish; Manx" in claim.finding.caveats


def test_a_class_that_a_group_lacks_leaves_the_average_and_is_named() -> None:
    frame = seven()
    frame = frame[~((frame["accent"] == "Welsh") & (frame["y_true"] == "joy"))]
    findings = found(case_of(frame))
    pair = findings["TAV/modality-disparity/unweighted_average_recall_difference_all_modalities/between accent"]
    assert "groups are compared over the classes that each of them has; not: joy" in pair.caveats
    right = (frame["y_true"] == frame["y_pred"])[(frame["condition"] == "TAV") & (frame["y_true"] != "joy")]
    uar = right.groupby([frame["accent"], frame["y_true"]]).mean().groupby("accent").mean()
    assert pair.estimate.value == pytest.approx(uar.max() - uar.min())
    cost = findings["TAV/modality-disparity/unweighted_average_recall_cost_without_text/accent=Welsh"]
    assert "averaged over the classes that the group has; none of: joy" in cost.caveats


def test_a_class_that_nobody_has_changes_no_number() -> None:
    frame = seven()
    reading = Reading(run="run", by=("accent", "age"), label_space=("anger", "boredom", "joy", "sadness"))
    with_it, without = found(case_of(frame, reading=reading)), found(case_of(frame))
    for name, finding in without.items():
        assert with_it[name].estimate.value == pytest.approx(finding.estimate.value), name


def test_without_ids_utterances_are_the_units() -> None:
    findings = found(case_of(seven().drop(columns="speaker_id")))
    pair = findings["TAV/modality-disparity/accuracy_difference_borne_by_audio/between accent"]
    with_ids = found(case_of(seven()))["TAV/modality-disparity/accuracy_difference_borne_by_audio/between accent"]
    assert pair.estimate.value == pytest.approx(with_ids.estimate.value)
    assert (pair.estimate.n_clusters, pair.estimate.n) == (None, 320)
    assert pair.estimate.interval is not None


def test_one_unit_says_nothing_and_no_complete_utterance_says_less() -> None:
    frame = seven()
    alone = found(case_of(frame[frame["speaker_id"] == "s0"]))
    assert {f.verdict for f in alone.values()} == {Verdict.INCONCLUSIVE}
    apart = frame.assign(utterance_id=frame["utterance_id"] + frame["condition"])
    for case in (case_of(apart), case_of(apart.drop(columns="speaker_id"))):
        findings = found(case)
        assert {(f.verdict, f.estimate.value) for f in findings.values()} == {(Verdict.INCONCLUSIVE, None)}
        assert any("3,360 of 3,360 utterances" in caveat for caveat in findings.popitem()[1].caveats)


def test_contradicting_reference_labels_take_no_part() -> None:
    frame = seven()
    frame.loc[(frame["utterance_id"] == "u3") & (frame["condition"] == "A"), "y_true"] = "anger"
    frame.loc[(frame["utterance_id"] == "u3") & (frame["condition"] != "A"), "y_true"] = "joy"
    cost = found(case_of(frame))["TAV/modality-disparity/accuracy_cost_without_audio"]
    assert cost.estimate.n == 479
    assert "1 utterances have more than one reference label" in cost.caveats


def test_a_feature_of_the_utterance_is_compared_within_units() -> None:
    frame = seven()
    frame["room"] = np.array(["loud", "quiet", "street"])[frame["utterance_id"].str[1:].astype(int) % 3]
    reading = Reading(run="run", by=("room",), features={"room": Feature(level="utterance")})
    findings = found(case_of(frame, by=("room",), reading=reading))
    right = (frame["y_true"] == frame["y_pred"]).groupby([frame["condition"], frame["room"]]).mean()
    pair = findings["TAV/modality-disparity/accuracy_difference_all_modalities/between room"]
    assert pair.estimate.value == pytest.approx(right["TAV"].max() - right["TAV"].min())
    assert pair.estimate.n_clusters == 48
    assert pair.null_expectation is not None
    assert "around equality" in pair.null_expectation.method
    others = findings["TAV/modality-disparity/accuracy_shortfall/room=loud"]
    loud = frame[(frame["condition"] == "TAV")].groupby(frame["room"] == "loud")
    rates = loud.apply(lambda rows: (rows["y_true"] == rows["y_pred"]).mean())
    assert others.estimate.value == pytest.approx(rates[False] - rates[True])
    assert others.estimate.interval is not None


def test_row_order_does_not_matter() -> None:
    frame = seven()
    first, second = found(case_of(frame)), found(case_of(frame.sample(frac=1, random_state=3)))
    assert first == second


def test_a_crowd_that_heard_saw_and_did_both(real_data: Path) -> None:
    """CREMA-D has no text: a game of two. Its best read sex is no secret, the share of the voice is the news."""
    path = ROOT / "examples" / "plans" / "crema_d_crowd.yaml"
    written = read_plan(path)
    corpus = {"name": "crema-d-votes", "options": {"path": str(real_data / "cremad_votes")}}
    runs = {"crowd": written.runs["crowd"].model_dump() | {"corpus": corpus}}
    plan = AuditPlan.model_validate(written.model_dump() | {"runs": runs, "policy": None})
    loaded = list(load_run("crowd", plan.runs["crowd"], plan, path.parent, silent))
    report = examine(plan, loaded, examinations=[(EXAMINATION, {})], policy=None)
    findings = {f.metric: f for f in report.findings if f.compared == ("sex",)}
    total, voice = (findings[f"accuracy_difference_{part}"] for part in ("all_modalities", "borne_by_audio"))
    assert (total.highest, total.lowest, total.estimate.n) == ("Female", "Male", 3985)
    assert total.estimate.value == pytest.approx(0.074, abs=0.001)
    assert voice.estimate.value == pytest.approx(0.040, abs=0.001)
    assert "910 of 4,895 utterances were not judged under each of A, V, AV" in total.caveats


# Truth that is known exactly


def simulated(seed: int, **options: Any) -> tuple[dict[str, Finding], Any]:
    from reasoners.simulator_options import SimulatorOptions

    chosen: dict[str, Any] = {"probabilities": False, "intensity": False, "weights": False, "rationales": False}
    chosen |= {"n_speakers": 120, "icc": 0.05, **options}
    source = {"reasoner": {"name": "simulator", "options": chosen}}
    plan = AuditPlan.model_validate(
        {
            "runs": {"r": source},
            "by": ["accent"],
            "depth": 1,
            "seed": seed,
            "statistics": {"n_resamples": 100, "n_permutations": 99},
        }
    )
    loaded = list(load_run("r", RunSource.model_validate(source), plan, Path(), silent))
    report = examine(plan, loaded, examinations=[(EXAMINATION, {"metrics": ["accuracy"]})], policy=None)
    return {f.id: f for f in report.findings}, SimulatorOptions.model_validate(chosen)


def true_contributions(options: Any) -> dict[str, dict[str, float]]:
    """By accent, what each modality truly contributes; labels are balanced alike, so nobody's value cancels out."""
    from reasoners.simulator import expected_accuracy

    rates = {accent: {c: expected_accuracy(options, c, {"accent": accent}) for c in SEVEN} for accent in EVEN}
    return {accent: shapley_by_orders(rate | {"": 0.0}, "TAV") for accent, rate in rates.items()}


PENALTY = {"accent": {"highland": {"audio": 0.2, "text": 0.05}, "coastal": {"video": 0.1}}}
EVEN = {"northern": 0.25, "southern": 0.25, "coastal": 0.25, "highland": 0.25}


def covered(seeds: Sequence[int], **options: Any) -> tuple[float, float]:
    """Return how often all three shares of the picked pair, and all twelve against everybody else, hold their truth."""
    pairs = others = 0
    by_accent: dict[str, dict[str, float]] = {}
    for seed in seeds:
        findings, chosen = simulated(seed, accents=EVEN, accuracy_penalty=PENALTY, **options)
        by_accent = by_accent or true_contributions(chosen)
        missed = [False, False]
        for finding in findings.values():
            if "borne_by" not in finding.metric:
                continue
            player = {name: letter for letter, name in NAMES.items()}[finding.metric.rsplit("_", 1)[1]]
            if finding.compared:
                truth = by_accent[str(finding.highest)][player] - by_accent[str(finding.lowest)][player]
            else:
                own = by_accent[finding.groups["accent"]][player]
                rest = [by_accent[a][player] for a in EVEN if a != finding.groups["accent"]]
                truth = float(np.mean(rest)) - own
            interval = finding.estimate.interval
            if interval is None:  # an accent with fewer units than are compared claims nothing
                continue
            missed[0 if finding.compared else 1] |= not interval.low <= truth <= interval.high
        pairs += not missed[0]
        others += not missed[1]
    return pairs / len(seeds), others / len(seeds)


def test_a_few_tables_cover() -> None:
    pairs, others = covered(range(12))
    assert min(pairs, others) >= 10 / 12


@pytest.mark.slow
@pytest.mark.parametrize("n_speakers", [60, 160])
def test_all_shares_of_the_picked_pair_and_of_every_group_are_covered_at_once(n_speakers: int) -> None:
    """Everybody else is a mixture whose shares are random in a table: their truth is that of even groups."""
    n = 150
    pairs, others = covered(range(1000, 1000 + n), n_speakers=n_speakers)
    floor = 0.95 - 3 * (0.95 * 0.05 / n) ** 0.5
    assert pairs >= floor
    assert others >= floor


class TestContract(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Any:
        return case_of(seven())
