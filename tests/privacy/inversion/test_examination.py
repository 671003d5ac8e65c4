"""Whose turn it was is found in plain updates and lost in protected ones; what cannot be attacked is refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.errors import PlanError, RegistryError
from affidavit.live import Live
from affidavit.plan import Execution
from affidavit.records import Finding
from affidavit.testing import ExaminationContract, case_of
from affidavit.utterances import Utterance
from privacy.inversion.claims import TOGETHER
from privacy.inversion.examination import EXAMINATION, NO_EVIDENCE
from privacy.inversion.fidelity import psnr
from privacy.inversion.targets import Targets
from tests.privacy.inversion.conftest import Net, live_case, shown_of

CLASSES = ("anger", "joy", "sadness")


def found(case: Case) -> dict[str, Finding]:
    assert EXAMINATION.refuses(case) is None
    return {claim.finding.metric: claim.finding for claim in EXAMINATION.examine(case).claims}


def value(finding: Finding) -> float:
    assert finding.estimate.value is not None
    return finding.estimate.value


class TestContract(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Case:
        return live_case(n_units=6, steps=3, batch_sizes=[1, 4])


@pytest.fixture(scope="module")
def told() -> dict[str, Finding]:
    return found(live_case(n_units=8, own=3.0, steps=15, batch_sizes=[1, 4]))


def test_the_unit_is_recognised_in_a_plain_update_and_not_in_a_protected_one(told: dict[str, Finding]) -> None:
    plain, hidden = (told[f"inversion_batch_1{kind}_match_rate"] for kind in ("", "_clipped_noised"))
    assert plain.estimate.interval is not None
    assert hidden.estimate.interval is not None
    assert value(plain) > 0.8
    assert value(hidden) < plain.estimate.interval.low
    assert hidden.null_expectation is not None
    assert hidden.null_expectation.high is not None
    assert value(hidden) <= hidden.null_expectation.high


def test_chance_and_the_true_inputs_stand_beside(told: dict[str, Finding]) -> None:
    plain, top = told["inversion_batch_1_match_rate"], told["inversion_input_match_rate"]
    assert plain.null_expectation is not None
    assert 1 / 8 <= plain.null_expectation.value < 0.3
    assert plain.null_expectation.high is not None
    assert plain.null_expectation.high >= 2 / 8
    assert value(top) > 0.9
    assert plain.controls == (top.id,)
    assert plain.estimate.n_clusters == plain.estimate.n == 8


def test_it_says_what_a_failed_attack_is_worth_and_that_the_noise_is_simulated(told: dict[str, Finding]) -> None:
    assert all(NO_EVIDENCE in finding.caveats for finding in told.values())
    hidden = told["inversion_batch_4_clipped_noised_match_rate"]
    assert any("carries no epsilon" in said for said in hidden.caveats)
    assert TOGETHER in hidden.caveats
    assert TOGETHER not in told["inversion_batch_1_match_rate"].caveats


def test_the_exhibit_tells_likeness_labels_and_the_drop() -> None:
    testimony = EXAMINATION.examine(live_case(n_units=6, own=3.0, steps=30, batch_sizes=[1], input="pixels"))
    exhibit = testimony.exhibits[0]
    rows = pd.DataFrame(exhibit.values).set_index(["update", "metric"])
    assert set(rows["input"]) == {"pixels"}
    assert rows.loc[("plain", "label_recovery"), "value"] == 1.0
    assert rows.loc[("plain", "psnr"), "value"] > rows.loc[("clipped and noised", "psnr"), "value"] + 5
    assert rows.loc[("plain", "ssim"), "value"] > rows.loc[("clipped and noised", "ssim"), "high"]
    assert rows.loc[("plain", "psnr"), "value"] > rows.loc[("plain", "control_psnr"), "high"]
    assert rows.loc[("clipped and noised", "match_rate_drop"), "value"] > 0.3


def test_likeness_of_vectors_does_not_hang_on_the_unit_of_one_place() -> None:
    """A place in hertz would decide alone; each place is measured by its own spread."""
    rng = np.random.default_rng(0)
    scales = np.array([1000.0, *np.full(9, 0.01)])
    turns = [rng.normal(size=10) * scales for _ in range(8)]
    shown = [shown_of(value, unit=i // 2) for i, value in enumerate(turns)]
    ruler = Targets(shown=shown[::2], gallery=shown[1::2], failed=Counter()).ruler()
    spread = np.std(turns, axis=0)
    np.testing.assert_allclose(ruler.scale, spread)
    scaled = (np.array(turns) - np.mean(turns, axis=0)) / spread
    assert ruler.peak == pytest.approx(np.ptp(scaled))
    hertz_alone = [np.where(np.arange(10) == 0, value, 0.0) for value in turns[::2]]
    assert psnr(turns[0] / ruler.scale, hertz_alone[0] / ruler.scale, peak=ruler.peak) < 15


def test_a_flat_place_of_a_vector_is_not_expected_to_vary_by_anothers_unit() -> None:
    values = [np.array([1000.0 * i, 0.5 + 1e-9 * i]) for i in range(4)]
    shown = [shown_of(value, unit=i) for i, value in enumerate(values)]
    prior = Targets(shown=shown, gallery=shown, failed=Counter()).prior(shown[0])
    assert float(prior.spread[1]) < 0.01


def test_where_no_layer_tells_labels_it_says_that_the_attacker_was_given_them() -> None:
    case = live_case(n_units=5, steps=1, batch_sizes=[1])
    reasoner = case.live["run"].reasoner()
    bare = Net()
    bare.emotion.bias.requires_grad_(False)
    live = replace(case.live["run"], reasoner=lambda: replace(reasoner, module=bare))
    told = found(replace(case, live={"run": live}))["inversion_batch_1_match_rate"]
    assert "labels were given to the attacker in 5 updates: no layer tells them" in told.caveats
    assert not any("were given" in said for said in found(case)["inversion_batch_1_match_rate"].caveats)


def test_units_without_a_likeness_are_not_recognised_even_in_their_true_inputs() -> None:
    told = found(live_case(own=0.0, steps=2, batch_sizes=[1]))
    assert value(told["inversion_input_match_rate"]) < 0.4


def test_a_batch_that_there_are_no_units_for_is_refused_and_the_others_are_told() -> None:
    case = live_case(n_units=5, steps=2)
    testimony = EXAMINATION.examine(case)
    assert [refusal.because for refusal in testimony.refusals] == [
        "an update of 16 turns needs 16 units, and there are 5"
    ]
    assert {claim.finding.estimate.n for claim in testimony.claims if "batch_4" in claim.finding.metric} == {4}


def test_too_few_units_too_large_a_model_and_an_input_that_is_not_there_are_refused() -> None:
    for case, because in [
        (live_case(n_units=3), "only 3 units"),
        (live_case(per_unit=1), "only 0 units"),
        (live_case(most_parameters=10), "parameters"),
        (live_case(input="tokens"), "no such input"),
    ]:
        testimony = EXAMINATION.examine(case)
        assert not testimony.claims
        assert because in testimony.refusals[0].because


def test_without_a_live_reasoner_it_refuses() -> None:
    refusal = EXAMINATION.refuses(replace(live_case(), live={}))
    assert refusal is not None
    assert "corpus" in refusal.because


def test_a_condition_that_is_not_there_is_an_error() -> None:
    with pytest.raises(PlanError, match="is not there"):
        EXAMINATION.refuses(live_case(condition="T"))


def test_a_reasoner_that_hands_over_no_turns_is_a_broken_plugin() -> None:
    case = live_case()
    live = Live(corpus=case.live["run"].corpus, offers=frozenset({"gradients"}), reasoner=object)
    with pytest.raises(RegistryError, match="no turns"):
        EXAMINATION.examine(replace(case, live={"run": live}))


def test_labels_that_the_reasoner_does_not_know_are_left_out_and_counted() -> None:
    case = live_case(n_units=8, steps=2, batch_sizes=[1])
    live = case.live["run"]
    turns = [
        replace(turn, label="boredom") if turn.utterance_id == "p00-0" else turn for turn in live.corpus.utterances
    ]
    changed = Live(corpus=replace(live.corpus, utterances=turns), offers=live.offers, reasoner=live.reasoner)
    told = found(replace(case, live={"run": changed}))["inversion_batch_1_match_rate"]
    assert "1 turns left out: no label that the reasoner knows" in told.caveats


def test_the_order_of_rows_has_no_say() -> None:
    case = live_case(n_units=6, steps=2, batch_sizes=[1])
    frame = case.runs["run"].to_frame().rename(columns={"group_accent": "accent", "unit": "speaker_id"})
    mixed = case_of(frame.sample(frac=1, random_state=2), by=("accent",), options=case.options)
    assert found(case) == found(replace(mixed, live=case.live))


@pytest.fixture(scope="module")
def instructed() -> Any:
    """The smallest instructed reasoner of words alone, untrained, and six people who say much of the same."""
    from affidavit.attributable import Attributable
    from reasoners.instructed.attributable import AttributableReasoner
    from reasoners.instructed.door import REASONER

    rng = np.random.default_rng(0)
    words = np.array(["you", "did", "it", "again", "and", "nobody", "told", "me", "so", "the", "best", "news"])
    utterances = [
        Utterance(
            utterance_id=f"d{p}-{t}",
            speaker_id=f"p{p}",
            dialogue_id=f"d{p}-{t}",
            text=" ".join(rng.choice(words[p % 6 : p % 6 + 6], 5)),
            label=CLASSES[(p + t) % 3],
        )
        for p in range(6)
        for t in range(2)
    ]
    corpus = Corpus(name="words", utterances=utterances, digest="sha256:1", licence="made", label_space=CLASSES)
    options = {"audio": False, "visual": False}
    reasoner = REASONER.untrained(corpus, options, seed=1, execution=Execution(device="cpu", workers=0))
    opened = AttributableReasoner(reasoner=reasoner)
    assert isinstance(opened, Attributable)
    return corpus, opened


@pytest.mark.slow
def test_the_instructed_reasoner_can_be_attacked_and_probed(instructed: Any) -> None:
    from privacy.probes.examination import EXAMINATION as LEAKAGE

    corpus, opened = instructed
    frame = pd.DataFrame(
        [
            {
                "utterance_id": turn.utterance_id,
                "speaker_id": turn.speaker_id,
                "condition": "T",
                "y_true": turn.label,
                "y_pred": turn.label,
            }
            for turn in corpus.utterances
        ]
    )
    live = {"run": Live(corpus=corpus, offers=frozenset({"gradients"}), reasoner=lambda: opened)}
    case = replace(case_of(frame, by=(), options={"steps": 2, "batch_sizes": [1], "targets": 4}), live=live)
    told = found(case)
    assert told["inversion_batch_1_match_rate"].estimate.n == 4
    assert any(said.startswith("input: tokens") for said in told["inversion_batch_1_match_rate"].caveats)
    case = replace(case_of(frame, by=(), options={"hidden": 0, "folds": 2}), live=live)
    testimony = LEAKAGE.examine(case)
    assert {claim.finding.metric for claim in testimony.claims} == {
        "text_speaker_advantage",
        "text_speaker_equal_error_rate",
    }
