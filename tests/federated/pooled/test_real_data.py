"""CREMA-D's crowd at three hospitals: what an audit of all actors in one place finds, and bounds that hold it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affidavit.protocols import silent
from affidavit.records import Finding
from affidavit.registry import Door, load
from affidavit.testing.tables import case_of
from audit.groups.performance import EXAMINATION as PERFORMANCE
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.testimony import federated_testimony
from tests.federated.pooled.conftest import SITES, plan_of, totals_of

LABELS = ("anger", "disgust", "fear", "happy", "neutral", "sad")
FEATURES = {"age_band": ("30-44", "45 and over", "under 30"), "sex": ("Female", "Male")}
Key = tuple[str, str, tuple[str, ...] | None, tuple[tuple[str, str], ...]]


def crowd_plan(*, floor: int) -> CountsPlan:
    return plan_of(run="crowd", labels=LABELS, conditions=("AV", "A", "V"), features=FEATURES, floor=floor)


def by_place(claims: object) -> dict[Key, Finding]:
    found = [claim.finding for claim in claims]  # type: ignore[attr-defined]
    return {(f.condition, f.metric, f.compared, tuple(sorted(f.groups.items()))): f for f in found}


@pytest.mark.slow  # audits 7,442 clips four times
def test_three_hospitals_find_what_one_audit_of_all_actors_finds(real_data: Path) -> None:
    corpus = load(Door.CORPORA, "crema-d-votes").load(
        {"path": str(real_data / "cremad_votes")}, folder=real_data, progress=silent
    )
    columns = ["utterance_id", "condition", "speaker_id", "y_true", "y_pred", "group_age_band", "group_sex"]
    table: pd.DataFrame = corpus.recorded.select(columns).to_pandas()
    actors = np.random.default_rng(7).permutation(sorted(table["speaker_id"].unique()))
    parts = dict(zip(SITES, np.split(actors, [20, 34]), strict=True))
    tables = {site: table[table["speaker_id"].isin(own)] for site, own in parts.items()}
    ours = by_place(federated_testimony(totals_of(tables, crowd_plan(floor=2), floor=False)).claims)
    everybody = case_of(table, by=("age_band", "sex"))
    theirs = by_place(PERFORMANCE.examine(everybody).claims)
    widths = []
    for key in ours.keys() & theirs.keys():
        mine, other = ours[key].estimate, theirs[key].estimate
        assert mine.value == pytest.approx(other.value, abs=1e-9), key
        if mine.interval is not None and other.interval is not None:
            widths.append((mine.interval.high - mine.interval.low) / (other.interval.high - other.interval.low))
    assert len(widths) > 60
    assert 0.95 < float(np.median(widths)) < 1.1
    widened = by_place(federated_testimony(totals_of(tables, crowd_plan(floor=5))).claims)
    bounds = 0
    for key, finding in widened.items():
        interval, exact = finding.estimate.interval, ours[key].estimate.value
        if interval is not None and exact is not None and any("whatever" in caveat for caveat in finding.caveats):
            assert interval.low <= exact <= interval.high, key
            bounds += 1
    assert bounds >= 20
