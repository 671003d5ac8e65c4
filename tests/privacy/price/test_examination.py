"""The price of privacy: numbers by hand, a planted price found and its clean twin silent, and what is refused."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.errors import InputError, PlanError
from affidavit.plan import Feature
from affidavit.records import Finding, Refusal
from affidavit.unit_keys import unit_keys
from privacy.price.examination import EXAMINATION
from tests.privacy.price.conftest import World, card, cards_for, case_of_runs

HARM = {1.0: {"Welsh": 0.45}, 4.0: {"Welsh": 0.3}, 8.0: {"Welsh": 0.2}}


def frames(world: World | None = None, seed: int = 0) -> dict[str, pd.DataFrame]:
    return (world or World()).frames(np.random.default_rng(seed))


def found(case: Case) -> dict[str, Finding]:
    refusal = EXAMINATION.refuses(case)
    assert refusal is None, refusal
    return {claim.finding.id: claim.finding for claim in EXAMINATION.examine(case).claims}


def refused(tables: Mapping[str, pd.DataFrame], **kept: Any) -> Refusal:
    refusal = EXAMINATION.refuses(case_of_runs(tables, **kept))
    assert refusal is not None
    assert refusal.remedy
    return refusal


def right(frame: pd.DataFrame) -> "pd.Series[float]":
    return (frame["y_pred"] == frame["y_true"]).astype(float)


def test_numbers_equal_a_mean_by_hand() -> None:
    tables = frames()
    findings = found(case_of_runs(tables))
    twin = sum(right(tables[f"twin-{s}"]) for s in range(3)) / 3
    private = sum(right(tables[f"private-4-{s}"]) for s in range(3)) / 3
    lost, accent = twin - private, tables["twin-0"]["accent"]
    here = "epsilon 4/as-supplied/price-of-privacy/accuracy_lost"
    assert findings[here].estimate.value == pytest.approx(lost.mean())
    assert findings[here].estimate.n == len(lost)
    assert findings[here].estimate.n_clusters == 100
    for name, value in lost.groupby(accent).mean().items():
        assert findings[f"{here}/accent={name}"].estimate.value == pytest.approx(value)
    gap = findings[f"{here}_difference/between accent"]
    assert gap.estimate.value == pytest.approx(np.ptp(lost.groupby(accent).mean()))
    assert gap.null_expectation is not None
    assert gap.minimum_detectable_effect is not None


def test_the_exhibit_tells_macro_f1_and_the_slope_over_epsilon() -> None:
    from sklearn.metrics import f1_score

    tables = frames()
    exhibit, models = EXAMINATION.examine(case_of_runs(tables)).exhibits
    rows = exhibit.table().to_pandas()
    everybody = rows[rows["features"] == ""].set_index(["run", "metric"])["value"]
    f1 = {name: f1_score(t["y_true"], t["y_pred"], average="macro") for name, t in tables.items()}
    arms = {e: np.mean([f1[f"{e}-{s}"] for s in range(3)]) for e in ("twin", "private-1", "private-4", "private-8")}
    assert everybody["epsilon 8", "macro_f1_lost"] == pytest.approx(arms["twin"] - arms["private-8"])
    lost = [everybody[f"epsilon {e}", "accuracy_lost"] for e in (1, 4, 8)]
    slope = np.polyfit([0, 2, 3], lost, 1)[0]
    assert everybody["every epsilon", "accuracy_lost_per_doubling"] == pytest.approx(slope)
    told = models.table().to_pandas().set_index("run")
    assert told.loc["private-8-2", "part"] == "private"
    assert told.loc["private-8-2", "accounted_epsilon"] == pytest.approx(7.984)
    assert told.loc["twin-1", "part"] == "twin"


def test_a_minority_that_pays_more_is_found_and_equal_losses_are_silent() -> None:
    here = "epsilon 1/as-supplied/price-of-privacy/accuracy_lost_difference/between accent"
    hits = {"planted": 0, "clean": 0}
    for seed in range(3):
        for name, lost in (("planted", HARM), ("clean", {})):
            findings = found(case_of_runs(frames(World(lost=lost), seed), by=("accent",)))
            gap = findings[here]
            assert gap.test is not None
            assert gap.estimate.interval is not None
            decided = gap.estimate.interval.low > 0
            assert decided == (gap.test.p_value < 0.05)
            hits[name] += decided
            if name == "planted":
                assert gap.highest == "Welsh"
    assert hits["planted"] == 3
    assert hits["clean"] == 0


def test_the_order_of_rows_and_runs_changes_nothing() -> None:
    tables = frames(World(per_unit=5))
    straight = found(case_of_runs(tables))
    mixed = {name: tables[name].sample(frac=1, random_state=i) for i, name in enumerate(reversed(tables))}
    again = found(case_of_runs(mixed))
    assert set(straight) == set(again)
    for name, finding in straight.items():
        assert again[name].estimate.value == pytest.approx(finding.estimate.value)
        one, two = finding.estimate.interval, again[name].estimate.interval
        assert one is not None
        assert two is not None
        assert (one.low, one.high) == pytest.approx((two.low, two.high))


def test_streamed_tables_answer_as_those_in_memory(tmp_path: Path) -> None:
    from affidavit.case import EvidenceBook
    from affidavit.predictions import Reading, predictions_from
    from affidavit.tables import open_table

    tables = frames(World(per_unit=6))
    case = case_of_runs(tables)
    runs = {}
    for name, frame in tables.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
        raw = open_table(tmp_path / f"{name}.parquet", memory_rows=10, batch_rows=1024)
        reading = Reading(run=name, by=case.by, in_memory_rows=10, batch_rows=1024)
        runs[name] = predictions_from(raw, reading)
        assert not runs[name].in_memory
    from dataclasses import replace

    book = EvidenceBook(runs=runs, by=case.by, statistics=case.statistics, seed=0)
    assert found(case) == found(replace(case, runs=runs, book=book))


def test_unknown_groups_are_there_and_small_ones_are_named() -> None:
    tables = frames(World(units={"Irish": 30, "Scottish": 30, "Manx": 3}))
    for table in tables.values():
        table.loc[table["speaker_id"].isin([f"s{i}" for i in range(8)]), "accent"] = None
    findings = found(case_of_runs(tables))
    here = "epsilon 1/as-supplied/price-of-privacy/accuracy_lost"
    assert findings[f"{here}/accent=unknown"].estimate.n_clusters == 8
    assert findings[f"{here}/accent=Manx"].estimate.n_clusters == 3
    gap = findings[f"{here}_difference/between accent"]
    assert any("Manx" in caveat for caveat in gap.caveats)


def test_a_feature_of_the_utterance_is_compared_within_patients() -> None:
    tables = frames()
    for table in tables.values():
        table["noise"] = np.where(np.arange(len(table)) % 3 == 0, "loud", "quiet")
    case = case_of_runs(tables, by=("noise",), readings={"features": {"noise": Feature(level="utterance")}})
    gap = found(case)["epsilon 1/as-supplied/price-of-privacy/accuracy_lost_difference/between noise"]
    assert gap.estimate.n_clusters == 100
    assert gap.estimate.interval is not None


def test_items_that_a_model_did_not_judge_take_no_part_and_are_counted() -> None:
    tables = frames()
    tables["private-4-1"] = tables["private-4-1"].iloc[30:]
    tables["private-8-0"].loc[100:104, "y_true"] = "joy"
    contradicted = int((tables["private-8-0"]["y_true"] != tables["twin-0"]["y_true"]).sum())
    findings = found(case_of_runs(tables))
    finding = findings["epsilon 1/as-supplied/price-of-privacy/accuracy_lost"]
    assert finding.estimate.n == 1200 - 30 - contradicted
    assert any("30 items take no part" in caveat for caveat in finding.caveats)


def test_one_twin_is_enough_and_said() -> None:
    findings = found(case_of_runs(frames(World(twin_seeds=(0,)))))
    caveats = findings["epsilon 1/as-supplied/price-of-privacy/accuracy_lost"].caveats
    assert any(caveat.startswith("one twin") for caveat in caveats)


def test_a_run_without_card_takes_no_part_and_is_listed() -> None:
    tables = frames()
    cards = cards_for(list(tables))
    tables["other"] = tables["twin-0"]
    case = case_of_runs(tables, cards=cards)
    assert found(case)
    models = EXAMINATION.examine(case).exhibits[1].table().to_pandas().set_index("run")
    assert models.loc["other", "part"] == "left out"


def test_rows_without_people_are_counted_as_rows() -> None:
    tables = {name: frame.drop(columns="speaker_id") for name, frame in frames().items()}
    finding = found(case_of_runs(tables))["epsilon 1/as-supplied/price-of-privacy/accuracy_lost"]
    assert finding.estimate.n_clusters is None
    assert finding.estimate.interval is not None


def test_fewer_than_three_epsilons_or_seeds_or_no_twin_is_refused_in_words() -> None:
    assert "3 epsilons" in refused(frames(World(lost_by_all={1.0: 0.1, 8.0: 0.05}))).because
    assert "3 seeds" in refused(frames(World(seeds=(0, 1)))).because
    assert "no twin" in refused(frames(World(twin_seeds=()))).because
    assert "no run is of a privately trained model" in refused(frames(World(lost_by_all={}))).because


def test_models_whose_seed_nobody_knows_could_be_one() -> None:
    tables = frames()
    cards = cards_for(list(tables))
    for seed in range(3):
        del cards[f"private-4-{seed}"]["seed"]
    assert "nobody says which seed" in refused(tables, cards=cards).because
    said = {f"private-4-{seed}": {"seed": seed} for seed in range(3)}
    assert found(case_of_runs(tables, cards=cards, options={"runs": said}))


def test_an_epsilon_of_two_seeds_is_left_out_and_said() -> None:
    tables = frames(World(lost_by_all={1.0: 0.2, 2.0: 0.1, 4.0: 0.1, 8.0: 0.05}))
    del tables["private-2-1"]
    testimony = EXAMINATION.examine(case_of_runs(tables))
    assert [refusal.run for refusal in testimony.refusals] == ["epsilon 2"]
    assert not any(claim.finding.run == "epsilon 2" for claim in testimony.claims)


def test_what_has_no_ledger_is_not_called_private() -> None:
    tables = frames()
    for changed, word in (
        ({"ledger": None}, "no ledger"),
        ({"simulated": True, "epsilon": None}, "simulated"),
        ({"epsilon": 9.5}, "counts 9.5"),
        ({"epsilon": float("inf")}, "no ledger that counts"),
    ):
        cards = cards_for(list(tables))
        cards["private-4-1"] = card(4.0, 1, **changed)
        assert word in refused(tables, cards=cards).because
    cards = cards_for(list(tables))
    del cards["private-4-1"]
    word = refused(tables, cards=cards, options={"runs": {"private-4-1": {"private": True}}}).because
    assert "no card says how it was trained" in word
    word = refused(tables, options={"runs": {"twin-0": {"epsilon": 4}}}).because
    assert "carries no ledger" in word


def test_unlike_units_of_privacy_and_of_tables_are_refused() -> None:
    tables = frames()
    cards = cards_for(list(tables))
    for changed, said in (
        ({"unit": "utterance"}, "unlike units (patient and utterance)"),
        ({"delta": 0.5}, "unlike deltas (0.001 and 0.5)"),
    ):
        cards["private-4-1"] = card(4.0, 1, **changed)
        assert said in refused(tables, cards=cards).because
    cards = cards_for(list(tables), neighbours="add-remove")
    cards["private-4-1"]["privacy"]["neighbours"] = "replace"
    assert "unlike neighbours (add-remove and replace)" in refused(tables, cards=cards).because
    tables["twin-0"] = tables["twin-0"].drop(columns="speaker_id")
    assert "count unlike units" in refused(tables).because


def test_tables_of_other_utterances_or_conditions_are_refused() -> None:
    tables = frames()
    strangers = tables["twin-0"].assign(utterance_id=[f"v{i}" for i in range(1200)])
    assert "no utterance was judged by every model" in refused(tables | {"twin-0": strangers}).because
    shown = {name: frame.assign(condition="TAV") for name, frame in tables.items()}
    shown["twin-0"] = shown["twin-0"].assign(condition="TA")
    assert "no condition" in refused(shown).because
    assert (
        "not every run has the condition 'TAV'; there are TA, TAV"
        in refused(shown, options={"condition": "TAV"}).because
    )
    assert "at most 100" in refused(tables, options={"most_rows": 100}).because


def test_broken_cards_are_named() -> None:
    tables = frames()
    case = case_of_runs(tables)
    (case.folder / "cards.json").write_text("[1, 2]")
    with pytest.raises(InputError, match="cards"):
        EXAMINATION.refuses(case)
    (case.folder / "cards.json").write_text("{")
    with pytest.raises(InputError, match="cards"):
        EXAMINATION.refuses(case)
    (case.folder / "cards.json").unlink()
    with pytest.raises(InputError, match="no such file"):
        EXAMINATION.refuses(case)
    with pytest.raises(PlanError, match="private-1-O"):
        EXAMINATION.refuses(case_of_runs(tables, options={"runs": {"private-1-O": {}}}))


def test_cards_full_of_nonsense_are_read_as_nothing_known() -> None:
    tables = frames()
    cards = cards_for(list(tables))
    cards["private-1-0"] = {"seed": "<b>0</b>", "options": ["x"], "privacy": {"epsilon": "1" * 9999, "ledger": 7}}
    assert "carries no ledger" in refused(tables, cards=cards).because


def caveats_of(case: Case, epsilon: str = "1") -> str:
    return "; ".join(found(case)[f"epsilon {epsilon}/as-supplied/price-of-privacy/accuracy_lost"].caveats)


SMALL = World(units={"Irish": 8, "Scottish": 8}, per_unit=4)


def known(cards: dict[str, Any], runs: Sequence[str], people: Sequence[str], part: str = "train") -> None:
    """Let cards say that these people were in a part of the training."""
    for run in runs:
        cards[run] |= {"units": unit_keys({part: people}, "sha256:1"), "training_digest": "sha256:1"}


def test_patients_whom_a_model_was_trained_on_are_left_out_and_counted() -> None:
    tables = frames(SMALL)
    for frame in tables.values():  # they are known by heart
        theirs = frame["speaker_id"].isin(["s1", "s2"])
        frame.loc[theirs, "y_pred"] = frame.loc[theirs, "y_true"]
    cards = cards_for(list(tables))
    known(cards, ["twin-1"], ["s1", "s2"])
    case = case_of_runs(tables, cards=cards)
    others = {name: frame[~frame["speaker_id"].isin(["s1", "s2"])] for name, frame in tables.items()}
    here = "epsilon 1/as-supplied/price-of-privacy/accuracy_lost"
    finding = found(case)[here]
    assert finding.estimate.n_clusters == 14
    assert finding.estimate.value == pytest.approx(found(case_of_runs(others))[here].estimate.value)
    assert any("2 patients are left out" in caveat for caveat in finding.caveats)


def test_patients_who_were_held_out_are_judged_and_nobody_else_is_refused_in_words() -> None:
    tables = frames(SMALL)
    cards, everybody = cards_for(list(tables)), [f"s{i}" for i in range(16)]
    known(cards, list(cards), everybody, part="held_out")
    assert found(case_of_runs(tables, cards=cards))
    known(cards, ["private-8-0"], everybody)
    assert "trained on every patient" in refused(tables, cards=cards).because


def test_cards_that_do_not_say_whom_they_met_are_named() -> None:
    tables = frames(SMALL)
    cards = cards_for(list(tables))
    known(cards, [run for run in cards if run != "twin-2"], ["somebody"])
    assert "no card says whom these were trained on: twin-2" in caveats_of(case_of_runs(tables, cards=cards))
    nameless = {name: frame.drop(columns="speaker_id") for name, frame in tables.items()}
    assert "name no patients" in caveats_of(case_of_runs(nameless, cards=cards))


def test_a_card_that_is_damaged_is_no_twin() -> None:
    tables = frames(SMALL)
    for damage in ({"privacy": "yes"}, {"privacy": None}):
        cards = cards_for(list(tables))
        cards["private-4-1"] |= damage
        assert "carries no ledger" in refused(tables, cards=cards).because
    cards = cards_for(list(tables)) | {"private-4-1": {}}
    assert "epsilon 4: 2" in refused(tables, cards=cards).because
    case = case_of_runs(frames(World(units=SMALL.units, per_unit=4, seeds=(0, 1, 2, 3))), cards=None)
    told = cards_for(list(case.runs)) | {"private-4-1": {}}
    (case.folder / "cards.json").write_text(json.dumps(told))
    models = EXAMINATION.examine(case).exhibits[1].table().to_pandas().set_index("run")
    assert models.loc["private-4-1", "part"] == "left out"


def test_several_instructions_are_items_of_their_own_and_several_reasoners_are_refused() -> None:
    tables = frames(SMALL)
    here = "epsilon 1/as-supplied/price-of-privacy/accuracy_lost"
    twice = {
        name: pd.concat([frame.assign(instruction="brief"), frame.assign(instruction="long", y_pred=frame["y_true"])])
        for name, frame in tables.items()
    }
    once, both = found(case_of_runs(tables))[here].estimate, found(case_of_runs(twice))[here].estimate
    assert both.n == 2 * once.n
    assert both.n_clusters == once.n_clusters
    assert both.value == pytest.approx((once.value or 0) / 2)
    two = {name: pd.concat([frame.assign(reasoner=r) for r in "ab"]) for name, frame in tables.items()}
    assert "several reasoners" in refused(two).because


def test_the_slope_over_epsilons_that_lie_close_may_be_steep() -> None:
    world = World(units=SMALL.units, per_unit=8, lost_by_all={1.0: 0.6, 1.1: 0.3, 1.2: 0.0})
    rows = EXAMINATION.examine(case_of_runs(frames(world))).exhibits[0].table().to_pandas()
    (slope,) = rows[(rows["metric"] == "accuracy_lost_per_doubling") & (rows["features"] == "")].to_dict("records")
    assert slope["value"] < -1
    assert slope["low"] <= slope["value"] <= slope["high"]


def test_an_epsilon_without_delta_promises_nothing() -> None:
    tables = frames(SMALL)
    cards = cards_for(list(tables))
    cards["private-4-1"] = card(4.0, 1, delta=None)
    assert "without its delta" in refused(tables, cards=cards).because
    pure = cards_for(list(tables), delta=0)
    assert "at delta 0;" in caveats_of(case_of_runs(tables, cards=pure))


@pytest.mark.parametrize(
    ("declared", "said"),
    [({"epsilon": 8}, "its card says 1"), ({"epsilon": 0.5}, "its card says 1"), ({"seed": 7}, "seed 7")],
)
def test_what_the_plan_says_is_held_against_the_card(declared: dict[str, Any], said: str) -> None:
    tables = frames(SMALL)
    assert said in refused(tables, options={"runs": {"private-1-0": declared}}).because
    assert found(case_of_runs(tables, options={"runs": {"private-1-0": {"epsilon": 1, "seed": 0, "private": True}}}))


def test_an_epsilon_that_was_not_spent_is_said() -> None:
    tables = frames(SMALL)
    cards = cards_for(list(tables))
    cards["private-8-1"] = card(8.0, 1, epsilon=2.5)
    case = case_of_runs(tables, cards=cards)
    assert "asked for epsilon 8, and spent 2.5 to 7.98" in caveats_of(case, "8")
    assert "asked for" not in caveats_of(case, "4")


def test_private_models_that_answer_one_label_are_told_from_harm() -> None:
    tables = frames(SMALL)
    for name, frame in tables.items():
        if name.startswith("private-1-"):
            frame["y_pred"] = "joy"
    case = case_of_runs(tables)
    assert "give 100% of the items one answer" in caveats_of(case, "1")
    assert "one answer" not in caveats_of(case, "4")
    for frame in tables.values():  # there is little else to answer
        frame["y_true"] = np.where(np.arange(len(frame)) % 20 == 0, "anger", "joy")
    assert "one answer" not in caveats_of(case_of_runs(tables), "1")


def test_a_start_is_no_twin_and_models_of_other_things_are_refused() -> None:
    tables = frames(SMALL)
    cards = cards_for(list(tables))
    start = {"digest": "sha256:a", "training_digest": "sha256:start"}
    for told in cards.values():
        told["started_from"] = start
    tables["public"] = tables["twin-0"].assign(y_pred="joy")
    cards["public"] = card(None, 9) | {"training_digest": "sha256:start"}
    case = case_of_runs(tables, cards=cards)
    models = EXAMINATION.examine(case).exhibits[1].table().to_pandas().set_index("run")
    assert models.loc["public", "part"] == "left out"
    assert "one twin" not in caveats_of(case)
    cards["twin-1"]["started_from"] = {"digest": "sha256:b"}
    assert "began with unlike models" in refused(tables, cards=cards).because
    cards["twin-1"]["started_from"] = start
    for told in cards.values():
        told["corpus"] = {"digest": "sha256:c"}
    cards["twin-1"]["corpus"] = {"digest": "sha256:d"}
    assert "unlike corpora" in refused(tables, cards=cards).because


def test_models_of_one_epsilon_that_differ_in_more_than_a_seed_are_said_to() -> None:
    tables = frames(SMALL)
    cards = cards_for(list(tables))
    cards["private-4-1"]["options"]["learning_rate"] = 0.5
    cards["twin-0"]["model_options"], cards["twin-1"]["model_options"] = {"size": "tiny"}, {"size": "full"}
    case = case_of_runs(tables, cards=cards)
    assert "unlike learning_rate" in caveats_of(case, "4")
    assert "unlike learning_rate" not in caveats_of(case, "1")
    assert "unlike model_options" in caveats_of(case, "1")


def test_every_item_that_some_model_did_not_judge_is_counted_and_weights_of_some_are_said() -> None:
    tables = frames(SMALL)
    tables["twin-0"], tables["private-1-0"] = tables["twin-0"].iloc[16:], tables["private-1-0"].iloc[:48]
    tables["twin-1"]["weight"] = 2.0
    told = caveats_of(case_of_runs(tables))
    assert "32 items take no part" in told
    assert "1 of 12 tables have weights" in told


def test_a_card_nested_without_end_is_named() -> None:
    case = case_of_runs(frames(SMALL))
    (case.folder / "cards.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="cards"):
        EXAMINATION.refuses(case)
