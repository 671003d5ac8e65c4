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


def test_two_groups_have_nothing_to_borrow_and_keep_their_raw_values() -> None:
    testimony = EXAMINATION.examine(case_of(predictions_frame(conditions=("TAV",)), ("age",)))
    table = testimony.exhibits[0].table().to_pandas()
    assert len(testimony.claims) == len(table) == 4
    assert table["shrunken"].tolist() == table["value"].tolist()
    for claim in testimony.claims:
        assert claim.finding.caveats[0].startswith("of one or two groups: there is nothing to borrow from")


def test_every_group_is_listed_also_where_nothing_can_be_said_of_it() -> None:
    frame = predictions_frame()
    frame = frame[~((frame["condition"] == "A") & (frame["accent"] == "Welsh"))]
    claims = EXAMINATION.examine(case_of(frame, ("accent",))).claims
    (lost,) = (
        claim.finding
        for claim in claims
        if claim.finding.metric == "accuracy_shrunken"
        and (claim.finding.condition, claim.finding.groups["accent"]) == ("A", "Welsh")
    )
    assert (lost.estimate.value, lost.verdict) == (None, "inconclusive")
    assert lost.because == "undefined: no rows that the metric could be computed on"
    alone = EXAMINATION.examine(case_of(predictions_frame(conditions=("TAV",), n_speakers=3), ("accent",))).claims
    assert len(alone) == 6
    assert all("no group has two units" in (claim.finding.because or "") for claim in alone)


def test_an_average_over_other_classes_is_told_apart() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame = frame[~((frame["accent"] == "Welsh") & (frame["y_true"] == "joy"))]
    claims = EXAMINATION.examine(case_of(frame, ("accent",))).claims
    told = {
        claim.finding.groups["accent"]: claim.finding.caveats[1:]
        for claim in claims
        if claim.finding.metric == "unweighted_average_recall_shrunken"
    }
    assert told == {"Irish": (), "Scottish": (), "Welsh": ("averaged over 2 of 3 classes; none of: joy",)}
