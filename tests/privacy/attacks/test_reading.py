"""The ways in which a table of losses can be written, and what is left out of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affidavit.errors import ColumnError, RowError
from affidavit.tables import from_frame
from privacy.attacks.attack import possible_attacks
from privacy.attacks.examination import EXAMINATION
from privacy.attacks.reading import Losses, losses_of
from tests.privacy.attacks.conftest import Desk, World, attacked

BASE = {"unit_id": ["a", "a", "b", "c"], "member": ["yes", "in", "No", 0]}


def read(**columns: object) -> Losses:
    return losses_of(from_frame(pd.DataFrame({**BASE, **columns})))


def test_loss_confidence_and_logits_say_the_same() -> None:
    logits = np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.5], [1.0, 1.0, 1.0], [-2.0, 5.0, 0.0]])
    truth = [0, 1, 2, 0]
    p = np.exp(logits)[np.arange(4), truth] / np.exp(logits).sum(axis=1)
    by_logits = read(
        y_true=["joy", "anger", "1.0", "joy"],
        logit_joy=logits[:, 0],
        logit_anger=logits[:, 1],
        **{"logit_1": logits[:, 2]},
    )
    by_loss, by_confidence = read(loss=-np.log(p)), read(confidence=np.log(p / (1 - p)))
    assert by_loss.confidence == pytest.approx(by_confidence.confidence)
    assert by_logits.confidence == pytest.approx(by_confidence.confidence)
    assert by_logits.member.tolist() == [True, True, False, False]


def test_shadows_are_read_on_the_models_own_scale() -> None:
    by_loss = read(loss=np.full(4, np.log(2)), shadow_1=np.full(4, np.log(2)))
    assert by_loss.shadows.round(12).tolist() == [[0.0]] * 4
    assert by_loss.trained_on is None
    assert read(confidence=np.zeros(4), shadow_1=np.full(4, -2.0)).shadows.tolist() == [[-2.0]] * 4


def test_a_shadow_that_may_have_seen_a_clip_says_nothing_of_it() -> None:
    losses = read(confidence=np.zeros(4), shadow_1=np.ones(4), shadow_1_member=["1", None, "0", "0"])
    assert losses.trained_on is not None
    assert losses.trained_on[:, 0].tolist() == [True, False, False, False]
    assert np.isnan(losses.shadows[:, 0]).tolist() == [False, True, False, False]


def test_what_is_not_known_is_left_out_and_counted() -> None:
    losses = losses_of(
        from_frame(
            pd.DataFrame(
                {
                    "patient_id": ["a", None, "b", "c"],
                    "member": [1, 1, None, 0],
                    "loss": ["0.5", "inf", "0.1", ""],
                }
            )
        )
    )
    assert losses.unit == ("a",)
    assert losses.left_out == {"without a unit": 1, "without an answer to member": 1, "without a loss": 1}


def test_a_label_without_a_score_is_an_error_that_names_the_row() -> None:
    with pytest.raises(RowError) as caught:
        read(y_true=["joy", "sad", "joy", "joy"], logit_joy=np.zeros(4), logit_anger=np.zeros(4))
    assert "row 2" in str(caught.value)


def test_what_the_table_holds_decides_which_attack_leads() -> None:
    for shadows, flags, leads in ((0, True, "loss"), (4, True, "rmia"), (16, True, "lira-online"), (16, False, None)):
        frame = World(shadows=shadows, n_members=20, n_non_members=20).frame()
        if not flags:
            frame = frame[[name for name in frame.columns if not name.endswith("_member")]]
        assert possible_attacks(losses_of(from_frame(frame)))[0] == (leads or "lira-offline")


def test_shadows_that_know_nobody_are_a_refusal(desk: Desk) -> None:
    frame = World(shadows=4).frame()
    frame.loc[3:, [f"shadow_{k}" for k in range(4)]] = np.nan
    testimony = EXAMINATION.examine(desk.case(frame))
    assert not testimony.claims
    assert "0 members and 0 non-members have a score" in testimony.refusals[0].because
    assert testimony.refusals[0].run == "run"


def test_models_that_saw_nobody_serve_offline(desk: Desk) -> None:
    frame = World(memory=2.0, shadows=16).frame()
    for k in range(16):  # as if each had been trained on others only
        frame[f"shadow_{k}"] -= 2.0 * frame.pop(f"shadow_{k}_member")
    (claim,) = [
        c
        for c in EXAMINATION.examine(desk.case(frame)).claims
        if c.finding.metric == "attack_auroc" and not c.finding.groups
    ]
    assert claim.finding.source.startswith("LiRA, offline")
    assert claim.finding.estimate.value is not None
    assert claim.finding.estimate.value > 0.85


def test_shadows_of_an_unknown_scale_are_refused() -> None:
    """A loss that is read for a confidence turns the attack round, and nobody would see it."""
    both = {"loss": np.ones(4), "confidence": np.zeros(4)}
    with pytest.raises(ColumnError, match="scale is not known"):
        read(**both, shadow_1=np.ones(4))
    assert read(**both).confidence.tolist() == [0.0] * 4


def test_true_labels_are_read_beside_the_losses() -> None:
    assert read(loss=np.ones(4)).label == ()
    assert read(loss=np.ones(4), y_true=["joy", None, "1.0", "joy"]).label == ("joy", "unknown", "1", "joy")


def test_a_shadow_that_saw_another_clip_of_the_unit_is_not_one_without_it() -> None:
    """Shadows that were dealt clips, and not patients, know everybody: what they do not lack hides nothing."""
    frame = World(memory=2.0, shadows=4).frame()
    frame.loc[1, [f"shadow_{k}" for k in range(4)]] = 50.0
    frame.loc[[0, 1, 2], [f"shadow_{k}_member" for k in range(4)]] = 0
    frame.loc[0, "shadow_0_member"] = 1
    one = attacked(frame)
    assert any("of 2 clips, shadows that were trained on other clips" in caveat for caveat in one.caveats)
    frame["shadow_0_member"] = (frame.index % 3 == 0).astype(int)
    for k in (1, 2, 3):
        frame[f"shadow_{k}_member"] = (frame.index % 3 == 1).astype(int)
    assert not len(attacked(frame).scored["rmia"].score)  # nobody is unknown to any shadow


def test_a_table_without_any_loss_is_a_refusal_and_no_crash(desk: Desk) -> None:
    refusal = EXAMINATION.refuses(desk.case(World().frame().assign(confidence=None)))
    assert refusal is not None
    assert "0 members and 0 non-members" in refusal.because
