"""Raw and shrunken estimates side by side."""

from affidavit.testing import case_of, predictions_frame
from audit.groups.small_groups import EXAMINATION


def test_small_groups_borrow_more_than_large_ones() -> None:
    frame = predictions_frame(conditions=("TAV",), n_speakers=90)
    frame.loc[frame["speaker_id"].isin([f"s{i}" for i in range(0, 84, 3)]), "accent"] = "Scottish"  # few Irish are left
    testimony = EXAMINATION.examine(case_of(frame, ("accent",)))
    table = testimony.exhibits[0].table().to_pandas().query("metric == 'accuracy'").set_index("group")
    assert table.loc["Irish", "own_share"] < table.loc["Scottish", "own_share"]
    shrunken = {
        c.finding.groups["accent"]: c.finding for c in testimony.claims if c.finding.metric == "accuracy_shrunken"
    }
    for group, row in table.iterrows():
        assert min(table["value"]) <= shrunken[str(group)].estimate.value <= max(table["value"])
        assert row["low"] < row["value"] < row["high"]


def test_it_never_has_an_interval_and_so_never_decides() -> None:
    claims = EXAMINATION.examine(case_of(predictions_frame(conditions=("TAV",)))).claims
    assert claims
    assert all(claim.finding.estimate.interval is None and claim.interval_at is None for claim in claims)
    assert {claim.finding.verdict for claim in claims} == {"informative"}


def test_two_groups_have_nothing_to_borrow() -> None:
    assert not EXAMINATION.examine(case_of(predictions_frame(conditions=("TAV",)), ("age",))).claims
